//! What a master shows: plain functions of its published snapshot, run at the edge, never on the master.
//!
//! One file per kind of thing; each spells it twice, for the old bodies (`api::classic`) and for the operator API (v1).
//! [`master`] is the master itself; [`document`] writes what is large while it is read: [`state`], [`answers`].
//! [`registry`] shows the registrar's content, not the master's snapshot.

pub(crate) mod agents;
pub(crate) mod answers;
mod document;
pub(crate) mod frameworks;
pub(crate) mod maintenance;
pub(crate) mod master;
pub(crate) mod operations;
pub(crate) mod registry;
pub(crate) mod roles;
pub(crate) mod state;
pub(crate) mod tasks;
