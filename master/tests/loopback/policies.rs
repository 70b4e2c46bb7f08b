//! Policies through a master: who is offered what comes free, and why nobody else is.

use std::collections::BTreeSet;
use std::time::Duration;

use master::allocator::{Agent, Allocation, Allocator, Framework, Order, Policy, Rng};
use model::{AgentId, FrameworkId, Resources, Role, Time};
use serde_json::{Value, json};

use super::stage::{Cluster, Scheduler, launch, play_with};

/// `web` weighs more than `batch`, though it comes later in the alphabet, by which fair shares are told apart at first.
fn ordered(order: Order) -> master::Config {
    let mut config = master::Config::default();
    config.sharing.order = order;
    config.sharing.weights = [("web".into(), 2.0), ("batch".into(), 0.5)].into();
    config
}

/// A framework that is subscribed to a role, by whose name it goes.
async fn member(cluster: &Cluster, role: &str) -> Scheduler {
    let capabilities = json!([{"type": "MULTI_ROLE"}]);
    let info = json!({"user": "root", "name": role, "roles": [role], "capabilities": capabilities});
    let mut scheduler = cluster.subscribe_as(info).await;
    scheduler.until("SUBSCRIBED").await;
    scheduler
}

/// The name of the framework that is offered an agent.
async fn offered(cluster: &Cluster) -> String {
    loop {
        let (_, state) = cluster.get("/state").await;
        let frameworks = state["frameworks"].as_array().expect("a list");
        let holder = frameworks.iter().find(|framework| framework["offers"] != json!([]));
        if let Some(holder) = holder {
            return holder["name"].as_str().expect("a name").to_owned();
        }
        cluster.sleep(Duration::from_millis(2)).await;
    }
}

/// The reasons for which the only framework that is asked about is offered no more.
async fn reasons(cluster: &Cluster, question: &str) -> Value {
    let (status, why) = cluster.get(&format!("/api/v1/why?{question}")).await;
    assert_eq!(status, 200, "{why}");
    why["answers"][0].clone()
}

fn first_of(order: Order) -> String {
    let mut first = String::new();
    play_with(ordered(order), async |cluster| {
        let _waiting = [member(cluster, "batch").await, member(cluster, "web").await];
        cluster.agent("cpus:8;mem:1024");
        first = offered(cluster).await;
    });
    first
}

#[test]
fn by_fair_shares_weights_do_not_count_before_anybody_holds_something() {
    assert_eq!(first_of(Order::Drf), "batch");
}

#[test]
fn by_strict_priority_the_heavier_role_comes_first() {
    assert_eq!(first_of(Order::Priority), "web");
}

#[test]
fn the_background_comes_last_unless_it_has_waited_long_enough() {
    assert_eq!(first_of(Order::Multilevel { aging: Duration::from_secs(600) }), "web");
    assert_eq!(first_of(Order::Multilevel { aging: Duration::ZERO }), "batch");
}

#[test]
fn by_weighted_chance_everybody_gets_something_in_time() {
    play_with(ordered(Order::Random), async |cluster| {
        let mut waiting = [member(cluster, "batch").await, member(cluster, "web").await];
        cluster.agent("cpus:8;mem:1024");
        let mut seen = BTreeSet::new();
        while seen.len() < 2 {
            let name = offered(cluster).await;
            let scheduler = &mut waiting[usize::from(name == "web")];
            let offer = scheduler.offer().await;
            let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0.0}});
            assert_eq!(scheduler.call(json!({"type": "DECLINE", "decline": decline})).await.0, 202);
            seen.insert(name);
        }
    });
}

#[test]
fn a_framework_that_asked_for_certain_agents_is_offered_no_others_for_a_while() {
    let mut config = master::Config::default();
    config.sharing.preference_wait = Duration::from_millis(300);
    play_with(config, async |cluster| {
        let mut scheduler = member(cluster, "web").await;
        let wish = json!({"agent_id": {"value": "far-away"}, "resources": []});
        let request = json!({"type": "REQUEST", "request": {"requests": [wish]}});
        assert_eq!(scheduler.call(request).await.0, 202);
        cluster.agent("cpus:8;mem:1024");
        while cluster.get("/state").await.1["slaves"] == json!([]) {
            cluster.sleep(Duration::from_millis(2)).await;
        }
        let answer = reasons(cluster, "framework=web").await;
        assert_eq!(answer["reasons"][0]["reason"], "preference", "{answer}");
        // Nobody has to ask again.
        scheduler.offer().await;
    });
}

#[test]
fn why_counts_agents_by_reason_and_says_what_would_help() {
    play_with(master::Config::default(), async |cluster| {
        let mut scheduler = member(cluster, "web").await;
        cluster.agent("cpus:8;mem:1024");
        let offer = scheduler.offer().await;
        assert_eq!(scheduler.call(launch(&offer, "t", 8.0)).await.0, 202);
        let rest = scheduler.offer().await;
        let decline = json!({"offer_ids": [rest["id"]], "filters": {"refuse_seconds": 600.0}});
        scheduler.call(json!({"type": "DECLINE", "decline": decline})).await;
        // The master has heard it; the allocator will have in a moment.
        let answer = loop {
            let answer = reasons(cluster, "framework=web").await;
            if answer["reasons"][0]["reason"] == "filter" {
                break answer;
            }
            cluster.sleep(Duration::from_millis(2)).await;
        };
        assert_eq!(answer["framework_id"], scheduler.framework["value"]);
        assert_eq!(
            answer["reasons"],
            json!([{
                "reason": "filter", "agents": 1, "what": "the framework has declined it, and its filter has not ended",
            }])
        );
        let change = answer["help"]["change"].as_str().expect("advice");
        assert!(change.contains("REVIVE for role web"), "{change}");
        let little = reasons(cluster, "role=web&resources=cpus:1%3Bmem:64").await;
        assert_eq!(little["reasons"][0]["reason"], "too_little", "{little}");

        for (question, status, said) in [
            ("", 400, "Expecting either 'framework' or 'role'"),
            ("framework=a&role=b", 400, "Expecting either 'framework' or 'role'"),
            ("role=web&resources=cpus", 400, "Invalid query parameter 'resources'"),
            ("framework=nobody", 404, "No framework 'nobody' is subscribed"),
            ("role=nobody", 404, "Nobody is in role 'nobody'"),
        ] {
            let (was, text) = cluster.get_text(&format!("/api/v1/why?{question}")).await;
            assert!(was == status && text.contains(said), "{question}: {was} {text}");
        }
    });
}

/// A policy that gives nothing to anybody.
struct Miser;

impl Allocator for Miser {
    fn add_framework(&mut self, _: Framework, _: &[(AgentId, Resources)], _: bool) {}
    fn update_framework(&mut self, _: Framework) {}
    fn remove_framework(&mut self, _: &FrameworkId) {}
    fn activate_framework(&mut self, _: &FrameworkId) {}
    fn deactivate_framework(&mut self, _: &FrameworkId) {}
    fn add_agent(&mut self, _: Agent, _: &[(FrameworkId, Resources)]) {}
    fn update_agent(&mut self, _: Agent) {}
    fn remove_agent(&mut self, _: &AgentId) {}
    fn activate_agent(&mut self, _: &AgentId) {}
    fn deactivate_agent(&mut self, _: &AgentId) {}
    fn recover(&mut self, _: &FrameworkId, _: &AgentId, _: &Resources, _: Option<Duration>, _: Time) {}
    fn update_available(&mut self, _: &AgentId, _: &Resources, _: &Resources) {}
    fn revive(&mut self, _: &FrameworkId, _: &BTreeSet<Role>) {}
    fn suppress(&mut self, _: &FrameworkId, _: &BTreeSet<Role>) {}
    fn allocate(&mut self, _: Time, _: &mut dyn Rng) -> Vec<Allocation> {
        Vec::new()
    }
    fn pending(&self) -> bool {
        false
    }
    fn deadline(&self) -> Option<Time> {
        None
    }
}

#[test]
fn a_master_shares_by_the_policy_it_is_given() {
    let policy = Policy::new("miser", |_| Box::new(Miser));
    play_with(master::Config { policy, ..master::Config::default() }, async |cluster| {
        let _scheduler = member(cluster, "web").await;
        cluster.agent("cpus:8;mem:1024");
        while cluster.get("/state").await.1["slaves"] == json!([]) {
            cluster.sleep(Duration::from_millis(2)).await;
        }
        cluster.sleep(Duration::from_millis(100)).await;
        assert_eq!(cluster.get("/state").await.1["frameworks"][0]["offers"], json!([]));
        let (status, text) = cluster.get_text("/api/v1/why?framework=web").await;
        assert!(status == 404 && text.contains("this allocator does not say why"), "{text}");
    });
}
