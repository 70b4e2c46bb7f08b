//! Operations on resources.

use model::AgentCapability;
use serde_json::{Value, json};

use super::{Refusing, scalar, volume, with};

fn reserved(size: f64, role: &str) -> Value {
    with(scalar("disk", size), &json!({"reservations": [{"type": "DYNAMIC", "role": role}]}))
}

fn operation(name: &str, body: Value) -> Value {
    json!({"type": name.to_uppercase(), "id": {"value": "o"}, name: body})
}

fn refused(refusing: &mut Refusing, operation: Value, why: &str) {
    refusing.refused(&[operation], &["o OPERATION_ERROR", why]);
}

/// An agent with a volume of 64 and a shared one of 16, and disk of 36 that is reserved.
fn with_volumes() -> Refusing {
    let mut refusing = Refusing::new();
    let nameless = |name: &str, body: Value| json!({"type": name.to_uppercase(), name: body});
    refusing.accept(&[
        nameless("reserve", json!({"resources": [reserved(100.0, "web")]})),
        nameless("create", json!({"volumes": [volume("v", 64.0)]})),
    ]);
    let agent = refusing.stage.state.agent(&refusing.agent).unwrap();
    assert_eq!(agent.total.iter().filter(|resource| resource.is_persistent_volume()).count(), 1);
    refusing
}

#[test]
fn what_cannot_be_reserved_is_refused() {
    let mut refusing = with_volumes();
    let reserve = |resource: Value| operation("reserve", json!({"resources": [resource]}));
    let cases = [
        (scalar("disk", 1.0), "is not dynamically reserved"),
        (volume("v", 64.0), "is a persistent volume, which cannot be reserved anew"),
        (reserved(1.0, "other"), "to which the framework is not subscribed"),
        (reserved(500.0, "web"), "does not contain"),
        (reserved(1.0, "*"), "cannot be reserved"),
        (
            with(
                scalar("disk", 1.0),
                &json!({"reservations": [{"type": "DYNAMIC", "role": "a"}, {"type": "DYNAMIC", "role": "b"}]}),
            ),
            "role 'b' is not a refinement of 'a'",
        ),
    ];
    for (resource, why) in cases {
        refused(&mut refusing, reserve(resource), why);
    }
    let sourced = json!({"source": [scalar("disk", 1.0)], "resources": [reserved(1.0, "web")]});
    refused(&mut refusing, operation("reserve", sourced), "'source' of a reserve operation is for operators");
}

#[test]
fn what_cannot_be_unreserved_is_refused() {
    let mut refusing = with_volumes();
    let unreserve = |resource: Value| operation("unreserve", json!({"resources": [resource]}));
    refused(&mut refusing, unreserve(scalar("disk", 1.0)), "is not dynamically reserved");
    refused(&mut refusing, unreserve(volume("v", 64.0)), "cannot be unreserved directly");
    refused(&mut refusing, unreserve(reserved(99.0, "web")), "does not contain");
}

#[test]
fn what_cannot_be_made_a_volume_is_refused() {
    let mut refusing = with_volumes();
    let create = |volume: Value| operation("create", json!({"volumes": [volume]}));
    let cases = [
        (reserved(1.0, "web"), "is not a persistent volume"),
        (volume("v", 8.0), "Persistence ID 'v' is already in use on the agent"),
        (
            with(volume("w", 8.0), &json!({"shared": {}})),
            "A framework without SHARED_RESOURCES cannot create shared volume",
        ),
        (
            with(volume("w", 8.0), &json!({"disk": {"volume": {"container_path": "../out"}}})),
            "which is not inside a sandbox",
        ),
        (
            with(volume("w", 8.0), &json!({"disk": {"volume": {"mode": "RO"}}})),
            "Expecting persistent volume to be in RW mode",
        ),
        (
            with(volume("w", 8.0), &json!({"disk": {"volume": {"host_path": "/h"}}})),
            "Expecting 'host_path' to be unset for persistent volume",
        ),
        (
            with(volume("w", 8.0), &json!({"disk": {"volume": null}})),
            "Expecting 'volume' to be set for persistent volume",
        ),
        (
            with(volume("w", 8.0), &json!({"reservations": null})),
            "Persistent volumes cannot be created from unreserved resources",
        ),
        (volume("w", 99.0), "does not contain"),
    ];
    for (volume, why) in cases {
        refused(&mut refusing, create(volume), why);
    }
    let twice = operation("create", json!({"volumes": [volume("w", 8.0), volume("w", 4.0)]}));
    refused(&mut refusing, twice, "Persistence ID 'w' is already in use");
}

#[test]
fn what_cannot_be_destroyed_is_refused() {
    let mut refusing = with_volumes();
    let destroy = |volume: Value| operation("destroy", json!({"volumes": [volume]}));
    refused(&mut refusing, destroy(reserved(1.0, "web")), "is not a persistent volume");
    refused(&mut refusing, destroy(volume("w", 64.0)), "does not exist on the agent");
}

#[test]
fn what_cannot_be_resized_is_refused() {
    let mut refusing = with_volumes();
    let grow = |volume: Value, addition: Value| {
        operation("grow_volume", json!({"volume": volume, "addition": addition}))
    };
    let shrink = |volume: Value, by: f64| {
        operation("shrink_volume", json!({"volume": volume, "subtract": {"value": by}}))
    };
    let shared = with(volume("v", 64.0), &json!({"shared": {}}));
    let provided = with(volume("v", 64.0), &json!({"provider_id": {"value": "p"}}));
    let mounted =
        with(volume("v", 64.0), &json!({"disk": {"source": {"type": "MOUNT", "mount": {"root": "/m"}}}}));
    let cases = [
        (grow(reserved(1.0, "web"), reserved(1.0, "web")), "is not a persistent volume"),
        (grow(volume("v", 64.0), scalar("disk", 1.0)), "Incompatible resources: "),
        (grow(volume("v", 64.0), reserved(99.0, "web")), "does not contain"),
        (grow(shared.clone(), reserved(1.0, "web")), "Shared volume "),
        (grow(provided.clone(), reserved(1.0, "web")), "of a resource provider cannot be resized"),
        (grow(mounted.clone(), reserved(1.0, "web")), "Volumes on MOUNT disks cannot grow"),
        (shrink(volume("v", 64.0), 0.0), "The size of 'subtract' must be greater than zero"),
        (
            shrink(volume("v", 64.0), 64.0),
            "The size of 'subtract' (64) must be less than that of the volume (64)",
        ),
        (shrink(shared, 1.0), "Shared volume "),
        (shrink(provided, 1.0), "of a resource provider cannot be resized"),
        (shrink(mounted, 1.0), "Volumes on MOUNT disks cannot shrink"),
        (shrink(volume("w", 64.0), 1.0), "does not contain"),
    ];
    for (operation, why) in cases {
        refused(&mut refusing, operation, why);
    }
    without(&mut refusing, AgentCapability::ResizeVolume);
    let why = "Volumes cannot be resized on an agent without RESIZE_VOLUME";
    refused(&mut refusing, shrink(volume("v", 64.0), 1.0), why);
    refused(&mut refusing, grow(volume("v", 64.0), reserved(1.0, "web")), why);
}

#[test]
fn what_an_agent_cannot_keep_is_refused() {
    let mut refusing = Refusing::new();
    let refined = |roles: &[&str]| {
        let stack: Vec<Value> = roles.iter().map(|role| json!({"type": "DYNAMIC", "role": role})).collect();
        operation(
            "reserve",
            json!({"resources": [with(scalar("disk", 1.0), &json!({"reservations": stack}))]}),
        )
    };
    without(&mut refusing, AgentCapability::HierarchicalRole);
    refused(
        &mut refusing,
        refined(&["web/deep"]),
        "An agent without HIERARCHICAL_ROLE cannot keep resources for role 'web/deep'",
    );
    let mut refusing = Refusing::new();
    without(&mut refusing, AgentCapability::ReservationRefinement);
    refused(
        &mut refusing,
        refined(&["web", "web/deep"]),
        "An agent without RESERVATION_REFINEMENT cannot keep",
    );
    let mut refusing = Refusing::new();
    without(&mut refusing, AgentCapability::AgentOperationFeedback);
    refused(&mut refusing, refined(&["web"]), "The agent does not tell how operations went");
}

fn without(refusing: &mut Refusing, capability: AgentCapability) {
    let agent = refusing.agent.clone();
    refusing.stage.state.agent_mut(&agent).unwrap().capabilities.0.remove(&capability);
}
