//! The registry on the replicated log: the machine its entries move, and the store that proposes them.

use std::io::{self, Read, Write};
use std::sync::Arc;

use imbl::OrdMap;
use libprocess_wire as wire;
use model::{AgentId, AgentInfo, Role, Time, Weight};
use replicated_log::{Epoch, LogError, Machine, Replica, View};

use super::delta::Delta;
use super::policy::Policy;
use super::registry::Registry;
use super::store::{Store, StoreError, Storing};

/// How many changes one entry holds at most: a few hundred kilobytes of agents.
const BATCH: usize = 1024;

/// How many facts stand in one piece of a snapshot.
const PIECE: usize = 1024;

/// The longest piece that is read. Unit: bytes.
const PIECE_MAX: u32 = 32 << 20;

/// Changes that stand in the log together, and are carried out together.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub struct Batch(pub Vec<Arc<Delta>>);

impl Machine for Registry {
    const VERSION: u32 = 1;
    type Delta = Batch;
    type Output = ();
    type Error = std::convert::Infallible;

    /// A change that does not fit any more, since it was proposed twice, changes nothing.
    fn apply(&mut self, _: u64, Batch(deltas): Batch) -> Result<(), Self::Error> {
        for delta in deltas {
            if let Err(refused) = Registry::apply(self, &delta) {
                tracing::debug!(%delta, %refused, "a change of the registry does not fit");
            }
        }
        Ok(())
    }

    fn describe(Batch(deltas): &Batch) -> String {
        deltas.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    fn snapshot(&self) -> View {
        let registry = self.clone();
        View::new(move |to| write(&registry, to))
    }

    fn restore(from: &mut dyn Read) -> io::Result<Registry> {
        read(from)
    }
}

/// Some facts of one kind. A snapshot is a row of these, each behind its length (u32, little-endian).
#[wire::part]
enum Piece {
    Leader(Option<(String, String)>),
    Admitted(Vec<(AgentId, Arc<AgentInfo>)>),
    Unreachable(Vec<(AgentId, Time)>),
    Gone(Vec<(AgentId, Time)>),
    Weights(Vec<(Role, Weight)>),
    Policy(Policy),
}

fn write(registry: &Registry, to: &mut dyn Write) -> io::Result<()> {
    // Whoever adds a fact adds its piece.
    let Registry { leader, admitted, unreachable, gone, weights, policy } = registry;
    put(to, &Piece::Leader(leader.clone()))?;
    pieces(to, admitted, Piece::Admitted)?;
    pieces(to, unreachable, Piece::Unreachable)?;
    pieces(to, gone, Piece::Gone)?;
    pieces(to, weights, Piece::Weights)?;
    put(to, &Piece::Policy(policy.clone()))
}

fn pieces<K: Clone + Ord, V: Clone>(
    to: &mut dyn Write,
    facts: &OrdMap<K, V>,
    piece: fn(Vec<(K, V)>) -> Piece,
) -> io::Result<()> {
    let mut left = facts.iter().peekable();
    while left.peek().is_some() {
        let some = left.by_ref().take(PIECE).map(|(key, value)| (key.clone(), value.clone())).collect();
        put(to, &piece(some))?;
    }
    Ok(())
}

fn put(to: &mut dyn Write, piece: &Piece) -> io::Result<()> {
    let bytes = wire::encode(piece);
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= PIECE_MAX);
    let length =
        length.ok_or_else(|| io::Error::other("a piece of the registry is too large to be read again"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)
}

fn read(from: &mut dyn Read) -> io::Result<Registry> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut registry = Registry::default();
    let mut length = [0; 4];
    while fill(from, &mut length)? {
        let length = u32::from_le_bytes(length);
        if length > PIECE_MAX {
            return Err(invalid(format!("a piece of the registry claims {length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        from.read_exact(&mut bytes)?;
        match wire::decode(&bytes).map_err(|error| invalid(error.to_string()))? {
            Piece::Leader(leader) => registry.leader = leader,
            Piece::Admitted(agents) => registry.admitted.extend(agents),
            Piece::Unreachable(agents) => registry.unreachable.extend(agents),
            Piece::Gone(agents) => registry.gone.extend(agents),
            Piece::Weights(weights) => registry.weights.extend(weights),
            Piece::Policy(policy) => registry.policy = policy,
        }
    }
    Ok(registry)
}

/// Reads all of it; false at the end, which must not come in the middle.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read(&mut buffer[..1])? {
        0 => Ok(false),
        _ => from.read_exact(&mut buffer[1..]).map(|()| true),
    }
}

/// Proposes changes in one reign; those of another are refused.
pub struct Replicated {
    replica: Replica<Registry>,
    epoch: Epoch,
}

impl Replicated {
    /// The registry as the master that leads in `epoch` may change it.
    pub fn new(replica: Replica<Registry>, epoch: Epoch) -> Self {
        Replicated { replica, epoch }
    }
}

impl Store for Replicated {
    /// Whoever leads has applied all that was committed before.
    fn load(&mut self) -> Storing<Registry> {
        Box::pin(std::future::ready(Ok(self.replica.read(Registry::clone))))
    }

    /// An outcome that is not known is an error like another: the registrar proposes the same again, and what was
    /// carried out already changes nothing the second time.
    fn append(&mut self, deltas: Vec<Arc<Delta>>) -> Storing<()> {
        let (replica, epoch) = (self.replica.clone(), self.epoch);
        Box::pin(async move {
            for batch in deltas.chunks(BATCH) {
                let proposed = replica.propose_in(epoch, Batch(batch.to_vec())).await;
                proposed.map_err(|error| match error {
                    LogError::NoQuorum { .. } => StoreError::NoQuorum(error.to_string()),
                    error => StoreError::Failed(error.to_string()),
                })?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::registry::tests::deltas;
    use super::*;

    fn restored(registry: &Registry) -> io::Result<Registry> {
        let mut bytes = Vec::new();
        Machine::snapshot(registry).write(&mut bytes)?;
        Machine::restore(&mut bytes.as_slice())
    }

    proptest! {
        #[test]
        fn a_snapshot_restores_what_it_was_taken_of(history in deltas()) {
            let mut registry = Registry::default();
            for delta in history {
                let _ = Registry::apply(&mut registry, &delta);
            }
            prop_assert_eq!(restored(&registry).unwrap(), registry);
        }

        #[test]
        fn what_is_proposed_twice_is_carried_out_once(history in deltas()) {
            let mut once = Registry::default();
            for delta in &history {
                let _ = Registry::apply(&mut once, delta);
                let after = once.clone();
                let _ = Registry::apply(&mut once, delta);
                prop_assert_eq!(&once, &after);
            }
        }
    }

    #[test]
    fn a_snapshot_that_is_cut_or_forged_is_refused() {
        let mut bytes = Vec::new();
        let registry = Registry { leader: Some(("m".into(), "a:1".into())), ..Registry::default() };
        Machine::snapshot(&registry).write(&mut bytes).unwrap();
        for cut in [1, 3, 5, bytes.len() - 1] {
            assert!(<Registry as Machine>::restore(&mut &bytes[..cut]).is_err(), "{cut} bytes");
        }
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(<Registry as Machine>::restore(&mut bytes.as_slice()).is_err());
    }
}
