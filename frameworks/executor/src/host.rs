//! The shell both executors of ours share: starts the processes of tasks, or has their containers
//! started, asks their checks, ends them, and reports.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, ready, select};
use libprocess::http::Client;
use model::task::Ended;
use model::{ContainerId, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};
use nix::sys::signal::Signal;
use tokio::sync::oneshot;

use crate::checks::{self, Checker, Finding, Subject};
use crate::child::{Child, Reaper, kill_remains, signal_tree, spawn};
use crate::driver::Driver;
use crate::executor::Executor;
use crate::hosted::{Asking, Hosted};
use crate::nested::{Waited, Wanted};
use crate::question::{ask_http, ask_tcp};
use crate::run::{self, Run, Why};

/// The tasks of one executor.
pub(crate) struct Host {
    hosted: BTreeMap<TaskId, Hosted>,
    /// Whether the framework wants to hear of TASK_KILLING.
    pub(crate) tells_killing: bool,
    reaping: bool,
    /// The executor's own container, if tasks are to have containers in it.
    around: Option<ContainerId>,
    /// Asks HTTP checks, whatever certificate is shown.
    client: Client,
}

/// What an executor with a host is told.
pub struct Input(News);

enum News {
    /// Some child may have ended.
    ChildEnded(Reaper),
    Woke {
        task: TaskId,
        alarm: run::Alarm,
    },
    CheckWoke {
        task: TaskId,
        checker: usize,
        attempt: u64,
        alarm: checks::Alarm,
    },
    Found {
        task: TaskId,
        checker: usize,
        attempt: u64,
        finding: Finding,
    },
    /// A task's container runs, or will not.
    Launched {
        task: TaskId,
        result: Result<(), String>,
    },
    /// A task's container has ended.
    Waited {
        task: TaskId,
        how: Waited,
    },
    /// Something was asked of the agent whose answer does not matter.
    Asked,
    /// Whoever was to acknowledge has had time enough.
    Leave,
}

impl Input {
    /// Whoever was to acknowledge has had time enough.
    pub(crate) fn leave() -> Input {
        Input(News::Leave)
    }

    pub(crate) fn is_leave(&self) -> bool {
        matches!(self.0, News::Leave)
    }
}

/// A task that has just ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) task: TaskId,
    pub(crate) state: TaskState,
}

/// After its last update an executor waits so long for the acknowledgement.
pub(crate) const LINGER: Duration = Duration::from_secs(60);

impl Host {
    pub(crate) fn new() -> Host {
        Host {
            hosted: BTreeMap::new(),
            tells_killing: false,
            reaping: false,
            around: None,
            client: Client::unverified(),
        }
    }

    /// From now on tasks have containers of their own, in this one.
    pub(crate) fn nest_in(&mut self, container: Option<ContainerId>) {
        self.around = container;
    }

    /// The agent is away: nobody would hear what checks find.
    pub(crate) fn pause<E: Executor<Input = Input>>(&mut self, driver: &mut Driver<'_, E>) {
        for task in self.tasks() {
            self.every_check(driver, &task, || checks::Happening::Pause);
        }
    }

    pub(crate) fn resume<E: Executor<Input = Input>>(&mut self, driver: &mut Driver<'_, E>) {
        for task in self.tasks() {
            self.every_check(driver, &task, || checks::Happening::Resume);
        }
    }

    /// Whether nothing runs, or is about to.
    pub(crate) fn is_idle(&self) -> bool {
        self.hosted.values().all(|hosted| hosted.run.is_over())
    }

    pub(crate) fn tasks(&self) -> Vec<TaskId> {
        self.hosted.keys().cloned().collect()
    }

    /// The name of a container within the executor's own, if the agent makes any there.
    pub(crate) fn container(&self, name: &str) -> Option<ContainerId> {
        self.around.as_ref().map(|around| around.child(name))
    }

    /// Whether tasks can be in containers of their own.
    pub(crate) fn nests(&self) -> bool {
        self.around.is_some()
    }

    /// Starts a task: in `directory`, or where the executor is; in a container of its own, or as a process.
    pub(crate) fn launch<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: TaskInfo,
        directory: Option<PathBuf>,
        container: Option<ContainerId>,
    ) -> Vec<Over> {
        let id = task.id.clone();
        let mut checkers: Vec<Checker> = task.check.iter().map(Checker::of_check).collect();
        checkers.extend(task.health_check.iter().map(Checker::of_health));
        let mut run = Run::new(task, self.tells_killing);
        run.container = container;
        let hosted = Hosted {
            run,
            child: None,
            directory,
            checkers,
            asking: Vec::new(),
            withdrawing: BTreeMap::new(),
        };
        self.hosted.insert(id.clone(), hosted);
        self.happen(driver, &id, run::Happening::Launched)
    }

    pub(crate) fn kill<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        grace: Option<Duration>,
    ) -> Vec<Over> {
        self.happen(driver, task, run::Happening::Kill { grace, why: Why::Asked })
    }

    /// Carries out what an input means; gives the tasks it ended.
    pub(crate) fn handle<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        input: Input,
    ) -> Vec<Over> {
        match input.0 {
            News::ChildEnded(reaper) => self.reap(driver, reaper),
            News::Woke { task, alarm } => self.happen(driver, &task, run::Happening::Woke(alarm)),
            News::CheckWoke { task, checker, attempt, alarm } => {
                self.check(driver, &task, checker, checks::Happening::Woke { attempt, alarm })
            }
            News::Found { task, checker, attempt, finding } => {
                self.check(driver, &task, checker, checks::Happening::Found { attempt, finding })
            }
            News::Launched { task, result: Ok(()) } => {
                let over = self.happen(driver, &task, run::Happening::Started);
                self.wait(driver, &task);
                over
            }
            News::Launched { task, result: Err(why) } => {
                self.happen(driver, &task, run::Happening::NotLaunched(why))
            }
            News::Waited { task, how } => self.happen(driver, &task, run::Happening::Waited(Box::new(how))),
            News::Asked => Vec::new(),
            News::Leave => {
                driver.stop();
                Vec::new()
            }
        }
    }

    fn happen<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        happening: run::Happening,
    ) -> Vec<Over> {
        let Some(hosted) = self.hosted.get_mut(task) else {
            return Vec::new();
        };
        let mut over = Vec::new();
        for effect in hosted.run.decide(happening, driver.now()) {
            match effect {
                run::Effect::Update(status) => {
                    if status.state.is_terminal() {
                        over.push(Over { task: task.clone(), state: status.state });
                    }
                    driver.update(*status);
                }
                run::Effect::Start => over.extend(self.start(driver, task)),
                run::Effect::Terminate => self.signal(driver, task, Signal::SIGTERM),
                run::Effect::Destroy => self.signal(driver, task, Signal::SIGKILL),
                run::Effect::Alarm { after, alarm } => {
                    driver.after(after, Input(News::Woke { task: task.clone(), alarm }));
                }
                run::Effect::StartChecks => {
                    over.extend(self.every_check(driver, task, || checks::Happening::Start))
                }
                run::Effect::StopChecks => {
                    over.extend(self.every_check(driver, task, || checks::Happening::Stop))
                }
            }
        }
        over
    }

    fn signal<E: Executor<Input = Input>>(&self, driver: &mut Driver<'_, E>, task: &TaskId, signal: Signal) {
        let Some(hosted) = self.hosted.get(task) else { return };
        if let Some(child) = hosted.child {
            signal_tree(child, signal);
        }
        if let Some(container) = hosted.run.container.clone() {
            let containers = driver.containers();
            let asked = async move { containers.signal(&container, signal as i32).await };
            driver.task(asked, |()| Input(News::Asked));
        }
    }

    /// Has a container launched for a task.
    fn start_container<E: Executor<Input = Input>>(
        &self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        id: ContainerId,
    ) {
        let Some(hosted) = self.hosted.get(task) else { return };
        let info = &hosted.run.task;
        let wanted = Wanted {
            id,
            command: hosted.command(None).described(info.command.as_ref()),
            container: info.container.clone(),
            resources: info.resources.clone(),
            limits: info.limits.clone(),
        };
        let (containers, task) = (driver.containers(), task.clone());
        let launched = async move { containers.launch(&wanted).await };
        driver.task(launched, |result| Input(News::Launched { task, result }));
    }

    /// Waits for a task's container to end.
    fn wait<E: Executor<Input = Input>>(&self, driver: &mut Driver<'_, E>, task: &TaskId) {
        let container = self.hosted.get(task).and_then(|hosted| hosted.run.container.clone());
        let Some(container) = container else { return };
        let (containers, task) = (driver.containers(), task.clone());
        let waited = async move { containers.wait(&container).await };
        driver.task(waited, |how| Input(News::Waited { task, how }));
    }

    fn start<E: Executor<Input = Input>>(&mut self, driver: &mut Driver<'_, E>, task: &TaskId) -> Vec<Over> {
        let container = self.hosted.get(task).and_then(|hosted| hosted.run.container.clone());
        if let Some(container) = container {
            self.start_container(driver, task, container);
            return Vec::new();
        }
        if !self.reaping {
            match Reaper::new() {
                Ok(reaper) => listen(driver, reaper),
                Err(error) => {
                    tracing::error!(%error, "failed to watch for ended children");
                    return self.happen(driver, task, run::Happening::NotStarted);
                }
            }
            self.reaping = true;
        }
        let Some(hosted) = self.hosted.get_mut(task) else {
            return Vec::new();
        };
        let happening = match spawn(&hosted.command(None)) {
            Ok(child) => {
                hosted.child = Some(child);
                run::Happening::Started
            }
            Err(error) => {
                tracing::error!(%task, %error, "failed to execute the command");
                run::Happening::NotStarted
            }
        };
        self.happen(driver, task, happening)
    }

    fn reap<E: Executor<Input = Input>>(&mut self, driver: &mut Driver<'_, E>, reaper: Reaper) -> Vec<Over> {
        let mut over = Vec::new();
        for task in self.tasks() {
            let Some(hosted) = self.hosted.get_mut(&task) else { continue };
            let mut found = Vec::new();
            hosted.asking.retain(|asking| match asking.child.try_reap() {
                None => true,
                Some(ended) => {
                    found.push((asking.checker, asking.attempt, ended));
                    false
                }
            });
            let child = hosted.child;
            let ended = child.and_then(Child::try_reap);
            if ended.is_some() {
                hosted.child = None;
            }
            // What is left of a lone task that ended by itself is ended with its executor, by the agent.
            let clears = hosted.directory.is_some() || hosted.run.is_being_killed();
            if let (Some(child), Some(_), true) = (child, ended, clears) {
                kill_remains(child);
            }
            for (checker, attempt, ended) in found {
                let finding = match ended {
                    Ended::Exited(code) => Finding::Exited(code),
                    Ended::Killed { .. } => Finding::Nothing,
                };
                over.extend(self.check(
                    driver,
                    &task,
                    checker,
                    checks::Happening::Found { attempt, finding },
                ));
            }
            if let Some(ended) = ended {
                over.extend(self.happen(driver, &task, run::Happening::Ended(ended)));
            }
        }
        listen(driver, reaper);
        over
    }

    fn every_check<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        happening: impl Fn() -> checks::Happening,
    ) -> Vec<Over> {
        let count = self.hosted.get(task).map_or(0, |hosted| hosted.checkers.len());
        (0..count).flat_map(|checker| self.check(driver, task, checker, happening())).collect()
    }

    fn check<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        checker: usize,
        happening: checks::Happening,
    ) -> Vec<Over> {
        let Some(hosted) = self.hosted.get_mut(task) else {
            return Vec::new();
        };
        let mut over = Vec::new();
        for effect in hosted.checkers[checker].decide(happening, driver.now()) {
            match effect {
                checks::Effect::Alarm { after, attempt, alarm } => {
                    let news = News::CheckWoke { task: task.clone(), checker, attempt, alarm };
                    driver.after(after, Input(news));
                }
                checks::Effect::Ask { attempt } => self.ask(driver, task, checker, attempt),
                checks::Effect::Abandon { attempt } => {
                    let Some(hosted) = self.hosted.get_mut(task) else { continue };
                    hosted.withdrawing.remove(&checker);
                    let asking = hosted.asking.as_slice();
                    let of_this = |asking: &&Asking| (asking.checker, asking.attempt) == (checker, attempt);
                    asking
                        .iter()
                        .filter(of_this)
                        .for_each(|asking| signal_tree(asking.child, Signal::SIGKILL));
                }
                checks::Effect::Health { healthy, give_up } => {
                    over.extend(self.happen(driver, task, run::Happening::Health { healthy, give_up }));
                }
                checks::Effect::Check(status) => {
                    over.extend(self.happen(driver, task, run::Happening::Check(status)));
                }
            }
        }
        over
    }

    fn ask<E: Executor<Input = Input>>(
        &mut self,
        driver: &mut Driver<'_, E>,
        task: &TaskId,
        checker: usize,
        attempt: u64,
    ) {
        let Some(hosted) = self.hosted.get_mut(task) else {
            return;
        };
        let subject = hosted.checkers[checker].subject().clone();
        let task = task.clone();
        let found = move |finding| Input(News::Found { task, checker, attempt, finding });
        let question: LocalBoxFuture<'static, Finding> = match subject {
            Subject::Command(info) => match hosted.run.container.clone() {
                Some(container) => {
                    let id = container.child(format!("check-{}", uuid::Uuid::new_v4()));
                    let command = hosted.command(Some(&info)).described(Some(&info));
                    let containers = driver.containers();
                    async move { containers.check(&id, &command).await }.boxed_local()
                }
                None => match spawn(&hosted.command(Some(&info))) {
                    Ok(child) => return hosted.asking.push(Asking { child, checker, attempt }),
                    Err(_) => ready(Finding::Nothing).boxed_local(),
                },
            },
            Subject::Http { url } => ask_http(self.client.clone(), url).boxed_local(),
            Subject::Tcp { host, port } => ask_tcp(host, port).boxed_local(),
        };
        let (withdraw, withdrawn) = oneshot::channel();
        hosted.withdrawing.insert(checker, withdraw);
        let asked = async move {
            match select(question, withdrawn).await {
                Either::Left((finding, _)) => finding,
                // Late: whoever asked goes by the attempt's number.
                Either::Right(_) => Finding::Nothing,
            }
        };
        driver.task(asked, found);
    }
}

fn listen<E: Executor<Input = Input>>(driver: &mut Driver<'_, E>, mut reaper: Reaper) {
    let wait = async move {
        reaper.wait().await;
        reaper
    };
    driver.task(wait, |reaper| Input(News::ChildEnded(reaper)));
}

/// What a kill call says of the grace period.
pub(crate) fn grace(policy: Option<KillPolicy>) -> Option<Duration> {
    policy.and_then(|policy| policy.grace_period)
}

/// A status that ends a task which never began.
pub(crate) fn failed(task: TaskId, why: &str) -> TaskStatus {
    let mut status = TaskStatus::new(task, TaskState::Failed);
    status.message = Some(why.to_owned());
    status
}
