//! Local messages as if they came from elsewhere: encoded, and decoded at the door.
//!
//! What cannot travel is then found by tests of one node. A row of the test matrix runs so, by
//! [`Config::force_wire`](crate::Config::force_wire); filters of tests see local messages this way too.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use libprocess_wire as wire;

use crate::doors::{AskPath, Frame, Letter};
use crate::mailbox::AnyCell;
use crate::{AskError, Principal, Upid};

/// The variable that makes tests run so.
#[cfg(feature = "testing")]
const FORCE_WIRE: &str = "HECTARE_FORCE_WIRE";

/// What a configuration says if nobody says otherwise: no, or what the environment of tests says.
pub(crate) fn by_default() -> bool {
    #[cfg(feature = "testing")]
    return std::env::var_os(FORCE_WIRE).is_some_and(|value| value == "1");
    #[cfg(not(feature = "testing"))]
    return false;
}

/// A message as it would have travelled.
pub(crate) fn told<M: wire::Message>(from: &Upid, principal: Option<&Principal>, message: &M) -> Letter {
    frame(from, principal, message, None)
}

/// A question as it would have travelled; `asker` gets the answer under `number`, exactly once.
pub(crate) fn asked<Q: wire::Question>(
    asker: Arc<dyn AnyCell>,
    number: u64,
    asked: Arc<dyn AnyCell>,
    principal: Option<&Principal>,
    question: &Q,
    deadline: Duration,
) -> Letter {
    let from = asker.upid().clone();
    let decode =
        |bytes: &[u8], version| Some(Box::new(Q::decode_reply(bytes, version).ok()?) as Box<dyn Any + Send>);
    let mut back = Back { to: Some((asker, asked)), number, decode };
    let answer = move |answer: Result<Vec<u8>, AskError>, version| back.answer(answer, version);
    frame(&from, principal, question, Some(AskPath { answer: Box::new(answer), deadline }))
}

fn frame<M: wire::Message>(
    from: &Upid,
    principal: Option<&Principal>,
    message: &M,
    ask: Option<AskPath>,
) -> Letter {
    let said = vec![(M::VERSION, wire::encode(message).into())];
    let (from, principal) = (from.clone(), principal.cloned());
    Letter::Frame(Box::new(Frame { name: M::NAME.into(), from, principal, said, ask }))
}

/// Reads an answer, of a question in that version.
type Decode = fn(&[u8], u32) -> Option<Box<dyn Any + Send>>;

/// The way back to an asker of this runtime.
struct Back {
    /// Asker and asked, until there is an answer.
    to: Option<(Arc<dyn AnyCell>, Arc<dyn AnyCell>)>,
    number: u64,
    decode: Decode,
}

impl Back {
    fn answer(&mut self, answer: Result<Vec<u8>, AskError>, version: u32) {
        let Some((asker, asked)) = self.to.take() else { return };
        let answer = answer.map_err(|why| if asked.is_alive() { why } else { AskError::Terminated });
        let answer = answer.and_then(|bytes| (self.decode)(&bytes, version).ok_or(AskError::Rejected));
        asker.answer(self.number, answer);
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        self.answer(Err(AskError::Rejected), 0);
    }
}
