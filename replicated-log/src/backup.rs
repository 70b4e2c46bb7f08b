//! A replica's state in one file, and a new cluster that begins with it.
//!
//! ```text
//! "HRback\0" 1 │ cluster u128 │ index u64 │ machine version u32 │ length u64 │ crc32c u32 │ state … │
//!                                            the checksum covers all but itself; numbers little-endian
//! ```
//!
//! Taking one needs no quorum, so the survivor of a cluster that lost its majority gives one too. Whoever begins with it is
//! a cluster of its own: replicas of the old one are strangers to it.

use std::io;
use std::path::Path;

use libprocess::environment::{Environment, Open, Storage, read_all};
use tokio::sync::oneshot;

use crate::host::Host;
use crate::shared::Shared;
use crate::snapshot::Arriving;
use crate::state::State;
use crate::{ClusterId, LogError, Machine, Position, View, offline};

const MAGIC: [u8; 8] = *b"HRback\0\x01";
/// Magic, cluster, index, version, length, checksum.
const HEAD: usize = 8 + 16 + 8 + 4 + 8 + 4;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    pub cluster: ClusterId,
    /// All up to here is in it.
    pub position: Position,
    /// Of the machine whose state it is.
    pub version: u32,
    state: Vec<u8>,
}

/// Why a file is no backup to begin with.
#[derive(Debug, thiserror::Error)]
pub enum NoBackup {
    #[error("failed to read it")]
    Unreadable(#[from] io::Error),
    #[error("it is no backup of a log, or one of another format")]
    Foreign,
    #[error("it is cut short: {is} bytes of {should}")]
    Short { is: usize, should: u64 },
    #[error("its checksum is wrong: some of its bytes have changed")]
    Damaged,
}

impl Backup {
    /// Of a machine's state at a position.
    pub(crate) fn of<M: Machine>(cluster: ClusterId, position: Position, view: View) -> io::Result<Backup> {
        let mut state = Vec::new();
        view.write(&mut state)?;
        Ok(Backup { cluster, position, version: M::VERSION, state })
    }

    /// Reads a backup of this machine, and checks that it can be begun with.
    ///
    /// Errors: it is none, damaged, of a later version, or of another machine.
    pub(crate) fn of_machine<M: Machine>(environment: &Environment, path: &Path) -> Result<Backup, LogError> {
        let refused = |why: &dyn std::fmt::Display| LogError::Refused(format!("{}: {why}", path.display()));
        let backup =
            Backup::read(environment, path).map_err(|error| refused(&crate::error::chain(&error)))?;
        if backup.version > M::VERSION {
            let (theirs, known) = (backup.version, M::VERSION);
            return Err(refused(&format!(
                "it is of version {theirs}, and this binary knows up to {known}: restore it with the one that wrote it, or one \
                 after it"
            )));
        }
        State::<M>::restore(&mut backup.state.as_slice())
            .map_err(|error| refused(&format!("it is a backup of something else than this: {error}")))?;
        Ok(backup)
    }

    pub(crate) fn state(&self) -> View {
        let state = self.state.clone();
        View::new(move |to| to.write_all(&state))
    }

    /// Reads a backup, and checks all of it.
    pub fn read(environment: &Environment, path: &Path) -> Result<Backup, NoBackup> {
        Backup::parse(&read_all(&*environment.storage, path)?)
    }

    fn parse(bytes: &[u8]) -> Result<Backup, NoBackup> {
        let Some((head, state)) = bytes.split_at_checked(HEAD) else { return Err(NoBackup::Foreign) };
        let (magic, head) = head.split_at(8);
        if magic != MAGIC {
            return Err(NoBackup::Foreign);
        }
        let number = |from: usize, to: usize| {
            let mut bytes = [0; 16];
            bytes[..to - from].copy_from_slice(&head[from..to]);
            u128::from_le_bytes(bytes)
        };
        let length = number(28, 36) as u64;
        if state.len() as u64 != length {
            return Err(NoBackup::Short { is: bytes.len(), should: length.saturating_add(HEAD as u64) });
        }
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..HEAD - 4]), state);
        if u128::from(checksum) != number(36, 40) {
            return Err(NoBackup::Damaged);
        }
        Ok(Backup {
            cluster: ClusterId(number(0, 16)),
            position: Position::new(number(16, 24) as u64),
            version: number(24, 28) as u32,
            state: state.to_vec(),
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.state.len());
        bytes.extend(MAGIC);
        bytes.extend(self.cluster.0.to_le_bytes());
        bytes.extend(self.position.index().to_le_bytes());
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.state.len() as u64).to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes), &self.state);
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(&self.state);
        bytes
    }
}

/// Writes what is applied here to a file, which is there whole or not at all.
pub(crate) async fn backup<M: Machine>(shared: &Shared<M>, path: &Path) -> Result<Position, LogError> {
    let (cluster, view, position) = view(shared)?;
    let (sender, done) = oneshot::channel();
    let (storage, path) = (shared.runtime.environment().storage.clone(), path.to_owned());
    shared.runtime.environment().spawner.blocking(Box::new(move || {
        let backup = Backup::of::<M>(cluster, position, view);
        let _ = sender.send(backup.and_then(|backup| write_backup(&*storage, &path, &backup)));
    }));
    match done.await {
        Ok(Ok(())) => Ok(position),
        Ok(Err(error)) => Err(LogError::Refused(format!("failed to write the backup: {error}"))),
        Err(_) => Err(LogError::Unknown),
    }
}

/// The bytes of a backup of what is applied here, and how far that is.
pub(crate) async fn bytes<M: Machine>(shared: &Shared<M>) -> Result<(Position, Vec<u8>), LogError> {
    let (cluster, view, position) = view(shared)?;
    let (sender, done) = oneshot::channel();
    shared.runtime.environment().spawner.blocking(Box::new(move || {
        let _ = sender.send(Backup::of::<M>(cluster, position, view).map(|backup| backup.bytes()));
    }));
    match done.await {
        Ok(Ok(bytes)) => Ok((position, bytes)),
        Ok(Err(error)) => Err(LogError::Refused(format!("failed to write the backup: {error}"))),
        Err(_) => Err(LogError::Unknown),
    }
}

fn view<M: Machine>(shared: &Shared<M>) -> Result<(ClusterId, View, Position), LogError> {
    let cluster = shared.running()?.who.cluster();
    let cluster =
        cluster.ok_or_else(|| LogError::Refused("this replica belongs to no cluster yet".to_owned()))?;
    let state = shared.applied.read();
    Ok((cluster, state.view(), Position::new(shared.applied.index())))
}

/// Writes a file that is there whole or not at all.
pub(crate) fn write_backup(storage: &dyn Storage, path: &Path, backup: &Backup) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = storage.open(&new, Open::Create)?;
    file.set_len(0)?;
    file.append(&backup.bytes())?;
    file.sync_data()?;
    storage.rename(&new, path)?;
    match path.parent() {
        Some(parent) if parent != Path::new("") => storage.sync_dir(parent),
        _ => storage.sync_dir(Path::new(".")),
    }
}

/// Begins a cluster of this replica alone, with what a backup holds. Its directory must be new.
pub(crate) async fn restore<M: Machine>(host: &Host<M>, path: &Path) -> Result<(), LogError> {
    let refused = |error: &dyn std::error::Error| {
        LogError::Refused(format!("{}: {}", path.display(), crate::error::chain(error)))
    };
    let environment = host.runtime().environment();
    let backup = Backup::of_machine::<M>(environment, path)?;
    if host.who().cluster().is_some() || host.consensus().is_formed().await? {
        return Err(LogError::Refused(
            "a backup is restored to a new directory; this one is in use".to_owned(),
        ));
    }
    let cluster = offline::new_cluster(environment);
    let index = backup.position.index().saturating_add(offline::BEYOND);
    let (covered, vote) = offline::alone(host.who().node(), host.runtime().address(), index);
    let dir = &host.shared.config.dir;
    let mut arriving = Arriving::begin(environment, dir, &covered).map_err(|error| refused(&error))?;
    let missing = backup.state.get(usize::try_from(arriving.arrived()).unwrap_or(usize::MAX)..);
    arriving.write(missing.unwrap_or_default()).map_err(|error| refused(&error))?;
    let snapshot = arriving.finish().map_err(|error| refused(&error))?;
    host.belong(cluster)?;
    host.consensus().install(vote, covered, snapshot).await.map_err(LogError::Refused)?;
    tracing::info!(position = %backup.position, from = %backup.cluster, "restored from a backup");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> Backup {
        Backup { cluster: ClusterId(7), position: Position::new(9), version: 3, state: b"state".to_vec() }
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(Backup::parse(&backup().bytes()).unwrap(), backup());
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_goes_unnoticed() {
        let bytes = backup().bytes();
        for at in 0..bytes.len() {
            assert!(Backup::parse(&bytes[..at]).is_err(), "{at} bytes");
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(Backup::parse(&flipped).is_err(), "bit of byte {at}");
        }
    }
}
