//! How much is logged, raised for a while from outside: `/logging/toggle`.
//!
//! libprocess does not know where log lines go; whoever does installs a [`Verbosity`].

use std::sync::Arc;
use std::time::Duration;

use libprocess_wire::brief;
use parking_lot::Mutex;

use super::duration;
use crate::Runtime;
use crate::http::{Request, Response, StatusCode};

/// Sets how much is logged in this OS process.
pub trait Verbosity: Send + Sync {
    /// Logs this much from here on: 0 is what the program was started with, 1 adds `debug`, 2 and
    /// more add `trace`.
    fn set(&self, level: u32);
}

/// How much a node logs.
#[derive(Default)]
pub struct Logging(Mutex<State>);

#[derive(Default)]
struct State {
    verbosity: Option<Arc<dyn Verbosity>>,
    level: u32,
    /// How often it was raised: a return to 0 is of one raising, not of a later one.
    raised: u64,
}

/// Nobody can change how much is logged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("how much is logged cannot be changed here")]
pub struct NotInstalled;

impl Logging {
    /// Lets `verbosity` be moved.
    pub fn install(&self, verbosity: Arc<dyn Verbosity>) {
        self.0.lock().verbosity = Some(verbosity);
    }

    /// 0, or what it was raised to.
    pub fn level(&self) -> u32 {
        self.0.lock().level
    }

    fn set(&self, level: u32) -> Result<u64, NotInstalled> {
        let mut state = self.0.lock();
        state.verbosity.as_ref().ok_or(NotInstalled)?.set(level);
        state.level = level;
        state.raised += 1;
        Ok(state.raised)
    }

    fn revert(&self, raised: u64) {
        let mut state = self.0.lock();
        if state.raised == raised {
            state.level = 0;
            if let Some(verbosity) = &state.verbosity {
                verbosity.set(0);
            }
        }
    }
}

impl Runtime {
    /// Logs more: `level` is what a [`Verbosity`] takes; a negative one, as the wire wraps it, is 0. It returns to 0 by itself
    /// after `within`. From a handler at the edge or a process.
    ///
    /// Errors: when nobody installed a [`Verbosity`].
    pub fn log_more(&self, level: u32, within: Duration) -> Result<(), NotInstalled> {
        let level = if i32::try_from(level).is_ok() { level } else { 0 };
        let raised = self.logging().set(level)?;
        let later = self.clone();
        let reverting = async move {
            later.sleep(within).await;
            later.logging().revert(raised);
        };
        self.environment().spawner.local(Box::pin(reverting)).detach();
        Ok(())
    }
}

/// Source: libprocess' `/logging/toggle`.
pub(super) fn answer(runtime: &Runtime, request: &Request) -> Response {
    let asked = match (request.query.get("level"), request.query.get("duration")) {
        (None, None) => {
            return Response::text(StatusCode::OK, format!("{}\n", runtime.logging().level()));
        }
        (None, Some(_)) => Err("Expecting 'level=value' in query.".to_owned()),
        (Some(_), None) => Err("Expecting 'duration=value' in query.".to_owned()),
        (Some(level), Some(within)) => read(level, within),
    };
    match asked {
        Ok((level, within)) => match runtime.log_more(level, within) {
            Ok(()) => Response::ok(),
            Err(error) => Response::text(StatusCode::NOT_IMPLEMENTED, format!("{error}\n")),
        },
        Err(wrong) => Response::bad_request(format!("{wrong}\n")),
    }
}

fn read(level: &str, within: &str) -> Result<(u32, Duration), String> {
    let number: i64 =
        level.parse().map_err(|_| format!("Failed to convert '{}' to number.", brief(level)))?;
    let level = u32::try_from(number).map_err(|_| format!("Invalid level '{number}'."))?;
    Ok((level, duration::parse(within).map_err(|wrong| format!("{wrong}."))?))
}
