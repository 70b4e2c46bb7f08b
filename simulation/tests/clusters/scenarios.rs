//! The scenarios beside the crate happen as they are written down.
//!
//! `HECTARE_BLESS=1` writes the transcripts anew.

use std::fs;
use std::path::{Path, PathBuf};

use simulation::{run, scenario};

/// `tests/scenarios/*.txt`, in order of name.
fn all() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|is| is == "txt")).collect();
    files.sort();
    files
}

#[test]
fn each_scenario_has_its_transcript() {
    let bless = std::env::var_os("HECTARE_BLESS").is_some();
    assert!(all().len() >= 4);
    for path in all() {
        let plan = scenario::read(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let outcome = run(&plan, &mut |_, _| {}).unwrap();
        let told = outcome.transcript.join("\n") + "\n";
        let said = [outcome.wrongs, outcome.notes].concat();
        assert_eq!(said, Vec::<String>::new(), "{path:?}\n{told}");
        let written = path.with_extension("out");
        if bless {
            fs::write(&written, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&written).unwrap_or_default(), "{written:?} says otherwise");
    }
}

/// What `docs/simulation.md` shows as a scenario is one.
#[test]
fn the_scenario_in_the_manual_is_as_it_says() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulation.md");
    let manual = fs::read_to_string(manual).unwrap();
    let sample = manual.split("```text\n").find(|part| part.starts_with("seed ")).unwrap();
    let sample = sample.split("```").next().unwrap();
    let plan = scenario::read(sample).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run(&plan, &mut |_, _| {}).unwrap().wrongs, Vec::<String>::new());
}
