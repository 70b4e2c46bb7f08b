//! Who may fill which slot: the rule behind [`Plugins`](super::Plugins), without a clock or a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use libprocess_wire as wire;

use crate::Upid;

/// How many tokens may be worth something at a time.
const GRANTS_MAX: usize = 1_024;

/// The right to fill certain slots, for who knows it. Prints as dots, so that no log gives it away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token([u8; 16]);

impl Token {
    pub(super) fn new(bytes: [u8; 16]) -> Token {
        Token(bytes)
    }

    /// What is handed to the plugin, and to nobody else.
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares in a time that does not tell how much is right.
    fn is(&self, other: &Token) -> bool {
        self.0.iter().zip(other.0).fold(0, |differs, (mine, theirs)| differs | (mine ^ theirs)) == 0
    }
}

impl FromStr for Token {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Token, Refused> {
        let mut bytes = [0; 16];
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(Refused::UnknownToken);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| Refused::UnknownToken)?;
        }
        Ok(Token(bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why a plugin may not fill a slot.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the token is unknown, revoked or expired")]
    UnknownToken,
    #[error("the token was used by another node")]
    AnotherNode,
    #[error("the token does not name the slot `{0}`")]
    NotGranted(String),
    #[error("the slot `{0}` is filled")]
    Taken(String),
    #[error("plugins join over loopback only")]
    NotLocal,
}

/// Tokens that are worth something, and slots that are filled.
#[derive(Debug, Default)]
pub(super) struct Grants {
    grants: Vec<Grant>,
    /// Shape: slot → who fills it, by right of which token.
    filled: BTreeMap<String, (Upid, Token)>,
}

#[derive(Debug)]
struct Grant {
    token: Token,
    slots: BTreeSet<String>,
    /// Worth nothing from then on, unless it was used. Unit: time since the runtime started.
    until: Duration,
    /// Who used it first.
    node: Option<SocketAddr>,
}

impl Grants {
    /// Makes `token` worth something; false when as many are as may.
    pub(super) fn issue(
        &mut self,
        token: Token,
        slots: BTreeSet<String>,
        now: Duration,
        within: Duration,
    ) -> bool {
        self.grants.retain(|grant| grant.node.is_some() || now < grant.until);
        let room = self.grants.len() < GRANTS_MAX;
        if room {
            self.grants.push(Grant { token, slots, until: now.saturating_add(within), node: None });
        }
        room
    }

    /// `who` fills a slot from now on.
    pub(super) fn join(&mut self, who: &Upid, token: &str, slot: &str, now: Duration) -> Result<(), Refused> {
        let node = who.address();
        if !node.ip().is_loopback() {
            return Err(Refused::NotLocal);
        }
        let token: Token = token.parse()?;
        let grant = self
            .grants
            .iter_mut()
            .fold(None, |found, grant| if grant.token.is(&token) { Some(grant) } else { found });
        let grant =
            grant.filter(|grant| grant.node.is_some() || now < grant.until).ok_or(Refused::UnknownToken)?;
        if grant.node.is_some_and(|first| first != node) {
            return Err(Refused::AnotherNode);
        }
        if !grant.slots.contains(slot) {
            return Err(Refused::NotGranted(slot.to_owned()));
        }
        if self.filled.contains_key(slot) {
            return Err(Refused::Taken(slot.to_owned()));
        }
        grant.node = Some(node);
        self.filled.insert(slot.to_owned(), (who.clone(), token));
        Ok(())
    }

    /// `who` is gone or out of reach: what it filled is empty, and its token is worth nothing, so that
    /// whoever bears its address next has no part in it. Returns the slots.
    pub(super) fn left(&mut self, who: &Upid) -> Vec<String> {
        let slots = self.slots_where(|(by, _)| by == who);
        for slot in &slots {
            if let Some((_, token)) = self.filled.remove(slot) {
                self.grants.retain(|grant| !grant.token.is(&token));
            }
        }
        slots
    }

    /// Makes a token worth nothing. Returns who was there by right of it, with the slots they leave.
    pub(super) fn revoke(&mut self, token: &Token) -> Vec<(String, Upid)> {
        self.grants.retain(|grant| !grant.token.is(token));
        let slots = self.slots_where(|(_, by)| by.is(token));
        slots
            .into_iter()
            .filter_map(|slot| self.filled.remove_entry(&slot))
            .map(|(slot, (who, _))| (slot, who))
            .collect()
    }

    pub(super) fn find(&self, slot: &str) -> Option<&Upid> {
        self.filled.get(slot).map(|(who, _)| who)
    }

    fn slots_where(&self, so: impl Fn(&(Upid, Token)) -> bool) -> Vec<String> {
        self.filled.iter().filter(|(_, filled)| so(filled)).map(|(slot, _)| slot.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = Token([7; 16]);

    fn who(node: &str) -> Upid {
        Upid::new("plugin", node.parse().unwrap())
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn grants() -> Grants {
        let mut grants = Grants::default();
        let slots = ["a", "b"].map(str::to_owned).into();
        assert!(grants.issue(TOKEN, slots, secs(0), secs(10)));
        grants
    }

    #[test]
    fn a_token_fills_the_slots_it_names_and_no_others() {
        let (mut grants, plugin, token) = (grants(), who("127.0.0.1:1"), TOKEN.reveal());
        assert_eq!(grants.join(&plugin, &token, "a", secs(9)), Ok(()));
        assert_eq!(grants.join(&plugin, &token, "a", secs(9)), Err(Refused::Taken("a".into())));
        assert_eq!(grants.join(&plugin, &token, "c", secs(9)), Err(Refused::NotGranted("c".into())));
        // Once used it does not expire, for whom it was used by.
        assert_eq!(grants.join(&plugin, &token, "b", secs(99)), Ok(()));
        assert_eq!(grants.find("b"), Some(&plugin));
    }

    #[test]
    fn nobody_else_joins_by_it() {
        let (mut grants, token) = (grants(), TOKEN.reveal());
        let join = |grants: &mut Grants, node, token: &str| grants.join(&who(node), token, "a", secs(1));
        assert_eq!(join(&mut grants, "10.0.0.1:1", &token), Err(Refused::NotLocal));
        for wrong in ["", "7", &"07".repeat(17), &"08".repeat(16), &"zz".repeat(16), &"é".repeat(16)] {
            assert_eq!(join(&mut grants, "127.0.0.1:1", wrong), Err(Refused::UnknownToken), "{wrong}");
        }
        let late = grants.join(&who("127.0.0.1:1"), &token, "a", secs(10));
        assert_eq!(late, Err(Refused::UnknownToken));
        assert_eq!(join(&mut grants, "127.0.0.1:1", &token), Ok(()));
        let other = grants.join(&who("127.0.0.1:2"), &token, "b", secs(1));
        assert_eq!(other, Err(Refused::AnotherNode));
    }

    #[test]
    fn who_leaves_leaves_its_token_behind() {
        let (mut grants, plugin, token) = (grants(), who("127.0.0.1:1"), TOKEN.reveal());
        grants.join(&plugin, &token, "a", secs(1)).unwrap();
        assert_eq!(grants.left(&plugin), ["a"]);
        assert_eq!(grants.find("a"), None);
        assert_eq!(grants.join(&plugin, &token, "a", secs(1)), Err(Refused::UnknownToken));
    }

    #[test]
    fn what_is_revoked_is_empty() {
        let (mut grants, plugin, token) = (grants(), who("127.0.0.1:1"), TOKEN.reveal());
        grants.join(&plugin, &token, "a", secs(1)).unwrap();
        assert_eq!(grants.revoke(&TOKEN), [("a".to_owned(), plugin)]);
        assert_eq!(grants.find("a"), None);
    }

    #[test]
    fn tokens_are_bounded_and_those_that_expired_make_room() {
        let mut grants = Grants::default();
        let mut issue = |number: u128, now| {
            grants.issue(Token(number.to_le_bytes()), BTreeSet::new(), secs(now), secs(10))
        };
        assert!((0..1_024).all(|number| issue(number, 0)));
        assert!(!issue(1_024, 9));
        assert!(issue(1_024, 10));
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{TOKEN:?}"), "Token(…)");
    }
}
