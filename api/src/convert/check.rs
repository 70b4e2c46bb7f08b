//! Checks and health checks, and what checks found.

use std::time::Duration;

use model::check::defaults;
use model::{Check, CheckKind, CheckStatus, CommandInfo, HealthCheck, HealthCheckKind};

use super::simple::seconds;
use super::{ConvertError, optional};
use crate::v1;
use crate::v1::network_info::Protocol;

/// What both kinds of check are named after.
#[derive(Clone, Copy)]
enum Kind {
    Command,
    Http,
    Tcp,
}

fn lacks(what: &str, check: &str) -> ConvertError {
    ConvertError::new(format!("Expecting '{what}' to be set for {} {check}", what.to_uppercase()))
}

fn time(value: Option<f64>, field: &str, default: Duration) -> Result<Duration, ConvertError> {
    value.map_or(Ok(default), |value| seconds(value, field))
}

impl TryFrom<v1::CheckInfo> for Check {
    type Error = ConvertError;

    fn try_from(check: v1::CheckInfo) -> Result<Self, ConvertError> {
        use v1::check_info::Type;
        let kind = match check.r#type.and_then(|ty| Type::try_from(ty).ok()) {
            Some(Type::Command) => {
                let command = check.command.ok_or_else(|| lacks("command", "check"))?.command;
                CheckKind::Command(CommandInfo::try_from(command).map_err(|error| error.at("command"))?)
            }
            Some(Type::Http) => {
                let http = check.http.ok_or_else(|| lacks("http", "check"))?;
                CheckKind::Http { port: http.port, path: http.path }
            }
            Some(Type::Tcp) => CheckKind::Tcp { port: check.tcp.ok_or_else(|| lacks("tcp", "check"))?.port },
            Some(Type::Unknown) => return Err(ConvertError::new("'UNKNOWN' is not a valid check type")),
            None => return Err(ConvertError::new("CheckInfo must specify 'type'")),
        };
        Ok(Check {
            kind,
            delay: time(check.delay_seconds, "delay_seconds", defaults::DELAY)?,
            interval: time(check.interval_seconds, "interval_seconds", defaults::INTERVAL)?,
            timeout: time(check.timeout_seconds, "timeout_seconds", defaults::TIMEOUT)?,
        })
    }
}

impl From<&Check> for v1::CheckInfo {
    fn from(check: &Check) -> Self {
        use v1::check_info::{Command, Http, Tcp, Type};
        let mut spelled = v1::CheckInfo {
            delay_seconds: Some(check.delay.as_secs_f64()),
            interval_seconds: Some(check.interval.as_secs_f64()),
            timeout_seconds: Some(check.timeout.as_secs_f64()),
            ..Default::default()
        };
        let ty = match &check.kind {
            CheckKind::Command(command) => {
                spelled.command = Some(Command { command: command.into() });
                Type::Command
            }
            CheckKind::Http { port, path } => {
                spelled.http = Some(Http { port: *port, path: path.clone() });
                Type::Http
            }
            CheckKind::Tcp { port } => {
                spelled.tcp = Some(Tcp { port: *port });
                Type::Tcp
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

impl TryFrom<v1::HealthCheck> for HealthCheck {
    type Error = ConvertError;

    fn try_from(check: v1::HealthCheck) -> Result<Self, ConvertError> {
        let protocol =
            |number: Option<i32>| Ok::<_, ConvertError>(optional::<Protocol, _>(number)?.unwrap_or_default());
        let kind = match kind_of(&check)? {
            Kind::Command => {
                let command = check.command.ok_or_else(|| lacks("command", "health check"))?;
                HealthCheckKind::Command(CommandInfo::try_from(command).map_err(|error| error.at("command"))?)
            }
            Kind::Http => {
                let http = check.http.ok_or_else(|| lacks("http", "health check"))?;
                HealthCheckKind::Http {
                    protocol: protocol(http.protocol)?,
                    scheme: http.scheme,
                    port: http.port,
                    path: http.path,
                    statuses: http.statuses,
                }
            }
            Kind::Tcp => {
                let tcp = check.tcp.ok_or_else(|| lacks("tcp", "health check"))?;
                HealthCheckKind::Tcp { protocol: protocol(tcp.protocol)?, port: tcp.port }
            }
        };
        Ok(HealthCheck {
            kind,
            delay: time(check.delay_seconds, "delay_seconds", defaults::DELAY)?,
            interval: time(check.interval_seconds, "interval_seconds", defaults::INTERVAL)?,
            timeout: time(check.timeout_seconds, "timeout_seconds", defaults::TIMEOUT)?,
            consecutive_failures: check.consecutive_failures.unwrap_or(defaults::CONSECUTIVE_FAILURES),
            grace_period: time(check.grace_period_seconds, "grace_period_seconds", defaults::GRACE_PERIOD)?,
        })
    }
}

/// The type said; or, as old frameworks leave it out, the one field that is set.
fn kind_of(check: &v1::HealthCheck) -> Result<Kind, ConvertError> {
    use v1::health_check::Type;
    match check.r#type.and_then(|ty| Type::try_from(ty).ok()) {
        Some(Type::Command) => Ok(Kind::Command),
        Some(Type::Http) => Ok(Kind::Http),
        Some(Type::Tcp) => Ok(Kind::Tcp),
        Some(Type::Unknown) => Err(ConvertError::new("'UNKNOWN' is not a valid health check type")),
        None => match (&check.command, &check.http, &check.tcp) {
            (Some(_), None, None) => Ok(Kind::Command),
            (None, Some(_), None) => Ok(Kind::Http),
            (None, None, Some(_)) => Ok(Kind::Tcp),
            _ => Err(ConvertError::new("HealthCheck must specify 'type'")),
        },
    }
}

impl From<&HealthCheck> for v1::HealthCheck {
    fn from(check: &HealthCheck) -> Self {
        use v1::health_check::{HttpCheckInfo, TcpCheckInfo, Type};
        let mut spelled = v1::HealthCheck {
            delay_seconds: Some(check.delay.as_secs_f64()),
            interval_seconds: Some(check.interval.as_secs_f64()),
            timeout_seconds: Some(check.timeout.as_secs_f64()),
            consecutive_failures: Some(check.consecutive_failures),
            grace_period_seconds: Some(check.grace_period.as_secs_f64()),
            ..Default::default()
        };
        let ty = match &check.kind {
            HealthCheckKind::Command(command) => {
                spelled.command = Some(command.into());
                Type::Command
            }
            HealthCheckKind::Http { protocol, scheme, port, path, statuses } => {
                spelled.http = Some(HttpCheckInfo {
                    protocol: Some(Protocol::from(*protocol) as i32),
                    scheme: scheme.clone(),
                    port: *port,
                    path: path.clone(),
                    statuses: statuses.clone(),
                });
                Type::Http
            }
            HealthCheckKind::Tcp { protocol, port } => {
                spelled.tcp =
                    Some(TcpCheckInfo { protocol: Some(Protocol::from(*protocol) as i32), port: *port });
                Type::Tcp
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

impl TryFrom<v1::CheckStatusInfo> for CheckStatus {
    type Error = ConvertError;

    fn try_from(status: v1::CheckStatusInfo) -> Result<Self, ConvertError> {
        use v1::check_info::Type;
        match status.r#type.and_then(|ty| Type::try_from(ty).ok()) {
            Some(Type::Command) => {
                Ok(CheckStatus::Command { exit_code: status.command.and_then(|command| command.exit_code) })
            }
            Some(Type::Http) => {
                Ok(CheckStatus::Http { status_code: status.http.and_then(|http| http.status_code) })
            }
            Some(Type::Tcp) => Ok(CheckStatus::Tcp { succeeded: status.tcp.and_then(|tcp| tcp.succeeded) }),
            Some(Type::Unknown) => Err(ConvertError::new("'UNKNOWN' is not a valid check's status type")),
            None => Err(ConvertError::new("CheckStatusInfo must specify 'type'")),
        }
    }
}

impl From<&CheckStatus> for v1::CheckStatusInfo {
    fn from(status: &CheckStatus) -> Self {
        use v1::check_info::Type;
        use v1::check_status_info::{Command, Http, Tcp};
        let mut spelled = v1::CheckStatusInfo::default();
        let ty = match *status {
            CheckStatus::Command { exit_code } => {
                spelled.command = Some(Command { exit_code });
                Type::Command
            }
            CheckStatus::Http { status_code } => {
                spelled.http = Some(Http { status_code });
                Type::Http
            }
            CheckStatus::Tcp { succeeded } => {
                spelled.tcp = Some(Tcp { succeeded });
                Type::Tcp
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_without_its_field_is_refused_with_the_public_text() {
        let spelled =
            v1::HealthCheck { r#type: Some(v1::health_check::Type::Http as i32), ..Default::default() };
        assert_eq!(
            HealthCheck::try_from(spelled).unwrap_err().to_string(),
            "Expecting 'http' to be set for HTTP health check"
        );
    }

    #[test]
    fn a_health_checks_type_is_guessed_from_the_only_field() {
        let spelled = v1::HealthCheck {
            tcp: Some(v1::health_check::TcpCheckInfo { protocol: None, port: 80 }),
            ..Default::default()
        };
        let check = HealthCheck::try_from(spelled).unwrap();
        assert!(matches!(check.kind, HealthCheckKind::Tcp { port: 80, .. }));
        assert_eq!(check.interval, defaults::INTERVAL);
    }

    #[test]
    fn a_check_cannot_wait_a_negative_time() {
        let spelled = v1::CheckInfo {
            r#type: Some(v1::check_info::Type::Tcp as i32),
            tcp: Some(v1::check_info::Tcp { port: 80 }),
            delay_seconds: Some(-1.0),
            ..Default::default()
        };
        assert_eq!(
            Check::try_from(spelled).unwrap_err().to_string(),
            "Expecting 'delay_seconds' to be non-negative"
        );
    }
}
