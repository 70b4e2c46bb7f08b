//! Where log lines go: stderr, from the level asked for.

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

/// Installs logging for this OS process. `RUST_LOG` says it finer and wins.
pub(crate) fn install(level: Level, quiet: bool) {
    let level = match level {
        _ if quiet => LevelFilter::OFF,
        Level::Info => LevelFilter::INFO,
        Level::Warning => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let mut filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() && level > LevelFilter::WARN {
        // Consensus tells each of its steps; what matters to an operator the log says in words of its own.
        filter = filter.add_directive("openraft=error".parse().expect("a directive"));
    }
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::colours(&std::io::stderr()))
        .try_init();
}
