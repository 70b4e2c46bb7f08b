//! Masters on machines of their own, as network namespaces, whose network is cut: between all, and in one direction.
//!
//! ```text
//!   namespace of each master: 10.77.0.N on a veth ──┐
//!   namespace of the client:  10.77.0.100  ─────────┤ bridge, in a namespace of its own
//! ```
//!
//! What a master sends another is lost, and nothing else, when the other's hardware address is a wrong one.

use std::fs::File;
use std::process::Command;

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::masters::{log, text};
use crate::support::{Running, get, request, skip, wait_for};

/// Namespaces that go when the test ends.
struct Machines {
    prefix: String,
    masters: Vec<Option<Running>>,
    scratch: tempfile::TempDir,
}

const MASTERS: &str = "10.77.0.1:5050,10.77.0.2:5050,10.77.0.3:5050";

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output().map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Whether there can be no machines here.
fn lacking(test: &str) -> bool {
    if Command::new("ip").arg("-V").output().is_err() {
        skip(test, "there is no `ip`, of the package iproute2");
        return true;
    }
    let probe = format!("hx{}-probe", std::process::id());
    let made = ip(&["netns", "add", &probe]).and_then(|()| ip(&["netns", "del", &probe]));
    if let Err(why) = made {
        skip(test, &format!("this machine grants no network namespaces: {why}"));
        return true;
    }
    false
}

impl Machines {
    fn start(name: &str) -> Machines {
        let prefix = format!("hx{}{name}", std::process::id());
        let mut machines = Machines {
            prefix,
            masters: Vec::new(),
            scratch: tempfile::tempdir().expect("a scratch directory"),
        };
        machines.lay().expect("the network is laid");
        for number in 0..3 {
            machines.enter(&machines.of(number));
            let dir = machines.scratch.path().join(number.to_string());
            let flags = [
                "master".to_owned(),
                format!("--ip=10.77.0.{}", number + 1),
                "--allow_insecure".to_owned(),
                "--port=5050".to_owned(),
                format!("--masters={MASTERS}"),
                format!("--work_dir={}", dir.display()),
            ];
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            machines.masters.push(Some(Running::start(&flags)));
        }
        machines.enter(&machines.client());
        machines
    }

    fn of(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    fn client(&self) -> String {
        format!("{}-c", self.prefix)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    fn lay(&self) -> Result<(), String> {
        let hub = self.hub();
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "add", "name", "hub0", "type", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "hub0", "up"])?;
        let machines = (0..3).map(|number| (self.of(number), number + 1)).chain([(self.client(), 100)]);
        for (name, host) in machines {
            ip(&["netns", "add", &name])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            let port = format!("p{host}");
            ip(&[
                "-n", &hub, "link", "add", "name", &port, "type", "veth", "peer", "name", "eth0", "netns",
                &name,
            ])?;
            ip(&["-n", &hub, "link", "set", &port, "master", "hub0", "up"])?;
            ip(&["-n", &name, "address", "add", &format!("10.77.0.{host}/24"), "dev", "eth0"])?;
            ip(&["-n", &name, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    /// This thread, and what it starts, is on that machine from now on.
    fn enter(&self, machine: &str) {
        let file = File::open(format!("/run/netns/{machine}")).expect("the namespace is there");
        setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter it");
    }

    /// Asks a master from its own machine, which no cut keeps away.
    fn at_home(&self, number: usize, path: &str) -> (u16, String) {
        self.enter(&self.of(number));
        let answer = request(&address(number), "GET", path, "");
        self.enter(&self.client());
        answer
    }

    /// Nothing reaches this machine or leaves it, or all does again.
    fn cut(&self, number: usize, cut: bool) {
        let port = format!("p{}", number + 1);
        let state = if cut { "down" } else { "up" };
        ip(&["-n", &self.hub(), "link", "set", &port, state]).expect("the link is there");
    }

    /// Nothing that `from` sends reaches `to`, or all does again.
    fn mute(&self, from: usize, to: usize, mute: bool) {
        let name = self.of(from);
        let to = format!("10.77.0.{}", to + 1);
        let set = match mute {
            true => ip(&[
                "-n",
                &name,
                "neigh",
                "replace",
                &to,
                "lladdr",
                "02:00:00:00:00:99",
                "dev",
                "eth0",
                "nud",
                "permanent",
            ]),
            false => ip(&["-n", &name, "neigh", "del", &to, "dev", "eth0"]),
        };
        set.expect("the neighbour is set");
    }

    fn leader_among(&self, numbers: &[usize]) -> usize {
        wait_for("a leader", || {
            numbers.iter().copied().find(|number| request(&address(*number), "GET", "/state", "").0 == 200)
        })
    }

    /// The epoch in which a master leads.
    fn epoch(&self, number: usize) -> u64 {
        get(&address(number), "/log/status")["epoch"].as_u64().expect("it leads")
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.masters.clear();
        let names = (0..3).map(|number| self.of(number)).chain([self.client(), self.hub()]);
        names.for_each(|name| drop(ip(&["netns", "del", &name])));
    }
}

fn address(number: usize) -> String {
    format!("10.77.0.{}:5050", number + 1)
}

/// Sets the weight of a role at a master; whether that was answered with success.
fn weigh(number: usize, role: &str) -> bool {
    let call = format!(
        r#"{{"type":"UPDATE_WEIGHTS","update_weights":{{"weight_infos":[{{"role":"{role}","weight":2.5}}]}}}}"#
    );
    request(&address(number), "POST", "/api/v1", &call).0 == 200
}

fn weighed(number: usize) -> Vec<String> {
    let answer = request(&address(number), "POST", "/api/v1", r#"{"type":"GET_WEIGHTS"}"#).1;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let weights = answer["get_weights"]["weight_infos"].as_array().cloned().unwrap_or_default();
    weights.iter().map(|weight| text(&weight["role"])).collect()
}

fn others(number: usize) -> Vec<usize> {
    (0..3).filter(|other| *other != number).collect()
}

#[test]
fn a_leader_that_is_cut_off_promises_nothing_and_the_others_go_on() {
    if lacking("masters that are cut off") {
        return;
    }
    let machines = Machines::start("a");
    let leader = machines.leader_among(&[0, 1, 2]);
    assert!(weigh(leader, "before"));

    machines.cut(leader, true);

    let next = machines.leader_among(&others(leader));
    assert!(weigh(next, "during"));
    wait_for("the old one to promise nothing", || {
        (machines.at_home(leader, "/state").0 != 200).then_some(())
    });

    machines.cut(leader, false);
    wait_for("it to send people on", || {
        (request(&address(leader), "GET", "/state", "").0 == 307).then_some(())
    });
    assert_eq!(machines.leader_among(&[0, 1, 2]), next, "coming back disturbs nobody");
    assert_eq!(weighed(next), ["before", "during"], "what was answered stays");
}

#[test]
fn a_follower_that_hears_nothing_disturbs_nobody() {
    if lacking("a follower that hears nothing") {
        return;
    }
    let machines = Machines::start("b");
    let leader = machines.leader_among(&[0, 1, 2]);
    let epoch = machines.epoch(leader);
    let deaf = others(leader)[0];

    machines.mute(leader, deaf, true);
    let behind = || {
        let members = get(&address(leader), "/log/status")["members"].clone();
        let list = members.as_array().cloned().unwrap_or_default();
        list.iter().any(|member| member["address"] == *address(deaf) && member["lag"].as_u64() > Some(20))
    };
    let mut roles = 0;
    wait_for("it to fall behind", || {
        roles += 1;
        assert!(weigh(leader, &format!("role-{roles}")), "the other two decide");
        behind().then_some(())
    });
    wait_for("it to know of no leader", || (machines.at_home(deaf, "/state").0 != 307).then_some(()));
    assert_eq!(machines.epoch(leader), epoch, "it was not elected in the leader's place");

    machines.mute(leader, deaf, false);
    wait_for("it to follow again", || (request(&address(deaf), "GET", "/state", "").0 == 307).then_some(()));
    assert_eq!(weighed(leader).len(), roles);
}

#[test]
fn a_leader_that_hears_but_is_not_heard_is_followed() {
    if lacking("a leader that is not heard") {
        return;
    }
    let machines = Machines::start("c");
    let leader = machines.leader_among(&[0, 1, 2]);
    assert!(weigh(leader, "before"));

    others(leader).into_iter().for_each(|other| machines.mute(leader, other, true));

    let next = machines.leader_among(&others(leader));
    assert!(weigh(next, "during"));
    wait_for("the old one to promise nothing", || {
        (machines.at_home(leader, "/state").0 != 200).then_some(())
    });
    others(leader).into_iter().for_each(|other| machines.mute(leader, other, false));
    wait_for("all three to answer", || {
        let status = log(&["status", &format!("--master={MASTERS}")]).ok()?;
        let replicas = status["replicas"].as_array()?;
        (replicas.len() == 3 && replicas.iter().all(|replica| replica["phase"] == "voting")).then_some(())
    });
    assert_eq!(weighed(machines.leader_among(&[0, 1, 2])), ["before", "during"]);
}
