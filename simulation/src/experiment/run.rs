//! Lets a plan happen: everything in order of time, with looks in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver::Handle;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::transcript::Transcript;
use super::{Expectation, Order, Outcome, Plan, Sample};
use crate::cluster::{self, Cluster, SetupError, What};
use crate::oracle::{self, Fairness, Oracle, Standing};
use crate::workload::record::Shared;
use crate::workload::scheduler::Jobs;
use crate::workload::{Counts, Job, Style};

/// How often what must hold is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many looks a long run has.
const LOOKS: u32 = 20_000;
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
    let (ended, panics) = libprocess::sim::quietly(|| {
        let mut run = Run::begin(plan)?;
        for (at, due) in agenda(plan) {
            run.pass(at);
            run.happen(at, due, progress);
        }
        run.pass(plan.lasts);
        if !plan.settles.is_zero() {
            run.settle(plan.settles);
        }
        Ok(run.outcome())
    });
    let panics = panics.into_iter().map(|panicked| {
        let who = cluster::resident(panicked.node);
        format!("at {:.3} s: {who}: {}", panicked.at.as_secs_f64(), panicked.what)
    });
    Ok(Outcome { panics: panics.collect(), took: begun.elapsed(), ..ended? })
}

/// The wall clock, for what a run takes; nothing that is simulated sees it.
#[allow(clippy::disallowed_methods)]
fn began() -> Instant {
    Instant::now()
}

/// A plan as it happens.
struct Run {
    cluster: Cluster,
    players: Vec<Player>,
    /// When the plan began. Unit: time of the cluster.
    start: Duration,
    /// Between two looks.
    look_every: Duration,
    /// When what comes again and again is due. Unit: time since the plan began.
    look_at: Duration,
    release_at: Duration,
    has_gangs: bool,
    oracle: Oracle,
    /// Only where all tasks are alike.
    fairness: Option<Fairness>,
    /// What goes wrong now, as it was planned and as it was done.
    under_way: Vec<(What, What)>,
    samples: Vec<Sample>,
    transcript: Transcript,
}

impl Run {
    fn begin(plan: &Plan) -> Result<Run, SetupError> {
        let mut cluster = Cluster::start(plan.setup.clone())?;
        let look_every = LOOK_EVERY.max(plan.lasts / LOOKS);
        Ok(Run {
            start: cluster.now(),
            players: players(plan, &mut cluster),
            cluster,
            look_every,
            look_at: look_every,
            release_at: RELEASE_EVERY,
            has_gangs: plan.jobs.iter().any(|job| job.style == Style::Gang),
            oracle: Oracle::default(),
            fairness: plan.is_even().then(Fairness::default),
            under_way: Vec::new(),
            samples: Vec::new(),
            transcript: Transcript::default(),
        })
    }

    /// Lets time pass until `at`, looking often.
    fn pass(&mut self, at: Duration) {
        loop {
            let next = self.look_at.min(self.release_at);
            self.advance_to(next.min(at));
            if next > at {
                return;
            }
            if self.look_at == next {
                self.look_at += self.look_every;
                self.look(next);
            }
            if self.release_at == next {
                self.release_at += RELEASE_EVERY;
                if self.has_gangs {
                    self.players
                        .iter()
                        .for_each(|player| player.handle.with(|jobs, calls| jobs.release(calls)));
                }
            }
        }
    }

    fn advance_to(&mut self, at: Duration) {
        self.cluster.advance((self.start + at).saturating_sub(self.cluster.now()));
    }

    fn look(&mut self, at: Duration) {
        self.oracle.look(&self.cluster);
        let leader = self.cluster.leader_number();
        if self.transcript.leader(at, leader) {
            self.disturb();
        }
        if !self.under_way.is_empty() {
            self.disturb();
        }
        let Some(mut fairness) = self.fairness.take() else { return };
        let wrongs = fairness.look(at, &self.standings());
        wrongs.into_iter().for_each(|wrong| self.oracle.wrong(&self.cluster, wrong));
        self.fairness = Some(fairness);
    }

    /// Shares may move for a while.
    fn disturb(&mut self) {
        if let Some(fairness) = &mut self.fairness {
            fairness.disturb();
        }
    }

    fn standings(&self) -> BTreeMap<String, Standing> {
        let Some(snapshot) = self.cluster.leader() else { return BTreeMap::new() };
        let mut standings: BTreeMap<String, Standing> = BTreeMap::new();
        let shares: BTreeMap<String, f64> = self.shares().into_iter().collect();
        for player in &self.players {
            let role = model::Role::from(player.role.as_str());
            let weight = snapshot.weights.get(&role).copied().unwrap_or(1.0);
            let share = shares.get(&player.role).copied().unwrap_or_default() / weight;
            let standing = standings.entry(player.role.clone()).or_insert(Standing {
                share,
                hungry: false,
                launched: 0,
            });
            let record = player.record.lock();
            standing.hungry |= record.counts().pending > 0;
            standing.launched += record.waits.len() as u64;
        }
        standings
    }

    /// The dominant share of each role, in order of role.
    fn shares(&self) -> Vec<(String, f64)> {
        let (held, total) = (self.oracle.held(), self.oracle.total());
        let mut shares: BTreeMap<String, f64> =
            self.players.iter().map(|player| (player.role.clone(), 0.0)).collect();
        for (role, amounts) in held {
            let of = |name: &str| part(amounts.get(name).as_f64(), total.get(name).as_f64());
            shares.insert(role.to_string(), of("cpus").max(of("mem")));
        }
        shares.into_iter().collect()
    }

    fn happen(&mut self, at: Duration, due: Due, progress: &mut Progress<'_>) {
        match due {
            Due::Job(job) => self.submit(job),
            Due::Strike(what) => {
                self.disturb();
                let struck = self.cluster.strike(&what);
                self.transcript.say(at, format!("{what}"));
                self.under_way.push((what, struck));
            }
            Due::Mend(what) => {
                if let Some(number) = self.under_way.iter().position(|(known, _)| *known == what) {
                    let (what, struck) = self.under_way.swap_remove(number);
                    self.cluster.mend(&struck);
                    self.transcript.say(at, format!("over: {what}"));
                }
            }
            Due::Order(order) => {
                self.disturb();
                self.transcript.say(at, format!("operator: {order}"));
                self.obey(&order);
            }
            Due::Expect(expectation) => self.expect(at, &expectation),
            Due::Sample => {
                let sample = self.sample(at);
                progress(at, sample.counts.running);
                self.samples.push(sample);
            }
        }
    }

    fn submit(&self, job: Arc<Job>) {
        if let Some(player) = self.player(&job.framework) {
            player.handle.with(move |jobs, calls| jobs.submit(calls, job));
        }
    }

    fn player(&self, name: &str) -> Option<&Player> {
        self.players.iter().find(|player| player.name == name)
    }

    fn obey(&mut self, order: &Order) {
        if let Order::Cancel { framework, job } = order
            && let Some(player) = self.player(framework)
        {
            let job = job.clone();
            player.handle.with(move |jobs, calls| jobs.cancel(calls, &job));
        }
        if let Order::Down(agent) = order {
            self.oracle.take_down(cluster::machine(*agent));
        }
        // An order that is refused is no wrong of the cluster: who gave it would give it again.
        if let Err(why) = order.perform(&mut self.cluster) {
            self.oracle.note(&self.cluster, format!("`{order}`: {why}"));
        }
    }

    fn expect(&mut self, at: Duration, expectation: &Expectation) {
        self.oracle.look(&self.cluster);
        let sample = self.sample(at);
        let of = |player: &&Player| expectation.of.as_ref().is_none_or(|name| *name == player.name);
        match expectation.missed(&counts(self.players.iter().filter(of)), &sample) {
            None => self.transcript.say(at, format!("as expected: {expectation}")),
            Some(wrong) => {
                self.transcript.say(at, wrong.clone());
                self.oracle.wrong(&self.cluster, wrong);
            }
        }
    }

    /// Everybody gets time to come back; then all must agree.
    fn settle(&mut self, settles: Duration) {
        self.cluster.heal();
        let until = self.cluster.now() + settles;
        let mut wrongs = vec!["never looked".to_owned()];
        while self.cluster.now() < until && !wrongs.is_empty() {
            self.cluster.advance(Duration::from_secs(5));
            self.oracle.look(&self.cluster);
            let records: Vec<_> =
                self.players.iter().map(|player| (player.name.as_str(), player.record.lock())).collect();
            let records: Vec<_> = records.iter().map(|(name, record)| (*name, &**record)).collect();
            wrongs = oracle::agreement(&self.cluster, &records);
        }
        for wrong in wrongs {
            self.oracle.wrong(&self.cluster, format!("after all was well again: {wrong}"));
        }
    }

    /// The cluster as it was at the last look.
    fn sample(&self, at: Duration) -> Sample {
        let counts = counts(self.players.iter());
        let Some(snapshot) = self.cluster.leader() else { return Sample { at, counts, ..Sample::default() } };
        let (held, total) = (self.oracle.held(), self.oracle.total());
        let used = |name: &str| {
            let all: f64 = held.values().map(|amounts| amounts.get(name).as_f64()).sum();
            part(all, total.get(name).as_f64())
        };
        Sample {
            at,
            agents: snapshot.agents.len(),
            counts,
            cpus: used("cpus"),
            mem: used("mem"),
            shares: self.shares(),
            leads: self.cluster.leader_number(),
        }
    }

    fn outcome(self) -> Outcome {
        let mut outcome = Outcome {
            wrongs: self.oracle.wrongs,
            notes: self.oracle.notes,
            transcript: self.transcript.lines,
            samples: self.samples,
            elections: self.oracle.elections,
            events: self.cluster.events(),
            trace_hash: self.cluster.trace_hash(),
            ..Outcome::default()
        };
        for player in &self.players {
            let record = player.record.lock();
            outcome.frameworks.push((player.name.clone(), record.counts()));
            outcome.waits.extend(&record.waits);
            outcome.launches.extend(&record.launches);
            let wrongs = record.wrongs.iter().map(|wrong| format!("framework {}: {wrong}", player.name));
            outcome.wrongs.extend(wrongs);
        }
        outcome.waits.sort_by(f32::total_cmp);
        outcome.launches.sort_by(f32::total_cmp);
        outcome
    }
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

/// Everything that is to be done once, in order of time.
fn agenda(plan: &Plan) -> Vec<(Duration, Due)> {
    let mut agenda: Vec<(Duration, Due)> = Vec::new();
    agenda.extend(plan.jobs.iter().map(|job| (job.arrives, Due::Job(Arc::new(job.clone())))));
    for trouble in &plan.troubles {
        agenda.push((trouble.from, Due::Strike(trouble.what.clone())));
        agenda.push((trouble.until, Due::Mend(trouble.what.clone())));
    }
    agenda.extend(plan.orders.iter().map(|(at, order)| (*at, Due::Order(order.clone()))));
    agenda.extend(plan.expectations.iter().map(|one| (one.at, Due::Expect(one.clone()))));
    agenda.extend((1..=SAMPLES).map(|number| (plan.lasts * number / SAMPLES, Due::Sample)));
    agenda.retain(|(at, due)| *at <= plan.lasts || matches!(due, Due::Mend(_)));
    agenda.sort_by_key(|(at, _)| *at);
    agenda
}

fn part(amount: f64, whole: f64) -> f64 {
    if whole > 0.0 { amount / whole } else { 0.0 }
}

fn counts<'a>(all: impl Iterator<Item = &'a Player>) -> Counts {
    all.map(|player| player.record.lock().counts()).fold(Counts::default(), Counts::plus)
}
