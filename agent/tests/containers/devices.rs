//! What devices a container may use, by a list of v1's or a program of v2's.

use agent::containerizer::{ContainerConfig, Input};
use model::ContainerId;

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

/// A machine that shows two graphics processors. The device file of the first is that of the kernel's log, which no task may
/// read; that of the second leads nowhere.
fn with_gpus(dir: &std::path::Path) -> agent::isolators::NvidiaPlaces {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let (driver, dev) = (dir.join("driver"), dir.join("dev"));
    std::fs::create_dir_all(&dev).unwrap();
    // The driver's order is not that of the files.
    for (number, minor) in [("0000:01:00.0", 1), ("0000:02:00.0", 0)] {
        std::fs::create_dir_all(driver.join("gpus").join(number)).unwrap();
        let information = format!("Model: \t\t A fake\nDevice Minor: \t {minor}\n");
        std::fs::write(driver.join("gpus").join(number).join("information"), information).unwrap();
    }
    for (name, numbers) in
        [("nvidia1", (1, 11)), ("nvidia0", (195, 0)), ("nvidiactl", (195, 255)), ("nvidia-uvm", (195, 254))]
    {
        let device = makedev(numbers.0, numbers.1);
        mknod(&dev.join(name), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), device).unwrap();
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
    let opens = format!("(: < {}/nvidia1) 2> /dev/null", places.dev.display());
    let names = "filesystem/linux,cgroups/devices,cgroups/cpu,gpu/nvidia";
    let make = move |config: &mut agent::isolators::IsolationConfig| {
        (config.nvidia, config.gpu_dir) = (places.clone(), gpu_dir.clone());
    };
    let Some(mut isolated) = Isolated::with(names, make) else { return };
    let line = format!("{opens} && echo first");
    let used = |isolated: &Isolated, id: &str, gpus: u32| {
        let resources = format!("cpus:1;gpus:{gpus}").parse().unwrap();
        isolated.output(id, &line, |config| config.resources = resources).0
    };
    assert_eq!(used(&isolated, "none", 0), "");
    assert_eq!(used(&isolated, "one", 1), "first\n");

    // One that is given it while it runs, and loses it again.
    let stays = format!("until {opens}; do sleep 0.01; done; echo has; while {opens}; do sleep 0.01; done");
    isolated.machine.launch_with("stays", &stays, |config| config.resources = "cpus:1".parse().unwrap());
    let identity = isolated.machine.held();
    isolated.machine.say(Input::Go { id: ContainerId::new("stays") });
    isolated.machine.hear();
    let update = |isolated: &Isolated, gpus: u32| {
        let mut config = ContainerConfig::shell(isolated.machine.sandbox("stays"), "");
        config.resources = format!("cpus:1;gpus:{gpus}").parse().unwrap();
        let id = ContainerId::new("stays");
        isolated.machine.say(Input::Update { id, config: Box::new(config) });
    };
    update(&isolated, 1);
    let stdout = isolated.machine.sandbox("stays").join("stdout");
    crate::machine::wait_until("it has it", || std::fs::read(&stdout).is_ok_and(|said| said == b"has\n"));

    // A later agent knows what is taken.
    isolated.machine.start();
    isolated.machine.recover(&[("stays", Some(&identity))]);
    isolated.machine.hear();
    assert_eq!(used(&isolated, "other", 1), "", "it has the second");
    isolated
        .machine
        .launch_with("both", "true", |config| config.resources = "cpus:1;gpus:2".parse().unwrap());
    let failure = isolated.machine.failed();
    assert!(failure.message.ends_with("2 gpus were asked for, and only 1 are free"), "{failure}");
    isolated.forget("both");
    update(&isolated, 0);
    assert_eq!(isolated.machine.terminated().status, Some(0));
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
    isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
    isolated.machine.terminated();
    isolated.forget("c");
    isolated.leave_nothing();
}
