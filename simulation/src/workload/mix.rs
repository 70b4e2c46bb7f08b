//! Jobs drawn by chance, in the mixes clusters know.

use std::str::FromStr;
use std::time::Duration;

use model::Resources;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Distribution, Job, Style, TaskFaults};

/// What a cluster is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tasks that are to run for ever, all there at the beginning.
    Services,
    /// Heaps of short tasks now and then.
    Bursts,
    /// Tasks most of which are short and a few very long.
    LongTails,
    /// Tasks that run together or not at all.
    Gangs,
    /// A third services, the rest of everything.
    Mixed,
    /// Tasks that are all alike and all there at the beginning: who gets how much shows what is fair.
    Contest,
}

/// Jobs to be drawn.
#[derive(Clone, Debug)]
pub struct Mix {
    pub kind: Kind,
    /// Who runs them, in turn.
    pub frameworks: Vec<String>,
    /// How many tasks there are in all.
    pub tasks: usize,
    /// When the last job arrives.
    pub within: Duration,
    /// How long a task lasts that is no service, in the mean.
    pub mean: Duration,
    pub faults: TaskFaults,
}

/// The most tasks of one job.
const JOB_MAX: usize = 200;

impl Mix {
    /// Draws the jobs; the same for the same seed.
    pub fn draw(&self, seed: u64) -> Vec<Job> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0x6d69_7865_6420_6a6f);
        let sizes: Vec<Resources> =
            ["cpus:0.1;mem:32", "cpus:0.5;mem:256", "cpus:1;mem:512", "cpus:2;mem:1024"]
                .map(|text| text.parse().expect("resources"))
                .into();
        let (mut jobs, mut left) = (Vec::new(), self.tasks);
        while left > 0 {
            let kind = match self.kind {
                Kind::Mixed => {
                    *[Kind::Services, Kind::Bursts, Kind::LongTails].choose(&mut chance).expect("three")
                }
                kind => kind,
            };
            let most = if kind == Kind::Gangs { 16 } else { JOB_MAX };
            let tasks = chance.random_range(1..=most).min(left);
            left -= tasks;
            let number = jobs.len();
            let (style, lasts) = match kind {
                Kind::Services => (Style::Service, Distribution::Forever),
                Kind::Bursts | Kind::Contest => (Style::Batch, Distribution::Exponential(self.mean)),
                Kind::Gangs => (Style::Gang, Distribution::Exponential(self.mean)),
                // Of shape 1.5 the mean is three times the shortest.
                Kind::LongTails | Kind::Mixed => (Style::Batch, Distribution::Pareto(self.mean / 3, 1.5)),
            };
            jobs.push(Job {
                name: format!("job{number}"),
                framework: self.frameworks[number % self.frameworks.len().max(1)].clone(),
                arrives: match kind {
                    Kind::Services | Kind::Contest => Duration::ZERO,
                    _ => self.within.mul_f64(chance.random()),
                },
                tasks,
                resources: match kind {
                    Kind::Contest => sizes[2].clone(),
                    _ => sizes.choose(&mut chance).expect("four").clone(),
                },
                lasts,
                style,
                only: None,
                faults: self.faults,
            });
        }
        jobs
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "services" => Ok(Kind::Services),
            "bursts" => Ok(Kind::Bursts),
            "long-tails" => Ok(Kind::LongTails),
            "gangs" => Ok(Kind::Gangs),
            "mixed" => Ok(Kind::Mixed),
            "contest" => Ok(Kind::Contest),
            _ => Err(format!("{text:?} is none of services, bursts, long-tails, gangs, mixed, contest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_has_as_many_tasks_as_were_asked_for_and_is_drawn_alike() {
        for kind in [Kind::Services, Kind::Bursts, Kind::LongTails, Kind::Gangs, Kind::Mixed, Kind::Contest] {
            let mix = Mix {
                kind,
                frameworks: vec!["a".into(), "b".into()],
                tasks: 1234,
                within: Duration::from_secs(60),
                mean: Duration::from_secs(30),
                faults: TaskFaults::default(),
            };
            let jobs = mix.draw(7);
            assert_eq!(jobs.iter().map(|job| job.tasks).sum::<usize>(), 1234);
            assert!(jobs.iter().all(|job| job.arrives <= mix.within));
            assert_eq!(jobs, mix.draw(7));
        }
    }
}
