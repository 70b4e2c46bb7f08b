//! A master's views, and the bodies of `/state`, `/state-summary`, `/slaves` and `/frameworks`.

mod agent;
mod body;
mod counts;
mod framework;
pub mod parts;
mod view;

pub use body::{frameworks, slaves, state, state_summary};
pub(super) use framework::write_roles;
pub use view::{Agent, Framework, Leader, MasterState};
