//! Programs of the operating system: started, fed, reaped when they end, and ended with all they started.
//!
//! Each leads a process group of its own, and its end is heard through a pidfd: nobody polls, and no
//! signal handler is installed. This needs a reactor, so a simulation has none of it.
//!
//! ```
//! # use libprocess::{Config, Runtime};
//! # use std::time::Duration;
//! use libprocess::toolbox::subprocess::{Limits, Program};
//!
//! # let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
//! let words = Program { args: vec!["-w".into()], ..Program::new("wc") };
//! let limits = Limits { within: Duration::from_secs(60), output_max: 1 << 20 };
//! let done = node.block_on(words.run(&node, b"three small words".to_vec(), limits))?;
//! assert!(done.status.success());
//! assert_eq!(done.stdout.trim_ascii(), b"3");
//! # node.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod program;
mod run;
mod running;
mod tree;

pub use program::{Io, Program};
pub use run::{Finished, Limits};
pub use running::Subprocess;

use std::path::PathBuf;
use std::time::Duration;

/// Why a program did not start, or was not seen to its end.
#[derive(Debug, thiserror::Error)]
pub enum SubprocessError {
    #[error("failed to start {}", path.display())]
    Start { path: PathBuf, source: std::io::Error },
    #[error("programs are started from a thread of a runtime, and not in a simulation")]
    NoReactor,
    #[error("failed to watch a program that was started, so it was ended")]
    Watch(#[source] std::io::Error),
    #[error("not done within {0:?}, so it was ended")]
    TimedOut(Duration),
    #[error("the runtime that watched it is gone")]
    Unwatched,
}
