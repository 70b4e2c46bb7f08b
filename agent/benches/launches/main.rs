//! What containers cost, with real processes: `cargo bench -p agent --bench launches`.
//!
//! One table: figure, goal, measured. Nothing here decides whether a change is right; tests do that. Processor time per launch
//! is the steady figure: rates move with whatever else the machine does. It counts the agent's side, supervisor and task.
//!
//! Rows "in memory" have `--runtime_dir` on a tmpfs, as `/run` is on most machines. ext4 passes over every inode that was deleted
//! within the last minute when it makes another; where thousands of containers come and go that is most of what the kernel does.

#![allow(clippy::disallowed_methods, reason = "a stopwatch needs the real clock")]

#[path = "../../tests/containers/image.rs"]
mod image;
#[path = "../../tests/containers/isolated.rs"]
mod isolated;
#[path = "../../tests/containers/machine.rs"]
mod machine;
mod many;
mod runc;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use agent::containerizer::{ContainerConfig, ContainerEvent, Input};
use agent::provisioner::{Backend, Config};
use agent_linux::child::Spent;
use agent_linux::process::{ProcessId, Table};
use model::container::{Image, ImageSource, MesosInfo};

use crate::image::{Layer, save, shell};
use crate::isolated::{Isolated, asks};
use crate::machine::{Machine, wait_until};

const ROUNDS: u32 = 1000;
/// How many launches are under way at once.
const FLIGHT: u32 = 8;
const CGROUPS: &str = "cgroups/cpu,cgroups/mem,cgroups/pids";
const APART: &str = "namespaces/pid,namespaces/ipc";

fn main() {
    if cfg!(debug_assertions) {
        println!("skipped: figures are for release builds; run `cargo bench -p agent --bench launches`");
        return;
    }
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let wants = |name: &str| name.contains(&wanted);
    let spawn = plain_spawns();
    row("a plain spawn of `true`", "", &format!("{:.2} ms CPU", spawn.as_secs_f64() * 1e3));
    if wants("plain") {
        launches(&Machine::new(), &|_| {}).print("launch and exit, no cgroups", "");
    }
    if wants("cgroups")
        && let Some(isolated) = Isolated::new(CGROUPS)
    {
        let cost = launches(&isolated.machine, &|_| {});
        cost.print("launch and exit, in cgroups", "≥ 300/s, ≤ 2 ms");
        isolated.leave_nothing();
        let memory = in_memory();
        let run = memory.path().to_owned();
        if let Some(isolated) = Isolated::run_by(CGROUPS, move |config| config.runtime_dir = run.join("run"))
        {
            launches(&isolated.machine, &|_| {}).print("  in memory", "≥ 300/s, ≤ 2 ms");
            isolated.leave_nothing();
        }
    }
    if wants("mounts")
        && let Some(isolated) = Isolated::new(&format!("{CGROUPS},filesystem/linux,{APART}"))
    {
        launches(&isolated.machine, &|_| {}).print("  and mounts, pid and ipc namespaces", "");
        isolated.leave_nothing();
    }
    if wants("image") {
        let ours = [Backend::Bind, Backend::Overlay].map(|backend| (backend.name(), in_images(backend)));
        for (how, cost) in &ours {
            if let Some(cost) = cost {
                cost.print(&format!("fully isolated, root by {how}, in memory"), "≥ 150/s");
            }
        }
        if let (true, Some(theirs)) = (ours[0].1.is_some(), runc::runs(200)) {
            theirs.print("`runc run` of the same, its root a directory", "");
            for (how, cost) in &ours {
                let ratio =
                    cost.as_ref().map_or(0.0, |cost| theirs.cpu.as_secs_f64() / cost.cpu.as_secs_f64());
                row(&format!("  its CPU beside ours by {how}"), "≥ 5 x", &format!("{ratio:.1} x"));
            }
        }
    }
    if wants("many") {
        many::thousand();
    }
}

pub(crate) fn row(what: &str, goal: &str, measured: &str) {
    println!("| {what:<44} | {goal:<16} | {measured:<44} |");
}

/// What launches cost, each.
pub(crate) struct Cost {
    pub(crate) rate: f64,
    pub(crate) cpu: Duration,
    /// The agent's side of it.
    pub(crate) own: Duration,
}

impl Cost {
    /// Of `rounds`, begun at `start` when `before` was spent.
    pub(crate) fn since(start: Instant, before: [Duration; 2], rounds: u32) -> Self {
        let took = start.elapsed();
        let [own, others] = spent();
        let own = own - before[0];
        Self {
            rate: f64::from(rounds) / took.as_secs_f64(),
            cpu: (own + others - before[1]) / rounds,
            own: own / rounds,
        }
    }

    fn print(&self, what: &str, goal: &str) {
        let millis = |of: Duration| of.as_secs_f64() * 1e3;
        let measured =
            format!("{:.0}/s, {:.2} ms CPU (agent {:.2})", self.rate, millis(self.cpu), millis(self.own));
        row(what, goal, &measured);
    }
}

/// Processor time of this process; of all it waited for, and of those that live, as what makes supervisors does.
pub(crate) fn spent() -> [Duration; 2] {
    let [own, ended] = Spent::so_far().map(|of| Duration::from_micros(of.user_micros + of.system_micros));
    let table = Table::read().expect("the process table can be read");
    let me = ProcessId::of(std::process::id()).expect("it can be read of itself");
    let living = table.usage_below(me).map_or(0.0, |living| living.user_seconds + living.system_seconds);
    [own, ended + Duration::from_secs_f64(living)]
}

/// A directory on a tmpfs.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").expect("Linux has a tmpfs there")
}

/// The anchor of the same run.
fn plain_spawns() -> Duration {
    let before = spent();
    for _ in 0..200 {
        std::process::Command::new("/bin/true").status().unwrap();
    }
    spent().iter().zip(before).map(|(now, before)| *now - before).sum::<Duration>() / 200
}

/// Launches of `true`, some at once, to the moment nothing is left of any.
fn launches(machine: &Machine, change: &dyn Fn(&mut ContainerConfig)) -> Cost {
    let launch = |name: &str| {
        machine.launch_with(name, "", |config| {
            config.program = "/bin/true".into();
            config.argv = vec!["true".into()];
            config.resources = "cpus:0.1;mem:32".parse().unwrap();
            change(config);
        });
    };
    // The first one seals the program, unpacks the image and warms what it touches.
    launch("warm");
    finish(machine, 1, &mut || {});
    let (start, before) = (Instant::now(), spent());
    let mut launched = 0;
    let mut next = || {
        if launched < ROUNDS {
            launched += 1;
            launch(&format!("c{launched}"));
        }
    };
    (0..FLIGHT).for_each(|_| next());
    finish(machine, ROUNDS, &mut next);
    Cost::since(start, before, ROUNDS)
}

/// Lets go whom is held and forgets who has ended, until `ends` have; `each` end is followed by something.
fn finish(machine: &Machine, ends: u32, each: &mut dyn FnMut()) {
    let mut ended = 0;
    while ended < ends {
        match machine.hear() {
            ContainerEvent::Held { id, .. } => machine.say(Input::Go { id }),
            ContainerEvent::Launched { .. } => {}
            ContainerEvent::Terminated { id, termination } => {
                assert_eq!(termination.status, Some(0), "{termination:?}");
                ended += 1;
                machine.say(Input::Forget { id });
                each();
            }
            other => panic!("{other:?}"),
        }
    }
    let running = machine.running();
    wait_until("all supervisors are gone", || fs::read_dir(&running).unwrap().count() == 0);
}

/// Launches in an image of one program, as a root file system made in this way.
fn in_images(backend: Backend) -> Option<Cost> {
    let (registry, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (images, layers) = (registry.path().to_owned(), store.path().join("store"));
    let memory = in_memory();
    let run = memory.path().join("run");
    let names = format!("filesystem/linux,docker/runtime,{CGROUPS},{APART}");
    let isolated = Isolated::run_by(&names, move |config| {
        let dir = config.runtime_dir.with_file_name("provisioner");
        config.runtime_dir = run.clone();
        let run_dir = run.join("provisioner");
        config.images = Some(Config {
            registry: images.clone(),
            store_dir: layers.clone(),
            dir,
            run_dir,
            backend: Some(backend),
            sandbox: "/mnt/mesos/sandbox".to_owned(),
            upkeep: None,
        });
        config.isolation.images = true;
    })?;
    save(registry.path(), "tools", vec![layer().bytes()], "{}");
    let cost = launches(&isolated.machine, &|config| {
        let source = ImageSource::Docker { name: "tools".to_owned(), credential: None, config: None };
        let image = Image { source, cached: true };
        config.container = asks(|container| container.mesos = Some(MesosInfo { image: Some(image) }));
    });
    isolated.leave_nothing();
    Some(cost)
}

/// What is in the image, and in the root of whom we are compared with.
fn layer() -> Layer {
    // A root that is only read must have the places that are mounted on.
    let places = ["proc", "sys", "dev", "mnt/mesos/sandbox", "tmp", "etc"];
    places.into_iter().fold(shell().programs(&["true"]), Layer::dir)
}

/// A file's number after a word at the beginning of a line. Unit: the file's own.
pub(crate) fn figure(file: &Path, word: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(word))?.split_whitespace().next()?.parse().ok()
}
