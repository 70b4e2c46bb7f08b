//! One test under many seeds, and one seed again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Sim;

/// The variable that names the one seed to be run.
const SEED: &str = "HECTARE_SEED";

/// Runs a test under each seed in turn, or only under that in `HECTARE_SEED`.
///
/// A failure says under which seed it came about, and how to see it again.
pub fn seeds(seeds: Range<u64>, mut test: impl FnMut(&mut Sim)) {
    let only = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut sim = Sim::new(seed);
            test(&mut sim);
        }));
        if let Err(panic) = ran {
            let why = match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(panic) => match panic.downcast::<&'static str>() {
                    Ok(text) => (*text).to_owned(),
                    Err(panic) => resume_unwind(panic),
                },
            };
            panic!("{why}\nfailed under seed {seed}; again: {}", command(seed));
        }
    }
}

/// The command that runs this test under one seed.
fn command(seed: u64) -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let binary = std::env::current_exe().ok();
    let stem =
        binary.as_ref().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
    let target = stem.as_deref().and_then(|stem| stem.rsplit_once('-')).map_or("", |(target, _)| target);
    let target = match target {
        "" => String::new(),
        own if own == package.replace('-', "_") => " --lib".to_owned(),
        test => format!(" --test {test}"),
    };
    let thread = std::thread::current();
    format!("{SEED}={seed} cargo test -p {package}{target} {}", thread.name().unwrap_or_default())
}
