//! What an agent tells an executor at its birth.
//!
//! Source: Mesos executor HTTP API, environment variables.

use std::time::Duration;

use model::duration::parse_duration;
use model::{ExecutorId, FrameworkId};

/// The variable with what an executor shows its agent. It is nobody else's: tasks do not inherit it.
pub(crate) const TOKEN: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// What an executor needs to find its agent, and to know how patient to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub framework_id: FrameworkId,
    pub executor_id: ExecutorId,
    /// `host:port` of the agent.
    pub agent: String,
    /// Where it runs, as it sees it.
    pub sandbox: String,
    /// Whether the agent's executors outlive the agent; `None` ends the executor with its agent.
    pub recovery: Option<Recovery>,
    /// Between being asked to shut down and being forced to.
    pub shutdown_grace: Duration,
    /// Shown to the agent with every call, when it asks for that.
    pub token: Option<String>,
}

/// How an executor waits for its agent to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// When it gives up.
    pub timeout: Duration,
    /// It tries again within this, at random, so that a host full of executors does not knock at once.
    pub backoff_max: Duration,
}

/// Why the environment is not one of an executor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    #[error("environment variable {0} is not set")]
    Absent(&'static str),
    #[error("environment variable {name} is {value:?}: {why}")]
    Invalid { name: &'static str, value: String, why: String },
}

impl Environment {
    /// Reads it from this OS process.
    ///
    /// Errors: when a variable is absent or makes no sense.
    pub fn read() -> Result<Environment, EnvironmentError> {
        Environment::from(|name| std::env::var(name).ok())
    }

    /// Reads it from anywhere.
    ///
    /// Errors: when a variable is absent or makes no sense.
    pub fn from(get: impl Fn(&str) -> Option<String>) -> Result<Environment, EnvironmentError> {
        let need = |name| get(name).ok_or(EnvironmentError::Absent(name));
        let duration = |name, or: Duration| match get(name) {
            None => Ok(or),
            Some(value) => parse_duration(&value).map_err(|error| EnvironmentError::Invalid {
                name,
                value,
                why: error.to_string(),
            }),
        };
        let checkpoints = get("MESOS_CHECKPOINT").is_some_and(|value| value == "1" || value == "true");
        let recovery = match checkpoints {
            false => None,
            true => Some(Recovery {
                timeout: duration("MESOS_RECOVERY_TIMEOUT", Duration::from_secs(15 * 60))?,
                backoff_max: duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", Duration::from_secs(2))?,
            }),
        };
        Ok(Environment {
            framework_id: need("MESOS_FRAMEWORK_ID")?.into(),
            executor_id: need("MESOS_EXECUTOR_ID")?.into(),
            agent: need("MESOS_AGENT_ENDPOINT")?,
            sandbox: get("MESOS_SANDBOX")
                .or_else(|| get("MESOS_DIRECTORY"))
                .unwrap_or_else(|| ".".to_owned()),
            recovery,
            shutdown_grace: duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", Duration::from_secs(5))?,
            token: get(TOKEN),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [(&str, &str); 7] = [
        ("MESOS_FRAMEWORK_ID", "07bad322-0000"),
        ("MESOS_EXECUTOR_ID", "pyexec"),
        ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
        ("MESOS_SANDBOX", "/sandbox"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "7secs"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::from(|name| {
            let all = more.iter().chain(&GOLDEN);
            all.into_iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_executor_that_is_not_checkpointed_does_not_wait_for_its_agent() {
        assert_eq!(read(&[]).unwrap().recovery, None);
        assert_eq!(read(&[("MESOS_CHECKPOINT", "0")]).unwrap().recovery, None);
    }

    #[test]
    fn a_checkpointed_executor_waits_as_long_as_it_is_told() {
        let environment = read(&[("MESOS_CHECKPOINT", "1")]).unwrap();
        let recovery = Recovery { timeout: Duration::from_secs(900), backoff_max: Duration::from_secs(2) };
        assert_eq!(environment.recovery, Some(recovery));
        assert_eq!(environment.shutdown_grace, Duration::from_secs(7));
        assert_eq!(environment.agent, "127.0.0.1:5051");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = Environment::from(|_| None).unwrap_err();
        assert_eq!(error.to_string(), "environment variable MESOS_FRAMEWORK_ID is not set");
        let error = read(&[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "soon")]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("environment variable MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD is \"soon\"")
        );
    }
}
