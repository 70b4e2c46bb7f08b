//! What everything else is made of.

mod ids;
mod place;
mod time;
mod value;

pub(super) use ids::{role_names, roles, update_id};
pub use place::fault_domain;
pub(super) use time::{duration, duration_info, seconds};
pub(crate) use value::labels_out;
pub(super) use value::{attributes_out, labels, range, ranges_out, scalar_out, set_out};
