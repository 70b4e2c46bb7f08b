//! What everything else is made of.

mod ids;
mod place;
mod time;
mod value;

pub(super) use ids::{role_names, roles, update_id};
pub use place::fault_domain;
pub(super) use time::{duration, duration_info, seconds};
pub(super) use value::{attributes_out, labels, labels_out, range, ranges_out, scalar_out, set_out};
