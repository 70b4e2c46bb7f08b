//! What a replica knows once entries are applied: the machine, who leads, who writes, and the variables.
//!
//! ```text
//! snapshot │ length u32 │ head │ count u64 │ (length u32 │ name, variable) … │ machine … │
//!                                                       numbers little-endian
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use libprocess_wire as wire;

use crate::command::{Answer, Command};
use crate::{Epoch, Machine, NodeId, View};

/// Moved by entries alone, in the order of the log; the same on every replica at the same place.
#[derive(Default)]
pub(crate) struct State<M> {
    pub(crate) machine: M,
    head: Head,
    /// Shape: name → value; in name order.
    variables: BTreeMap<String, Variable>,
}

/// A value, and the mark that says whether it has changed.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) version: [u8; 16],
    pub(crate) value: Arc<[u8]>,
    /// The marks it had before, the latest last: a store that comes again, late, is known by them.
    before: Vec<[u8; 16]>,
}

/// How many marks a variable remembers.
const MARKS: usize = 16;

/// Who leads, by the log.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    pub epoch: Epoch,
    pub node: NodeId,
    pub address: SocketAddr,
    /// What that node says of itself to those who look for the leader.
    pub info: Arc<[u8]>,
}

#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Head {
    leader: Option<Leader>,
    writing: Option<Writing>,
    /// Nothing before this position is for readers.
    beginning: u64,
    /// Appends from there on that count for nothing: their writer was succeeded, or they came twice.
    void: BTreeSet<u64>,
}

/// How many writes of one writer may be sent again: as many may be under way together.
pub(crate) const AGAIN: usize = 64;

/// The one who writes, and where its latest writes stand.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Writing {
    token: u64,
    /// That of the latest write; they are counted from one.
    number: u64,
    recent: Vec<u64>,
}

/// An entry that this binary does not understand; going on without it would make this replica another.
#[derive(Debug, thiserror::Error)]
#[error("entry {index} is a delta of version {version}, and this binary knows up to {known}")]
pub(crate) struct NotUnderstood {
    index: u64,
    version: u32,
    known: u32,
    source: Option<wire::DecodeError>,
}

impl<M: Machine> State<M> {
    /// Applies what stands at `index`.
    ///
    /// Errors: when it is not understood; nothing was changed, and nothing may be applied after it.
    pub(crate) fn apply(&mut self, index: u64, command: Command) -> Result<Answer, NotUnderstood> {
        Ok(match command {
            Command::Delta { version, bytes } => {
                let delta = delta::<M>(index, version, &bytes)?;
                Answer::Delta(Box::new(self.machine.apply(index, delta)))
            }
            Command::Lead { node, address, info } => {
                let epoch = Epoch(index);
                self.head.leader = Some(Leader { epoch, node, address, info });
                Answer::Leads(epoch)
            }
            Command::Open { .. } => {
                self.head.writing = Some(Writing { token: index, number: 0, recent: Vec::new() });
                Answer::Opened(index)
            }
            Command::Append { writer, number, .. } => {
                let answer = self.write(index, writer, number);
                if !matches!(answer, Answer::Wrote(Some(at)) if at == index) {
                    self.head.void.insert(index);
                }
                answer
            }
            Command::Truncate { writer, number, to } => {
                let answer = self.write(index, writer, number);
                if matches!(answer, Answer::Wrote(Some(at)) if at == index) {
                    self.truncate(to.min(index));
                }
                answer
            }
            Command::Store { name, expected, version, value } => {
                Answer::Stored(self.store(name, expected, version, value))
            }
            Command::Expunge { name, expected } => Answer::Stored(self.expunge(&name, expected)),
        })
    }

    /// Whom the log says to lead.
    pub(crate) fn leader(&self) -> Option<&Leader> {
        self.head.leader.as_ref()
    }

    /// The first position that is for readers.
    pub(crate) fn beginning(&self) -> u64 {
        self.head.beginning
    }

    /// Whether an append that stands at `index` counts for nothing.
    pub(crate) fn is_void(&self, index: u64) -> bool {
        self.head.void.contains(&index)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.variables.keys()
    }

    /// The state as it is now, to be written later.
    pub(crate) fn view(&self) -> View {
        let (head, variables) = (wire::encode(&self.head), self.variables.clone());
        let machine = self.machine.snapshot();
        View::new(move |to| {
            part(to, &head)?;
            to.write_all(&(variables.len() as u64).to_le_bytes())?;
            for variable in &variables {
                part(to, &wire::encode(&variable))?;
            }
            machine.write(to)
        })
    }

    /// What a view wrote.
    pub(crate) fn restore(from: &mut dyn io::Read) -> io::Result<State<M>> {
        let head = wire::decode(&part_of(from)?).map_err(invalid)?;
        let mut count = [0; 8];
        from.read_exact(&mut count)?;
        let mut variables = BTreeMap::new();
        for _ in 0..u64::from_le_bytes(count) {
            let (name, variable) = wire::decode(&part_of(from)?).map_err(invalid)?;
            variables.insert(name, variable);
        }
        Ok(State { machine: M::restore(from)?, head, variables })
    }

    /// Where the writer's write stands; the same write again stands where it stood. Nowhere, if the writer has
    /// been succeeded, or if a write of it is missing before.
    fn write(&mut self, index: u64, token: u64, number: u64) -> Answer {
        let Some(writing) = self.head.writing.as_mut().filter(|writing| writing.token == token) else {
            return Answer::Wrote(None);
        };
        if number > writing.number + 1 {
            return Answer::Early;
        }
        if number == writing.number + 1 {
            writing.number = number;
            writing.recent.push(index);
            if writing.recent.len() > AGAIN {
                writing.recent.remove(0);
            }
            return Answer::Wrote(Some(index));
        }
        let back = usize::try_from(writing.number - number).unwrap_or(usize::MAX);
        Answer::Wrote(writing.recent.iter().rev().nth(back).copied())
    }

    fn truncate(&mut self, to: u64) {
        self.head.beginning = self.head.beginning.max(to);
        self.head.void = self.head.void.split_off(&self.head.beginning);
    }

    fn store(
        &mut self,
        name: String,
        expected: Option<[u8; 16]>,
        version: [u8; 16],
        value: Arc<[u8]>,
    ) -> bool {
        let now = self.variables.get(&name);
        // A store that was sent twice has been done once.
        if now.is_some_and(|now| now.version == version || now.before.contains(&version)) {
            return true;
        }
        let agreed = now.map(|now| now.version) == expected;
        if agreed {
            let mut before = now.map_or_else(Vec::new, |now| now.before.clone());
            before.extend(expected);
            before.drain(..before.len().saturating_sub(MARKS));
            self.variables.insert(name, Variable { version, value, before });
        }
        agreed
    }

    fn expunge(&mut self, name: &str, expected: [u8; 16]) -> bool {
        let agreed = self.variables.get(name).is_some_and(|variable| variable.version == expected);
        agreed && self.variables.remove(name).is_some()
    }
}

pub(crate) fn delta<M: Machine>(index: u64, version: u32, bytes: &[u8]) -> Result<M::Delta, NotUnderstood> {
    let not_understood = |source| NotUnderstood { index, version, known: M::VERSION, source };
    match version.cmp(&M::VERSION) {
        std::cmp::Ordering::Greater => Err(not_understood(None)),
        std::cmp::Ordering::Equal => wire::decode(bytes).map_err(|error| not_understood(Some(error))),
        std::cmp::Ordering::Less => M::upgrade(version, bytes).map_err(|error| not_understood(Some(error))),
    }
}

fn part(to: &mut dyn io::Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

fn part_of(from: &mut dyn io::Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > wire::MAX_DECODED {
        return Err(invalid("a part longer than any that is written"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(answer: Result<Answer, NotUnderstood>) -> Option<u64> {
        match answer {
            Ok(Answer::Wrote(position)) => position,
            _ => panic!("a write is answered by where it stands"),
        }
    }

    fn stored(answer: Result<Answer, NotUnderstood>) -> bool {
        matches!(answer, Ok(Answer::Stored(true)))
    }

    fn append(writer: u64, number: u64) -> Command {
        Command::Append { writer, number, data: Arc::from([7]) }
    }

    fn store(expected: Option<u8>, version: u8) -> Command {
        let name = "x".to_owned();
        let expected = expected.map(|mark| [mark; 16]);
        Command::Store { name, expected, version: [version; 16], value: Arc::from([version]) }
    }

    #[test]
    fn who_was_succeeded_writes_nothing() {
        let mut state = State::<()>::default();
        let _ = state.apply(3, Command::Open { writer: 1 });
        assert_eq!(wrote(state.apply(4, append(3, 1))), Some(4));
        let _ = state.apply(5, Command::Open { writer: 2 });
        assert_eq!(wrote(state.apply(6, append(3, 2))), None);
        assert!(state.is_void(6) && !state.is_void(4));
        assert_eq!(wrote(state.apply(7, append(5, 1))), Some(7));
        assert!(matches!(state.apply(8, append(5, 3)), Ok(Answer::Early)), "the second has not come yet");
    }

    #[test]
    fn a_write_that_comes_twice_stands_once() {
        let mut state = State::<()>::default();
        let _ = state.apply(3, Command::Open { writer: 1 });
        assert_eq!(wrote(state.apply(4, append(3, 1))), Some(4));
        assert_eq!(wrote(state.apply(5, append(3, 2))), Some(5));
        assert_eq!(wrote(state.apply(6, append(3, 1))), Some(4));
        assert!(state.is_void(6));
    }

    #[test]
    fn what_is_truncated_is_before_the_truncation() {
        let mut state = State::<()>::default();
        let _ = state.apply(3, Command::Open { writer: 1 });
        let truncate = Command::Truncate { writer: 3, number: 1, to: 900 };
        assert_eq!(wrote(state.apply(8, truncate)), Some(8));
        assert_eq!(state.beginning(), 8);
    }

    #[test]
    fn a_variable_that_has_changed_is_not_stored() {
        let mut state = State::<()>::default();
        assert!(stored(state.apply(1, store(None, 1))));
        assert!(stored(state.apply(2, store(Some(1), 2))));
        assert!(!stored(state.apply(3, store(Some(1), 3))));
        assert!(stored(state.apply(4, store(Some(1), 2))), "sent twice");
        assert!(!stored(state.apply(5, Command::Expunge { name: "x".to_owned(), expected: [1; 16] })));
        assert!(stored(state.apply(6, Command::Expunge { name: "x".to_owned(), expected: [2; 16] })));
        assert_eq!(state.names().count(), 0);
    }

    #[test]
    fn a_newer_delta_is_not_understood() {
        let mut state = State::<()>::default();
        let refused = state.apply(1, Command::Delta { version: 1, bytes: Arc::from([]) });
        assert!(refused.is_err_and(|error| error.to_string().contains("knows up to 0")));
    }

    #[test]
    fn what_a_view_wrote_is_restored() {
        let mut state = State::<()>::default();
        let address = "127.0.0.1:5050".parse().unwrap();
        let _ = state.apply(1, Command::Lead { node: NodeId(4), address, info: Arc::from(*b"me") });
        let _ = state.apply(2, Command::Open { writer: 1 });
        let _ = state.apply(3, store(None, 9));
        let mut bytes = Vec::new();
        state.view().write(&mut bytes).unwrap();

        let restored = State::<()>::restore(&mut &bytes[..]).unwrap();

        assert_eq!(restored.head, state.head);
        assert_eq!(restored.variables, state.variables);
        assert!(State::<()>::restore(&mut &bytes[..bytes.len() - 1]).is_err());
    }
}
