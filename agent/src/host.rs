//! The machine below an agent, as far as the agent touches it besides its journal.
//!
//! [`Machine`] is the one that programs run on. A simulation has another, whose containers are processes of a runtime
//! and whose sandboxes are nowhere.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_linux::lock::Lock;
use futures_util::future::{BoxFuture, FutureExt};
use libprocess::{Handler, OnPanic, Pid, Process, Runtime, SendError, Spawn};
use model::{ContainerId, Resources};

use crate::config::Config;
use crate::containerizer::{self, ContainerEvent, Containerizer, Input, Limitation, Usage};
use crate::isolators::{self, Isolators};
use crate::oversubscription::Load;
use crate::provisioner::{Provisioner, Reference};
use crate::start::StartError;

/// How long containers may take to say what they use.
const USAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long images may take to be removed before nobody waits for it any more.
const PRUNE_TIMEOUT: Duration = Duration::from_secs(60);

/// What an agent is told of its containers, in the order in which it happened.
pub type Tell = Box<dyn Fn(ContainerEvent) + Send>;

/// A machine that an agent speaks for.
pub trait Host: Send + Sync + 'static {
    /// Takes the work directory for one agent alone, until the value is dropped.
    ///
    /// Errors: another agent has it, or it cannot be made.
    fn claim(&self, work_dir: &Path) -> Result<Box<dyn Any + Send>, StartError>;

    /// All there is to offer.
    fn resources(&self, config: &Config) -> Resources;

    /// The name people know it by; its address if `None`.
    fn name(&self) -> Option<String>;

    /// Which of its starts this is; empty where nobody can tell.
    fn boot(&self) -> String;

    /// Starts what makes containers, once per life of an agent.
    ///
    /// Errors: it cannot be started.
    fn containers(
        &self,
        runtime: &Runtime,
        config: &Config,
        tell: Tell,
    ) -> Result<Arc<dyn Containers>, StartError>;

    /// How busy it is, if that is known.
    fn load(&self) -> Option<Load>;

    /// Whether sandboxes and volumes are directories. If not, nothing of a file system is touched.
    fn has_files(&self) -> bool;
}

/// What makes containers, as an agent asks it.
pub trait Containers: Send + Sync {
    /// Asks for one of the things that [`Input`] lists; answers are told.
    ///
    /// Errors: nobody listens any more.
    fn tell(&self, input: Input) -> Result<(), SendError>;

    /// What running containers use; nothing if that cannot be found out in time.
    fn usage(&self) -> BoxFuture<'static, BTreeMap<ContainerId, Usage>>;

    /// Removes images no container uses, but those of these names. Errors: in words.
    fn prune(&self, _: Vec<Reference>) -> BoxFuture<'static, Result<(), String>> {
        std::future::ready(Ok(())).boxed()
    }

    /// What a container broke, from the counters of this moment; it is ended for it. Nothing if that cannot be found out.
    fn limitation(&self, _: ContainerId) -> BoxFuture<'static, Option<Limitation>> {
        std::future::ready(None).boxed()
    }
}

impl<P> Containers for Pid<P>
where
    P: Process<Input = Input> + Handler<Input>,
{
    fn tell(&self, input: Input) -> Result<(), SendError> {
        Pid::tell(self, input)
    }

    fn usage(&self) -> BoxFuture<'static, BTreeMap<ContainerId, Usage>> {
        let answer = self.call(USAGE_TIMEOUT, |reply| Input::Usage { reply });
        async move { answer.await.unwrap_or_default() }.boxed()
    }

    fn prune(&self, excluded: Vec<Reference>) -> BoxFuture<'static, Result<(), String>> {
        let answer = self.call(PRUNE_TIMEOUT, |reply| Input::PruneImages { excluded, reply });
        async move { answer.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed()
    }

    fn limitation(&self, id: ContainerId) -> BoxFuture<'static, Option<Limitation>> {
        let answer = self.call(USAGE_TIMEOUT, |reply| Input::Limitation { id, reply });
        async move { answer.await.ok().flatten() }.boxed()
    }
}

/// The machine this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Host for Machine {
    fn claim(&self, work_dir: &Path) -> Result<Box<dyn Any + Send>, StartError> {
        let wrong = |source| StartError::WorkDir { path: work_dir.to_owned(), source };
        let meta = work_dir.join("meta");
        std::fs::create_dir_all(&meta).map_err(wrong)?;
        // What is written down there holds secrets that tasks were given; sandboxes beside it are for their users.
        std::fs::set_permissions(&meta, Permissions::from_mode(0o700)).map_err(wrong)?;
        let lock = Lock::take(&meta.join("lock")).map_err(wrong)?;
        Ok(Box::new(lock.ok_or_else(|| StartError::InUse(work_dir.to_owned()))?))
    }

    fn resources(&self, config: &Config) -> Resources {
        let gpus = isolators::gpus(&config.isolation);
        crate::resources::detect(&config.resources, &config.default_role, &config.work_dir, gpus)
    }

    fn name(&self) -> Option<String> {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    }

    fn boot(&self) -> String {
        agent_linux::process::boot_id().unwrap_or_default()
    }

    fn containers(
        &self,
        runtime: &Runtime,
        config: &Config,
        tell: Tell,
    ) -> Result<Arc<dyn Containers>, StartError> {
        let mut theirs = containerizer::Config::new(&config.runtime_dir);
        theirs.frameworks_home =
            Some(&config.frameworks_home).filter(|home| !home.is_empty()).map(Into::into);
        theirs.fetch.stall = config.fetcher_stall_timeout;
        // A directory of its own within: others may use the same one, and what lies there is emptied.
        theirs.cache_dir = config.fetcher_cache_dir.as_ref().map(|dir| dir.join(tag(&config.runtime_dir)));
        theirs.cache_bytes = config.fetcher_cache_size;
        std::fs::create_dir_all(&config.runtime_dir).map_err(StartError::Containerizer)?;
        theirs.isolation = config.isolation.clone();
        theirs.isolation.tag = isolators::tag(&config.work_dir);
        theirs.isolation.work_dir = config.work_dir.clone();
        theirs.isolation.gpu_dir = config.runtime_dir.join("gpus");
        theirs.images = config.images.clone();
        if theirs.isolation.police_offered_ports {
            theirs.isolation.policed_ports = Some(self.resources(config).ports());
        }
        let isolators = Isolators::new(&theirs.isolation)?;
        let provisioner = theirs.images.clone().map(Provisioner::new).transpose();
        let provisioner = provisioner.map_err(StartError::Images)?;
        // Made on its shard, where it stays; what could fail there is only what was just done.
        let make = move || {
            Containerizer::with(theirs, isolators, provisioner, tell)
                .unwrap_or_else(|error| panic!("cannot make containers: {error}"))
        };
        let spawn = Spawn::named("containerizer").on_panic(OnPanic::Escalate);
        Ok(Arc::new(runtime.spawn(spawn, make)?))
    }

    fn load(&self) -> Option<Load> {
        let text = std::fs::read_to_string("/proc/loadavg").ok()?;
        let mut averages = text.split(' ').map_while(|word| word.parse().ok());
        Some(Load { one: averages.next()?, five: averages.next()?, fifteen: averages.next()? })
    }

    fn has_files(&self) -> bool {
        true
    }
}

/// A name for what belongs to the agent with this runtime directory.
fn tag(runtime_dir: &Path) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    runtime_dir.hash(&mut hasher);
    format!("agent-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_writes_down_is_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("meta");
        let mode = || std::fs::metadata(&meta).unwrap().permissions().mode() & 0o777;
        drop(Machine.claim(dir.path()).unwrap());
        assert_eq!(mode(), 0o700);
        // An earlier agent let everybody in.
        std::fs::set_permissions(&meta, Permissions::from_mode(0o755)).unwrap();
        drop(Machine.claim(dir.path()).unwrap());
        assert_eq!(mode(), 0o700);
    }
}
