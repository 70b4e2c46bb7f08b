//! Directories of volumes are made and removed beside the agent, for one operation at a time.
//!
//! ```text
//! CREATE  ──► directories made ──► converted, on disk ──► told
//!                    └─ cannot be ──────────► on disk ──► told that it failed
//! DESTROY ──► converted, on disk ──► content taken away ──► on disk ──► told
//!                                           └─ cannot be ──► converted back, on disk ──► told that it failed
//! ```
//! What masters say meanwhile waits, as if it were still on its way: so whatever builds upon an operation comes after its
//! outcome, and an operation that fails can be undone.

use std::path::PathBuf;

use imbl::Vector;
use libprocess::Upid;
use model::messages::ApplyOperation;
use model::{Conversion, OperationState, UpdateId};

use super::apply::{conclude, record};
use super::volumes::{self, Place};
use crate::effects::{Effect, Effects};
use crate::messages::FromMaster;
use crate::state::State;

/// How much waits for one operation. Tasks and operations beyond that are refused; of what is small and rare, twice as much waits.
const HELD_MAX: usize = 4096;

/// What is done to directories, and who waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub step: Step,
    /// What masters said since, in order.
    pub held: Held,
}

/// What was said by whom.
pub(crate) type Held = Vector<(Upid, FromMaster)>;

/// | from        | on                          | to          |
/// |-------------|-----------------------------|-------------|
/// | `Making`    | the link to the master lost | `Abandoned` |
/// | any         | done, or not                | –           |
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// For a CREATE, of which nothing is written down yet.
    Making(Box<ApplyOperation>),
    /// For one that nobody counts on any more. It is waited for: what it does must not be done to a later volume.
    Abandoned,
    /// For a DESTROY, which is on disk or about to be.
    Removing(UpdateId),
}

impl Work {
    pub(super) fn new(step: Step) -> Self {
        Self { step, held: Vector::new() }
    }
}

/// Where the volumes are that a conversion makes or removes.
pub(super) fn places(state: &State, conversion: &Conversion) -> Vec<Place> {
    match conversion {
        Conversion::Create { volumes } | Conversion::Destroy { volumes } => {
            volumes::places(&state.settings.layout, volumes)
        }
        _ => Vec::new(),
    }
}

/// Has the content of a destroyed volume taken away, now that the operation is on disk.
pub(super) fn remove(state: &State, uuid: UpdateId) -> Option<Effect> {
    let outcome = state.operations.get(&uuid)?;
    Some(Effect::RemoveVolumes(places(state, &outcome.operation.conversion)))
}

/// After the journal was read: a DESTROY whose end was not written down is carried out once more.
pub(super) fn again(state: &mut State) -> Option<Effect> {
    let pending = |uuid: &UpdateId| state.operations[uuid].is_pending();
    let uuid = state.operations.keys().copied().find(|uuid| pending(uuid))?;
    state.work = Some(Work::new(Step::Removing(uuid)));
    remove(state, uuid)
}

/// The directories are as the operation wants them, or why they are not; what waited may be heard now.
pub(crate) fn carried(state: &mut State, outcome: Result<Vec<PathBuf>, String>) -> (Effects, Held) {
    let Some(Work { step, held }) = state.work.take() else { return (Effects::new(), Held::new()) };
    let mut effects = Effects::new();
    let why = match outcome {
        Ok(left) if left.is_empty() => None,
        Ok(left) => {
            effects.push(Effect::Discard(left));
            None
        }
        Err(why) => {
            tracing::error!(why, "an operation on volumes fails");
            Some(why)
        }
    };
    match step {
        Step::Making(message) => {
            let status = if why.is_none() { OperationState::Finished } else { OperationState::Failed };
            effects.extend(record(state, *message, status, why));
        }
        Step::Abandoned => {}
        Step::Removing(uuid) => effects.extend(conclude(state, uuid, why)),
    }
    (effects, held)
}

/// The link to the master is lost: so is what waits, and what it has asked for is not begun.
pub(crate) fn abandon(state: &mut State) {
    let Some(work) = &mut state.work else { return };
    work.held.clear();
    if let Step::Making(_) = work.step {
        work.step = Step::Abandoned;
    }
}

/// Keeps a message until directories are as they are to be. Gives it back if nothing is waited for, or it need not wait, or is to
/// be refused since too much waits.
pub(crate) fn hold(state: &mut State, from: &Upid, message: FromMaster) -> Option<FromMaster> {
    let Some(work) = state.work.as_mut().filter(|_| message.builds_upon_others()) else {
        return Some(message);
    };
    let waiting = work.held.len();
    match &message {
        FromMaster::RunTask(_) | FromMaster::RunGroup(_) | FromMaster::Apply(_) if waiting >= HELD_MAX => {
            return Some(message);
        }
        // Nobody may count on one that is framed as a message; whoever says anything else so often says it again.
        _ if waiting >= 2 * HELD_MAX => {
            tracing::warn!(?message, "too much waits for an operation on volumes")
        }
        _ => work.held.push_back((from.clone(), message)),
    }
    None
}

/// Why a task or operation is refused that came although directories are waited for: only where too much waits already.
pub(crate) fn overfull(state: &State) -> Option<String> {
    state.work.is_some().then(|| format!("{HELD_MAX} tasks and operations wait for one on volumes already"))
}

#[cfg(test)]
mod tests {
    use model::messages::KillTask;
    use model::{Conversion, Resources};

    use crate::messages::{FromMaster, Input};
    use crate::testing::{EPOCH, World, command_task, custom_task, master, reserve, volume};

    const WHY: &str = "Volume 'v' cannot be made: no";

    fn create() -> Conversion {
        Conversion::Create { volumes: volume("v", 64) }
    }

    fn destroy() -> Conversion {
        Conversion::Destroy { volumes: volume("v", 64) }
    }

    fn on_volume(id: &str) -> model::TaskInfo {
        let mut task = command_task(id);
        task.resources += volume("v", 64).allocate(&"web".into());
        task
    }

    /// An agent with reserved disk, that has yet to make a volume of it.
    fn making() -> (World, Resources) {
        let mut world = World::registered();
        world.convert(reserve());
        let before = world.state.total.clone();
        world.hold_volumes();
        assert_eq!(world.convert(create()), ["make volumes /w/volumes/roles/web/v"]);
        (world, before)
    }

    #[test]
    fn a_volume_that_cannot_be_made_never_was_and_what_was_to_run_on_it_is_told_why() {
        let (mut world, before) = making();
        assert!(world.run(on_volume("t"), true).is_empty(), "it waits");
        let told = world.carried(Err(WHY)).join("\n");
        assert!(told.contains("to master: operation CREATE OPERATION_FAILED"), "{told}");
        assert!(told.contains("update t TASK_DROPPED REASON_RESOURCES_UNKNOWN"), "{told}");
        assert!(told.contains(&format!(": {WHY}\"")), "{told}");
        assert_eq!(world.state.total, before);
        // And so it is after a restart.
        assert_eq!(world.restart().state.total, before);
    }

    #[test]
    fn nothing_is_written_of_a_volume_that_is_not_there_yet() {
        let (world, before) = making();
        let again = world.restart();
        assert_eq!(again.state.total, before);
        assert!(again.state.work.is_none());
        assert!(again.state.operations.values().all(|outcome| outcome.operation.conversion == reserve()));
    }

    #[test]
    fn what_a_master_says_meanwhile_is_heard_afterwards_in_its_order() {
        let (mut world, _) = making();
        world.run(on_volume("t"), true);
        let kill =
            KillTask { epoch: EPOCH, framework_id: "f".into(), task_id: "t".into(), kill_policy: None };
        world.master(FromMaster::Kill(kill));
        assert!(world.convert(destroy()).is_empty());
        let told = world.carried(Ok(())).join("\n");
        let places = ["CREATE; then tell", "tasks t; then launch", "update t TASK_KILLED", "remove volumes"];
        let places = places.map(|part| told.find(part).unwrap_or_else(|| panic!("{part} in {told}")));
        assert!(places.is_sorted(), "{told}");
    }

    #[test]
    fn what_comes_while_too_much_waits_is_refused_and_the_rest_is_heard_later() {
        let (mut world, _) = making();
        world.run(on_volume("t"), true);
        let kill =
            KillTask { epoch: EPOCH, framework_id: "f".into(), task_id: "t".into(), kill_policy: None };
        let held = |world: &World| world.state.work.as_ref().unwrap().held.len();
        while held(&world) < super::HELD_MAX {
            let work = world.state.work.as_mut().unwrap();
            work.held.push_back((master(), FromMaster::Kill(kill.clone())));
        }
        let told = world.run(command_task("late"), true).join("\n");
        assert!(told.contains("update late TASK_DROPPED"), "{told}");
        assert!(told.contains("wait for one on volumes already"), "{told}");
        let told = world.convert(destroy()).join("\n");
        assert!(told.contains("to master: operation DESTROY OPERATION_DROPPED"), "{told}");
        assert!(world.master(FromMaster::Kill(kill)).is_empty());
        assert_eq!(held(&world), super::HELD_MAX + 1, "what is small waits still");
        let told = world.carried(Ok(())).join("\n");
        assert!(told.contains("update t TASK_KILLED"), "{told}");
    }

    #[test]
    fn a_ping_is_answered_at_any_time() {
        let (mut world, _) = making();
        let ping = model::messages::Ping { epoch: EPOCH, connected: true };
        assert_eq!(world.master(FromMaster::Ping(ping)), ["to master: pong"]);
    }

    #[test]
    fn a_master_that_is_lost_counts_on_nothing_that_waited_and_the_next_waits_for_the_directory() {
        let (mut world, before) = making();
        world.run(on_volume("t"), true);
        world.hear(Input::Lost(master()));
        world.register();
        assert!(world.run(custom_task("t2"), true).is_empty(), "it waits");
        let told = world.carried(Ok(())).join("\n");
        assert!(!told.contains("CREATE") && !told.contains("tasks t;"), "{told}");
        assert!(told.contains("tasks t2; then launch"), "{told}");
        assert_eq!(world.state.total, before);
    }

    #[test]
    fn a_volume_that_cannot_be_removed_is_there_still() {
        let mut world = World::registered();
        world.give_volume(&volume("v", 64));
        let before = world.state.total.clone();
        world.hold_volumes();
        world.convert(destroy());
        let told = world.carried(Err("Volume 'v' cannot be removed: no")).join("\n");
        assert!(told.contains("to master: operation DESTROY OPERATION_FAILED"), "{told}");
        assert_eq!(world.state.total, before);
        assert_eq!(world.restart().state.total, before);
    }

    #[test]
    fn an_agent_that_stopped_before_a_volume_was_removed_removes_it_and_tells() {
        let mut world = World::registered();
        world.give_volume(&volume("v", 64));
        world.hold_volumes();
        world.convert(destroy());
        let mut world = world.restart();
        let told = world.recovered_and_registered().join("\n");
        assert!(told.contains("to master: operation DESTROY OPERATION_FINISHED"), "{told}");
        assert!(!world.state.total.contains(&volume("v", 64)));
    }
}
