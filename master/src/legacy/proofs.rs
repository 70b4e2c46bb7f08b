//! Which old drivers have proved who they are, and which are about to.
//!
//! | what is said | by | is answered |
//! |---|---|---|
//! | `Authenticate` | anybody, for a driver | the ways there are; at once "believed" where nobody has to prove anything and nobody is known |
//! | `AuthenticationStart` | who began | a challenge |
//! | `AuthenticationStep` | who was challenged | believed, or not; either way that challenge is over |
//!
//! A proof holds until the driver proves something else. Both lists are bounded; the oldest makes room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use api::v0::Told;
use api::v0::authentication::{Said, challenge, completed, error, failed, mechanisms};
use libprocess::Upid;
use security::{CRAM_MD5, Challenge, Credentials};

use crate::config::Drivers;

/// How many drivers may have proved who they are.
const PROVED_MAX: usize = 16_384;
/// How many may be about to.
const OPEN_MAX: usize = 1_024;

/// Who is who among drivers.
pub(crate) struct Proofs {
    drivers: Drivers,
    host: String,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// Shape: driver → its principal.
    proved: Bounded<String>,
    /// Shape: who speaks for a driver → how far it is.
    open: Bounded<Open>,
}

#[derive(Clone)]
struct Open {
    driver: Upid,
    challenge: Option<Challenge>,
}

/// A driver that has to prove who it is, and has not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Framework at {0} is not authenticated")]
pub(crate) struct Unproved(Upid);

impl Proofs {
    pub(crate) fn new(drivers: Drivers, host: String) -> Proofs {
        Proofs { drivers, host, book: Mutex::default() }
    }

    /// Who a driver is; nobody in particular if it has not said.
    ///
    /// Errors: it has to say, and to prove it.
    pub(super) fn of(&self, driver: &Upid) -> Result<Option<String>, Unproved> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match book.proved.all.get(driver) {
            None if self.drivers.prove => Err(Unproved(driver.clone())),
            principal => Ok(principal.cloned()),
        }
    }

    /// What is answered to `from`. `nonce` is used for a challenge, if it comes to one.
    pub(super) fn hear(&self, from: &Upid, said: Said, nonce: &str) -> Told {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match said {
            Said::Begin { pid } => match (pid.parse(), &self.drivers.known) {
                (Err(_), _) => error("no process is called that"),
                (Ok(_), None) if self.drivers.prove => error("nobody is known here by a secret"),
                (Ok(_), None) => completed(),
                (Ok(driver), Some(_)) => {
                    book.open.put(from, Open { driver, challenge: None }, OPEN_MAX);
                    mechanisms(&[CRAM_MD5])
                }
            },
            Said::Start { mechanism } => match book.open.take(from) {
                None => error("it was not begun"),
                Some(_) if mechanism != CRAM_MD5 => error("there is no such way"),
                Some(open) => {
                    let asked = Challenge::new(nonce, &self.host);
                    let told = challenge(asked.text());
                    book.open.put(from, Open { challenge: Some(asked), ..open }, OPEN_MAX);
                    told
                }
            },
            Said::Step { answer } => {
                let Some(Open { driver, challenge: Some(challenge) }) = book.open.take(from) else {
                    return error("nothing was asked");
                };
                let nobody = Credentials::default();
                match challenge.answered(self.drivers.known.as_ref().unwrap_or(&nobody), &answer) {
                    Some(principal) => {
                        book.proved.put(&driver, principal, PROVED_MAX);
                        completed()
                    }
                    None => {
                        book.proved.take(&driver);
                        failed()
                    }
                }
            }
        }
    }
}

/// A map that does not grow beyond a bound: what was put first makes room.
struct Bounded<T> {
    all: BTreeMap<Upid, T>,
    order: VecDeque<Upid>,
}

impl<T> Bounded<T> {
    fn put(&mut self, key: &Upid, value: T, most: usize) {
        self.take(key);
        self.all.insert(key.clone(), value);
        self.order.push_back(key.clone());
        if self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }

    fn take(&mut self, key: &Upid) -> Option<T> {
        let taken = self.all.remove(key)?;
        self.order.retain(|other| other != key);
        Some(taken)
    }
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Bounded { all: BTreeMap::new(), order: VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use security::Credential;

    use super::*;

    fn upid(text: &str) -> Upid {
        text.parse().unwrap()
    }

    fn proofs(prove: bool, known: bool) -> Proofs {
        let tim = Credential { principal: "tim".to_owned(), secret: "tanstaaftanstaaf".to_owned() };
        let known = known.then(|| [tim].into_iter().collect());
        Proofs::new(Drivers { prove, known }, "postoffice.reston.mci.net".to_owned())
    }

    const DRIVER: &str = "scheduler@127.0.0.1:7";
    /// What the example of RFC 2195 uses.
    const NONCE: &str = "1896.697170952";
    const RIGHT: &[u8] = b"tim b913a602c7eda7a495b4e6e7334d3890";

    fn say(proofs: &Proofs, said: Said) -> &'static str {
        let told = proofs.hear(&upid("authenticatee@127.0.0.1:7"), said, NONCE);
        told.name.trim_start_matches("mesos.internal.").trim_end_matches("Message")
    }

    fn begin() -> Said {
        Said::Begin { pid: DRIVER.to_owned() }
    }

    fn start(mechanism: &str) -> Said {
        Said::Start { mechanism: mechanism.to_owned() }
    }

    fn step(answer: &[u8]) -> Said {
        Said::Step { answer: answer.to_vec() }
    }

    #[test]
    fn whoever_answers_right_is_known_and_until_then_nobody() {
        let proofs = proofs(true, true);
        assert_eq!(proofs.of(&upid(DRIVER)), Err(Unproved(upid(DRIVER))));
        assert_eq!(say(&proofs, begin()), "AuthenticationMechanisms");
        assert_eq!(say(&proofs, start(CRAM_MD5)), "AuthenticationStep");
        assert_eq!(say(&proofs, step(RIGHT)), "AuthenticationCompleted");
        assert_eq!(proofs.of(&upid(DRIVER)), Ok(Some("tim".to_owned())));
        assert!(proofs.of(&upid("other@127.0.0.1:7")).is_err(), "it was for that one");
    }

    #[test]
    fn a_challenge_is_answered_once_and_a_wrong_answer_ends_what_was_believed() {
        let proofs = proofs(true, true);
        for said in [begin(), start(CRAM_MD5), step(RIGHT)] {
            say(&proofs, said);
        }
        assert_eq!(say(&proofs, step(RIGHT)), "AuthenticationError");
        say(&proofs, begin());
        say(&proofs, start(CRAM_MD5));
        assert_eq!(say(&proofs, step(b"tim 00")), "AuthenticationFailed");
        assert!(proofs.of(&upid(DRIVER)).is_err());
    }

    #[test]
    fn what_comes_out_of_order_is_no_proof() {
        let proofs = proofs(true, true);
        assert_eq!(say(&proofs, start(CRAM_MD5)), "AuthenticationError");
        assert_eq!(say(&proofs, step(RIGHT)), "AuthenticationError");
        say(&proofs, begin());
        assert_eq!(say(&proofs, step(RIGHT)), "AuthenticationError", "it was not asked yet");
        say(&proofs, begin());
        assert_eq!(say(&proofs, start("PLAIN")), "AuthenticationError");
        assert_eq!(say(&proofs, Said::Begin { pid: "nobody".to_owned() }), "AuthenticationError");
        assert!(proofs.of(&upid(DRIVER)).is_err());
    }

    #[test]
    fn where_nobody_has_to_prove_anything_a_driver_is_believed_and_nobody() {
        let open = proofs(false, false);
        assert_eq!(say(&open, begin()), "AuthenticationCompleted");
        assert_eq!(open.of(&upid(DRIVER)), Ok(None));
        assert_eq!(say(&proofs(true, false), begin()), "AuthenticationError");
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut bounded = Bounded::default();
        for number in 1..=4 {
            bounded.put(&upid(&format!("a@127.0.0.1:{number}")), number, 3);
        }
        bounded.put(&upid("a@127.0.0.1:2"), 5, 3);
        assert_eq!(bounded.all.values().copied().collect::<Vec<_>>(), [5, 3, 4]);
        assert_eq!(bounded.order.front(), Some(&upid("a@127.0.0.1:3")));
    }
}
