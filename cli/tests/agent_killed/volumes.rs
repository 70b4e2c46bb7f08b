//! An agent that is killed while a persistent volume is made or destroyed.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::each;
use crate::stage::{Stage, dies};
use crate::support::{get, request, try_request, wait_for};

/// A volume comes.
const CREATE: [&str; 3] =
    ["agent make volumes", "agent record kept CREATE", "agent to operation CREATE OPERATION_FINISHED"];

/// It goes.
const REMOVE: [&str; 4] = [
    "agent record kept DESTROY",
    "agent remove volumes",
    "agent discard",
    "agent to operation DESTROY OPERATION_FINISHED",
];

#[test]
fn killed_while_a_volume_comes() {
    each(&CREATE, |stage, place, number| {
        let agent = stage.agent();
        stage.operate("RESERVE_RESOURCES", "resources", &reserved());
        assert!(!stage.agreed(place));
        agent.kill();
        let mut doomed = stage.doomed(place);
        stage.registered();
        stage.operate("CREATE_VOLUMES", "volumes", &volume(number));
        dies(&mut doomed, place);
        let agent = stage.agent();
        let made = stage.agreed(place);
        // What nobody was told of may not be there; what was, is.
        let directory = stage.directory(number);
        assert!(!made || directory.is_dir(), "killed before '{place}'");
        match made {
            true => stage.operate("DESTROY_VOLUMES", "volumes", &volume(number)),
            false => stage.operate("CREATE_VOLUMES", "volumes", &volume(number)),
        }
        assert_eq!(stage.agreed(place), !made, "killed before '{place}'");
        if !made {
            stage.operate("DESTROY_VOLUMES", "volumes", &volume(number));
            assert!(!stage.agreed(place));
        }
        stage.operate("UNRESERVE_RESOURCES", "resources", &reserved());
        assert!(!stage.agreed(place));
        agent
    });
}

#[test]
fn killed_while_a_volume_goes() {
    each(&REMOVE, |stage, place, number| {
        let agent = stage.agent();
        stage.operate("RESERVE_RESOURCES", "resources", &reserved());
        stage.operate("CREATE_VOLUMES", "volumes", &volume(number));
        assert!(stage.agreed(place));
        fs::write(stage.directory(number).join("secret"), "x").expect("it is there");
        agent.kill();
        let mut doomed = stage.doomed(place);
        stage.registered();
        stage.operate("DESTROY_VOLUMES", "volumes", &volume(number));
        dies(&mut doomed, place);
        let agent = stage.agent();
        let there = stage.agreed(place);
        assert_eq!(stage.directory(number).join("secret").exists(), there, "killed before '{place}'");
        if there {
            stage.operate("DESTROY_VOLUMES", "volumes", &volume(number));
            assert!(!stage.agreed(place));
        }
        wait_for("what was in it to be gone", || {
            let bin = stage.scratch.path().join("work/volumes/.destroyed");
            (fs::read_dir(bin).map_or(0, Iterator::count) == 0).then_some(())
        });
        stage.operate("UNRESERVE_RESOURCES", "resources", &reserved());
        assert!(!stage.agreed(place));
        agent
    });
}

/// Disk for a volume.
fn reserved() -> serde_json::Value {
    let reservations = json!([{"type": "DYNAMIC", "role": "web"}]);
    json!([{"name": "disk", "type": "SCALAR", "scalar": {"value": 64}, "reservations": reservations}])
}

fn volume(number: usize) -> serde_json::Value {
    let mut volume = reserved();
    let shown = json!({"container_path": "data", "mode": "RW"});
    volume[0]["disk"] = json!({"persistence": {"id": format!("v{number}")}, "volume": shown});
    volume
}

impl Stage {
    /// The only agent's id, once it is registered and listens.
    fn registered(&self) -> String {
        wait_for("the agent to be registered", || {
            let slaves = get(&self.address, "/slaves");
            let agent =
                slaves["slaves"].as_array().expect("a list").iter().find(|one| one["active"] == true)?;
            // Its master believes it to be there until it hears something else.
            let (status, body) = try_request(&self.agent_address(), "GET", "/metrics/snapshot", "").ok()?;
            let figures: serde_json::Value = serde_json::from_str(&body).ok()?;
            (status == 200 && figures["slave/registered"] == 1.0)
                .then(|| agent["id"].as_str().expect("an id").to_owned())
        })
    }

    /// An operator asks for something; the master takes it for done once it has taken it.
    fn operate(&self, kind: &str, field: &str, resources: &serde_json::Value) {
        let id = json!({"value": self.registered()});
        let body = json!({"type": kind, kind.to_lowercase(): {"agent_id": id, field: resources}}).to_string();
        let (status, body) = request(&self.address, "POST", "/api/v1", &body);
        assert_eq!(status, 202, "{kind}: {body}");
    }

    fn directory(&self, number: usize) -> PathBuf {
        self.scratch.path().join(format!("work/volumes/roles/web/v{number}"))
    }

    /// Whether there is a volume, once master and agent say the same and nothing is to be told any more.
    fn agreed(&self, place: &str) -> bool {
        wait_for(&format!("master and agent to agree, killed before '{place}'"), || {
            let call = r#"{"type": "GET_OPERATIONS"}"#;
            for address in [&self.address, &self.agent_address()] {
                let (_, body) = try_request(address, "POST", "/api/v1", call).ok()?;
                let known: serde_json::Value = serde_json::from_str(&body).ok()?;
                let operations = known["get_operations"]["operations"].as_array();
                if operations.is_some_and(|operations| !operations.is_empty()) {
                    return None;
                }
            }
            let counted = &get(&self.address, "/slaves")["slaves"][0]["reserved_resources_full"]["web"];
            let (_, body) = try_request(&self.agent_address(), "GET", "/state", "").ok()?;
            let own: serde_json::Value = serde_json::from_str(&body).ok()?;
            let has = |kept: &serde_json::Value| kept.to_string().contains("persistence");
            let said = [counted, &own["reserved_resources_full"]["web"]].map(has);
            (said[0] == said[1]).then_some(said[0])
        })
    }
}
