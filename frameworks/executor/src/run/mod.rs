//! One task that is a process or a container: from its launch to its last update. Pure; the two
//! executors of ours carry out what it decides.
//!
//! | from | on | to |
//! |---|---|---|
//! | – | launched: STARTING | `Starting` |
//! | `Starting` | process started: RUNNING | `Running` |
//! | `Starting` | program missing: RUNNING, then as if it had exited with 1 | `Over` |
//! | `Starting` | its container cannot be launched: FAILED | `Over` |
//! | `Starting` | kill: as soon as it has started | `Starting` |
//! | `Running` | kill, completion time, failed health check: SIGTERM, KILLING | `Killing` |
//! | `Killing` | kill with less grace | `Killing`, sooner |
//! | `Killing` | grace is over: SIGKILL | `Killing` |
//! | `Running`, `Killing` | process ended: FINISHED, FAILED or KILLED | `Over` |
//!
//! Source: Mesos' command executor.

use std::time::Duration;

use model::task::Ended;
use model::{
    CheckKind, CheckStatus, ContainerId, ContainerStatus, StatusReason, TaskInfo, TaskState, TaskStatus, Time,
};

use crate::nested::Waited;

/// Between SIGTERM and SIGKILL, when neither task nor call says otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// A task and where it is.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) task: TaskInfo,
    /// Whether the framework wants to hear of TASK_KILLING.
    tells_killing: bool,
    phase: Phase,
    healthy: Option<bool>,
    check: Option<CheckStatus>,
    /// Where it runs, if in a container of its own.
    pub(crate) container: Option<ContainerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is to be killed as soon as it has started, if at all.
    Starting {
        doomed: Option<(Option<Duration>, Why)>,
    },
    Running,
    Killing {
        why: Why,
        deadline: Time,
    },
    Over,
}

/// Why a task is being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A kill call, a shutdown, or another of its group ended.
    Asked,
    /// It took longer than it wanted.
    Overtime,
    Unhealthy,
}

/// All that can happen to it.
#[derive(Debug)]
pub(crate) enum Happening {
    Launched,
    Started,
    /// The program could not be executed.
    NotStarted,
    /// Its container could not be launched, and why.
    NotLaunched(String),
    Kill {
        grace: Option<Duration>,
        why: Why,
    },
    Ended(Ended),
    /// Its container ended.
    Waited(Box<Waited>),
    Woke(Alarm),
    /// A health check said something new; `give_up` when it has failed too often.
    Health {
        healthy: bool,
        give_up: bool,
    },
    /// A check found something else than before.
    Check(CheckStatus),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The grace period may be over.
    Escalate,
    /// The completion time is over.
    Overtime,
}

/// All it may ask of its executor.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    Update(Box<TaskStatus>),
    Start,
    /// SIGTERM to the tree.
    Terminate,
    /// SIGKILL to the tree.
    Destroy,
    Alarm {
        after: Duration,
        alarm: Alarm,
    },
    StartChecks,
    StopChecks,
}

impl Run {
    pub(crate) fn new(task: TaskInfo, tells_killing: bool) -> Run {
        let check = task.check.as_ref().map(|check| match check.kind {
            CheckKind::Command(_) => CheckStatus::Command { exit_code: None },
            CheckKind::Http { .. } => CheckStatus::Http { status_code: None },
            CheckKind::Tcp { .. } => CheckStatus::Tcp { succeeded: None },
        });
        let phase = Phase::Starting { doomed: None };
        Run { task, tells_killing, phase, healthy: None, check, container: None }
    }

    pub(crate) fn is_being_killed(&self) -> bool {
        matches!(self.phase, Phase::Killing { .. })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Everything that can happen, and the rule that answers it.
    pub(crate) fn decide(&mut self, happening: Happening, now: Time) -> Vec<Effect> {
        match (happening, self.phase) {
            (Happening::Launched, Phase::Starting { .. }) => {
                vec![update(self.status(TaskState::Starting)), Effect::Start]
            }
            (Happening::Started, Phase::Starting { doomed: None }) => self.started(),
            (Happening::Started, Phase::Starting { doomed: Some((grace, why)) }) => {
                self.kill(grace, why, now)
            }
            (Happening::NotStarted, Phase::Starting { .. }) => {
                // Mesos' helper process starts, fails to execute, and exits.
                let running = update(self.status(TaskState::Running));
                let mut effects = vec![running];
                effects.extend(self.ended(Ended::Exited(1), None));
                effects
            }
            (Happening::NotLaunched(why), Phase::Starting { doomed }) => {
                let (state, reason) = match doomed {
                    Some(_) => (TaskState::Killed, None),
                    None => (TaskState::Failed, Some(StatusReason::ContainerLaunchFailed)),
                };
                self.over(TaskStatus { reason, message: Some(why), ..self.status(state) })
            }
            (Happening::Kill { grace, why }, Phase::Starting { doomed }) => {
                // Of several the one that grants least counts.
                let shorter = match doomed {
                    Some((before, _)) => [before, grace].into_iter().flatten().min(),
                    None => grace,
                };
                self.phase = Phase::Starting { doomed: Some((shorter, why)) };
                Vec::new()
            }
            (Happening::Kill { grace, why }, Phase::Running) => self.kill(grace, why, now),
            (Happening::Kill { grace: Some(grace), .. }, Phase::Killing { why, deadline }) => {
                self.hurry(why, deadline, now + grace, now)
            }
            (Happening::Ended(ended), Phase::Running) => self.ended(ended, None),
            (Happening::Ended(ended), Phase::Killing { why, .. }) => self.ended(ended, Some(why)),
            (Happening::Waited(how), Phase::Running) => self.waited(*how, None),
            (Happening::Waited(how), Phase::Killing { why, .. }) => self.waited(*how, Some(why)),
            (Happening::Woke(Alarm::Escalate), Phase::Killing { deadline, .. }) if now >= deadline => {
                vec![Effect::Destroy]
            }
            (Happening::Woke(Alarm::Overtime), Phase::Running) => self.kill(None, Why::Overtime, now),
            (Happening::Health { healthy, give_up }, Phase::Running) => {
                self.healthy = Some(healthy);
                let reason = StatusReason::TaskHealthCheckStatusUpdated;
                let mut effects = vec![update(self.because(TaskState::Running, reason))];
                if give_up {
                    effects.extend(self.kill(None, Why::Unhealthy, now));
                }
                effects
            }
            (Happening::Check(status), Phase::Running) => {
                self.check = Some(status);
                vec![update(self.because(TaskState::Running, StatusReason::TaskCheckStatusUpdated))]
            }
            // Late: what it speaks of is over already.
            _ => Vec::new(),
        }
    }

    fn started(&mut self) -> Vec<Effect> {
        self.phase = Phase::Running;
        let mut effects = vec![update(self.status(TaskState::Running))];
        if let Some(after) = self.task.max_completion_time {
            effects.push(Effect::Alarm { after, alarm: Alarm::Overtime });
        }
        if self.task.check.is_some() || self.task.health_check.is_some() {
            effects.push(Effect::StartChecks);
        }
        effects
    }

    fn kill(&mut self, grace: Option<Duration>, why: Why, now: Time) -> Vec<Effect> {
        let own = self.task.kill_policy.and_then(|policy| policy.grace_period);
        let grace = grace.or(own).unwrap_or(GRACE);
        self.phase = Phase::Killing { why, deadline: now + grace };
        let mut effects = vec![Effect::StopChecks];
        if self.tells_killing && why != Why::Overtime {
            effects.push(update(self.status(TaskState::Killing)));
        }
        effects.push(Effect::Terminate);
        effects.push(Effect::Alarm { after: grace, alarm: Alarm::Escalate });
        effects
    }

    /// A second kill may only shorten what the first one granted.
    fn hurry(&mut self, why: Why, deadline: Time, sooner: Time, now: Time) -> Vec<Effect> {
        if sooner >= deadline {
            return Vec::new();
        }
        self.phase = Phase::Killing { why, deadline: sooner };
        vec![Effect::Alarm { after: sooner.since(now), alarm: Alarm::Escalate }]
    }

    /// Who exits with success has finished, whatever was asked of it meanwhile; a container that was killed was killed.
    fn ended(&mut self, ended: Ended, killed: Option<Why>) -> Vec<Effect> {
        let status = self.exited(ended, killed);
        self.over(status)
    }

    fn exited(&self, ended: Ended, killed: Option<Why>) -> TaskStatus {
        let state = match killed {
            Some(Why::Overtime) => TaskState::Failed,
            Some(Why::Asked | Why::Unhealthy) if self.container.is_some() => TaskState::Killed,
            _ if ended.is_success() => TaskState::Finished,
            Some(Why::Asked | Why::Unhealthy) => TaskState::Killed,
            None => TaskState::Failed,
        };
        let mut status = self.status(state);
        status.message = Some(format!("Command {ended}"));
        status.reason = (killed == Some(Why::Overtime)).then_some(StatusReason::MaxCompletionTimeReached);
        status
    }

    /// The same of its container; each thing that the agent knows of it counts more.
    fn waited(&mut self, how: Waited, killed: Option<Why>) -> Vec<Effect> {
        let mut status = match how.ended {
            Some(ended) => self.exited(ended, killed),
            None => self.status(TaskState::Failed),
        };
        status.state = how.state.unwrap_or(status.state);
        status.reason = how.reason.or(status.reason);
        status.message = how.message.or(status.message);
        status.limitation = how.limitation;
        self.over(status)
    }

    fn over(&mut self, status: TaskStatus) -> Vec<Effect> {
        self.phase = Phase::Over;
        vec![Effect::StopChecks, update(status)]
    }

    fn status(&self, state: TaskState) -> TaskStatus {
        let mut status = TaskStatus::new(self.task.id.clone(), state);
        status.healthy = self.healthy;
        status.check_status = self.check;
        status.container_status = self
            .container
            .clone()
            .map(|container| ContainerStatus { container_id: Some(container), ..ContainerStatus::default() });
        status
    }

    fn because(&self, state: TaskState, reason: StatusReason) -> TaskStatus {
        TaskStatus { reason: Some(reason), ..self.status(state) }
    }
}

fn update(status: TaskStatus) -> Effect {
    Effect::Update(Box::new(status))
}

#[cfg(test)]
mod tests {
    use model::{AgentId, KillPolicy, Resources};

    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn at(secs: u64) -> Time {
        Time::START + Duration::from_secs(secs)
    }

    fn running(with: impl FnOnce(&mut TaskInfo)) -> Run {
        let mut task = TaskInfo::new("t", AgentId::from("a"), Resources::new());
        with(&mut task);
        let mut run = Run::new(task, true);
        run.decide(Happening::Launched, at(0));
        run.decide(Happening::Started, at(0));
        run
    }

    /// States, messages and reasons of the updates among effects.
    fn updates(effects: &[Effect]) -> Vec<(TaskState, Option<&str>)> {
        let statuses = effects.iter().filter_map(|effect| match effect {
            Effect::Update(status) => Some((status.state, status.message.as_deref())),
            _ => None,
        });
        statuses.collect()
    }

    fn kill(grace: Option<u64>) -> Happening {
        Happening::Kill { grace: grace.map(secs), why: Why::Asked }
    }

    const TERMINATED: Ended = Ended::Killed { signal: 15, core: false };

    #[test]
    fn a_task_starts_runs_and_finishes() {
        let task = TaskInfo::new("t", AgentId::from("a"), Resources::new());
        let mut run = Run::new(task, false);
        let effects = run.decide(Happening::Launched, at(0));
        assert_eq!(updates(&effects), [(TaskState::Starting, None)]);
        assert_eq!(effects[1], Effect::Start);
        let effects = run.decide(Happening::Started, at(0));
        assert_eq!(updates(&effects), [(TaskState::Running, None)]);
        let effects = run.decide(Happening::Ended(Ended::Exited(0)), at(1));
        assert_eq!(updates(&effects), [(TaskState::Finished, Some("Command exited with status 0"))]);
        assert!(run.is_over());
    }

    #[test]
    fn a_task_that_exits_with_an_error_has_failed() {
        let effects = running(|_| {}).decide(Happening::Ended(Ended::Exited(3)), at(1));
        assert_eq!(updates(&effects), [(TaskState::Failed, Some("Command exited with status 3"))]);
    }

    #[test]
    fn a_missing_program_runs_and_fails() {
        let task = TaskInfo::new("t", AgentId::from("a"), Resources::new());
        let mut run = Run::new(task, false);
        run.decide(Happening::Launched, at(0));
        let effects = run.decide(Happening::NotStarted, at(0));
        let expected =
            [(TaskState::Running, None), (TaskState::Failed, Some("Command exited with status 1"))];
        assert_eq!(updates(&effects), expected);
    }

    #[test]
    fn a_killed_task_is_terminated_and_after_its_grace_destroyed() {
        let mut run = running(|task| task.kill_policy = Some(KillPolicy { grace_period: Some(secs(7)) }));
        let effects = run.decide(kill(None), at(10));
        assert_eq!(updates(&effects), [(TaskState::Killing, None)]);
        assert_eq!(effects[2], Effect::Terminate);
        assert_eq!(effects[3], Effect::Alarm { after: secs(7), alarm: Alarm::Escalate });
        assert_eq!(run.decide(Happening::Woke(Alarm::Escalate), at(16)), []);
        assert_eq!(run.decide(Happening::Woke(Alarm::Escalate), at(17)), [Effect::Destroy]);
        let effects = run.decide(Happening::Ended(TERMINATED), at(17));
        let message = "Command terminated with signal Terminated";
        assert_eq!(updates(&effects), [(TaskState::Killed, Some(message))]);
    }

    #[test]
    fn a_second_kill_shortens_the_grace_but_never_lengthens_it() {
        let mut run = running(|_| {});
        run.decide(kill(Some(60)), at(0));
        assert_eq!(run.decide(kill(Some(90)), at(1)), []);
        assert_eq!(run.decide(kill(None), at(1)), []);
        let effects = run.decide(kill(Some(2)), at(1));
        assert_eq!(effects, [Effect::Alarm { after: secs(2), alarm: Alarm::Escalate }]);
        assert_eq!(run.decide(Happening::Woke(Alarm::Escalate), at(3)), [Effect::Destroy]);
    }

    #[test]
    fn who_exits_well_when_killed_has_finished() {
        let mut run = running(|_| {});
        run.decide(kill(None), at(0));
        let effects = run.decide(Happening::Ended(Ended::Exited(0)), at(1));
        assert_eq!(updates(&effects)[0].0, TaskState::Finished);
    }

    #[test]
    fn a_task_that_takes_too_long_fails_for_that_reason() {
        let mut run = running(|task| task.max_completion_time = Some(secs(5)));
        let effects = run.decide(Happening::Woke(Alarm::Overtime), at(5));
        assert_eq!(updates(&effects), [], "TASK_KILLING is for kills");
        let effects = run.decide(Happening::Ended(TERMINATED), at(5));
        let Effect::Update(status) = &effects[1] else { panic!("{effects:?}") };
        assert_eq!(status.state, TaskState::Failed);
        assert_eq!(status.reason, Some(StatusReason::MaxCompletionTimeReached));
    }

    #[test]
    fn a_task_found_unhealthy_too_often_is_killed_and_says_so() {
        let mut run = running(|_| {});
        let effects = run.decide(Happening::Health { healthy: false, give_up: true }, at(1));
        assert_eq!(updates(&effects), [(TaskState::Running, None), (TaskState::Killing, None)]);
        let effects = run.decide(Happening::Ended(TERMINATED), at(1));
        let Effect::Update(status) = &effects[1] else { panic!("{effects:?}") };
        assert_eq!((status.state, status.healthy), (TaskState::Killed, Some(false)));
    }

    #[test]
    fn a_kill_that_comes_while_it_starts_is_carried_out_once_it_has() {
        let task = TaskInfo::new("t", AgentId::from("a"), Resources::new());
        let mut run = Run::new(task.clone(), true);
        run.decide(Happening::Launched, at(0));
        assert_eq!(run.decide(kill(Some(9)), at(0)), []);
        assert_eq!(run.decide(kill(Some(4)), at(0)), []);
        let effects = run.decide(Happening::Started, at(1));
        assert_eq!(updates(&effects), [(TaskState::Killing, None)]);
        assert_eq!(effects[3], Effect::Alarm { after: secs(4), alarm: Alarm::Escalate });

        let mut run = Run::new(task, true);
        run.decide(Happening::Launched, at(0));
        run.decide(kill(None), at(0));
        let effects = run.decide(Happening::NotLaunched("why".into()), at(1));
        assert_eq!(updates(&effects), [(TaskState::Killed, Some("why"))]);
    }

    #[test]
    fn a_container_that_is_not_launched_is_told_apart_from_a_command_that_fails() {
        let mut run = Run::new(TaskInfo::new("t", AgentId::from("a"), Resources::new()), true);
        run.decide(Happening::Launched, at(0));
        let effects = run.decide(Happening::NotLaunched("no image".into()), at(1));
        let Some(Effect::Update(status)) = effects.last() else { panic!("{effects:?}") };
        assert_eq!(status.reason, Some(StatusReason::ContainerLaunchFailed));
        assert_eq!((status.state, status.message.as_deref()), (TaskState::Failed, Some("no image")));
    }

    /// The last update of a task whose container ended like this.
    fn last_of(run: &mut Run, how: Waited) -> TaskStatus {
        let effects = run.decide(Happening::Waited(Box::new(how)), at(2));
        let [Effect::StopChecks, Effect::Update(status)] = &effects[..] else { panic!("{effects:?}") };
        assert!(run.is_over());
        (**status).clone()
    }

    #[test]
    fn what_the_agent_knows_of_a_container_s_end_counts_more() {
        let reason = Some(StatusReason::ContainerLimitationMemory);
        let limitation: Option<Resources> = Some("mem:48".parse().unwrap());
        let broke = Waited {
            ended: Some(Ended::Killed { signal: 9, core: false }),
            state: Some(TaskState::Failed),
            reason,
            message: Some("too much".into()),
            limitation: limitation.clone(),
        };
        let mut run = running(|_| {});
        run.decide(kill(None), at(1));
        let status = last_of(&mut run, broke);
        assert_eq!((status.state, status.reason, status.limitation), (TaskState::Failed, reason, limitation));
        assert_eq!(status.message.as_deref(), Some("too much"));
    }

    #[test]
    fn of_what_the_agent_does_not_know_the_exit_status_tells() {
        let ended = Some(Ended::Exited(0));
        let status = last_of(&mut running(|_| {}), Waited { ended, ..Waited::default() });
        assert_eq!(status.state, TaskState::Finished);
        assert_eq!(status.message.as_deref(), Some("Command exited with status 0"));
        let said =
            Waited { ended: Some(Ended::Exited(1)), message: Some("no root".into()), ..Waited::default() };
        let status = last_of(&mut running(|_| {}), said);
        assert_eq!((status.state, status.message.as_deref()), (TaskState::Failed, Some("no root")));
        assert_eq!(last_of(&mut running(|_| {}), Waited::default()).state, TaskState::Failed);
    }

    #[test]
    fn what_comes_after_the_end_changes_nothing() {
        let mut run = running(|_| {});
        run.decide(Happening::Ended(Ended::Exited(0)), at(1));
        assert_eq!(run.decide(kill(None), at(2)), []);
        assert_eq!(run.decide(Happening::Woke(Alarm::Escalate), at(2)), []);
        assert_eq!(run.decide(Happening::Ended(Ended::Exited(1)), at(2)), []);
    }
}
