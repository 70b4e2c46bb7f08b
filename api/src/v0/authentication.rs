//! Between a driver that proves who it is, and who asks it to.
//!
//! Source: Mesos' CRAM-MD5 authenticatee, and the messages between it and a master.

use super::{
    AuthenticateMessage, AuthenticationCompletedMessage, AuthenticationErrorMessage,
    AuthenticationFailedMessage, AuthenticationMechanismsMessage, AuthenticationStartMessage,
    AuthenticationStepMessage, ReadError, Told, decode,
};

/// What those say who prove who they are.
pub const NAMES: [&str; 3] = [
    "mesos.internal.AuthenticateMessage",
    "mesos.internal.AuthenticationStartMessage",
    "mesos.internal.AuthenticationStepMessage",
];

/// What is said on the way to a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This process wants to prove who it is; whoever says so does it for that one.
    Begin { pid: String },
    /// In this way.
    Start { mechanism: String },
    /// This is the answer.
    Step { answer: Vec<u8> },
}

/// Reads what is said.
///
/// Errors: when it is none of [`NAMES`], or lacks a field.
pub fn read(name: &str, body: &[u8]) -> Result<Said, ReadError> {
    match name.strip_prefix("mesos.internal.") {
        Some("AuthenticateMessage") => {
            let AuthenticateMessage { pid } = decode(body)?;
            Ok(Said::Begin { pid })
        }
        Some("AuthenticationStartMessage") => {
            let AuthenticationStartMessage { mechanism, .. } = decode(body)?;
            Ok(Said::Start { mechanism })
        }
        Some("AuthenticationStepMessage") => {
            let AuthenticationStepMessage { data } = decode(body)?;
            Ok(Said::Step { answer: data })
        }
        _ => Err(ReadError::Name),
    }
}

/// The ways there are.
pub fn mechanisms(names: &[&str]) -> Told {
    let mechanisms = names.iter().map(|name| (*name).to_owned()).collect();
    let message = AuthenticationMechanismsMessage { mechanisms };
    Told::new("mesos.internal.AuthenticationMechanismsMessage", &message)
}

/// What is to be answered.
pub fn challenge(text: &str) -> Told {
    let message = AuthenticationStepMessage { data: text.as_bytes().to_vec() };
    Told::new("mesos.internal.AuthenticationStepMessage", &message)
}

/// It is believed.
pub fn completed() -> Told {
    Told::new("mesos.internal.AuthenticationCompletedMessage", &AuthenticationCompletedMessage {})
}

/// It is not.
pub fn failed() -> Told {
    Told::new("mesos.internal.AuthenticationFailedMessage", &AuthenticationFailedMessage {})
}

/// It cannot be looked at, and why.
pub fn error(why: &str) -> Told {
    let message = AuthenticationErrorMessage { error: Some(why.to_owned()) };
    Told::new("mesos.internal.AuthenticationErrorMessage", &message)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn what_is_said_on_the_way_is_read() {
        let said = |name: &str, body: Vec<u8>| read(&format!("mesos.internal.{name}"), &body);
        let begin = AuthenticateMessage { pid: "scheduler@127.0.0.1:1".to_owned() }.encode_to_vec();
        assert_eq!(
            said("AuthenticateMessage", begin),
            Ok(Said::Begin { pid: "scheduler@127.0.0.1:1".to_owned() })
        );
        let start =
            AuthenticationStartMessage { mechanism: "CRAM-MD5".to_owned(), data: None }.encode_to_vec();
        assert_eq!(
            said("AuthenticationStartMessage", start),
            Ok(Said::Start { mechanism: "CRAM-MD5".to_owned() })
        );
        let step = AuthenticationStepMessage { data: vec![1] }.encode_to_vec();
        assert_eq!(said("AuthenticationStepMessage", step), Ok(Said::Step { answer: vec![1] }));
        assert!(matches!(said("AuthenticateMessage", vec![]), Err(ReadError::Decode(_))));
        assert_eq!(said("AuthenticationCompletedMessage", vec![]), Err(ReadError::Name));
    }
}
