//! Containers in control groups: limited, counted, ended with all they started, found again.

use std::fs;
use std::process::Command;
use std::time::Duration;

use agent::containerizer::{Cause, ContainerConfig, ContainerEvent, Input, LimitationKind, Usage};
use model::container::LinuxInfo;
use model::{ContainerId, Limit, Scalar};

use crate::isolated::{Isolated, asks};
use crate::machine::{now, wait_until};

const ALL: &str = "cgroups/cpu,cgroups/mem,cgroups/pids";

/// Wants ever more memory, a megabyte at a time.
const BOMB: &str = "x=x; while :; do x=$x$x$x$x; done";

pub(crate) fn usage(isolated: &Isolated, id: &str) -> Option<Usage> {
    let agent = isolated.machine.agent.as_ref().unwrap();
    let asked = agent.containerizer.call(Duration::from_secs(10), |reply| Input::Usage { reply });
    agent.runtime.block_on(asked).unwrap().remove(&ContainerId::new(id))
}

/// On the machine as it is, and as if it had v1 alone.
fn on_each(names: &'static str, test: impl Fn(&Isolated)) {
    for ignore_unified in [false, true] {
        if ignore_unified && !crate::isolated::mounts().iter().any(|mount| mount.ends_with("freezer")) {
            continue;
        }
        let Some(isolated) = Isolated::with(names, move |config| config.ignore_unified = ignore_unified)
        else {
            return;
        };
        test(&isolated);
        isolated.leave_nothing();
    }
}

#[test]
fn who_wants_more_memory_than_there_is_ends_for_that() {
    on_each(ALL, |isolated| {
        isolated.run("bomb", "cpus:1;mem:32", BOMB);
        let end = isolated.machine.terminated();
        let broke = end.limitation.expect("it was out of memory");
        assert_eq!(broke.kind, LimitationKind::Memory);
        assert!(
            broke.message.starts_with("Memory limit exceeded: Requested: 32MB Maximum Used: 3"),
            "{}",
            broke.message
        );
        assert_eq!(broke.resources.mem().thousandths() / 1000, 32);
        isolated.forget("bomb");
    });
}

#[test]
fn pressure_on_memory_is_counted_where_the_kernel_tells_of_it() {
    on_each(ALL, |isolated| {
        isolated.run("reader", "cpus:1;mem:32", "while :; do head -c 100000000 /dev/zero > file; done");
        let pressure = || usage(isolated, "reader").and_then(|usage| usage.memory_pressure);
        if isolated.group("memory", "reader").is_some() {
            wait_until("its files have been driven from memory", || {
                pressure().is_some_and(|[low, ..]| low > 0)
            });
            // In a guest, files are in memory themselves: there it has ended soon.
            let before = pressure().map_or(0, |[low, ..]| low);
            wait_until("that goes on", || pressure().is_none_or(|[low, ..]| low > before));
        } else {
            assert_eq!(pressure(), None);
        }
        isolated.machine.say(Input::Destroy { id: ContainerId::new("reader") });
        isolated.machine.terminated();
        isolated.forget("reader");
    });
}

#[test]
fn a_child_that_is_out_of_memory_ends_the_container_too() {
    on_each(ALL, |isolated| {
        isolated.run("parent", "mem:32", &format!("sh -c '{BOMB}'; sleep 300"));
        let end = isolated.machine.terminated();
        assert_eq!(end.limitation.map(|broke| broke.kind), Some(LimitationKind::Memory));
        isolated.forget("parent");
    });
}

#[test]
fn a_kill_from_elsewhere_is_no_lack_of_memory() {
    on_each(ALL, |isolated| {
        let (_, end) =
            isolated.output("c", "kill -9 $$", |config| config.resources = "mem:32".parse().unwrap());
        assert_eq!((end.limitation, end.status), (None, Some(9)));
    });
}

#[test]
fn a_container_within_another_may_have_limits_of_its_own() {
    on_each(ALL, |isolated| {
        isolated.run("outer", "cpus:1;mem:256", "sleep 300");
        let id = ContainerId::new("outer").child("inner");
        let mut config =
            ContainerConfig::shell(isolated.machine.sandbox("outer").join("containers/inner"), BOMB);
        config.environment.push(("PATH".into(), "/usr/bin:/bin".into()));
        config.resources = "cpus:0.1;mem:32".parse().unwrap();
        config.limits.insert("mem".into(), Limit::Finite(Scalar::from_thousandths(48_000)));
        let linux = LinuxInfo { share_cgroups: Some(false), ..LinuxInfo::default() };
        config.container = asks(|container| container.linux = Some(linux));
        isolated.machine.say(Input::Launch { id: id.clone(), config: Box::new(config) });
        isolated.machine.held();
        isolated.machine.say(Input::Go { id: id.clone() });
        assert!(matches!(isolated.machine.hear(), ContainerEvent::Launched { .. }));
        let broke = isolated.machine.terminated().limitation.expect("it was out of memory");
        assert!(broke.message.starts_with("Memory limit exceeded: Requested: 48MB"), "{}", broke.message);
        isolated.machine.say(Input::Forget { id });
        assert!(usage(isolated, "outer").is_some(), "the one around it runs on");
        isolated.machine.say(Input::Destroy { id: ContainerId::new("outer") });
        assert_eq!(isolated.machine.terminated().limitation, None);
        isolated.forget("outer");
    });
}

#[test]
fn a_share_of_a_processor_is_not_exceeded() {
    let Some(isolated) = Isolated::with(ALL, |config| config.cgroups_enable_cfs = true) else { return };
    let begun = now();
    isolated.run("busy", "cpus:0.2;mem:32", "while :; do :; done");
    let used = || usage(&isolated, "busy").map_or(0.0, |usage| usage.user_seconds + usage.system_seconds);
    wait_until("it has used a third of a second", || used() > 0.34);
    // A period's worth may be ahead of the clock, on each processor a slice more.
    let (used, took) = (used(), (now() - begun).as_secs_f64());
    assert!(used <= 0.2 * took + 0.1, "{used} s in {took} s");
    let figures = usage(&isolated, "busy").unwrap();
    assert_eq!(figures.cpus_limit, Some(0.2));
    assert!(figures.cpu.unwrap().periods.is_some(), "whether it was held back is counted");
    isolated.machine.say(Input::Destroy { id: ContainerId::new("busy") });
    isolated.machine.terminated();
    isolated.forget("busy");
    isolated.leave_nothing();
}

#[test]
fn whoever_a_container_started_ends_with_it_however_they_hide() {
    on_each(ALL, |isolated| {
        // Double forks, sessions of their own, deaf to everything that can be ignored.
        let line = "trap '' TERM HUP INT; \
            (setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' &) ; \
            (setsid setsid sleep 300 &) ; echo ready; while :; do sleep 0.05; done";
        isolated.run("c", "mem:64", line);
        let stdout = isolated.machine.sandbox("c").join("stdout");
        wait_until("it is ready", || fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty()));
        wait_until("all are there", || usage(isolated, "c").is_some_and(|usage| usage.processes >= 4));
        isolated.machine.say(Input::Kill { id: ContainerId::new("c"), signal: 15 });
        isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
        assert_eq!(isolated.machine.terminated().cause, Cause::Destroyed);
        for group in isolated.groups("c") {
            for procs in [group.join("cgroup.procs"), group.join("leaf/cgroup.procs")] {
                // A v2 directory with children is not read.
                assert_eq!(fs::read_to_string(procs).unwrap_or_default(), "");
            }
        }
        isolated.forget("c");
    });
}

#[test]
fn a_fork_bomb_ends_with_its_container() {
    if !std::path::Path::new("/bin/bash").exists() {
        assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: there is no bash");
        return eprintln!("skipped: there is no bash");
    }
    on_each(ALL, |isolated| {
        // Bounded from outside, for the sake of whoever else is at work here.
        isolated.run("bomb", "mem:256", "while [ ! -e go ]; do sleep 0.01; done; exec bash -c 'f() { f | f & }; f; sleep 300' 2>/dev/null");
        let group = isolated.groups("bomb").into_iter().find(|group| group.join("pids.max").exists());
        let group = group.expect("processes are counted");
        fs::write(group.join("pids.max"), "100").unwrap();
        fs::write(isolated.machine.sandbox("bomb").join("go"), "").unwrap();
        wait_until("it has grown", || usage(isolated, "bomb").is_some_and(|usage| usage.processes > 60));
        isolated.machine.say(Input::Destroy { id: ContainerId::new("bomb") });
        assert_eq!(isolated.machine.terminated().cause, Cause::Destroyed);
        isolated.forget("bomb");
    });
}

#[test]
fn a_container_whose_groups_were_taken_away_can_still_be_ended() {
    on_each(ALL, |isolated| {
        isolated.run("c", "mem:64", "(setsid sleep 300 &); echo ready; sleep 300");
        let stdout = isolated.machine.sandbox("c").join("stdout");
        wait_until("it is ready", || fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty()));
        let elsewhere: Vec<_> = isolated
            .groups("c")
            .into_iter()
            .map(|group| {
                let elsewhere = group.with_file_name("elsewhere");
                fs::create_dir(&elsewhere).unwrap();
                // Whoever is just ending can neither be moved nor stays.
                wait_until("it is taken away", || {
                    for dir in [group.join("leaf"), group.clone()] {
                        for pid in fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default().lines() {
                            let _ = fs::write(elsewhere.join("cgroup.procs"), pid);
                        }
                        let _ = fs::remove_dir(dir);
                    }
                    !group.exists()
                });
                elsewhere
            })
            .collect();
        assert!(isolated.groups("c").is_empty());
        isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
        assert_eq!(isolated.machine.terminated().cause, Cause::Destroyed);
        isolated.forget("c");
        for dir in elsewhere {
            wait_until("nobody is left", || fs::remove_dir(&dir).is_ok());
        }
    });
}

#[test]
fn what_is_left_when_the_first_process_ends_ends_too() {
    on_each(ALL, |isolated| {
        let (_, end) = isolated.output("c", "setsid sleep 300 & setsid sleep 300 & exit 5", |_| {});
        assert_eq!(end.status, Some(5 << 8));
    });
}

#[test]
fn a_frozen_container_can_be_ended_and_nothing_stays_frozen() {
    on_each(ALL, |isolated| {
        isolated.run("c", "mem:64", "sleep 300 & sleep 300");
        let (file, word) = match (isolated.group("freezer", "c"), isolated.group("unified", "c")) {
            (Some(dir), None) => (dir.join("freezer.state"), "FROZEN"),
            (_, Some(dir)) => (dir.join("cgroup.freeze"), "1"),
            (_, None) => (isolated.groups("c")[0].join("cgroup.freeze"), "1"),
        };
        fs::write(&file, word).unwrap();
        isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
        assert_eq!(isolated.machine.terminated().cause, Cause::Destroyed);
        isolated.forget("c");
    });
}

#[test]
fn a_later_agent_finds_its_containers_and_hears_when_they_are_out_of_memory() {
    let Some(mut isolated) = Isolated::new(ALL) else { return };
    isolated.machine.launch_with("c", &format!("while [ ! -e go ]; do sleep 0.01; done; {BOMB}"), |config| {
        config.resources = "mem:32".parse().unwrap();
    });
    let identity = isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("c") });
    isolated.machine.hear();
    isolated.machine.start();
    isolated.machine.recover(&[("c", Some(&identity))]);
    assert!(
        matches!(isolated.machine.hear(), ContainerEvent::Recovered { running, .. } if running.len() == 1)
    );
    assert!(usage(&isolated, "c").unwrap().memory.unwrap().limit == Some(32 << 20));
    fs::write(isolated.machine.sandbox("c").join("go"), "").unwrap();
    let end = isolated.machine.terminated();
    assert_eq!(end.limitation.map(|broke| broke.kind), Some(LimitationKind::Memory));
    isolated.forget("c");
    isolated.leave_nothing();
}

#[test]
fn who_was_out_of_memory_while_no_agent_was_there_is_found_to_have_been() {
    let Some(mut isolated) = Isolated::new(ALL) else { return };
    isolated.machine.launch_with("c", &format!("while [ ! -e go ]; do sleep 0.01; done; {BOMB}"), |config| {
        config.resources = "mem:32".parse().unwrap();
    });
    let identity = isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("c") });
    isolated.machine.hear();
    isolated.machine.agent.take().unwrap().runtime.shutdown();
    fs::write(isolated.machine.sandbox("c").join("go"), "").unwrap();
    let status = isolated.machine.runtime_dir("c").join("status");
    wait_until("it has left its record", || status.exists());
    isolated.machine.start();
    isolated.machine.recover(&[("c", Some(&identity))]);
    let end = isolated.machine.terminated();
    assert_eq!((end.status, end.limitation.map(|broke| broke.kind)), (Some(9), Some(LimitationKind::Memory)));
    isolated.forget("c");
    isolated.leave_nothing();
}

#[test]
fn two_agents_of_a_machine_never_touch_each_others_containers() {
    let (Some(mut one), Some(other)) = (Isolated::new(ALL), Isolated::new(ALL)) else { return };
    one.run("same-name", "mem:64", "sleep 300");
    other.run("same-name", "mem:64", "sleep 300");
    one.machine.start();
    one.machine.recover(&[]);
    let ContainerEvent::Recovered { orphans, .. } = one.machine.hear() else { panic!("not recovered") };
    assert_eq!(orphans, [ContainerId::new("same-name")]);
    wait_until("its groups are gone", || one.groups("same-name").is_empty());
    assert!(usage(&other, "same-name").is_some_and(|usage| usage.processes >= 1));
    other.machine.say(Input::Destroy { id: ContainerId::new("same-name") });
    other.machine.terminated();
    other.forget("same-name");
    one.leave_nothing();
    other.leave_nothing();
}

#[test]
fn groups_nobody_knows_are_ended_with_whoever_is_in_them() {
    let Some(mut isolated) = Isolated::new(ALL) else { return };
    // Where processes are found by: v2 if there is any, else a hierarchy of v1.
    let root = || ["unified", "cgroup", "freezer"].iter().find_map(|hierarchy| isolated.root(hierarchy));
    wait_until("the agent has its directory", || root().is_some_and(|root| root.join("supervisor").exists()));
    let root = root().unwrap();
    let leaf = root.join("stray/leaf");
    fs::create_dir_all(&leaf).unwrap();
    let mut stray = Command::new("sleep").arg("300").spawn().unwrap();
    fs::write(leaf.join("cgroup.procs"), stray.id().to_string()).unwrap();
    isolated.machine.start();
    isolated.machine.recover(&[]);
    let ContainerEvent::Recovered { orphans, .. } = isolated.machine.hear() else { panic!("not recovered") };
    assert_eq!(orphans, [ContainerId::new("stray")]);
    assert!(!stray.wait().unwrap().success());
    wait_until("its groups are gone", || isolated.groups("stray").is_empty());
    isolated.leave_nothing();
}

#[test]
fn a_lost_supervisors_container_is_ended_by_its_group() {
    let Some(isolated) = Isolated::new(ALL) else { return };
    isolated.machine.launch_with("c", "setsid sleep 300 & sleep 300", |_| {});
    let identity = isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("c") });
    isolated.machine.hear();
    let supervisor =
        agent_linux::process::ProcessId { pid: identity.supervisor, started: identity.supervisor_started };
    supervisor.open().unwrap().signal(9).unwrap();
    assert_eq!(isolated.machine.terminated().cause, Cause::SupervisorLost);
    isolated.forget("c");
    isolated.leave_nothing();
}

#[test]
fn an_agent_that_ends_leaves_no_empty_groups() {
    let Some(mut isolated) = Isolated::new(ALL) else { return };
    let tag = isolated.tag.clone();
    let ours = || {
        let dirs = crate::isolated::mounts().into_iter().map(|mount| mount.join("hectare-test").join(&tag));
        dirs.filter(|dir| dir.exists()).collect::<Vec<_>>()
    };
    wait_until("they are made", || !ours().is_empty());
    isolated.machine.agent.take().unwrap().runtime.shutdown();
    wait_until("they are gone", || ours().is_empty());
}

#[test]
fn a_running_container_can_be_given_more() {
    on_each(ALL, |isolated| {
        isolated.run("c", "cpus:1;mem:32", "while [ ! -e go ]; do sleep 0.01; done");
        let mut more = ContainerConfig::shell(isolated.machine.sandbox("c"), "");
        more.resources = "cpus:2;mem:128".parse().unwrap();
        isolated.machine.say(Input::Update { id: ContainerId::new("c"), config: Box::new(more) });
        let limit = || usage(isolated, "c").and_then(|usage| usage.memory?.limit);
        wait_until("it has more", || limit() == Some(128 << 20));
        fs::write(isolated.machine.sandbox("c").join("go"), "").unwrap();
        assert_eq!(isolated.machine.terminated().status, Some(0));
        isolated.forget("c");
    });
}

#[test]
fn figures_come_from_the_kernel_and_count_who_has_ended() {
    on_each(ALL, |isolated| {
        isolated.run(
            "c",
            "cpus:1;mem:64",
            "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; echo done; sleep 300",
        );
        let stdout = isolated.machine.sandbox("c").join("stdout");
        wait_until("the child has ended", || fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty()));
        let figures = usage(isolated, "c").unwrap();
        assert!(figures.user_seconds + figures.system_seconds > 0.0);
        let memory = figures.memory.unwrap();
        assert!(memory.total > 0 && memory.limit == Some(64 << 20), "{memory:?}");
        assert!(figures.threads >= 2);
        isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
        isolated.machine.terminated();
        isolated.forget("c");
    });
}

#[test]
fn what_a_machine_lacks_is_named_when_an_agent_starts() {
    let config = |isolation: &str| agent::isolators::IsolationConfig {
        isolation: isolation.to_owned(),
        cgroups_root: "hectare-test".to_owned(),
        tag: "refused".to_owned(),
        ..Default::default()
    };
    let refused = |isolation: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut containers = agent::containerizer::Config::new(dir.path());
        containers.isolation = config(isolation);
        agent::containerizer::Containerizer::new(containers, Box::new(drop))
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(refused("network/cni").as_deref(), Some("--isolation: 'network/cni' is not supported yet"));
    assert!(refused("linux/seccomp").unwrap().contains("--seccomp_config_dir is missing"));
}
