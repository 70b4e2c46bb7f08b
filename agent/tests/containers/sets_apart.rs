//! What a container sees and what it may do: namespaces, volumes, secrets, capabilities, limits, system calls.

use std::fs;

use agent::containerizer::{ContainerConfig, ContainerEvent, Held, Input, LaunchStep, Shown};
use model::container::{
    IpcMode, LinuxCapability, LinuxInfo, RLimit, RLimitKind, SandboxPathKind, SeccompInfo, Volume,
    VolumeMode, VolumeSource,
};
use model::{ContainerId, Secret};

use crate::isolated::{Isolated, asks};

fn linux(change: impl FnOnce(&mut LinuxInfo)) -> impl FnOnce(&mut ContainerConfig) {
    let mut linux = LinuxInfo::default();
    change(&mut linux);
    move |config| config.container = asks(|container| container.linux = Some(linux))
}

fn with_volume(volume: Volume) -> impl FnOnce(&mut ContainerConfig) {
    move |config| config.container = asks(|container| container.volumes.push(volume))
}

/// Where a line of `/proc/self/status` says what.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line =
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.split_once(':').unwrap().1.trim()
}

#[test]
fn a_task_has_the_rights_it_asked_for_and_no_others() {
    let Some(isolated) = Isolated::new("posix/rlimits,linux/capabilities,linux/nnp") else { return };
    let status = "cat /proc/self/status; ulimit -n; umask; cat /proc/self/oom_score_adj; ls /proc/self/fd";
    let chown = LinuxCapability::new(0).unwrap();
    for user in [None, Some("nobody")] {
        let (said, _) = isolated.output(user.unwrap_or("root"), status, |config| {
            linux(|linux| {
                linux.effective_capabilities = Some(vec![chown]);
                linux.bounding_capabilities = Some(vec![chown, LinuxCapability::new(13).unwrap()]);
            })(config);
            config.user = user.map(str::to_owned);
            config.container.as_mut().unwrap().rlimits =
                vec![RLimit { kind: RLimitKind::Nofile, hard: Some(200), soft: Some(100) }];
        });
        // Not even root regains by an exec what it has given up.
        assert_eq!(field(&said, "CapEff"), "0000000000000001", "{said}");
        assert_eq!(field(&said, "CapBnd"), "0000000000002001");
        assert_eq!(field(&said, "NoNewPrivs"), "1");
        // The line after is of `ls`, whose fourth descriptor is the directory itself.
        assert!(said.ends_with("100\n0022\n0\n0\n1\n2\n3\n"), "{said}");
    }
    // Without a word nothing is taken.
    let (said, _) = isolated.output("plain", "cat /proc/self/status", |_| {});
    assert_ne!(field(&said, "CapBnd"), "0000000000002001");
    isolated.leave_nothing();
}

#[test]
fn a_filter_refuses_what_its_profile_refuses() {
    let profiles = tempfile::tempdir().unwrap();
    let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}"#;
    fs::write(profiles.path().join("no-mkdir.json"), profile).unwrap();
    let dir = profiles.path().to_owned();
    for names in ["linux/seccomp", "linux/seccomp,linux/nnp"] {
        let dir = dir.clone();
        let Some(isolated) = Isolated::with(names, move |config| {
            config.seccomp_config_dir = Some(dir.clone());
            config.seccomp_profile_name = Some("no-mkdir.json".to_owned());
        }) else {
            return;
        };
        let line = "mkdir x || echo refused; grep Seccomp: /proc/self/status";
        let nobody = |config: &mut ContainerConfig| config.user = Some("nobody".to_owned());
        let (said, _) = isolated.output("default", line, nobody);
        assert!(said.starts_with("refused\n") && field(&said, "Seccomp") == "2", "{said}");
        let unconfined = SeccompInfo { profile_name: None, unconfined: Some(true) };
        let (said, _) = isolated.output("unconfined", line, linux(|linux| linux.seccomp = Some(unconfined)));
        assert!(field(&said, "Seccomp") == "0" && !said.contains("refused"), "{said}");
        let missing = SeccompInfo { profile_name: Some("../x".into()), unconfined: None };
        isolated.machine.launch_with("missing", "true", linux(|linux| linux.seccomp = Some(missing)));
        let failure = isolated.machine.failed();
        assert_eq!(failure.step, LaunchStep::Prepare);
        assert!(failure.message.contains("not a relative path in --seccomp_config_dir"), "{failure}");
        isolated.leave_nothing();
    }
}

#[test]
fn a_container_with_its_own_pids_sees_nobody_else_and_its_end_is_its_own() {
    let Some(isolated) = Isolated::new("namespaces/pid,cgroups/cpu") else { return };
    let (said, end) =
        isolated.output("c", "echo $$ $PPID; echo /proc/[0-9]*; (exit 3); sleep 0.01 & exit 7", |_| {});
    assert_eq!((said.as_str(), end.status), ("2 1\n/proc/1 /proc/2\n", Some(7 << 8)));
    let (_, end) = isolated.output("killed", "kill -9 $$", |_| {});
    assert_eq!(end.status, Some(9));
    let (_, end) = isolated.output(
        "shared",
        "test $$ -gt 2 && exit 4",
        linux(|linux| {
            linux.share_pid_namespace = Some(true);
        }),
    );
    assert_eq!(end.status, Some(4 << 8));

    // A signal reaches the task, though number one hears it first.
    isolated.run_with("term", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done", |_| {});
    let stdout = isolated.machine.sandbox("term").join("stdout");
    crate::machine::wait_until("it is ready", || {
        fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty())
    });
    isolated.machine.say(Input::Kill { id: ContainerId::new("term"), signal: 15 });
    assert_eq!(isolated.machine.terminated().status, Some(9 << 8));
    isolated.forget("term");

    // A program that is not there is still told as that.
    isolated.machine.launch_with("none", "", |config| config.program = "/no/such/program".into());
    isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("none") });
    assert_eq!(isolated.machine.failed().step, LaunchStep::Exec);
    isolated.forget("none");
    isolated.leave_nothing();
}

#[test]
fn names_and_shared_memory_are_the_containers_own() {
    let Some(isolated) =
        Isolated::new("filesystem/linux,namespaces/ipc,namespaces/uts,namespaces/cgroup,cgroups/cpu")
    else {
        return;
    };
    let line = "cat /proc/sys/kernel/hostname; stat -f -c '%b %S' /dev/shm; touch /dev/shm/hectare-test-file; cat /proc/self/cgroup";
    let (said, _) = isolated.output("c", line, |config| {
        linux(|linux| {
            linux.ipc_mode = Some(IpcMode::Private);
            linux.shm_size = Some(1);
        })(config);
        config.container.as_mut().unwrap().hostname = Some("plot".to_owned());
    });
    assert!(said.starts_with("plot\n256 4096\n"), "{said}");
    assert!(!fs::exists("/dev/shm/hectare-test-file").unwrap());
    let mut groups = said.lines().filter(|line| line.contains(":cpu:") || line.contains("0::"));
    assert!(groups.all(|line| line.ends_with(":/")), "{said}");
    isolated.leave_nothing();
}

#[test]
fn volumes_appear_where_they_were_asked_for_and_leave_with_the_container() {
    let Some(isolated) = Isolated::new("filesystem/linux,cgroups/cpu") else { return };
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), "from the host").unwrap();
    let path = || Some(host.path().display().to_string());
    let read_only = Volume { mode: VolumeMode::ReadOnly, host_path: path(), ..Volume::writable("deep/data") };
    let line = "cat deep/data/file; touch deep/data/new || echo refused";
    let (said, _) = isolated.output("ro", line, with_volume(read_only));
    assert_eq!(said, "from the hostrefused\n");
    assert!(!host.path().join("new").exists());

    let writable = Volume { host_path: path(), ..Volume::writable("/mnt") };
    let (_, end) = isolated.output("rw", "touch /mnt/new", with_volume(writable));
    assert_eq!(end.status, Some(0));
    assert!(host.path().join("new").exists() && !fs::exists("/mnt/new").unwrap());

    // A relative one is the sandbox's own, and there before it is asked for.
    let own = Volume { host_path: Some("kept/here".into()), ..Volume::writable("/mnt") };
    let (_, end) = isolated.output("own", "touch /mnt/new", with_volume(own));
    assert_eq!(end.status, Some(0));
    assert!(isolated.machine.sandbox("own").join("kept/here/new").exists());

    // A link in the sandbox does not lead a mount out of it.
    fs::create_dir_all(isolated.machine.sandbox("link")).unwrap();
    std::os::unix::fs::symlink("/mnt", isolated.machine.sandbox("link").join("out")).unwrap();
    let out = Volume { host_path: path(), ..Volume::writable("out") };
    isolated.machine.launch_with("link", "true", with_volume(out));
    isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("link") });
    let failure = isolated.machine.failed();
    assert!(failure.message.contains("failed to mount on"), "{failure}");
    isolated.forget("link");
    isolated.leave_nothing();
}

#[test]
fn a_secret_is_seen_by_the_task_alone() {
    let Some(isolated) = Isolated::new("filesystem/linux,volume/secret") else { return };
    let secret = || Secret::Value(b"sesame-4711".to_vec());
    let volume = Volume { source: Some(VolumeSource::Secret(secret())), ..Volume::writable("password") };
    let line = "cat password; echo; echo $PASSWORD; stat -c %a password; echo x > password || echo refused; sleep 300";
    isolated.run_with("c", line, |config| {
        with_volume(volume)(config);
        config.user = Some("nobody".to_owned());
        config.secrets = vec![("PASSWORD".to_owned(), secret())];
    });
    let stdout = isolated.machine.sandbox("c").join("stdout");
    let said = || fs::read_to_string(&stdout).unwrap_or_default();
    crate::machine::wait_until("it has said all", || said().ends_with("refused\n"));
    assert_eq!(said(), "sesame-4711\nsesame-4711\n400\nrefused\n");
    // Outside there is only the place it is mounted on.
    assert_eq!(fs::read_to_string(isolated.machine.sandbox("c").join("password")).unwrap(), "");
    for entry in fs::read_dir(isolated.machine.runtime_dir("c")).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        assert!(!bytes.windows(6).any(|part| part == b"sesame"), "{:?}", entry.path());
    }
    isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
    isolated.machine.terminated();
    isolated.forget("c");
    isolated.leave_nothing();
}

#[test]
fn who_listens_on_a_port_it_was_not_given_is_ended_if_that_is_enforced() {
    // A program every machine with these tests has; it tells its port, which is any free one.
    let listen = "exec python3 -c \"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); \
                  print(s.getsockname()[1], flush=True); time.sleep(300)\"";
    if std::process::Command::new("python3").arg("-c").arg("").status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: there is no python3");
        return eprintln!("skipped: there is no python3");
    }
    for enforce in [true, false] {
        let Some(isolated) = Isolated::with("network/ports", move |config| {
            config.enforce_ports = enforce;
            config.ports_watch_interval = std::time::Duration::from_millis(50);
        }) else {
            return;
        };
        isolated.run("given", "ports:[1-65535]", listen);
        isolated.run("none", "cpus:1", listen);
        let stdout = isolated.machine.sandbox("none").join("stdout");
        let said = || fs::read_to_string(&stdout).unwrap_or_default();
        crate::machine::wait_until("it listens", || said().ends_with('\n'));
        let port = said().trim().to_owned();
        if enforce {
            let broke = isolated.machine.terminated().limitation.expect("it listens on a port of nobody's");
            assert_eq!(
                broke.message,
                format!("Container none is listening on unallocated port(s): [{port}-{port}]")
            );
            assert_eq!(broke.resources.to_string(), format!("ports:[{port}-{port}]"));
        } else {
            isolated.machine.say(Input::Destroy { id: ContainerId::new("none") });
            assert_eq!(isolated.machine.terminated().limitation, None);
        }
        isolated.forget("none");
        isolated.machine.say(Input::Destroy { id: ContainerId::new("given") });
        assert_eq!(isolated.machine.terminated().limitation, None);
        isolated.forget("given");
        isolated.leave_nothing();
    }
}

#[test]
fn a_disk_that_is_filled_beyond_its_quota_ends_the_container() {
    let Some(isolated) = Isolated::with("disk/du,cgroups/cpu", |config| {
        config.enforce_disk_quota = true;
        config.disk_watch_interval = std::time::Duration::from_millis(50);
    }) else {
        return;
    };
    isolated.run("c", "disk:10", "head -c 20000000 /dev/zero > file; sleep 300");
    let end = isolated.machine.terminated();
    let broke = end.limitation.expect("it broke its quota");
    assert!(broke.message.ends_with("exceeds quota (10MB)"), "{}", broke.message);
    isolated.forget("c");

    // A volume has a size of its own, which is not the sandbox's.
    let volume = tempfile::tempdir().unwrap();
    let line = format!("head -c 20000000 /dev/zero > {}/file; sleep 300", volume.path().display());
    isolated.run_with("v", &line, |config| {
        config.resources = "disk:1".parse().unwrap();
        config.held.push(Held { id: "v".into(), directory: volume.path().to_owned(), size: 10 << 20 });
    });
    let broke = isolated.machine.terminated().limitation.expect("it broke its quota");
    assert!(broke.message.starts_with("Volume 'v': Disk usage ("), "{}", broke.message);
    assert!(broke.message.ends_with("exceeds quota (10MB)"), "{}", broke.message);
    isolated.forget("v");
    isolated.leave_nothing();
}

#[test]
fn a_path_in_a_sandbox_leads_into_the_volumes_shown_there_and_nowhere_else_outside() {
    for names in [
        "filesystem/linux,volume/sandbox_path",
        "filesystem/posix,volume/sandbox_path",
        "filesystem/linux,volume/sandbox_path,namespaces/pid",
    ] {
        let Some(isolated) = Isolated::new(names) else { return };
        let machine = &isolated.machine;
        let (volume, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shown = || Shown { at: "pod".into(), to: volume.path().to_owned() };
        isolated.run_with("outer", "sleep 300", |config| config.shown.push(shown()));
        let sandbox = machine.sandbox("outer");
        std::os::unix::fs::symlink(volume.path(), sandbox.join("pod")).unwrap();
        // What a task led elsewhere by itself.
        std::os::unix::fs::symlink(outside.path(), sandbox.join("evil")).unwrap();
        let inside = |name: &str, kind, path: &str| {
            let id = ContainerId::new("outer").child(name);
            let below = sandbox.join("containers").join(name);
            let mut config = ContainerConfig::shell(&below, "echo here > mine/said");
            let source = Some(VolumeSource::SandboxPath { kind, path: path.into() });
            with_volume(Volume { source, ..Volume::writable("mine") })(&mut config);
            config.above.push(shown());
            machine.say(Input::Launch { id: id.clone(), config: Box::new(config) });
            match machine.hear() {
                ContainerEvent::Held { .. } => {}
                ContainerEvent::LaunchFailed { failure, .. } => return Err(failure.message),
                other => panic!("{other:?}"),
            }
            machine.say(Input::Go { id: id.clone() });
            assert!(matches!(machine.hear(), ContainerEvent::Launched { .. }));
            assert_eq!(machine.terminated().status, Some(0), "{names}: {path}");
            machine.say(Input::Forget { id });
            Ok(())
        };
        for (name, path, wrote) in [("a", "pod", "said"), ("b", "./pod/below", "below/said")] {
            inside(name, SandboxPathKind::Parent, path).unwrap();
            assert_eq!(fs::read_to_string(volume.path().join(wrote)).unwrap(), "here\n");
        }
        inside("c", SandboxPathKind::Parent, "plain").unwrap();
        assert!(sandbox.join("plain/said").exists());
        for (name, path) in [("d", "evil"), ("e", "evil/below"), ("f", "../x")] {
            assert!(inside(name, SandboxPathKind::Parent, path).is_err(), "{names}: {path}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        machine.say(Input::Destroy { id: ContainerId::new("outer") });
        machine.terminated();
        isolated.forget("outer");
        isolated.leave_nothing();
    }
}
