//! Which offers may be used together.

use serde_json::{Value, json};

use super::{Refusing, scalar};
use crate::testing::{events, to_agents, to_allocator};

fn operations() -> [Value; 2] {
    let task = json!({
        "name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "m-S0"},
        "resources": [scalar("cpus", 1.0)], "command": {"value": "true"},
    });
    let mut disk = scalar("disk", 1.0);
    disk["reservations"] = json!([{"type": "DYNAMIC", "role": "web"}]);
    [
        json!({"type": "RESERVE", "id": {"value": "o"}, "reserve": {"resources": [disk]}}),
        json!({"type": "LAUNCH", "launch": {"task_infos": [task]}}),
    ]
}

#[test]
fn offers_that_do_not_go_together_are_void() {
    let cases = [
        ("none", "No offers specified"),
        ("gone", "Offer m-O99 is no longer valid"),
        ("twice", "Duplicate offer"),
        ("another's", "is not an offer to framework"),
        ("of two agents", "Aggregated offers must belong to one single agent"),
    ];
    for (which, why) in cases {
        let mut refusing = Refusing::new();
        let (agent, framework) = (refusing.agent.clone(), refusing.framework.clone());
        let half = "cpus:2;mem:512;disk:100";
        let first = refusing.stage.offer(&framework, &agent, half);
        let offers = match which {
            "none" => vec![],
            "gone" => vec!["m-O99".into()],
            "twice" => vec![first.clone(), first],
            "another's" => {
                let other = refusing.stage.framework();
                vec![first, refusing.stage.offer(&other, &agent, "cpus:1")]
            }
            _ => {
                let other = refusing.stage.agent(2, "cpus:4");
                vec![first, refusing.stage.offer(&framework, &other, "cpus:1")]
            }
        };
        let before = refusing.stage.state.agent(&agent).unwrap().total.clone();

        let effects = refusing.accept_offers(&offers, &operations());

        let said = events(&effects);
        assert_eq!(said.len(), 2, "{which}: {said:?}");
        assert!(said[0].contains("t TASK_DROPPED REASON_INVALID_OFFERS"), "{which}: {said:?}");
        assert!(said[1].contains("o OPERATION_ERROR"), "{which}: {said:?}");
        assert!(said.iter().all(|event| event.contains(why)), "{which}: {said:?}");
        assert_eq!(to_agents(&effects), [""; 0], "{which}");
        assert!(to_allocator(&effects).iter().all(|line| line.starts_with("recover ")), "{which}");
        let on = refusing.stage.state.agent(&agent).unwrap();
        assert_eq!(on.total, before, "{which}");
        assert!(on.used_total.is_empty(), "{which}");
        assert!(refusing.there().3.is_empty(), "{which}");
    }
}
