//! Lets a plan happen: everything in order of time, with looks in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver::Handle;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Expectation, Order, Outcome, Plan, Sample, operator};
use crate::cluster::{Cluster, SetupError, What};
use crate::oracle::{self, Oracle};
use crate::workload::Counts;
use crate::workload::record::Shared;
use crate::workload::scheduler::Jobs;
use crate::workload::{Job, Style};

/// How often what must hold is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many samples a run has.
const SAMPLES: u32 = 240;
/// How often a gang gives back what it kept in vain.
const RELEASE_EVERY: Duration = Duration::from_secs(10);

/// How far a run is: simulated time, and how many tasks run.
pub type Progress<'a> = dyn FnMut(Duration, usize) + 'a;

/// What is to be done at some time.
enum Due {
    Job(Arc<Job>),
    Strike(What),
    Mend(What),
    Order(Order),
    Expect(Expectation),
    Sample,
    Look,
    Release,
}

/// One framework at work.
struct Player {
    name: String,
    role: String,
    handle: Handle<Jobs>,
    record: Shared,
}

/// Lets a plan happen. `progress` is told now and then how far it is.
///
/// Errors: the setup asks for what cannot be.
pub fn run(plan: &Plan, progress: &mut Progress<'_>) -> Result<Outcome, SetupError> {
    let begun = began();
    let mut cluster = Cluster::start(plan.setup.clone())?;
    let start = cluster.now();
    let players = players(plan, &mut cluster);
    let mut oracle = Oracle::default();
    let (mut samples, mut under_way, mut transcript) = (Vec::new(), Vec::new(), Transcript::default());
    for (at, due) in agenda(plan) {
        cluster.advance((start + at).saturating_sub(cluster.now()));
        match due {
            Due::Job(job) => submit(&players, &job),
            Due::Strike(what) => {
                let struck = cluster.strike(&what);
                transcript.say(at, format!("{what}"));
                under_way.push((what, struck));
            }
            Due::Mend(what) => {
                if let Some(number) = under_way.iter().position(|(known, _)| *known == what) {
                    let (what, struck) = under_way.swap_remove(number);
                    cluster.mend(&struck);
                    transcript.say(at, format!("over: {what}"));
                }
            }
            Due::Order(order) => {
                transcript.say(at, format!("operator: {order}"));
                obey(&mut cluster, &players, &mut oracle, &order);
            }
            Due::Look => {
                oracle.look(&cluster);
                transcript.leader(at, cluster.leader_number());
            }
            Due::Expect(expectation) => {
                let sample = sample(&cluster, &players, at);
                let of = |player: &&Player| expectation.of.as_ref().is_none_or(|name| *name == player.name);
                match expectation.missed(&counts(players.iter().filter(of)), &sample) {
                    None => transcript.say(at, format!("as expected: {expectation}")),
                    Some(wrong) => {
                        transcript.say(at, wrong.clone());
                        oracle.wrong(&cluster, wrong);
                    }
                }
            }
            Due::Release => {
                players.iter().for_each(|player| player.handle.with(|jobs, calls| jobs.release(calls)));
            }
            Due::Sample => {
                let sample = sample(&cluster, &players, at);
                progress(at, sample.counts.running);
                samples.push(sample);
            }
        }
    }
    if !plan.settles.is_zero() {
        settle(plan, &mut cluster, &players, &mut oracle);
    }
    let outcome = outcome(&cluster, &players, oracle, samples, begun.elapsed());
    Ok(Outcome { transcript: transcript.lines, ..outcome })
}

/// What happened, a line each.
#[derive(Default)]
struct Transcript {
    lines: Vec<String>,
    leader: Option<usize>,
}

impl Transcript {
    fn say(&mut self, at: Duration, what: String) {
        self.lines.push(format!("{:>9.3}  {what}", at.as_secs_f64()));
    }

    /// Says so when another master leads, or none any more.
    fn leader(&mut self, at: Duration, leader: Option<usize>) {
        if leader == self.leader {
            return;
        }
        self.leader = leader;
        match leader {
            Some(number) => self.say(at, format!("master {number} leads")),
            None => self.say(at, "nobody leads".to_owned()),
        }
    }
}

/// The wall clock, for what a run takes; nothing that is simulated sees it.
#[allow(clippy::disallowed_methods)]
fn began() -> Instant {
    Instant::now()
}

fn players(plan: &Plan, cluster: &mut Cluster) -> Vec<Player> {
    let mut players = Vec::new();
    for (number, framework) in plan.frameworks.iter().enumerate() {
        let record = Shared::default();
        let (noted, seed) = (record.clone(), plan.setup.seed ^ (number as u64 + 1) << 20);
        let born = cluster.now();
        let handle = cluster.framework_at(framework.info(), move |node| {
            Jobs::new(noted, node, born, ChaCha8Rng::seed_from_u64(seed))
        });
        let (name, role) = (framework.name.clone(), framework.role.clone());
        players.push(Player { name, role, handle, record });
    }
    players
}

/// Everything that is to be done, in order of time.
fn agenda(plan: &Plan) -> Vec<(Duration, Due)> {
    let mut agenda: Vec<(Duration, Due)> = Vec::new();
    agenda.extend(plan.jobs.iter().map(|job| (job.arrives, Due::Job(Arc::new(job.clone())))));
    for trouble in &plan.troubles {
        agenda.push((trouble.from, Due::Strike(trouble.what.clone())));
        agenda.push((trouble.until, Due::Mend(trouble.what.clone())));
    }
    agenda.extend(plan.orders.iter().map(|(at, order)| (*at, Due::Order(order.clone()))));
    agenda.extend(plan.expectations.iter().map(|one| (one.at, Due::Expect(one.clone()))));
    let every = |interval: Duration| {
        let times = (1..).map(move |number| interval * number);
        times.take_while(|at| *at <= plan.lasts)
    };
    agenda.extend(every(LOOK_EVERY.max(plan.lasts / 20_000)).map(|at| (at, Due::Look)));
    if plan.jobs.iter().any(|job| job.style == Style::Gang) {
        agenda.extend(every(RELEASE_EVERY).map(|at| (at, Due::Release)));
    }
    agenda.extend(every((plan.lasts / SAMPLES).max(Duration::from_millis(100))).map(|at| (at, Due::Sample)));
    agenda.retain(|(at, due)| *at <= plan.lasts || matches!(due, Due::Mend(_)));
    agenda.sort_by_key(|(at, _)| *at);
    agenda
}

fn submit(players: &[Player], job: &Arc<Job>) {
    if let Some(player) = players.iter().find(|player| player.name == job.framework) {
        let job = job.clone();
        player.handle.with(move |jobs, calls| jobs.submit(calls, job));
    }
}

fn obey(cluster: &mut Cluster, players: &[Player], oracle: &mut Oracle, order: &Order) {
    let done = match order {
        Order::Grow(agents) => {
            cluster.grow(*agents);
            Ok(())
        }
        Order::Cancel { framework, job } => {
            if let Some(player) = players.iter().find(|player| player.name == *framework) {
                let job = job.clone();
                player.handle.with(move |jobs, calls| jobs.cancel(calls, &job));
            }
            Ok(())
        }
        order => match order.call(cluster) {
            Some(call) => operator::ask(cluster, &call),
            None => Err("no such agent, or nobody leads".to_owned()),
        },
    };
    // An order that is refused is no wrong of the cluster: who gave it would give it again.
    if let Err(why) = done {
        oracle.note(cluster, format!("`{order}`: {why}"));
    }
}

/// Everybody gets time to come back; then all must agree.
fn settle(plan: &Plan, cluster: &mut Cluster, players: &[Player], oracle: &mut Oracle) {
    cluster.heal();
    let until = cluster.now() + plan.settles;
    let mut wrongs = vec!["never looked".to_owned()];
    while cluster.now() < until && !wrongs.is_empty() {
        cluster.advance(Duration::from_secs(5));
        oracle.look(cluster);
        let records: Vec<_> =
            players.iter().map(|player| (player.name.as_str(), player.record.lock())).collect();
        let records: Vec<_> = records.iter().map(|(name, record)| (*name, &**record)).collect();
        wrongs = oracle::agreement(cluster, &records);
    }
    wrongs.into_iter().for_each(|wrong| oracle.wrong(cluster, format!("after all was well again: {wrong}")));
}

fn counts<'a>(all: impl Iterator<Item = &'a Player>) -> Counts {
    all.map(|player| player.record.lock().counts()).fold(Counts::default(), Counts::plus)
}

fn sample(cluster: &Cluster, players: &[Player], at: Duration) -> Sample {
    let counts = counts(players.iter());
    let Some(snapshot) = cluster.leader() else { return Sample { at, counts, ..Sample::default() } };
    let (mut cpus, mut mem) = (0.0, 0.0);
    for agent in snapshot.agents.values() {
        cpus += agent.total.cpus().as_f64();
        mem += agent.total.mem().as_f64();
    }
    let part = |amount: f64, whole: f64| if whole > 0.0 { amount / whole } else { 0.0 };
    let mut held: BTreeMap<String, f64> = players.iter().map(|player| (player.role.clone(), 0.0)).collect();
    let (mut cpus_held, mut mem_held) = (0.0, 0.0);
    for (role, quantities) in oracle::held(&snapshot) {
        let (c, m) = (quantities.get("cpus").as_f64(), quantities.get("mem").as_f64());
        (cpus_held, mem_held) = (cpus_held + c, mem_held + m);
        held.insert(role.to_string(), part(c, cpus).max(part(m, mem)));
    }
    Sample {
        at,
        agents: snapshot.agents.len(),
        counts,
        cpus: part(cpus_held, cpus),
        mem: part(mem_held, mem),
        shares: held.into_iter().collect(),
        leads: cluster.leader_number(),
    }
}

fn outcome(
    cluster: &Cluster,
    players: &[Player],
    oracle: Oracle,
    samples: Vec<Sample>,
    took: Duration,
) -> Outcome {
    let mut outcome = Outcome {
        wrongs: oracle.wrongs,
        notes: oracle.notes,
        samples,
        elections: oracle.elections,
        events: cluster.events(),
        trace_hash: cluster.trace_hash(),
        took,
        ..Outcome::default()
    };
    for player in players {
        let record = player.record.lock();
        outcome.frameworks.push((player.name.clone(), record.counts()));
        outcome.waits.extend(&record.waits);
        outcome.launches.extend(&record.launches);
        outcome
            .wrongs
            .extend(record.wrongs.iter().map(|wrong| format!("framework {}: {wrong}", player.name)));
    }
    outcome.waits.sort_by(f32::total_cmp);
    outcome.launches.sort_by(f32::total_cmp);
    outcome
}
