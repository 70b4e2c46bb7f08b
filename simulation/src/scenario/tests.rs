//! Texts that are plans, and texts that are none.

use std::time::Duration;

use super::*;
use crate::cluster::{Part, What};
use crate::experiment::{Framework, Plan};
use crate::workload::{Kind, Mix, Style, TaskFaults};

const WHOLE: &str = "\
# three masters, one of which dies in the middle
seed 7
masters 3
agents 20 cpus:8;mem:16384;ports:[31000-32000]
older
attribute 0-4 rack=r1
attribute 2 disk=ssd
set agent_reregister_timeout=60secs
set max_agent_ping_timeouts=3
framework web role=prod
job front framework=web tasks=12 resources=cpus:1;mem:128 lasts=forever only=rack=r1
job ranks framework=web tasks=4 resources=cpus:1;mem:128 lasts=pareto(3secs,1.5) style=gang at=1500ms crashes=0.25
mix bursts tasks=50 within=1mins mean=30secs fails=0.1
trouble every=20secs
operators every=20secs
at 60secs kill leader for 10secs
at 61secs kill master 1 torn for 10secs
at 70secs slow agent 3 200ms for 1mins
at 70secs one-way agent 3 to leader for 1mins
at 71secs cut agent 4 and framework 0 for 1ms
at 72secs skew agent 5 -30 for 5secs
at 80secs reboot rack=r1 for 1mins
at 2mins quota prod cpus:20
at 2mins schedule agent 19 in 10secs lasting 1mins
at 3mins upgrade master 0
at 4mins grow 2
at 4mins drain agent 21
run 5mins settle=10mins
expect 100secs running = 12 of web   # a comment
expect 2mins share > 10 of prod
";

#[test]
fn a_scenario_is_a_plan() {
    let plan = read(WHOLE).unwrap();
    assert_eq!((plan.setup.seed, plan.setup.masters, plan.setup.agents), (7, 3, 20));
    assert_eq!(plan.setup.attributes[2].to_string(), "rack:r1;disk:ssd");
    assert_eq!(plan.jobs[0].style, Style::Service);
    assert_eq!(plan.jobs.iter().map(|job| job.tasks).sum::<usize>(), 66);
    assert!(plan.setup.older);
    let rebooted = |agent: &usize| plan.troubles.iter().any(|trouble| trouble.what == What::Reboot(*agent));
    assert_eq!((0..5).filter(rebooted).count(), 5, "all of a rack");
    assert!(plan.troubles.iter().any(|trouble| trouble.what == What::OneWay(Part::Agent(3), Part::Leader)));
    assert!(plan.orders.len() > 5);
    assert_eq!(plan.expectations.len(), 2);
}

#[test]
fn what_is_written_reads_as_the_same_plan() {
    let plan = read(WHOLE).unwrap();
    assert_eq!(read(&write(&plan)).unwrap(), plan);
    for seed in 0..20 {
        let frameworks = vec![Framework::new("one", "prod"), Framework::new("two", "prod/web")];
        let mix = Mix {
            kind: Kind::Mixed,
            frameworks: vec!["one".to_owned(), "two".to_owned()],
            tasks: 100,
            within: Duration::from_secs(100),
            mean: Duration::from_secs(7),
            faults: TaskFaults { fails: 0.1, crashes: 0.01, hangs: 0.001 },
        };
        let (lasts, settles) = (Duration::from_secs(200), Duration::from_secs(30));
        let setup = crate::Setup { seed, agents: 9, masters: 3, ..Default::default() };
        let plan = Plan { setup, frameworks, jobs: mix.draw(seed), lasts, settles, ..Plan::default() };
        let plan = plan.troubled(Duration::from_secs(3)).operated(Duration::from_secs(5));
        assert!(plan.troubles.len() > 20 && plan.orders.len() > 10);
        assert_eq!(read(&write(&plan)).unwrap(), plan, "{}", write(&plan));
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_its_word() {
    const JOB: &str = "job a framework=f tasks=1 resources=cpus:1 lasts=1secs";
    let with = |rest: &str| format!("framework f role=r\n{JOB}{rest}");
    let cases = [
        ("agnets 3\nrun 1mins".to_owned(), 1, "\"agnets\" is no statement"),
        ("agents many\nrun 1mins".to_owned(), 1, "agents: \"many\""),
        ("seed 1\nagents 100000\nrun 1mins".to_owned(), 2, "agents: 100000 is more than 60000"),
        ("masters 4\nrun 1mins".to_owned(), 1, "masters: 4 is none of"),
        ("agents 3 cpus\nrun 1mins".to_owned(), 1, "resources \"cpus\""),
        ("run soon".to_owned(), 1, "run: \"soon\" is no time"),
        ("run 0secs".to_owned(), 1, "more than nothing"),
        ("run 5000days".to_owned(), 1, "more than a year"),
        (format!("seed 1\n\n{JOB}"), 3, "framework \"f\" is not there"),
        (with("").replace("tasks=1", "tasks=0"), 2, "tasks: 0"),
        (with(" colour=red"), 2, "\"colour\""),
        (with(" fails=2"), 2, "fails: \"2\""),
        (with(" fails=0.6 hangs=0.6"), 2, "together they are more than 1"),
        (with(&format!("\n{JOB}")), 3, "job \"a\" of \"f\" is there already"),
        (with(" at=2mins\nrun 1mins"), 2, "after the end"),
        (with("\nat 1secs cancel f b\nrun 1mins"), 3, "has no job \"b\""),
        ("masters 3\nat 1secs kill master 3 for 1secs\nrun 1mins".to_owned(), 2, "master 3: there are 3"),
        ("agents 2\nrun 1mins\nat 1secs drain agent 2".to_owned(), 3, "agent 2: there are 2"),
        ("at 1secs kill leader\nrun 1mins".to_owned(), 1, "its `for TIME` is missing"),
        (
            "at 1secs burn leader for 1secs\nrun 1mins".to_owned(),
            1,
            "\"burn leader\" is nothing that happens",
        ),
        ("at 1secs reboot rack=r9 for 1secs\nrun 1mins".to_owned(), 1, "\"rack=r9\" is said of no agent"),
        ("at 2mins hand-over\nrun 1mins".to_owned(), 1, "after the end"),
        ("at 1secs weight r 0\nrun 1mins".to_owned(), 1, "weight"),
        ("set agent_ping_timeout=0secs\nrun 1mins".to_owned(), 1, "agent_ping_timeout"),
        ("expect 1mins joy = 3\nrun 1mins".to_owned(), 1, "\"joy\" is nothing that is counted"),
        ("expect 1mins share = 3\nrun 1mins".to_owned(), 1, "a share is one `of ROLE`"),
        ("expect 1mins share = 3 of r\nrun 1mins".to_owned(), 1, "no framework has it"),
        ("expect 2mins running = 3\nrun 1mins".to_owned(), 1, "after the end"),
        ("seed 1".to_owned(), 1, "there is no `run TIME`"),
        ("mix bursts tasks=1 within=1mins mean=1secs\nrun 1mins".to_owned(), 1, "a mix needs a framework"),
    ];
    for (text, line, word) in cases {
        let error = read(&text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.why.contains(word), "{text}: {error}");
    }
}
