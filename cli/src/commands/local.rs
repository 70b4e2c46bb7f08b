//! `hectare local`: the same master and agents as anywhere, in one OS process.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use futures_util::future::{Either, select};
use libprocess::Runtime;
use security::Credential;

use super::Common;
use super::files::OpenFiles;
use super::serve::{Address, Ending, Protection, failed};
use crate::client::Cluster;
use crate::job::{self, Job};
use crate::logging::Level;
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many agents.
    #[arg(long = "num_agents", visible_alias = "num_slaves", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    agents: u16,
    /// The address of all of them.
    #[arg(long, env = "HECTARE_IP")]
    ip: Option<String>,
    /// The port of the master; agents take free ones. Unset: 5050, or any free one when a command is given.
    #[arg(long, env = "HECTARE_PORT")]
    port: Option<u16>,
    /// Where sandboxes and journals live. Unset: a new directory that is removed at the end.
    #[arg(long = "work_dir", env = "HECTARE_WORK_DIR")]
    work_dir: Option<PathBuf>,
    /// What each agent has, as in `cpus:4;mem:2048`. Unset: this machine's cores, and its memory shared out.
    #[arg(long, env = "HECTARE_RESOURCES")]
    resources: Option<String>,
    /// A file with a name and a secret, as in `{"principal": "ann", "secret": "…"}` or `ann …`: whoever comes must prove to be
    /// it, agents and executors too. Unset: nobody is asked.
    #[arg(long, env = "HECTARE_CREDENTIAL", value_name = "FILE")]
    credential: Option<PathBuf>,
    /// Who may do what, on master and agents: JSON, or `file:///path`. Unset: everybody may do everything.
    #[arg(long, env = "HECTARE_ACLS")]
    acls: Option<String>,
    /// Listen on an address of a network although nothing protects it, because everybody there is trusted.
    #[arg(long = "allow_insecure", env = "HECTARE_ALLOW_INSECURE")]
    allow_insecure: bool,
    /// A command to run as a task; the cluster ends with it.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Brings the cluster up, and runs the command or waits for a signal.
pub(super) fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(if args.command.is_empty() { Level::Warning } else { Level::Error });
    let work = Scratch::new(args.work_dir.as_deref())?;
    let port = args.port.unwrap_or(if args.command.is_empty() { 5050 } else { 0 });
    let guard = Guard::new(&args, &work.path)?;
    let open_files = OpenFiles::raise()?;
    let master = start_master(&args, &guard, port, open_files)?;
    let at = master.address().to_string();
    let mut agents = Vec::new();
    for number in 0..args.agents {
        agents.push(start_agent(&args, &guard, number, &at, &work.path, open_files)?);
    }
    let code = master.block_on(async {
        let mut ending = Ending::listen()?;
        let serving = async {
            if !args.command.is_empty() {
                let job = Job::of_command(&args.command);
                return job::run(&master, &at, guard.credential.clone(), job, &mut ending).await;
            }
            let cluster = Cluster::new(&master, &at, guard.credential.clone())?;
            let up = async {
                registered(&cluster, agents.len()).await?;
                announce(common, &args, &master, &agents, &work)?;
                std::future::pending::<anyhow::Result<()>>().await
            };
            if let Either::Left((failed, _)) = select(pin!(up), pin!(ending.wait())).await {
                failed?;
            }
            output::progress("ending the cluster and its tasks");
            Ok(ExitCode::SUCCESS)
        };
        let all = agents.iter().map(|(runtime, _)| runtime).chain([&master]);
        match select(pin!(serving), pin!(failed(all))).await {
            Either::Left((code, _)) => code,
            Either::Right((failure, _)) => Err(failure.into()),
        }
    });
    master.block_on(async {
        for (_, agent) in &agents {
            if let Err(error) = agent::stop(agent).await {
                output::progress(format_args!("an agent did not end its tasks: {error}"));
            }
        }
    });
    for (runtime, _) in agents {
        runtime.shutdown();
    }
    master.shutdown();
    code
}

type Agent = (Runtime, libprocess::Pid<agent::Agent>);

fn start_master(args: &Args, guard: &Guard, port: u16, open_files: OpenFiles) -> anyhow::Result<Runtime> {
    let words = ["master", "--registry=in_memory"].map(str::to_owned).into_iter();
    let flags = Alone::<master::flags::Flags>::parse_from(words.chain(guard.master.iter().cloned())).flags;
    let mut config = flags.config()?;
    // Nobody waits for more agents here: what changes is offered at once.
    config.cluster.get_or_insert_with(|| "local".to_owned());
    let links = |before| flags.access.links(before, false);
    let runtime = address(args, flags.access.open(), port, open_files).listen("master", 1, links)?;
    master::spawn(&runtime, config).context("the master did not start")?;
    Ok(runtime)
}

fn start_agent(
    args: &Args,
    guard: &Guard,
    number: u16,
    master: &str,
    work: &Path,
    open_files: OpenFiles,
) -> anyhow::Result<Agent> {
    let home = work.join(format!("agent-{}", number + 1));
    let resources = args.resources.clone().unwrap_or_else(|| share(number, args.agents));
    let words = [
        "agent".to_owned(),
        format!("--master={master}"),
        format!("--work_dir={}", home.join("work").display()),
        format!("--runtime_dir={}", home.join("run").display()),
        format!("--resources={resources}"),
    ];
    let words = words.into_iter().chain(guard.agent.iter().cloned());
    let flags = Alone::<agent::flags::Flags>::parse_from(words).flags;
    let mut config = flags.config().with_context(|| format!("--resources={resources}"))?;
    // It and its master start together: nothing is gained by spreading registrations.
    config.registration_backoff_factor = std::time::Duration::from_millis(10);
    config.isolation.open_files = Some((open_files.soft, open_files.hard));
    let links = |before| flags.access.links(before);
    let runtime = address(args, flags.access.open(), 0, open_files).listen("slave(1)", 1, links)?;
    let pid = agent::spawn(&runtime, config).context("an agent did not start")?;
    Ok((runtime, pid))
}

fn address<'a>(args: &'a Args, open: Vec<&'static str>, port: u16, open_files: OpenFiles) -> Address<'a> {
    let protection = Protection { open, trusted: args.allow_insecure };
    Address { ip: args.ip.as_deref(), port, advertise_ip: None, advertise_port: None, protection, open_files }
}

/// The flags by which master and agents ask who comes and what they may do, and as whom this program comes itself.
struct Guard {
    credential: Option<libprocess::Credential>,
    master: Vec<String>,
    agent: Vec<String>,
}

impl Guard {
    /// Errors: the credential cannot be read, or the key for executors' tokens not written.
    fn new(args: &Args, work: &Path) -> anyhow::Result<Guard> {
        let rules: Vec<String> = args.acls.iter().map(|acls| format!("--acls={acls}")).collect();
        let Some(file) = &args.credential else {
            return Ok(Guard { credential: None, master: rules.clone(), agent: rules });
        };
        let credential = Credential::read(file).context("--credential")?.for_links();
        let key = work.join("executors.key");
        write_secret(&key, uuid::Uuid::new_v4().as_bytes())
            .with_context(|| format!("cannot write {}", key.display()))?;
        let (file, key) = (file.display(), key.display());
        let both = ["--authenticate_http_readonly", "--authenticate_http_readwrite"].map(str::to_owned);
        let master = [
            format!("--credentials={file}"),
            "--authenticate_http_frameworks".to_owned(),
            "--http_framework_authenticators=basic".to_owned(),
            "--authenticate_agents".to_owned(),
        ];
        let agent = [
            format!("--credential={file}"),
            format!("--http_credentials={file}"),
            format!("--jwt_secret_key={key}"),
            "--authenticate_http_executors".to_owned(),
        ];
        let with = |own: &[String]| [own, &both, &rules].concat();
        Ok(Guard { credential: Some(credential), master: with(&master), agent: with(&agent) })
    }
}

/// A file that nobody else may read.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// Flags of a part, parsed on their own.
#[derive(Parser)]
struct Alone<T: clap::Args> {
    #[command(flatten)]
    flags: T,
}

/// This machine for each agent: all its cores, an equal part of half its memory, and ports of its own.
fn share(number: u16, agents: u16) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = agent::resources::memory_mb().unwrap_or(2048) / 2 / u64::from(agents);
    let first = 31_000 + u32::from(number) * 500;
    format!("cpus:{cores};mem:{};disk:10240;ports:[{first}-{}]", memory.max(256), first + 499)
}

/// Waits until the master knows all agents.
async fn registered(cluster: &Cluster, agents: usize) -> anyhow::Result<()> {
    loop {
        let state = cluster.get("/slaves").await?;
        if state["slaves"].as_array().is_some_and(|known| known.len() >= agents) {
            return Ok(());
        }
        cluster.pause(std::time::Duration::from_millis(20)).await;
    }
}

fn announce(
    common: &Common,
    args: &Args,
    master: &Runtime,
    agents: &[Agent],
    work: &Scratch,
) -> anyhow::Result<()> {
    let (address, client) = (master.address().to_string(), master.client());
    let addresses: Vec<String> = agents.iter().map(|(runtime, _)| runtime.address().to_string()).collect();
    if common.format == Format::Json {
        let facts = serde_json::json!({ "master": address, "agents": addresses, "work_dir": work.path });
        return output::line(facts);
    }
    let me = std::env::args().next().unwrap_or_else(|| "hectare".to_owned());
    let (shown, curl) = match &args.credential {
        Some(file) => (format!(" --credential={}", file.display()), " -u NAME:SECRET"),
        None => (String::new(), ""),
    };
    let url = client.url(&address, "");
    let master = if client.is_secure() { &url } else { &address };
    let kept = if work.removed { "removed when it ends" } else { "kept" };
    output::line(format_args!(
        "A cluster of one master and {} agents is up.

  API     {url}
  agents  {}
  files   {} ({kept})

Three things to try in another terminal:

  {me} run --master={master}{shown} -- sh -c 'echo hello from $MESOS_TASK_ID on $(hostname)'
  {me} ps --master={master}{shown} --all
  curl{curl} {url}/state

Ctrl-C ends it, and its tasks.",
        addresses.len(),
        addresses.join(", "),
        work.path.display()
    ))
}

/// The cluster's directory, removed with it unless somebody named it.
struct Scratch {
    path: PathBuf,
    removed: bool,
}

impl Scratch {
    fn new(named: Option<&Path>) -> anyhow::Result<Scratch> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("hectare-local-{}", std::process::id())),
        };
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        // Tasks may run as other users: they must be able to reach their sandboxes.
        let path = path.canonicalize()?;
        Ok(Scratch { path, removed: named.is_none() })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.removed {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
