//! Questions asked of a running task, and what they found.

use std::time::Duration;

use libprocess_wire as wire;

use crate::{CommandInfo, container::Protocol};

/// A check that only reports: it never kills.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Check {
    pub kind: CheckKind,
    pub delay: Duration,
    pub interval: Duration,
    /// Zero means no limit.
    pub timeout: Duration,
}

/// How a check asks.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    Command(CommandInfo),
    Http { port: u32, path: Option<String> },
    Tcp { port: u32 },
}

/// A check whose repeated failure kills the task.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HealthCheck {
    pub kind: HealthCheckKind,
    pub delay: Duration,
    pub interval: Duration,
    /// Zero means no limit.
    pub timeout: Duration,
    /// How many failures in a row kill.
    pub consecutive_failures: u32,
    /// Failures count only after this, measured from the task's start, or after a first success.
    pub grace_period: Duration,
}

/// How a health check asks.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthCheckKind {
    Command(CommandInfo),
    Http {
        protocol: Protocol,
        scheme: Option<String>,
        port: u32,
        path: Option<String>,
        /// Carried, not judged: any status from 200 to 399 is healthy.
        statuses: Vec<u32>,
    },
    Tcp {
        protocol: Protocol,
        port: u32,
    },
}

/// What the last check found; empty before the first result and after one that could not be had.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckStatus {
    Command { exit_code: Option<i32> },
    Http { status_code: Option<u32> },
    Tcp { succeeded: Option<bool> },
}

/// The defaults of both kinds of check.
pub mod defaults {
    use std::time::Duration;

    pub const DELAY: Duration = Duration::from_secs(15);
    pub const INTERVAL: Duration = Duration::from_secs(10);
    pub const TIMEOUT: Duration = Duration::from_secs(20);
    pub const GRACE_PERIOD: Duration = Duration::from_secs(10);
    pub const CONSECUTIVE_FAILURES: u32 = 3;
}

impl Check {
    /// A check with the default times.
    pub fn new(kind: CheckKind) -> Self {
        Self { kind, delay: defaults::DELAY, interval: defaults::INTERVAL, timeout: defaults::TIMEOUT }
    }
}

impl HealthCheck {
    /// A health check with the default times.
    pub fn new(kind: HealthCheckKind) -> Self {
        Self {
            kind,
            delay: defaults::DELAY,
            interval: defaults::INTERVAL,
            timeout: defaults::TIMEOUT,
            consecutive_failures: defaults::CONSECUTIVE_FAILURES,
            grace_period: defaults::GRACE_PERIOD,
        }
    }
}
