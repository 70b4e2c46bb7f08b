//! What flags mean, and how they are refused.

use std::collections::BTreeMap;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn parse(arguments: &[&str]) -> Result<Flags, clap::Error> {
    Line::try_parse_from(["master"].iter().chain(arguments)).map(|line| line.flags)
}

fn refusal(arguments: &[&str]) -> String {
    match parse(arguments) {
        Ok(flags) => flags.config().expect_err("it is refused").to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_master_needs_no_flags() {
    let config = parse(&[]).unwrap().config().unwrap();
    assert_eq!(config.settings.silence_max(), Duration::from_secs(75));
    assert_eq!(config.sharing.min_allocatable, hierarchical::Settings::default().min_allocatable);
    assert_eq!(config.registrar.limits.age, Duration::from_secs(14 * 24 * 3600));
}

#[test]
fn old_names_are_understood() {
    let flags =
        parse(&["--slave_ping_timeout=30secs", "--user_sorter=random", "--framework_sorter=random"]).unwrap();
    assert_eq!(flags.agent_ping_timeout, Duration::from_secs(30));
    let limited =
        parse(&["--slave_removal_rate_limit=2/10mins", "--recovery_slave_removal_limit=25%"]).unwrap();
    let settings = limited.config().unwrap().settings;
    assert_eq!(settings.agent_removal_pause, Some(Duration::from_secs(300)));
    assert_eq!(settings.recovery_agent_removal_limit, 25);
    assert_eq!(flags.config().unwrap().sharing.order, Order::Random);
    for (name, order) in [
        ("hierarchical", Order::Drf),
        ("HierarchicalDRF", Order::Drf),
        ("weighted_random", Order::Random),
        ("strict_priority", Order::Priority),
        ("multilevel_queue", Order::Multilevel { aging: Duration::from_secs(600) }),
    ] {
        let flags = parse(&[&format!("--allocator={name}")]).unwrap();
        assert_eq!(flags.config().unwrap().sharing.order, order, "{name}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_the_name_of_its_flag() {
    for (argument, said) in [
        ("--agent_ping_timeout=1ms", "--agent_ping_timeout: between 1secs and 15mins"),
        ("--max_agent_ping_timeouts=0", "--max_agent_ping_timeouts: at least 1"),
        ("--agent_reregister_timeout=1mins", "--agent_reregister_timeout: at least 10mins"),
        ("--agent_removal_rate_limit=fast", "--agent_removal_rate_limit: 'fast' is not <agents>/<duration>"),
        ("--agent_removal_rate_limit=0/1mins", "--agent_removal_rate_limit: '0/1mins' is not"),
        ("--recovery_agent_removal_limit=101%", "--recovery_agent_removal_limit: '101%' is not a percentage"),
        ("--role_sorter=random", "--framework_sorter: roles and frameworks are ordered the same way"),
        ("--weights=a=-1", "--weights: 'a=-1' weighs nothing"),
        ("--roles=a//b", "--roles: "),
        (
            "--allocator_agent_recovery_factor=1.5",
            "--allocator_agent_recovery_factor: 1.5 is not between 0 and 1",
        ),
        ("--allocator_recovery_timeout=-1secs", "--allocator_recovery_timeout"),
        ("--max_executors_per_slave=none", "--max_executors_per_agent"),
        ("--preemption", "--preemption: needs --allocator=strict_priority"),
        ("--domain={}", "--domain: `fault_domain` is missing"),
        ("--min_allocatable_resources=cpus", "--min_allocatable_resources: "),
        ("--allocation_interval=5", "--allocation_interval"),
        ("--zk=zk://a:2181", "--zk: 'zk://a:2181' names no path"),
        ("--zk=a:2181/mesos", "--zk: 'a:2181/mesos' does not begin with zk://"),
    ] {
        let text = refusal(&[argument]);
        assert!(text.contains(said), "{argument}: {text}");
    }
}

#[test]
fn flags_to_come_are_refused_with_their_reason_unless_they_ask_for_nothing() {
    assert!(refusal(&["--ip_discovery_command=ip"]).contains("not supported: say --ip"));
    assert!(parse(&["--authenticate_agents=false", "--quorum=1", "--authorizers=local"]).is_ok());
}

#[test]
fn a_registry_needs_a_directory_and_masters_that_know_themselves() {
    let own: SocketAddr = ([127, 0, 0, 1], 5050).into();
    let replica = |arguments: &[&str]| parse(arguments).unwrap().replica(own);
    assert!(replica(&["--registry=in_memory"]).unwrap().is_none());
    let three = "--masters=127.0.0.1:5050,127.0.0.1:5060,127.0.0.1:5070";
    let config = replica(&["--work_dir=/w", three, "--quorum=2"]).unwrap().unwrap();
    assert_eq!((config.masters.len(), config.dir), (3, "/w/replicated_log".into()));
    for (arguments, said) in [
        (&[][..], "--work_dir: missing"),
        (
            &["--work_dir=/w", "--masters=127.0.0.1:1,127.0.0.1:2"],
            "--masters: 127.0.0.1:5050 is not among them",
        ),
        (&["--work_dir=/w", three, "--quorum=1"], "--quorum: 1 is not the majority of 3, which is 2"),
        (
            &["--work_dir=/w", "--masters=127.0.0.1:5050,127.0.0.1:5050"],
            "--masters: one of them is named twice",
        ),
        (&["--work_dir=/w", "--masters=127.0.0.1"], "--masters: '127.0.0.1'"),
        (&["--registry=in_memory", three], "--masters: several masters need --registry=replicated_log"),
    ] {
        let text = replica(arguments).expect_err("it is refused").to_string();
        assert!(text.starts_with(said), "{arguments:?}: {text}");
    }
}

#[test]
fn weights_and_minimums_reach_the_allocator() {
    let config = parse(&["--weights=web=2,a/b=0.5", "--min_allocatable_resources=cpus:1;mem:2|gpus:1"])
        .unwrap()
        .config()
        .unwrap();
    assert_eq!(config.sharing.weights, BTreeMap::from([("web".into(), 2.0), ("a/b".into(), 0.5)]));
    assert_eq!(config.sharing.min_allocatable.len(), 2);
    assert!(
        parse(&["--min_allocatable_resources="])
            .unwrap()
            .config()
            .unwrap()
            .sharing
            .min_allocatable
            .is_empty()
    );
}

#[test]
fn listed_flags_bear_the_names_and_values_of_the_reference() {
    let listed = parse(&["--cluster=golden"]).unwrap().listed();
    for (name, value) in [
        ("agent_ping_timeout", "15secs"),
        ("registry_max_agent_age", "2weeks"),
        ("max_completed_frameworks", "50"),
        ("min_allocatable_resources", "cpus:0.01|mem:32"),
        ("authenticate_agents", "false"),
        ("cluster", "golden"),
    ] {
        assert_eq!(listed.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!listed.contains_key("offer_timeout"), "what is unset is not listed");
    let listed = parse(&["--zk=zk://me:secret@a:2181/mesos"]).unwrap().listed();
    assert_eq!(listed["zk"], "zk://me:***@a:2181/mesos", "everybody may read /flags");
}

#[test]
fn who_may_come_in_needs_a_way_to_prove_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    std::fs::write(&file, "ann s\nagent t\n").unwrap();
    let credentials = format!("--credentials={}", file.display());
    for (arguments, said) in [
        (
            vec!["--authenticate_http"],
            "--http_authenticators: 'basic' needs credentials; name their file with --credentials",
        ),
        (
            vec!["--authenticate_http_frameworks", &credentials],
            "--authenticate_http_frameworks: needs --http_framework_authenticators",
        ),
        (
            vec!["--authenticate_http_readonly", "--http_authenticators=kerberos", &credentials],
            "--http_authenticators: 'kerberos' is no authenticator",
        ),
        (vec!["--credentials=/nowhere"], "--credentials: cannot read /nowhere"),
        (vec!["--acls={\"permissive\": 7}"], "--acls: permissive: must be true or false"),
        (vec!["--rate_limits=7"], "--rate_limits: must be a JSON object"),
        (vec!["--firewall_rules={}"], "--firewall_rules: disabled_endpoints.paths: must be a list"),
    ] {
        let text = refusal(&arguments);
        assert!(text.starts_with(said), "{arguments:?}: {text}");
    }
    let all = ["--authenticate_http_readonly", "--authenticate_http", "--authenticate_http_frameworks"];
    let basic = ["--http_framework_authenticators=basic", &credentials];
    let config = parse(&[&all[..], &basic[..]].concat()).unwrap().config().unwrap();
    let realms: Vec<_> = config.access.realms.iter().map(|realm| realm.name).collect();
    assert_eq!(realms, [realms::READ_ONLY, realms::READ_WRITE, realms::SCHEDULER]);
    assert!(config.access.policy.allows_everything());
}

#[test]
fn agents_prove_themselves_by_secrets_that_masters_have() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let credentials = format!("--credentials={}", file("credentials", "agent t\n"));
    let own = format!("--credential={}", file("own", "master m\n"));
    let links = |arguments: &[&str], several| {
        parse(arguments).unwrap().access.links(libprocess::Security::default(), several)
    };
    assert!(links(&[], true).unwrap().anonymous);
    let security = links(&["--authenticate_agents", &credentials, &own], true).unwrap();
    assert!(!security.anonymous && security.credential.is_some());
    assert_eq!(security.secrets.len(), 2, "agents and masters are known");
    for (arguments, several, said) in [
        (vec!["--authenticate_agents"], false, "--authenticate_agents: needs --credentials"),
        (
            vec!["--authenticate_agents", &credentials],
            true,
            "--authenticate_agents: with several masters needs --credential",
        ),
    ] {
        let text = links(&arguments, several).unwrap_err().to_string();
        assert!(text.starts_with(said), "{text}");
    }
}
