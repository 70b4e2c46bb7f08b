//! What an isolator is asked.

use std::collections::BTreeSet;
use std::fmt;
use std::os::fd::OwnedFd;
use std::time::Duration;

use agent_launch::isolation::Isolation;
use agent_launch::{Credentials, Identity};
use model::{ContainerId, Resources};

use crate::containerizer::{ContainerConfig, Usage};
use crate::provisioner::Provisioned;

/// A container that is to be launched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub id: &'a ContainerId,
    pub config: &'a ContainerConfig,
    /// Whom it runs as; the agent's own user if `None`.
    pub credentials: Option<&'a Credentials>,
    /// Who the container around it is, if it is nested.
    pub around: Option<&'a Identity>,
    /// The root it sees, if that is not the host's.
    pub image: Option<&'a Provisioned>,
}

/// What isolators make of a launch together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub isolation: Isolation,
    /// Beside those of the container; for the child alone, written nowhere.
    pub environment: Vec<(String, String)>,
    /// Beneath those its command asks for.
    pub image_environment: Vec<(String, String)>,
    /// What is executed in place of what the container says: a program, and its words.
    pub command: Option<(String, Vec<String>)>,
    /// Where it starts, rather than where the container says.
    pub working_dir: Option<String>,
}

/// Becomes readable when [`Isolator::limitation`] should be asked.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// Rings by becoming readable.
    Event(agent_linux::alarm::OomAlarm),
    /// A file of the kernel's that rings by an exceptional condition.
    File(OwnedFd),
}

/// Sets containers apart in one respect.
pub(crate) trait Isolator: Send + Sync + fmt::Debug {
    /// As `--isolation` spells it.
    fn name(&self) -> &'static str;

    /// Whether it is about namespaces, which a container inside of another shares with that one or has beside it.
    fn namespaces(&self) -> bool {
        false
    }

    /// Adds to `plan` what a container needs, and makes what must be there before it starts.
    ///
    /// Errors: it cannot be had as it was asked for; one line for the user.
    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String>;

    /// The container runs, and has more or less from now on.
    fn update(&self, _: &ContainerId, _: &ContainerConfig) -> Result<(), String> {
        Ok(())
    }

    /// Adds what the container uses.
    fn usage(&self, _: &ContainerId, _: &mut Usage) {}

    /// What the container broke, if it broke anything.
    fn limitation(&self, _: &ContainerId) -> Option<Limitation> {
        None
    }

    /// What rings when `limitation` has something to say.
    fn alarm(&self, _: &ContainerId) -> Option<Alarm> {
        None
    }

    /// All containers are about to be asked for, one after the other.
    fn begin_round(&self) {}

    /// How often `limitation` is to be asked, alarm or not.
    fn period(&self) -> Option<Duration> {
        None
    }

    /// Ends what is left of the container, whose supervisor is gone.
    fn end(&self, _: &ContainerId) {}

    /// Takes away what was made for the container. May come twice, and for one that was never prepared.
    fn cleanup(&self, _: &ContainerId) -> Result<(), String> {
        Ok(())
    }

    /// An agent has begun: what belongs to none of `known` is ended and taken away. Returns whose that was.
    fn recover(&self, _: &BTreeSet<ContainerId>) -> Vec<ContainerId> {
        Vec::new()
    }
}

/// What a container broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limitation {
    pub kind: LimitationKind,
    /// For the user; may have several lines.
    pub message: String,
    /// What was used of what was limited.
    pub resources: Resources,
}

/// Which limit was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitationKind {
    Memory,
    Disk,
    Ports,
}
