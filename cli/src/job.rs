//! Running a command as tasks, through the public scheduler API, and following it to its end.
//!
//! [`Job`] says what to run; [`Runner`] is the scheduler that gets it run; [`run`] sits outside and
//! copies what the tasks write, until all have ended.

mod follow;
mod runner;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::{Either, select};
use libprocess::{Credential, Runtime};
use model::{
    CommandInfo, FrameworkCapability, FrameworkInfo, HealthCheck, KillPolicy, Resources, Role, TaskState,
    Time,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::client::{self, Cluster, text};
use crate::commands::Ending;
use crate::output;
use follow::Followed;
use runner::{News, Runner};

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Names the framework and, with a number, the tasks.
    pub(crate) name: String,
    pub(crate) command: CommandInfo,
    pub(crate) resources: Resources,
    pub(crate) instances: u32,
    pub(crate) role: Role,
    pub(crate) user: String,
    pub(crate) principal: Option<String>,
    /// Whether tasks survive their agent's restart.
    pub(crate) checkpoint: bool,
    /// Killed when they take longer.
    pub(crate) kill_after: Option<Duration>,
    pub(crate) kill_policy: Option<KillPolicy>,
    /// Asked again and again; a task that fails it too often is killed.
    pub(crate) health_check: Option<HealthCheck>,
    /// Whether it has a terminal, for `hectare attach`.
    pub(crate) tty: bool,
    /// The name of the image that is its root file system; the host's if `None`.
    pub(crate) image: Option<String>,
    /// Whether what the tasks write is copied.
    pub(crate) follow: bool,
}

/// How long a task may take to end after it was asked to, before it is left alone.
const FAREWELL: Duration = Duration::from_secs(15);
/// How often what tasks have written is looked at.
const POLL: Duration = Duration::from_millis(100);

impl Job {
    /// A program and its arguments, as typed.
    pub(crate) fn of_command(words: &[String]) -> Job {
        let name =
            words.first().map(|word| word.rsplit('/').next().unwrap_or(word)).unwrap_or("task").to_owned();
        let arguments = words.iter().skip(1).cloned();
        let command = CommandInfo::program(words.first().cloned().unwrap_or_default(), arguments);
        Job {
            name,
            command,
            resources: RESOURCES.parse().expect("a literal that parses"),
            instances: 1,
            role: Role::any(),
            user: user(),
            principal: None,
            checkpoint: true,
            kill_after: None,
            kill_policy: None,
            health_check: None,
            tty: false,
            image: None,
            follow: true,
        }
    }

    fn framework(&self) -> FrameworkInfo {
        let mut framework = FrameworkInfo::new(format!("hectare run {}", self.name), &*self.user);
        framework.checkpoint = self.checkpoint;
        framework.principal = self.principal.clone();
        framework.roles = vec![self.role.clone()];
        framework.capabilities = [
            FrameworkCapability::MultiRole,
            FrameworkCapability::PartitionAware,
            FrameworkCapability::ReservationRefinement,
            FrameworkCapability::TaskKillingState,
        ]
        .into_iter()
        .collect();
        framework
    }
}

/// What one task gets when nothing else is asked for.
pub(crate) const RESOURCES: &str = "cpus:0.1;mem:64";

/// Who runs this.
pub(crate) fn user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    user.ok().flatten().map_or_else(|| "root".to_owned(), |user| user.name)
}

/// Runs the job to its end, or to the first signal.
///
/// Returns 0 when all tasks finished, else what the first one to fail ended with.
///
/// Errors: when the master refuses the framework.
pub(crate) async fn run(
    runtime: &Runtime,
    master: &str,
    credential: Option<Credential>,
    job: Job,
    ending: &mut Ending,
) -> anyhow::Result<ExitCode> {
    let cluster = Cluster::new(runtime, master, credential.clone())?;
    let (news, mut heard) = unbounded_channel();
    let config = driver::Config { credential, ..driver::Config::new([master], job.framework()) };
    let runner_job = job.clone();
    let started = Time::from(runtime.now());
    let driver = driver::spawn(runtime, config, move || Runner::new(runner_job, started, news))?;
    let mut followed = Followed::new(job.instances > 1);
    let mut first_failure = None;
    let mut asked_to_end = false;
    let mut patience = job.kill_after;
    let mut refused = None;
    let mut unread = Unread::default();
    // How long nothing has been heard of any task.
    let mut quiet = Duration::ZERO;
    loop {
        match turn(&mut heard, ending, runtime).await {
            Turn::News(None) => break,
            Turn::News(Some(News::Refused(why))) => refused = Some(why),
            Turn::News(Some(News::Waiting(why))) => output::progress(why),
            Turn::News(Some(News::Status { status, framework, last })) => {
                output::progress(runner::sentence(&status));
                quiet = PATIENT + POLL;
                if job.follow && status.state == TaskState::Running {
                    followed.add(&status, &framework);
                }
                if status.state.is_terminal() {
                    unread.judge(followed.finish(&cluster, &status.task_id).await)?;
                    let code = runner::exit_code(&status);
                    if code != 0 {
                        first_failure.get_or_insert(code);
                    }
                }
                if last {
                    driver.with(|_, calls| calls.teardown());
                    break;
                }
            }
            Turn::Signal if asked_to_end => break,
            Turn::Signal => {
                asked_to_end = true;
                patience = Some(FAREWELL);
                output::progress("killing what runs; once more to leave at once");
                driver.with(|runner, calls| runner.kill_all(calls));
            }
            Turn::Poll => {
                quiet += POLL;
                if quiet == PATIENT {
                    output::progress(waiting(&cluster, &job).await);
                }
                unread.judge(followed.copy(&cluster).await)?;
                if let Some(left) = &mut patience {
                    *left = left.saturating_sub(POLL);
                    if left.is_zero() {
                        if asked_to_end {
                            break;
                        }
                        output::progress("it has taken too long: killing it");
                        asked_to_end = true;
                        patience = Some(FAREWELL);
                        driver.with(|runner, calls| runner.kill_all(calls));
                    }
                }
            }
        }
    }
    driver.with(|_, calls| {
        if !calls.is_leaving() {
            calls.teardown()
        }
    });
    select(pin!(driver.wait()), pin!(runtime.sleep(FAREWELL))).await;
    if let Some(why) = refused {
        anyhow::bail!("the master refused to run it: {why}");
    }
    let interrupted = asked_to_end.then_some(INTERRUPTED);
    Ok(ExitCode::from(first_failure.or(interrupted).unwrap_or(0)))
}

/// After so long without an offer that fits, it is said that one is waited for.
const PATIENT: Duration = Duration::from_secs(3);

/// That one is waited for, and why there is none, if the master can tell.
async fn waiting(cluster: &Cluster, job: &Job) -> String {
    let waiting = format!("still waiting for an offer of {}", job.resources);
    let path = client::why("framework", &job.framework().name, &job.resources.to_string());
    let Ok(why) = cluster.get(&path).await else { return waiting };
    let answer = &why["answers"][0];
    let reasons = answer["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    let counted =
        reasons.iter().map(|reason| format!("{} on {} agents", text(&reason["what"]), reason["agents"]));
    let counted = counted.collect::<Vec<_>>().join("; ");
    match answer["help"]["change"].as_str() {
        Some(change) => format!("{waiting}: {counted}. What would help: {change}"),
        None => format!("{waiting}: there are no agents"),
    }
}

/// Output that could not be copied. An agent that restarts is no reason to give its tasks up.
#[derive(Default)]
struct Unread {
    said: String,
}

impl Unread {
    /// Says why once, and goes on.
    ///
    /// Errors: when nobody reads what we print any more.
    fn judge(&mut self, copied: anyhow::Result<()>) -> anyhow::Result<()> {
        let Err(error) = copied else { return Ok(()) };
        if output::is_closed(&error) {
            return Err(error);
        }
        let why = format!("{error:#}");
        if self.said != why {
            output::progress(format_args!("cannot read what tasks write: {why}; trying again"));
            self.said = why;
        }
        Ok(())
    }
}

/// What a shell says of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

enum Turn {
    News(Option<News>),
    Signal,
    Poll,
}

/// Waits for the first of: news, a signal, time to look at files.
async fn turn(heard: &mut UnboundedReceiver<News>, ending: &mut Ending, runtime: &Runtime) -> Turn {
    let (signal, tick) = (pin!(ending.wait()), pin!(runtime.sleep(POLL)));
    match select(pin!(heard.recv()), select(signal, tick)).await {
        Either::Left((news, _)) => Turn::News(news),
        Either::Right((Either::Left(_), _)) => Turn::Signal,
        Either::Right((Either::Right(_), _)) => Turn::Poll,
    }
}
