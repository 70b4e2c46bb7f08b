//! An agent begins: its journal is opened, its machine looked at, its processes spawned.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use detector::Detector;
use journal::Lane;
use libprocess::{AskError, Bound, OnPanic, Pid, Runtime, Spawn, SpawnError, Upid};
use model::{AgentInfo, Time};
use rand::RngExt;

use crate::actor::Agent;
use crate::config::{Config, Recover};
use crate::executors::Tokens;
use crate::gc;
use crate::host::{Host, Machine};
use crate::http::realms;
use crate::isolators::IsolationError;
use crate::layout::Layout;
use crate::master;
use crate::messages::{Input, Letter};
use crate::metrics;
use crate::public::Public;
use crate::recovery::{Known, Ledger, LedgerError, Reconfigured, Record, Seal, Verdict, judge};
use crate::state::{Settings, State};

/// The name of the agent's process, which public paths show.
const NAME: &str = "slave(1)";

/// How much may wait for the agent. What the journal and the containerizer tell is among it and must not be lost, so
/// this is far more than all executors of a machine can say at once.
const MAILBOX_MAX: usize = 1 << 20;

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot use the work directory {}", .path.display())]
    WorkDir {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("another agent uses the work directory {}", .0.display())]
    InUse(PathBuf),
    #[error(transparent)]
    Journal(#[from] LedgerError),
    #[error(transparent)]
    Reconfigured(#[from] Reconfigured),
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    #[error("images cannot be had")]
    Images(#[source] std::io::Error),
    #[error("cannot use the runtime directory")]
    Containerizer(#[source] std::io::Error),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Starts an agent in a runtime of its own: opens what an earlier one left, spawns its processes, and has plain paths
/// mean the agent's.
///
/// Blocks while the journal is read. Errors: the work directory is in use, the journal cannot be understood.
pub fn spawn(runtime: &Runtime, config: Config) -> Result<Pid<Agent>, StartError> {
    spawn_on(runtime, config, Arc::new(Machine))
}

/// Starts an agent that speaks for a machine of another kind; otherwise as [`spawn`].
pub fn spawn_on(runtime: &Runtime, config: Config, host: Arc<dyn Host>) -> Result<Pid<Agent>, StartError> {
    config.access.apply(runtime, realms::READ_ONLY, realms::READ_WRITE)?;
    let claim = host.claim(&config.work_dir)?;
    let mut seeds = runtime.environment().rng.stream(NAME);
    let settings = Arc::new(settings(runtime, &config, &*host));
    let journal = settings.layout.journal();
    let (storage, lane) = (runtime.storage().clone(), Lane::of(runtime.environment()));
    let seal = host.has_files().then(|| Seal::kept_in(&config.runtime_dir)).transpose();
    let seal = seal.map_err(StartError::Containerizer)?;
    let (ledger, mut held) = Ledger::open(storage, lane, &journal, seeds.random(), config.strict, seal)?;
    if config.recover == Recover::Reconnect
        && judge(config.reconfiguration_policy, &held.records, &settings.known)? == Verdict::Another
    {
        // Whatever is written from now on comes after it.
        ledger.write(&[Record::Forgotten], |_| {});
        held.records.push(Record::Forgotten);
    }
    let mut state = State::new(Arc::clone(&settings), seeds.random(), Time::from(runtime.now()));
    state.masters = master::upids(&config.masters.addresses());
    state.counters.recovery_errors = u64::from(held.damaged);
    let public = Public::new(state.clone());
    // Not the runtime: it keeps its figures, and would keep itself.
    let clock = Arc::clone(&runtime.environment().clock);
    metrics::provide(runtime.metrics(), Arc::clone(&public), move || Time::from(clock.now()));

    let (shared, machine) = (Arc::clone(&public), Arc::clone(&host));
    let spawn = Spawn::named(NAME).mailbox(Bound::messages(MAILBOX_MAX)).on_panic(OnPanic::Escalate);
    let detector = Detector::new(runtime, &config.masters, config.zk_session_timeout);
    let agent = runtime.spawn(spawn, move || Agent::new(state, shared, ledger, detector, machine, claim))?;
    runtime.delegate(NAME);

    let told = agent.clone();
    let tell = move |event| {
        // An agent that has ended finds its containers again when it comes back.
        let _ = told.tell(Letter(Input::Container(event)));
    };
    public.set_containers(host.containers(runtime, &config, Box::new(tell))?);
    // Only now: what it asks of its containers must find somebody.
    agent.tell(Letter(Input::Restored(held.records))).map_err(|_| SpawnError::ShutDown)?;
    Ok(agent)
}

/// Ends an agent with all it runs; returns when nothing is left of either.
pub async fn stop(agent: &Pid<Agent>) -> Result<(), AskError> {
    agent.tell(Letter(Input::Finish)).map_err(|_| AskError::NoSuchProcess)?;
    agent.wait().await;
    Ok(())
}

fn unicode((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn settings(runtime: &Runtime, config: &Config, host: &dyn Host) -> Settings {
    let address = runtime.address();
    let resources = host.resources(config);
    let name = config.hostname.clone().or_else(|| host.name().filter(|_| config.hostname_lookup));
    let info = AgentInfo {
        id: None,
        hostname: name.unwrap_or_else(|| address.ip().to_string()),
        port: address.port(),
        resources: resources.clone(),
        attributes: config.attributes.clone(),
        domain: config.domain.clone(),
    };
    let port = if config.fixed_port { info.port } else { 0 };
    let known = Known { info: AgentInfo { port, ..info.clone() }, boot: host.boot() };
    let this =
        || std::env::current_exe().map_or_else(|_| "hectare".to_owned(), |path| path.display().to_string());
    let executor = match config.executor.is_empty() {
        true => vec![this(), "executor".to_owned()],
        false => config.executor.clone(),
    };
    Settings {
        log: config.log.clone(),
        layout: Layout::new(
            std::path::absolute(&config.work_dir).unwrap_or_else(|_| config.work_dir.clone()),
        ),
        info,
        known,
        resources,
        enforced_limits: config.isolation.enforced_limits(),
        pid: Upid::new(NAME, address),
        several_masters: config.masters.are_several(),
        executor,
        executor_environment: config.executor_environment.clone(),
        tls: match runtime.client().is_secure() {
            true => libprocess::trust(std::env::vars_os().filter_map(unicode)),
            false => Vec::new(),
        },
        path: std::env::var("PATH").ok(),
        switch_user: config.switch_user,
        registration_backoff_factor: config.registration_backoff_factor.max(Duration::from_millis(1)),
        executor_registration_timeout: config.executor_registration_timeout,
        executor_reregistration_timeout: config.executor_reregistration_timeout,
        executor_shutdown_grace_period: config.executor_shutdown_grace_period,
        recovery_timeout: config.recovery_timeout,
        recover: config.recover,
        gc: gc::Policy { delay: config.gc_delay, headroom: config.gc_disk_headroom },
        disk_watch_interval: config.disk_watch_interval,
        oversubscription: config.oversubscription.clone(),
        runtime_dir: config.runtime_dir.clone(),
        log_rotation: config.log_rotation,
        max_completed_executors: config.max_completed_executors_per_framework,
        policy: config.access.policy.clone(),
        tokens: config.token_key.as_ref().map(Tokens::signed_with),
        flags: config.flags.clone(),
    }
}
