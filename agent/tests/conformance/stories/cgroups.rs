//! Tasks in control groups: what they use is counted, and one that wants too much ends for that.

use std::fs;
use std::path::{Path, PathBuf};

use api::v1;
use api_conformance::Judge;
use model::TaskState;
use serde_json::{Value, json};

use crate::story::{GOLDEN, Story, tell_of};

const ID: &str = "0356009f-4b18-408c-9a56-2e7a72207e6c";

/// Below which group all of this story's are.
const ROOT: &str = "hectare-conformance";

/// What the captured machine had: a hierarchy for each kind.
const HIERARCHIES: [&str; 4] = ["cpu", "cpuacct", "memory", "freezer"];

pub(crate) fn tell(judge: &mut Judge) {
    if HIERARCHIES.iter().any(|name| mount(name).is_none()) {
        let why = "this machine has no hierarchies of cgroup v1, which the captures are of";
        assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: {why}");
        let left_out = GOLDEN.all().into_iter().filter(|place| place.starts_with("cgroups/"));
        left_out.for_each(|place| judge.replayed(&place));
        return eprintln!("skipped: {why}");
    }
    let root = format!("--cgroups_root={ROOT}");
    let flags = ["--launcher=linux", "--isolation=cgroups/cpu,cgroups/mem", &root];
    tell_of(
        judge,
        ID,
        &flags,
        |config| config.isolation.ignore_unified = true,
        async |story| {
            story
                .texts
                .push(("\"cgroups_root\":\"mesos\"".to_owned(), format!("\"cgroups_root\":\"{ROOT}\"")));
            story.framework = Some(framework());
            run(story).await;
            story.recognize("cgroups", "agent_GET_state").await;
            let asked =
                GOLDEN.folder("cgroups").into_iter().filter(|exchange| exchange.name.starts_with("agent_"));
            for exchange in asked {
                story.replay("cgroups", &exchange).await;
            }
            control_files(story);
            story.compare_updates("cgroups", "sched_stream_oom", &["cg-1", "cg-oom"]);
        },
    );
    for name in HIERARCHIES {
        let root = mount(name).expect("it was there").join(ROOT);
        sweep(&root);
    }
}

/// One task sleeps; the other wants ever more memory, in as many words as the captured one.
async fn run(story: &mut Story<'_>) {
    let task = |id: &str, cpus: f64, command: &str| {
        let scalar = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "roleA"}});
        json!({
            "name": id, "task_id": {"value": id}, "agent_id": {"value": format!("{ID}-S0")},
            "resources": [scalar("cpus", cpus), scalar("mem", 64.0)], "command": {"value": command, "shell": true},
        })
    };
    let tasks = [
        task("cg-1", 0.5, "sleep 1000"),
        task("cg-oom", 0.1, "exec python3 -c \"all = []\nwhile True: all.append(b'x' * 1000000)\""),
    ];
    let call = json!({
        "type": "ACCEPT", "framework_id": {"value": format!("{ID}-0000")},
        "accept": {"offer_ids": [], "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]},
    });
    story.accept_call("cgroups", &call.to_string());
    story.await_update("cg-1", TaskState::Running);
    story.await_update("cg-oom", TaskState::Failed);
    let ended = |state: &Value| state["frameworks"][0]["completed_executors"] != json!([]);
    story.until("the other has ended", ended).await;
    story.until_acknowledged().await;
}

/// What the kernel was told of the task that sleeps.
fn control_files(story: &mut Story<'_>) {
    let captured = GOLDEN.whole("cgroups/cgroup_v1_control_files");
    story.judge.replayed("cgroups/cgroup_v1_control_files");
    let container = story.ours("cg-1");
    for (name, golden) in captured.as_object().expect("files") {
        // Processes have other numbers here.
        let Some((path, golden)) = name.strip_prefix("cg-1:/sys/fs/cgroup/").zip(golden.as_str()) else {
            continue;
        };
        let (hierarchy, rest) = path.split_once("/mesos/<container_id>/").expect("a file of a group");
        let mount = mount(hierarchy).expect("it is there");
        let group = group(&mount.join(ROOT), &container).expect("the container has a group in it");
        let ours = fs::read_to_string(group.join(rest)).expect("a control file");
        let place = format!("cgroups/cgroup_v1_control_files/{rest}");
        if rest == "cgroup.procs" {
            assert!(ours.lines().count() > 1, "an executor and its task: {ours}");
        } else if ours.trim() != golden {
            story.judge.note(&place, &format!("{:?} instead of {golden:?}", ours.trim()));
        }
    }
}

fn framework() -> model::FrameworkInfo {
    let info = json!({
        "user": "root", "name": "cg", "id": {"value": format!("{ID}-0000")}, "roles": ["roleA"],
        "capabilities": [{"type": "MULTI_ROLE"}],
    });
    let info: v1::FrameworkInfo = serde_json::from_value(info).expect("a framework");
    info.try_into().expect("a good one")
}

/// Where a hierarchy of cgroup v1 is mounted.
fn mount(controller: &str) -> Option<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("this is Linux");
    let found = table.lines().find_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let mut tail = tail.split(' ');
        let options = (tail.next()? == "cgroup").then(|| tail.nth(1))??;
        options.split(',').any(|option| option == controller).then(|| head.split(' ').nth(4))?
    });
    found.map(PathBuf::from)
}

/// The directory of a container below a root.
fn group(root: &Path, container: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let directories = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    directories.into_iter().find_map(|path| match path.ends_with(container) {
        true => Some(path),
        false => group(&path, container),
    })
}

/// Takes away the empty groups around those of containers.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            sweep(&entry.path());
        }
    }
    let _ = fs::remove_dir(root);
}
