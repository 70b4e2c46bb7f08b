//! The messages of the nine public v1 packages, as prost writes them: fields that must be there are plain, the others
//! are `Option`, `Vec` or `BTreeMap`; an enum field is its number (`task.state()` gives the enum).
//!
//! A package is a module: `mesos.v1` is this one, `mesos.v1.scheduler` is [`scheduler`].

include!(concat!(env!("OUT_DIR"), "/mesos.v1.rs"));

macro_rules! package {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/mesos.v1.", stringify!($name), ".rs"));
        }
    )*};
}

package! {
    /// The operator API of an agent.
    agent
    /// What the allocator remembers of answers to inverse offers.
    allocator
    /// The executor API.
    executor
    /// Maintenance windows.
    maintenance
    /// The operator API of a master.
    master
    /// Promises to roles and their limits.
    quota
    /// The resource provider API.
    resource_provider
    /// The scheduler API.
    scheduler
}
