//! The subcommands: what each takes, and where it is done.

mod agent;
mod attach;
mod auth;
mod exec;
mod executor;
mod files;
mod kill;
mod local;
mod log;
mod logs;
mod master;
mod ps;
mod run;
mod serve;
mod simulate;
mod state;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use detector::Masters;
use libprocess::{Authorities, Runtime};
use security::Credential;

use crate::client::Cluster;
use crate::logging::{self, Level};
use crate::output::Format;

pub(crate) use executor::executor;
pub(crate) use serve::Ending;

/// A datacenter kernel: agents offer what machines have, frameworks run tasks on it.
#[derive(Debug, Parser)]
#[command(name = "hectare", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value = "table", env = "HECTARE_OUTPUT")]
    output: Format,

    /// The least severity that is logged. Unset: INFO for master and agent, ERROR otherwise.
    #[arg(long = "logging_level", global = true, value_enum, env = "HECTARE_LOGGING_LEVEL")]
    logging_level: Option<Level>,

    /// Log nothing.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A whole cluster in this process: one master and two agents, until Ctrl-C or until a command has run
    Local(local::Args),
    /// A master: knows all agents and frameworks, and makes the offers
    Master(Box<::master::flags::Flags>),
    /// An agent: offers this machine's resources and runs tasks on it
    Agent(Box<::agent::flags::Flags>),
    /// Runs a command as a task, follows its output, and exits as it did
    #[command(alias = "execute")]
    Run(Box<run::Args>),
    /// Lists tasks
    Ps(ps::Args),
    /// Prints what a task wrote
    Logs(logs::Args),
    /// Runs a command beside a task, in its container
    Exec(exec::Args),
    /// Takes the place in front of a task's terminal
    Attach(attach::Args),
    /// Kills a task, as its framework would
    Kill(kill::Args),
    /// The log that masters keep their registry in: status, members, backups
    Log(log::Args),
    /// What rules of authorization say, without a cluster
    Auth(auth::Args),
    /// Sums the cluster up
    State(state::Args),
    /// Says why a framework, or everybody in a role, is offered no more, and what would help
    Why(why::Args),
    /// A whole cluster in one thread, from a seed: weeks in minutes, faults at will
    Simulate(simulate::Args),
    /// Prints completions for a shell
    Completions {
        /// The shell they are for.
        shell: clap_complete::Shell,
    },
}

/// Which cluster a question goes to.
#[derive(Clone, Debug, clap::Args)]
struct Target {
    /// The master, or any of several: `host:port`, or `https://host:port` on TLS; `zk://host:port/path`; or `file:///path` of a file that says so.
    #[arg(long, env = "HECTARE_MASTER", default_value = "127.0.0.1:5050")]
    master: String,

    /// A file with the name and secret to come with, as in `{"principal": "ann", "secret": "…"}` or `ann …`; needed where
    /// the cluster asks who its users are.
    #[arg(long, env = "HECTARE_CREDENTIAL", value_name = "FILE")]
    credential: Option<PathBuf>,

    /// A file with the authorities whose certificates are believed on TLS, besides those that this machine trusts.
    #[arg(long = "ca_file", env = "HECTARE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Target {
    /// As whom to come.
    ///
    /// Errors: the file cannot be read, or holds none.
    fn credential(&self) -> anyhow::Result<Option<libprocess::Credential>> {
        let read = |path: &PathBuf| Credential::read(path).map(|one| one.for_links());
        self.credential.as_ref().map(read).transpose().context("--credential")
    }

    /// A runtime that only asks there: no listener, no HTTP workers. It speaks TLS where `--master`, `--ca_file` or the
    /// `LIBPROCESS_SSL_*` variables say so.
    ///
    /// Errors: there is no such master, or what was said of TLS makes no sense.
    fn runtime(&self) -> anyhow::Result<Runtime> {
        let masters: Masters = self.master.parse().context("--master")?;
        let mut config = serve::variables(libprocess::Config::asking)?.read()?;
        if let Some(path) = &self.ca_file {
            config.authorities = Some(Authorities::from_file(path).context("--ca_file")?);
        } else if masters.are_secure() {
            config.authorities.get_or_insert_default();
        }
        Ok(Runtime::start(config)?)
    }
}

/// What is common to all commands.
struct Common {
    format: Format,
    level: Option<Level>,
    quiet: bool,
}

impl Common {
    /// Installs logging; `usual` is the level when none is asked for.
    fn log(&self, usual: Level) {
        logging::install(self.level.unwrap_or(usual), self.quiet);
    }

    /// A runtime that only asks: no listener, no HTTP workers.
    fn asking(&self) -> anyhow::Result<Runtime> {
        self.log(Level::Error);
        Ok(Runtime::start(libprocess::Config { listen: None, http_workers: 0, ..Default::default() })?)
    }

    /// Asks a cluster something.
    fn with_cluster<T>(
        &self,
        target: &Target,
        ask: impl AsyncFnOnce(&Cluster) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.log(Level::Error);
        let runtime = target.runtime()?;
        let cluster = Cluster::new(&runtime, &target.master, target.credential()?)?;
        let answer = runtime.block_on(ask(&cluster));
        runtime.shutdown();
        answer
    }
}

/// Does what was asked for.
///
/// Errors: whatever kept it from being done, ready to be printed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let common = Common { format: cli.output, level: cli.logging_level, quiet: cli.quiet };
    match cli.command {
        Command::Local(args) => local::run(args, &common),
        Command::Master(flags) => master::run(&flags, &common),
        Command::Agent(flags) => agent::run(&flags, &common),
        Command::Run(args) => run::run(*args, &common),
        Command::Ps(args) => ps::run(&args, &common),
        Command::Logs(args) => logs::run(&args, &common),
        Command::Exec(args) => exec::run(&args, &common),
        Command::Attach(args) => attach::run(&args, &common),
        Command::Kill(args) => kill::run(&args, &common),
        Command::Log(args) => log::run(&args, &common),
        Command::Auth(args) => auth::run(&args, &common),
        Command::State(args) => state::run(&args, &common),
        Command::Why(args) => why::run(&args, &common),
        Command::Simulate(args) => simulate::run_it(&args, &common),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hectare", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}
