//! A plugin's side: what it was given, and how it asks to be let in.

use std::time::Duration;

use libprocess_wire as wire;

use super::grants::{Refused, Token};
use crate::{AskError, Context, Process, Upid};

/// How long a host may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

pub(super) const HOST: &str = "LIBPROCESS_PLUGIN_HOST";
pub(super) const TOKEN: &str = "LIBPROCESS_PLUGIN_TOKEN";

/// Asks to fill a slot. Whoever sends it will fill it.
#[wire::question(name = "libprocess.plugin.join", version = 1, reply = Joined)]
#[derive(Clone, PartialEq, Eq)]
pub struct Join {
    pub token: String,
    pub slot: String,
}

/// What a host answers.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    Welcome,
    Refused(Refused),
}

/// Why a plugin was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("refused by the host: {0}")]
    Refused(#[from] Refused),
    #[error("no answer from the host")]
    Unanswered(#[from] AskError),
}

/// What a plugin is given: where to ask, and by which right.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub host: Upid,
    pub token: Token,
}

/// Why there is no invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    #[error("{0} is not set; a plugin is started by its host")]
    Missing(&'static str),
    #[error("{name} is malformed: {why}")]
    Malformed { name: &'static str, why: String },
}

impl Invitation {
    /// The invitation in `LIBPROCESS_PLUGIN_HOST` and `LIBPROCESS_PLUGIN_TOKEN`.
    pub fn from_env() -> Result<Invitation, InvitationError> {
        Invitation::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Invitation, InvitationError> {
        let host = get(HOST).ok_or(InvitationError::Missing(HOST))?;
        let host = host.parse().map_err(|error: crate::UpidError| InvitationError::Malformed {
            name: HOST,
            why: error.to_string(),
        })?;
        let token = get(TOKEN).ok_or(InvitationError::Missing(TOKEN))?;
        let token = token.parse().map_err(|_| InvitationError::Malformed {
            name: TOKEN,
            why: "not 32 hexadecimal digits".to_owned(),
        })?;
        Ok(Invitation { host, token })
    }

    /// Asks to be let in, so that this process fills `slot`. A plugin that links the host's process
    /// hears when there is nobody left to serve.
    pub fn join<A: Process>(
        &self,
        ctx: &mut Context<A>,
        slot: &str,
        map: impl FnOnce(Result<(), JoinError>) -> A::Input + 'static,
    ) {
        let join = Join { token: self.token.reveal(), slot: slot.to_owned() };
        ctx.ask(&self.host, join, ANSWER, move |answer| {
            map(match answer {
                Ok(Joined::Welcome) => Ok(()),
                Ok(Joined::Refused(why)) => Err(why.into()),
                Err(error) => Err(error.into()),
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_that_is_none_says_what_is_wrong_with_it() {
        let read = |host: Option<&str>, token: Option<&str>| {
            Invitation::from_variables(|name| if name == HOST { host } else { token }.map(str::to_owned))
                .map(|invitation| invitation.host.to_string())
                .map_err(|error| error.to_string())
        };
        let token = "0123456789abcdef".repeat(2);
        assert_eq!(read(Some("plugins@127.0.0.1:5"), Some(&token)), Ok("plugins@127.0.0.1:5".into()));
        let missing = read(None, Some(&token)).unwrap_err();
        assert_eq!(missing, "LIBPROCESS_PLUGIN_HOST is not set; a plugin is started by its host");
        assert!(read(Some("nowhere"), Some(&token)).unwrap_err().starts_with("LIBPROCESS_PLUGIN_HOST is"));
        let short = read(Some("plugins@127.0.0.1:5"), Some("12")).unwrap_err();
        assert_eq!(short, "LIBPROCESS_PLUGIN_TOKEN is malformed: not 32 hexadecimal digits");
    }
}
