//! `hectare simulate`: what it refuses, what it answers, and how a failure is seen again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn simulate(dir: &Path, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_hectare"))
        .current_dir(dir)
        .env_clear()
        .arg("simulate")
        .args(args)
        .output();
    output.expect("the binary runs")
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

/// What fails whatever happens: more is expected than there will ever be.
const HOPELESS: &str = "\
masters 1
agents 2 cpus:2;mem:1024
framework web role=prod
job front framework=web tasks=2 resources=cpus:1;mem:64 lasts=forever
mix bursts tasks=10 within=10secs mean=2secs
trouble every=5secs
operators every=10secs
run 20secs
expect 15secs running > 100
";

#[test]
fn a_failure_is_seen_again_by_the_command_that_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hopeless.txt"), HOPELESS).unwrap();
    let failed = simulate(dir.path(), &["hopeless.txt", "--seed=3..=4"]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    let text = said(&failed);
    let wrongs = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("wrong: ")).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let hash = |text: &str| {
        let line = text.lines().find(|line| line.contains("trace hash")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().last().map(str::to_owned)).expect("a hash")
    };
    let again = text.lines().find_map(|line| line.strip_prefix("again: hectare simulate "));
    let again: Vec<&str> = again.expect("a command").split_whitespace().collect();
    let replayed = simulate(dir.path(), &again);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(!wrongs(&text).is_empty());
    assert_eq!(wrongs(&said(&replayed)), wrongs(&text));
    assert_eq!(hash(&said(&replayed)), hash(&text));
    // What has nothing to do with it was left out.
    let plan = fs::read_to_string(dir.path().join("simulate-seed-3.txt")).unwrap();
    assert!(!plan.lines().any(|line| line.starts_with("at ")), "{plan}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("wrong.txt"), "masters 3\nagents 5\nat 1secs burn leader for 1secs\n").unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["wrong.txt"], "line 3: \"burn leader\" is nothing that happens"),
        (&["--masters=2"], "masters: 2 is none of"),
        (&["--agents=100000"], "agents: 100000 is more than 60000"),
        (&["--resources=cpus"], "--resources=cpus"),
        (&["--for=0secs"], "--for"),
        (&["--for=ages"], "30secs"),
        (&["--seed=9..=3"], "holds no seed"),
        (&["--trouble=0secs"], "--trouble"),
        (&["--agents=1", "--with=at 1secs grow none"], "--with, statement 1: grow: \"none\""),
    ];
    for (args, why) in cases {
        let output = simulate(dir.path(), args);
        assert!(!output.status.success(), "{args:?}");
        assert!(said(&output).contains(why), "{args:?}: {}", said(&output));
    }
}

#[test]
fn rows_of_a_trace_that_are_left_out_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "good f 1secs 2 cpus:1 2secs\nbad f soon 1 cpus:1 1secs\nlate f 1hrs 1 cpus:1 1secs\n";
    fs::write(dir.path().join("jobs.txt"), rows).unwrap();
    let args = ["--trace=jobs.txt", "--agents=1", "--masters=1", "--for=10secs"];
    let output = simulate(dir.path(), &args);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("line 2: arrival: \"soon\""), "{}", said(&output));
    assert!(said(&output).contains("job late of f arrives after"), "{}", said(&output));
    assert!(said(&output).contains("finished"));
}

#[test]
fn what_if_is_answered_by_two_runs_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--agents=2",
        "--masters=1",
        "--resources=cpus:2;mem:4096",
        "--frameworks=1",
        "--tasks=20",
        "--mix=services",
        "--for=20secs",
        "--with=at 1secs grow 3",
    ];
    let output = simulate(dir.path(), &args);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    let agents = text.lines().find(|line| line.contains("agents at the end")).expect("a row");
    let words: Vec<&str> = agents.split_whitespace().collect();
    assert_eq!(words[words.len() - 3..], ["2", "5", "+3"]);
}

#[test]
fn a_disk_that_is_full_is_told_and_not_shouted() {
    let dir = tempfile::tempdir().unwrap();
    let plan = "\
masters 3
agents 2 cpus:2;mem:1024
framework web role=prod
job front framework=web tasks=40 resources=cpus:0.1;mem:16 lasts=exponential(2secs)
at 5secs full-disk leader for 10secs
run 30secs settle=5mins
";
    fs::write(dir.path().join("full.txt"), plan).unwrap();
    let output = simulate(dir.path(), &["full.txt"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("panicked at"), "{text}");
    assert!(text.contains("processes ended by a panic"), "{text}");
}
