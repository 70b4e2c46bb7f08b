//! What devices a container may use, by a list of v1's or a program of v2's.

use crate::isolated::Isolated;

/// Opens a device of nobody's business for reading and for writing, and one of everybody's.
const LINE: &str = "(: < /dev/kmsg) 2> /dev/null && echo read; (: >> /dev/kmsg) 2> /dev/null && echo written; \
    head -c 1 /dev/zero > /dev/null && echo usual; mknod node c 1 11 && echo made; (: < node) 2> /dev/null && echo sly";

fn said(list: Option<&str>) -> Option<String> {
    let list = list.map(str::to_owned);
    let isolated =
        Isolated::with("cgroups/devices,cgroups/cpu", move |config| config.allowed_devices = list.clone())?;
    let (said, _) = isolated.output("c", LINE, |_| {});
    isolated.leave_nothing();
    Some(said)
}

#[test]
fn a_container_may_use_the_usual_devices_and_no_others() {
    let Some(said) = said(None) else { return };
    assert_eq!(said, "usual\nmade\n");
}

#[test]
fn a_device_on_the_list_may_be_used_as_the_list_says() {
    let list = r#"{"allowed_devices": [{"device": {"path": "/dev/kmsg"}, "access": {"read": true}}]}"#;
    let Some(said) = said(Some(list)) else { return };
    assert_eq!(said, "read\nusual\nmade\nsly\n");
}

/// A machine that shows two graphics processors, whose device files are those of the kernel's log and of a port that no task may
/// use either.
fn with_gpus(dir: &std::path::Path) -> agent::isolators::NvidiaPlaces {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let (driver, dev) = (dir.join("driver"), dir.join("dev"));
    std::fs::create_dir_all(&dev).unwrap();
    for (number, minor) in [("0000:01:00.0", 1), ("0000:02:00.0", 0)] {
        std::fs::create_dir_all(driver.join("gpus").join(number)).unwrap();
        let information = format!("Model: \t\t A fake\nDevice Minor: \t {minor}\n");
        std::fs::write(driver.join("gpus").join(number).join("information"), information).unwrap();
    }
    for (name, minor) in [("nvidia0", 11), ("nvidia1", 4), ("nvidiactl", 3), ("nvidia-uvm", 5)] {
        mknod(&dev.join(name), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, minor)).unwrap();
    }
    agent::isolators::NvidiaPlaces { driver, dev }
}

#[test]
fn a_graphics_processor_is_used_by_whom_it_was_given_alone() {
    if agent_linux::user::effective() != 0 {
        return eprintln!("skipped: only root may make device files");
    }
    let dir = tempfile::tempdir().unwrap();
    let (places, gpu_dir) = (with_gpus(dir.path()), dir.path().join("gpus"));
    let dev = places.dev.clone();
    let names = "filesystem/linux,cgroups/devices,cgroups/cpu,gpu/nvidia";
    let make = move |config: &mut agent::isolators::IsolationConfig| {
        (config.nvidia, config.gpu_dir) = (places.clone(), gpu_dir.clone());
    };
    let Some(mut isolated) = Isolated::with(names, make) else { return };
    let line =
        format!("for name in 0 1; do (: < {}/nvidia$name) 2> /dev/null && echo $name; done", dev.display());
    let used = |isolated: &Isolated, id: &str, gpus: &str| {
        let (said, _) =
            isolated.output(id, &line, |config| config.resources = format!("cpus:1{gpus}").parse().unwrap());
        said
    };
    assert_eq!(used(&isolated, "none", ""), "");
    // By the driver's order, the first one has the second file.
    assert_eq!(used(&isolated, "one", ";gpus:1"), "1\n");

    let [first, second] = [1, 0].map(|name| format!("(: < {}/nvidia{name}) 2> /dev/null", dev.display()));
    let stays = format!(
        "{second} && exit 1; until {second}; do sleep 0.01; done; {first} && echo both; \
         while {first} || {second}; do sleep 0.01; done; echo neither"
    );
    let identity = {
        isolated.machine.launch_with("stays", &stays, |config| {
            config.resources = "cpus:1;gpus:1".parse().unwrap();
        });
        let identity = isolated.machine.held();
        isolated.machine.say(agent::containerizer::Input::Go { id: model::ContainerId::new("stays") });
        isolated.machine.hear();
        identity
    };
    // A later agent knows what is taken.
    isolated.machine.start();
    isolated.machine.recover(&[("stays", Some(&identity))]);
    isolated.machine.hear();
    assert_eq!(used(&isolated, "other", ";gpus:1"), "0\n");
    let update = |gpus: &str| {
        let mut config = agent::containerizer::ContainerConfig::shell(isolated.machine.sandbox("stays"), "");
        config.resources = format!("cpus:1;gpus:{gpus}").parse().unwrap();
        let id = model::ContainerId::new("stays");
        isolated.machine.say(agent::containerizer::Input::Update { id, config: Box::new(config) });
    };
    let said = || std::fs::read_to_string(isolated.machine.sandbox("stays").join("stdout")).unwrap();
    update("2");
    crate::machine::wait_until("it has both", || said() == "both\n");
    isolated
        .machine
        .launch_with("waits", "true", |config| config.resources = "cpus:1;gpus:1".parse().unwrap());
    assert!(isolated.machine.failed().message.ends_with("and only 0 are free"));
    isolated.forget("waits");
    update("0");
    assert_eq!(isolated.machine.terminated().status, Some(0));
    assert_eq!(said(), "both\nneither\n");
    isolated.forget("stays");
    assert_eq!(std::fs::read_dir(dir.path().join("gpus")).unwrap().count(), 0);
    isolated.leave_nothing();
}

#[test]
fn all_that_a_machine_has_can_be_had_at_once() {
    let Some(isolated) = Isolated::new("cgroups/all") else { return };
    isolated.run("c", "cpus:1;mem:64", "echo ready; sleep 300");
    let stdout = isolated.machine.sandbox("c").join("stdout");
    crate::machine::wait_until("it runs", || std::fs::read(&stdout).is_ok_and(|said| !said.is_empty()));
    let usage = crate::cgroups::usage(&isolated, "c").unwrap();
    assert_eq!(usage.memory.unwrap().limit, Some(64 << 20));
    assert!(usage.threads >= 1);
    isolated.machine.say(agent::containerizer::Input::Destroy { id: model::ContainerId::new("c") });
    isolated.machine.terminated();
    isolated.forget("c");
    isolated.leave_nothing();
}
