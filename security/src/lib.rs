//! Who may come in, and what they may do: what master and agent share of authentication and authorization.
//!
//! Read in this order:
//! 1. [`Action`], [`Object`]: everything that can be asked of whom;
//! 2. [`Acls`]: rules as an operator writes them, and [`decide()`], the pure function that answers by them and says why;
//! 3. [`Authorizer`], [`Policy`], [`Rights`]: the door for other policies, and how code asks what somebody may;
//! 4. [`Local`]: an authorizer that follows a file;
//! 5. [`Credentials`], [`Ways`], [`Challenge`]: who is who; [`Access`]: all of that, put before the routes of a runtime;
//! 6. [`RateLimits`], [`Throttle`]: how often;
//! 7. [`exposure()`]: whether all of that may face a network;
//! 8. [`SecurityFlags`]: the flags master and agent have in common.
//!
//! Left out on purpose: nothing here knows a master or an agent. Where rules are asked stands in their `http` modules, and
//! in the rules that carry out what frameworks ask. Links prove themselves in `libprocess`.

mod access;
mod acls;
mod action;
mod authenticators;
mod authorizer;
mod crammd5;
mod credentials;
mod decide;
mod exposure;
pub mod flags;
mod limits;
mod local;
mod read;

pub use access::{Access, Realm};
pub use acls::{Acls, Entity, Rule};
pub use action::{Action, List, Object, ObjectKind};
pub use authenticators::{Proofs, Ways, WaysError};
pub use authorizer::{Authorizer, Policy, Rights};
pub use crammd5::{CRAM_MD5, Challenge};
pub use credentials::{Credential, Credentials, CredentialsError};
pub use decide::{Decision, Reason, decide};
pub use exposure::{Exposure, exposure};
pub use flags::{FlagError, SecurityFlags};
pub use limits::{Exceeded, RateLimits, Throttle};
pub use local::Local;
pub use read::{AclsError, Read};
