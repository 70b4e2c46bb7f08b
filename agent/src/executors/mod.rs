//! What happens to executors, from the intent to launch one to the day it is history.

mod command;
mod deliver;
mod ended;
mod environment;
mod launch;
mod limits;
mod message;
mod show;
mod shutdown;
mod subscribe;
mod timeout;
mod token;

pub(crate) use command::command_executor;
pub(crate) use deliver::{deliver, queued};
pub(crate) use ended::{ended, forget, launch_failed, reason, stop_if_over, terminated, update_failed};
pub(crate) use environment::{PATH, TOKEN, environment};
pub(crate) use launch::{held, held_durable, intended, launched, named_user, resize, resized, user, words};
pub(crate) use limits::enforceable;
pub(crate) use message::{from_executor, to_executor};
pub(crate) use show::{Viewer, in_sandbox, judge as judge_volumes, shown};
pub(crate) use shutdown::{end_if_useless, grace_over, shutdown, shutdown_framework};
pub(crate) use subscribe::{HEARTBEAT, heartbeat, stream_ended, subscribe};
pub(crate) use timeout::subscribed_too_late;
pub(crate) use token::{Tokens, proves};
