//! Finding what an earlier agent left in the runtime directory. All of this blocks, so it runs on the pool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use agent_launch::runtime_files::{CONTROL, LOCK};
use agent_launch::{Identity, PROTOCOL, Report, Request, StatusRecord};
use agent_linux::lock::Lock;
use agent_linux::packet::{Packets, wait_readable_within};
use agent_linux::process::{ProcessId, boot_id, end_tree};
use libprocess_wire as wire;
use model::ContainerId;

use super::done::{Found, Line, Remains};
use super::start::runtime_dir;
use crate::containerizer::KnownContainer;
use crate::isolators::Isolators;
use crate::provisioner::Provisioner;

/// How long a supervisor may take to answer before it counts as mute.
const ANSWER: Duration = Duration::from_secs(2);

/// How many are looked at at once: most of it is waiting until a supervisor has its turn.
const AT_ONCE: usize = 16;

/// Looks through everything: what the journal knows, and what else lies in the directory.
pub(crate) fn recover(
    root: &Path,
    known: Vec<KnownContainer>,
    isolators: &Isolators,
    provisioner: Option<&Provisioner>,
) -> Vec<Found> {
    let boot = boot_id().unwrap_or_default();
    let known: BTreeMap<ContainerId, Option<Identity>> =
        known.into_iter().map(|container| (container.id, container.identity)).collect();
    let strangers = present(root, None).into_iter().filter(|id| !known.contains_key(id));
    let all: Vec<(ContainerId, bool)> =
        known.keys().map(|id| (id.clone(), true)).chain(strangers.map(|id| (id, false))).collect();
    let mut found = side_by_side(&all, |(id, is_known)| {
        let identity = known.get(id).and_then(Option::as_ref);
        let mut what = look(&runtime_dir(root, id), identity, &boot);
        settle(id, &mut what, isolators);
        Found { id: id.clone(), known: *is_known, what }
    });
    let ours: BTreeSet<ContainerId> = found.iter().map(|found| found.id.clone()).collect();
    if let Some(provisioner) = provisioner {
        provisioner.recover(&ours);
    }
    // Those of which nothing is left but what isolators made.
    let strays = isolators.recover(&ours);
    found.extend(strays.into_iter().map(|id| Found { id, known: false, what: Remains::Unborn }));
    found
}

/// Does the same for all, some at a time; what comes of it, in their order.
fn side_by_side<T: Sync, R: Send>(all: &[T], what: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = all.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let what = &what;
        let part = |part| scope.spawn(move || <[T]>::iter(part).map(what).collect::<Vec<R>>());
        let threads: Vec<_> = all.chunks(share).map(part).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results.flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Asks isolators of what was found: what an ended one broke, when a living one breaks something; a lost one is ended.
pub(crate) fn settle(id: &ContainerId, what: &mut Remains, isolators: &Isolators) {
    match what {
        Remains::Record(_, limitation) => *limitation = isolators.limitation(id),
        Remains::Alive { line, .. } => line.alarm = isolators.alarm(id),
        Remains::Lost | Remains::Unborn => isolators.end(id),
        Remains::Mute { .. } | Remains::Rebooted => {}
    }
}

/// Every container that has a directory below `root`, parents after their children.
pub(crate) fn present(root: &Path, parent: Option<&ContainerId>) -> Vec<ContainerId> {
    let above = parent.map_or_else(|| root.to_owned(), |parent| runtime_dir(root, parent));
    let mut present = Vec::new();
    for entry in fs::read_dir(above.join("containers")).into_iter().flatten().flatten() {
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let id = parent.map_or_else(|| ContainerId::new(name.as_str()), |parent| parent.child(name.as_str()));
        present.extend(self::present(root, Some(&id)));
        present.push(id);
    }
    present
}

/// Looks at one container.
///
/// | lock | record | boot | it is |
/// |---|---|---|---|
/// | | | another | `Rebooted`; nothing is signalled |
/// | held | | same | `Alive`, or `Mute` |
/// | free | whole | same | `Record` |
/// | free | none | same | with an identity `Lost`: what is left is ended; without, `Unborn` |
pub(crate) fn look(dir: &Path, identity: Option<&Identity>, boot: &str) -> Remains {
    if identity.is_some_and(|identity| identity.boot_id != boot) {
        return Remains::Rebooted;
    }
    let mut waited = Duration::ZERO;
    loop {
        // Held is judged by whoever holds it now: between a spawn and its control socket, and between the socket's end
        // and the lock's, there are moments when nobody answers.
        if !Lock::is_held(&dir.join(LOCK)).unwrap_or(true) {
            break;
        }
        if let Some(alive) = greet(dir, identity) {
            return alive;
        }
        if waited >= ANSWER {
            return Remains::Mute { identity: identity.cloned() };
        }
        thread::sleep(Duration::from_millis(5));
        waited += Duration::from_millis(5);
    }
    match (StatusRecord::read(dir), identity) {
        (Ok(Some(record)), _) if record.boot_id == boot || record.boot_id.is_empty() => {
            Remains::Record(record, None)
        }
        (Ok(Some(_)), _) => Remains::Rebooted,
        (_, Some(identity)) => {
            end(identity, boot);
            Remains::Lost
        }
        (_, None) => Remains::Unborn,
    }
}

/// Connects to a supervisor and makes sure that it is the one.
fn greet(dir: &Path, expected: Option<&Identity>) -> Option<Remains> {
    let channel = Packets::connect(dir, CONTROL).ok()?;
    channel.send(&wire::encode(&Request::Hello { protocol: PROTOCOL })).ok()?;
    if !wait_readable_within(&channel, ANSWER).ok()? {
        return None;
    }
    let Ok(Report::Welcome(welcome)) = wire::decode(&channel.receive().ok()?) else { return None };
    if expected.is_some_and(|expected| *expected != welcome.identity) {
        return None;
    }
    let supervisor =
        ProcessId { pid: welcome.identity.supervisor, started: welcome.identity.supervisor_started };
    let pidfd = supervisor.open().ok()?;
    Some(Remains::Alive {
        line: Line { channel, pidfd, child: false, alarm: None },
        identity: welcome.identity,
        running: welcome.running,
    })
}

/// Ends what is left of a container whose supervisor is gone. Nothing of another boot is touched.
pub(crate) fn end(identity: &Identity, boot: &str) {
    if identity.boot_id != boot {
        return;
    }
    let task = ProcessId { pid: identity.task, started: identity.task_started };
    if let Err(error) = end_tree(task) {
        tracing::warn!(%error, pid = task.pid, "failed to end what a lost supervisor left");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_side_by_side_comes_back_in_order() {
        for count in [0, 1, 15, 16, 17, 100] {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(
                side_by_side(&all, |number| number * 2),
                (0..count).map(|n| n * 2).collect::<Vec<_>>()
            );
        }
    }
}
