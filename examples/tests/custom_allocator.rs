//! A policy is a plain value: its tests tell it what happens and look at what it gives.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use examples::first_come::FirstCome;
use master::allocator::{Agent, Allocator, Framework};
use model::{AgentCapabilities, AgentInfo, FrameworkInfo, Resources, Time};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn framework(id: &str) -> Framework {
    let info = Arc::new(FrameworkInfo::new(id, "root"));
    Framework { id: id.into(), info, suppressed: BTreeSet::new(), constraints: None }
}

fn agent(id: &str) -> Agent {
    let total: Resources = "cpus:4;mem:512".parse().unwrap();
    let info = AgentInfo {
        id: Some(id.into()),
        hostname: id.into(),
        port: 5051,
        resources: total.clone(),
        attributes: Default::default(),
        domain: None,
    };
    Agent {
        id: id.into(),
        incarnation: 1,
        info: Arc::new(info),
        capabilities: AgentCapabilities::default(),
        total,
    }
}

/// Who is offered which agents, in order.
fn offers(policy: &mut FirstCome, now: Time) -> Vec<(String, String)> {
    let given = policy.allocate(now, &mut StdRng::seed_from_u64(1));
    given.iter().map(|one| (one.framework.to_string(), one.agent.to_string())).collect()
}

fn pair(framework: &str, agent: &str) -> (String, String) {
    (framework.to_owned(), agent.to_owned())
}

#[test]
fn who_came_first_is_offered_everything_and_the_next_what_that_one_declines() {
    let mut policy = FirstCome::default();
    for id in ["early", "late"] {
        policy.add_framework(framework(id), &[], true);
    }
    for id in ["a1", "a2"] {
        policy.add_agent(agent(id), &[]);
    }
    assert_eq!(offers(&mut policy, Time::START), [pair("early", "a1"), pair("early", "a2")]);
    assert!(!policy.pending() && offers(&mut policy, Time::START).is_empty());

    let declined: Resources = "cpus(allocated: *):4;mem(allocated: *):512".parse().unwrap();
    let minute = Some(Duration::from_secs(60));
    policy.recover(&"early".into(), &"a1".into(), &declined, minute, Time::START);
    assert_eq!(offers(&mut policy, Time::START), [pair("late", "a1")]);

    policy.recover(&"late".into(), &"a1".into(), &declined, None, Time::START);
    let later = policy.deadline().expect("a refusal ends");
    assert_eq!(offers(&mut policy, later), [pair("early", "a1")]);
}

#[test]
fn whoever_is_away_or_silent_is_passed_over() {
    let mut policy = FirstCome::default();
    for id in ["early", "late"] {
        policy.add_framework(framework(id), &[], true);
    }
    policy.deactivate_framework(&"early".into());
    policy.suppress(&"late".into(), &BTreeSet::new());
    policy.add_agent(agent("a1"), &[]);
    assert!(offers(&mut policy, Time::START).is_empty());
    policy.revive(&"late".into(), &BTreeSet::new());
    policy.deactivate_agent(&"a1".into());
    assert!(offers(&mut policy, Time::START).is_empty());
    policy.activate_agent(&"a1".into());
    assert_eq!(offers(&mut policy, Time::START), [pair("late", "a1")]);
}
