//! The domain: what masters, agents and frameworks talk about. Pure values, no I/O, no clock.
//!
//! Read in this order:
//! 1. [`id`], [`time`], [`label`], [`attribute`], [`domain`]: names, moments, what a machine says of itself;
//! 2. [`scalar`], [`range`], [`set`], [`resource`]: exact amounts, and bags of them;
//! 3. [`role`], [`quota`], [`weight`], [`framework`], [`agent`], [`master`]: who shares what;
//! 4. [`offer`], [`filters`], [`constraint`], [`operation`]: what is offered, and what may be done with it;
//! 5. [`task`], [`executor`], [`container`], [`command`], [`check`]: what is run, and how its states move;
//! 6. [`maintenance`], [`fault`]: how machines leave;
//! 7. [`call`], [`event`], [`executor_call`], [`executor_event`]: what frameworks and executors ask and are told;
//! 8. [`messages`]: between our own processes, named and versioned.
//!
//! Left out on purpose: how any of this is spelled for the outside. That is `api`'s; here nothing
//! is optional that must be there, and nothing can be held that would break an invariant.

pub mod agent;
pub mod attribute;
pub mod call;
pub mod check;
pub mod command;
pub mod constraint;
pub mod container;
pub mod discovery;
pub mod domain;
pub mod duration;
pub mod event;
pub mod executor;
pub mod executor_call;
pub mod executor_event;
pub mod fault;
pub mod filters;
pub mod framework;
pub mod id;
pub mod label;
pub mod maintenance;
pub mod master;
pub mod messages;
pub mod offer;
pub mod operation;
pub mod quota;
pub mod range;
pub mod resource;
pub mod role;
pub mod scalar;
pub mod secret;
pub mod set;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod weight;

pub use agent::{AgentCapabilities, AgentCapability, AgentInfo};
pub use attribute::{Attribute, AttributeError, AttributeValue, Attributes};
pub use check::{Check, CheckKind, CheckStatus, HealthCheck, HealthCheckKind};
pub use command::{CommandInfo, Environment, Uri, Variable, VariableValue};
pub use constraint::OfferConstraints;
pub use container::{ContainerInfo, ContainerKind, ContainerStatus, Image, NetworkInfo, Volume};
pub use discovery::{DiscoveryInfo, Port, Visibility};
pub use domain::FaultDomain;
pub use duration::{format_duration, parse_bytes, parse_duration};
pub use executor::{ExecutorInfo, ExecutorKind};
pub use fault::{DrainConfig, DrainInfo, DrainState};
pub use filters::Filters;
pub use framework::{
    FrameworkCapabilities, FrameworkCapability, FrameworkError, FrameworkInfo, InvalidFramework, OfferFilter,
};
pub use id::{
    AgentId, ContainerId, ExecutorId, FrameworkId, IdError, MasterId, OfferId, OperationId,
    ResourceProviderId, StreamId, TaskId, UpdateId,
};
pub use label::{Label, Labels, Parameter};
pub use maintenance::{MachineId, MachineMode, Unavailability, Window};
pub use master::{Address, MasterCapability, MasterInfo, Url};
pub use offer::{InverseOffer, Offer};
pub use operation::{Conversion, OfferOperation, Operation, OperationKind, OperationState, OperationStatus};
pub use quota::Quota;
pub use range::{Range, Ranges};
pub use resource::{
    Disk, DiskKind, DiskSource, Persistence, Quantities, Reservation, ReservationKind, Resource,
    ResourceError, Resources, Value,
};
pub use role::{Role, RoleError};
pub use scalar::{Scalar, ScalarError};
pub use secret::Secret;
pub use set::Set;
pub use task::{
    InvalidGroup, InvalidTask, KillPolicy, Limit, StatusReason, StatusSource, Task, TaskGroup, TaskInfo,
    TaskState, TaskStatus,
};
pub use time::{Time, TimeError};
pub use weight::Weight;

pub use libprocess_wire::{BRIEF_MAX, Brief, brief};
