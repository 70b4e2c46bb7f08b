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
