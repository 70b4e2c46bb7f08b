//! Why a data directory cannot be used, and what to do about it. Nothing in it was changed, and no vote is cast.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The disk refused: it is full, read-only, broken or somebody else's.
    #[error("failed to {doing} {}{}", .path.display(), advice(.source))]
    Storage {
        path: PathBuf,
        doing: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{} holds no replica: name the --work_dir of a master that has run there", .0.display())]
    Absent(PathBuf),
    #[error("{} is in use by another process: stop it, or give this one a directory of its own", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} was written by a later version ({found:?}, this one knows 1): start the version that wrote it, or one after it",
        .path.display()
    )]
    Newer { path: PathBuf, found: String },
    #[error("{} is damaged at byte {offset}: {why}; {}", .path.display(), Replace)]
    Damaged { path: PathBuf, offset: u64, why: &'static str },
    #[error("{} has no {what}, though it has held a replica: {}", .dir.display(), Replace)]
    Lost { dir: PathBuf, what: &'static str },
    #[error("{what}; {}", Replace)]
    Log { what: journal::OpenError },
}

/// What to do about a disk that refuses.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (make room on that disk, then start again)"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            " (make that disk writable, or name a directory on another, then start again)"
        }
        io::ErrorKind::PermissionDenied => " (give the user this runs as that directory, then start again)",
        _ => "",
    }
}

/// What to do with a directory that cannot be trusted.
struct Replace;

impl std::fmt::Display for Replace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "it may have voted and promised, so it takes no part: keep the directory for inspection, start with an empty \
             one to join as a new replica, and remove the old one from the cluster",
        )
    }
}

impl OpenError {
    pub(crate) fn storage(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Storage { path, doing, source }
    }

    pub(crate) fn log(error: journal::OpenError) -> Self {
        match error {
            journal::OpenError::Storage { dir, doing, source } => Self::Storage { path: dir, doing, source },
            journal::OpenError::Newer { file, format } => {
                Self::Newer { path: file, found: format.to_string() }
            }
            what => Self::Log { what },
        }
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Storage { source, .. } => source.kind(),
            OpenError::InUse(_) => io::ErrorKind::WouldBlock,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
