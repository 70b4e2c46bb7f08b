//! Questions asked of a task while it runs: when they are asked, and what an answer means. Pure.
//!
//! ```text
//!  start ─ delay ─► Asking ─ found, or timeout ─► Resting ─ interval ─► Asking …      stop: nothing more
//! ```
//!
//! Source: Mesos' checks and health checks.

use std::time::Duration;

use model::container::Protocol;
use model::{Check, CheckKind, CheckStatus, HealthCheck, HealthCheckKind, Time};

/// One check or health check of one task.
#[derive(Debug)]
pub(crate) struct Checker {
    subject: Subject,
    delay: Duration,
    interval: Duration,
    timeout: Option<Duration>,
    purpose: Purpose,
    phase: Phase,
    /// Counts questions: what belongs to an older one is late.
    attempt: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Command(model::CommandInfo),
    /// `https` shows whatever certificate it likes.
    Http {
        url: String,
    },
    Tcp {
        host: &'static str,
        port: u32,
    },
}

#[derive(Debug)]
enum Purpose {
    /// Reports what changes; a task starts with nothing known.
    Check { last: Finding },
    /// Reports health, and gives up on a task.
    Health { grace_until: Time, grace: Duration, allowed: u32, failures: u32, healthy: Option<bool> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Resting,
    Asking,
    Paused,
    Stopped,
}

/// What was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Exited(i32),
    Status(u16),
    Connected(bool),
    /// No answer: it could not be asked, or took too long.
    Nothing,
}

#[derive(Debug)]
pub(crate) enum Happening {
    Start,
    Woke {
        attempt: u64,
        alarm: Alarm,
    },
    Found {
        attempt: u64,
        finding: Finding,
    },
    Stop,
    /// Nobody is there to hear of it.
    Pause,
    Resume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    Ask,
    Timeout,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Ask {
        attempt: u64,
    },
    /// Nobody waits for this answer any more.
    Abandon {
        attempt: u64,
    },
    Alarm {
        after: Duration,
        attempt: u64,
        alarm: Alarm,
    },
    Health {
        healthy: bool,
        give_up: bool,
    },
    Check(CheckStatus),
}

impl Checker {
    pub(crate) fn of_check(check: &Check) -> Checker {
        let subject = match &check.kind {
            CheckKind::Command(command) => Subject::Command(command.clone()),
            CheckKind::Http { port, path } => http("http", Protocol::Ipv4, *port, path.as_deref()),
            CheckKind::Tcp { port } => Subject::Tcp { host: address(Protocol::Ipv4), port: *port },
        };
        Checker::new(
            subject,
            check.delay,
            check.interval,
            check.timeout,
            Purpose::Check { last: Finding::Nothing },
        )
    }

    pub(crate) fn of_health(check: &HealthCheck) -> Checker {
        let subject = match &check.kind {
            HealthCheckKind::Command(command) => Subject::Command(command.clone()),
            HealthCheckKind::Http { protocol, scheme, port, path, .. } => {
                http(scheme.as_deref().unwrap_or("http"), *protocol, *port, path.as_deref())
            }
            HealthCheckKind::Tcp { protocol, port } => Subject::Tcp { host: address(*protocol), port: *port },
        };
        let purpose = Purpose::Health {
            grace_until: Time::START,
            grace: check.grace_period,
            allowed: check.consecutive_failures,
            failures: 0,
            healthy: None,
        };
        Checker::new(subject, check.delay, check.interval, check.timeout, purpose)
    }

    fn new(
        subject: Subject,
        delay: Duration,
        interval: Duration,
        timeout: Duration,
        purpose: Purpose,
    ) -> Checker {
        let timeout = (!timeout.is_zero()).then_some(timeout);
        Checker { subject, delay, interval, timeout, purpose, phase: Phase::Resting, attempt: 0 }
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Everything that can happen, and the rule that answers it.
    pub(crate) fn decide(&mut self, happening: Happening, now: Time) -> Vec<Effect> {
        match (happening, self.phase) {
            (Happening::Start, Phase::Resting) => {
                if let Purpose::Health { grace_until, grace, .. } = &mut self.purpose {
                    *grace_until = now + *grace;
                }
                vec![self.rest(self.delay)]
            }
            (Happening::Woke { attempt, alarm: Alarm::Ask }, Phase::Resting) if attempt == self.attempt => {
                self.ask()
            }
            (Happening::Woke { attempt, alarm: Alarm::Timeout }, Phase::Asking)
                if attempt == self.attempt =>
            {
                let mut effects = vec![Effect::Abandon { attempt }];
                effects.extend(self.found(Finding::Nothing, now));
                effects
            }
            (Happening::Found { attempt, finding }, Phase::Asking) if attempt == self.attempt => {
                self.found(finding, now)
            }
            (Happening::Stop, phase) => {
                self.phase = Phase::Stopped;
                let asking = phase == Phase::Asking;
                asking.then_some(Effect::Abandon { attempt: self.attempt }).into_iter().collect()
            }
            (Happening::Pause, phase @ (Phase::Resting | Phase::Asking)) => {
                // A question that was not asked to the end is asked anew.
                self.phase = Phase::Paused;
                self.attempt += 1;
                let asking = phase == Phase::Asking;
                asking.then_some(Effect::Abandon { attempt: self.attempt - 1 }).into_iter().collect()
            }
            (Happening::Resume, Phase::Paused) => {
                self.phase = Phase::Resting;
                vec![self.rest(self.interval)]
            }
            // Late, or stopped.
            _ => Vec::new(),
        }
    }

    fn rest(&self, after: Duration) -> Effect {
        Effect::Alarm { after, attempt: self.attempt, alarm: Alarm::Ask }
    }

    fn ask(&mut self) -> Vec<Effect> {
        self.phase = Phase::Asking;
        self.attempt += 1;
        let attempt = self.attempt;
        let timeout = self.timeout.map(|after| Effect::Alarm { after, attempt, alarm: Alarm::Timeout });
        std::iter::once(Effect::Ask { attempt }).chain(timeout).collect()
    }

    /// The interval counts from the end of the question.
    fn found(&mut self, finding: Finding, now: Time) -> Vec<Effect> {
        self.phase = Phase::Resting;
        let mut effects: Vec<Effect> = match &mut self.purpose {
            Purpose::Check { last } if *last == finding => Vec::new(),
            Purpose::Check { last } => {
                *last = finding;
                vec![Effect::Check(finding.status(&self.subject))]
            }
            Purpose::Health { healthy, failures, .. } if finding.is_healthy() => {
                *failures = 0;
                let is_news = healthy.replace(true) != Some(true);
                is_news.then_some(Effect::Health { healthy: true, give_up: false }).into_iter().collect()
            }
            // A task may fail while it comes up.
            Purpose::Health { healthy: None, grace_until, .. } if now < *grace_until => Vec::new(),
            Purpose::Health { healthy, failures, allowed, .. } => {
                *healthy = Some(false);
                *failures += 1;
                vec![Effect::Health { healthy: false, give_up: *failures >= *allowed }]
            }
        };
        effects.push(self.rest(self.interval));
        effects
    }
}

/// The task's own address, which its checks share.
fn address(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Ipv4 => "127.0.0.1",
        Protocol::Ipv6 => "::1",
    }
}

fn http(scheme: &str, protocol: Protocol, port: u32, path: Option<&str>) -> Subject {
    let host = match protocol {
        Protocol::Ipv4 => address(protocol).to_owned(),
        Protocol::Ipv6 => format!("[{}]", address(protocol)),
    };
    Subject::Http { url: format!("{scheme}://{host}:{port}{}", path.unwrap_or("/")) }
}

impl Finding {
    fn is_healthy(self) -> bool {
        match self {
            Finding::Exited(code) => code == 0,
            Finding::Status(status) => (200..400).contains(&status),
            Finding::Connected(connected) => connected,
            Finding::Nothing => false,
        }
    }

    /// As a status carries it; empty of what could not be found out.
    fn status(self, subject: &Subject) -> CheckStatus {
        match (self, subject) {
            (Finding::Exited(code), _) => CheckStatus::Command { exit_code: Some(code) },
            (Finding::Status(status), _) => CheckStatus::Http { status_code: Some(status.into()) },
            (Finding::Connected(succeeded), _) => CheckStatus::Tcp { succeeded: Some(succeeded) },
            (Finding::Nothing, Subject::Command(_)) => CheckStatus::Command { exit_code: None },
            (Finding::Nothing, Subject::Http { .. }) => CheckStatus::Http { status_code: None },
            (Finding::Nothing, Subject::Tcp { .. }) => CheckStatus::Tcp { succeeded: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use model::CommandInfo;

    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn at(secs: u64) -> Time {
        Time::START + Duration::from_secs(secs)
    }

    fn health(consecutive_failures: u32) -> Checker {
        let kind = HealthCheckKind::Command(CommandInfo::shell("true"));
        Checker::of_health(&HealthCheck { consecutive_failures, ..HealthCheck::new(kind) })
    }

    /// Asks once at `now` and finds `finding`; gives what was said besides resting.
    fn round(checker: &mut Checker, finding: Finding, now: Time) -> Vec<Effect> {
        let attempt = checker.attempt;
        let asked = checker.decide(Happening::Woke { attempt, alarm: Alarm::Ask }, now);
        assert_eq!(asked[0], Effect::Ask { attempt: attempt + 1 });
        let mut effects = checker.decide(Happening::Found { attempt: attempt + 1, finding }, now);
        assert!(matches!(effects.pop(), Some(Effect::Alarm { alarm: Alarm::Ask, .. })));
        effects
    }

    const FAILED: Finding = Finding::Exited(1);
    const FINE: Finding = Finding::Exited(0);

    #[test]
    fn the_first_question_comes_after_the_delay() {
        let effects = health(3).decide(Happening::Start, at(0));
        assert_eq!(effects, [Effect::Alarm { after: secs(15), attempt: 0, alarm: Alarm::Ask }]);
    }

    #[test]
    fn failures_before_the_grace_is_over_do_not_count() {
        let mut checker = health(1);
        checker.decide(Happening::Start, at(0));
        assert_eq!(round(&mut checker, FAILED, at(9)), []);
        assert_eq!(round(&mut checker, FAILED, at(10)), [Effect::Health { healthy: false, give_up: true }]);
    }

    #[test]
    fn a_first_success_ends_the_grace() {
        let mut checker = health(3);
        checker.decide(Happening::Start, at(0));
        assert_eq!(round(&mut checker, FINE, at(1)), [Effect::Health { healthy: true, give_up: false }]);
        assert_eq!(round(&mut checker, FINE, at(2)), [], "no news");
        assert_eq!(round(&mut checker, FAILED, at(3)), [Effect::Health { healthy: false, give_up: false }]);
    }

    #[test]
    fn only_failures_in_a_row_give_up_on_a_task() {
        let mut checker = health(2);
        checker.decide(Happening::Start, at(0));
        round(&mut checker, FAILED, at(20));
        round(&mut checker, FINE, at(30));
        assert_eq!(round(&mut checker, FAILED, at(40)), [Effect::Health { healthy: false, give_up: false }]);
        assert_eq!(round(&mut checker, FAILED, at(50)), [Effect::Health { healthy: false, give_up: true }]);
    }

    #[test]
    fn a_check_reports_what_changes() {
        let mut checker = Checker::of_check(&Check::new(CheckKind::Http { port: 80, path: None }));
        assert_eq!(checker.subject(), &Subject::Http { url: "http://127.0.0.1:80/".into() });
        checker.decide(Happening::Start, at(0));
        let found = |status_code| [Effect::Check(CheckStatus::Http { status_code })];
        assert_eq!(round(&mut checker, Finding::Nothing, at(0)), [], "no news");
        assert_eq!(round(&mut checker, Finding::Status(404), at(1)), found(Some(404)));
        assert_eq!(round(&mut checker, Finding::Status(404), at(2)), []);
        assert_eq!(round(&mut checker, Finding::Nothing, at(3)), found(None));
    }

    #[test]
    fn an_answer_that_takes_too_long_is_a_failure_and_then_late() {
        let mut checker = health(3);
        checker.decide(Happening::Start, at(0));
        let effects = checker.decide(Happening::Woke { attempt: 0, alarm: Alarm::Ask }, at(15));
        assert_eq!(effects[1], Effect::Alarm { after: secs(20), attempt: 1, alarm: Alarm::Timeout });
        let effects = checker.decide(Happening::Woke { attempt: 1, alarm: Alarm::Timeout }, at(35));
        assert_eq!(
            effects[..2],
            [Effect::Abandon { attempt: 1 }, Effect::Health { healthy: false, give_up: false }]
        );
        assert_eq!(checker.decide(Happening::Found { attempt: 1, finding: FINE }, at(36)), []);
    }

    #[test]
    fn a_paused_check_asks_again_once_somebody_hears_of_it() {
        let mut checker = health(3);
        checker.decide(Happening::Start, at(0));
        checker.decide(Happening::Woke { attempt: 0, alarm: Alarm::Ask }, at(15));
        assert_eq!(checker.decide(Happening::Pause, at(16)), [Effect::Abandon { attempt: 1 }]);
        assert_eq!(checker.decide(Happening::Found { attempt: 1, finding: FAILED }, at(17)), []);
        assert_eq!(checker.decide(Happening::Woke { attempt: 1, alarm: Alarm::Timeout }, at(35)), []);
        let effects = checker.decide(Happening::Resume, at(40));
        assert_eq!(effects, [Effect::Alarm { after: secs(10), attempt: 2, alarm: Alarm::Ask }]);
        assert_eq!(round(&mut checker, FINE, at(50)), [Effect::Health { healthy: true, give_up: false }]);
        let mut stopped = health(3);
        stopped.decide(Happening::Stop, at(0));
        assert_eq!(stopped.decide(Happening::Resume, at(1)), []);
    }

    #[test]
    fn a_stopped_check_asks_nothing_more() {
        let mut checker = health(3);
        checker.decide(Happening::Start, at(0));
        checker.decide(Happening::Woke { attempt: 0, alarm: Alarm::Ask }, at(15));
        assert_eq!(checker.decide(Happening::Stop, at(16)), [Effect::Abandon { attempt: 1 }]);
        assert_eq!(checker.decide(Happening::Found { attempt: 1, finding: FINE }, at(17)), []);
    }
}
