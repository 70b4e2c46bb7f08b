//! Where log lines go: stderr, from the level asked for.

use std::sync::{Arc, OnceLock};

use libprocess::Verbosity;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::output;

/// How much is logged.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[clap(rename_all = "UPPER")]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// Moves the filter of this OS process.
struct Filter {
    usual: LevelFilter,
    put: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

/// There is one log, so there is one filter.
static FILTER: OnceLock<Arc<Filter>> = OnceLock::new();

/// Installs logging for this OS process. `RUST_LOG` says it finer and wins.
pub(crate) fn install(level: Level, quiet: bool) {
    let usual = match level {
        _ if quiet => LevelFilter::OFF,
        Level::Info => LevelFilter::INFO,
        Level::Warning => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(output::colours(&std::io::stderr()))
        .with_env_filter(filter(usual))
        .with_filter_reloading();
    let handle = subscriber.reload_handle();
    if subscriber.try_init().is_ok() {
        // The log is there as long as this OS process.
        let put = Box::new(move |filter| drop(handle.reload(filter)));
        let _ = FILTER.set(Arc::new(Filter { usual, put }));
    }
}

/// What can raise how much is logged for a while, once logging is installed.
pub(crate) fn verbosity() -> Option<Arc<dyn Verbosity>> {
    FILTER.get().map(|filter| filter.clone() as Arc<dyn Verbosity>)
}

fn filter(level: LevelFilter) -> EnvFilter {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() && level > LevelFilter::WARN {
        // Consensus tells each of its steps; what matters to an operator the log says in words of its own.
        return filter.add_directive("openraft=error".parse().expect("a directive"));
    }
    filter
}

impl Verbosity for Filter {
    fn set(&self, level: u32) {
        (self.put)(match level {
            0 => filter(self.usual),
            1 => EnvFilter::new("debug"),
            _ => EnvFilter::new("trace"),
        });
    }
}
