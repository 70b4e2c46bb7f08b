//! What the shards of a node spend their time at: looked at again and again, and told at the end.
//!
//! ```text
//!  /profiler/start?frequency=100 ──► a thread looks at each shard, so often a second
//!  /profiler/stop ──► "shard-0;master;Accept 42": shard, kind of process, message; how often it was seen
//! ```
//!
//! The lines are those that programs for flame graphs read. It looks at what shards publish anyway
//! ([`crate::at_work`]): a node that is looked at does nothing that it would not do otherwise. Inside a
//! handler it does not look; for that there is perf(1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::http::{Request, Response, StatusCode};
use crate::runtime::{Runtime, Weak};
use crate::shard::Key;

/// Looks a second, if nothing is said, and at most.
const FREQUENCY: u32 = 100;
const FREQUENCY_MAX: u32 = 1_000;
/// Whoever forgets to stop it is not looked at for ever.
const LONGEST: Duration = Duration::from_secs(600);
/// How many different sights are kept apart; more count as one.
const SIGHTS_MAX: usize = 65_536;

/// How often something was seen. Shape: (shard, process, message) → looks.
type Sights = BTreeMap<(usize, Option<Key>, &'static str), u64>;
/// Shape: (shard, place) → kind of the process there.
type Kinds = BTreeMap<(usize, Key), &'static str>;

const IDLE: &str = "idle";
const OTHERS: &str = "others";

/// The profiler of one node; it looks at one thing at a time.
pub(super) struct Profiler {
    enabled: bool,
    run: Mutex<Option<Run>>,
}

struct Run {
    stop: Arc<AtomicBool>,
    looking: std::thread::JoinHandle<Looked>,
}

#[derive(Default)]
struct Looked {
    sights: Sights,
    kinds: Kinds,
}

impl Profiler {
    pub(super) fn new(enabled: bool) -> Profiler {
        Profiler { enabled, run: Mutex::default() }
    }

    pub(super) fn start(&self, runtime: &Runtime, request: &Request) -> Response {
        if let Some(why) = self.refuses(runtime) {
            return Response::bad_request(why);
        }
        let frequency = match request.query.get("frequency").map(|text| (text, text.parse::<u32>())) {
            None => FREQUENCY,
            Some((_, Ok(number @ 1..=FREQUENCY_MAX))) => number,
            Some((text, _)) => {
                let why = format!("Invalid frequency '{text}': a number from 1 to {FREQUENCY_MAX} is one.\n");
                return Response::bad_request(why);
            }
        };
        let mut run = self.run.lock();
        if run.is_some() {
            return Response::bad_request("The profiler runs already; '/profiler/stop' ends it.\n");
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (node, stopped) = (runtime.downgrade(), stop.clone());
        let look = move || look(&node, frequency, &stopped);
        match std::thread::Builder::new().name("profiler".to_owned()).spawn(look) {
            Ok(looking) => *run = Some(Run { stop, looking }),
            Err(error) => return Response::bad_request(format!("No thread to look from: {error}\n")),
        }
        Response::text(StatusCode::OK, format!("The profiler looks {frequency} times a second.\n"))
    }

    pub(super) fn stop(&self, runtime: &Runtime) -> Response {
        if let Some(why) = self.refuses(runtime) {
            return Response::bad_request(why);
        }
        let Some(Run { stop, looking }) = self.run.lock().take() else {
            return Response::bad_request("The profiler does not run; '/profiler/start' starts it.\n");
        };
        stop.store(true, Ordering::Release);
        looking.thread().unpark();
        // It is between two looks, or in one that takes microseconds.
        match looking.join() {
            Ok(looked) => Response::text(StatusCode::OK, told(&looked)),
            Err(_) => Response::bad_request("The profiler panicked.\n"),
        }
    }

    /// Why nothing is looked at, if that is so.
    fn refuses(&self, runtime: &Runtime) -> Option<&'static str> {
        match (runtime.is_real(), self.enabled) {
            (true, true) => None,
            (false, _) => Some("There is no profiler: a simulated node has no threads to look at.\n"),
            (true, false) => Some(
                "There is no profiler unless the node is started with LIBPROCESS_ENABLE_PROFILER=1 in its \
                 environment. '/__processes__' shows what each shard is at just now.\n",
            ),
        }
    }
}

/// Looks once at least, and until told to stop, for too long, or until the node ends.
fn look(node: &Weak, frequency: u32, stop: &AtomicBool) -> Looked {
    let every = Duration::from_secs(1) / frequency;
    let mut looked = Looked::default();
    let mut looks = 0u32;
    loop {
        looks += 1;
        let Some(runtime) = node.upgrade().filter(|runtime| !runtime.is_down()) else { break };
        for (number, shard) in runtime.shards().iter().enumerate() {
            let sight = match shard.at_work.look() {
                Some(seen) => (number, Some(seen.who), seen.label),
                None => (number, None, IDLE),
            };
            note(&mut looked.sights, sight);
        }
        // Once a second, since it goes through all processes; those that ended before have no name.
        if looks % frequency == 1 % frequency {
            name(&runtime, &mut looked);
        }
        if stop.load(Ordering::Acquire) || every * looks >= LONGEST {
            break;
        }
        std::thread::park_timeout(every);
    }
    if let Some(runtime) = node.upgrade() {
        name(&runtime, &mut looked);
    }
    looked
}

fn note(sights: &mut Sights, sight: (usize, Option<Key>, &'static str)) {
    let room = sights.len() < SIGHTS_MAX || sights.contains_key(&sight);
    *sights.entry(if room { sight } else { (sight.0, None, OTHERS) }).or_default() += 1;
}

/// Finds the kinds of those who were seen and are not known yet.
fn name(runtime: &Runtime, looked: &mut Looked) {
    let Looked { sights, kinds } = looked;
    let unknown = |kinds: &Kinds| {
        sights.keys().any(|(shard, who, _)| who.is_some_and(|who| !kinds.contains_key(&(*shard, who))))
    };
    if !unknown(kinds) {
        return;
    }
    let number = |id: u64| runtime.shards().iter().position(|shard| shard.id == id);
    for cell in runtime.cells() {
        let (shard, key) = cell.place();
        if let Some(shard) = number(shard)
            && let Some(((at, who, _), _)) = sights.range((shard, Some(key), "")..).next()
            && (*at, *who) == (shard, Some(key))
        {
            kinds.insert((shard, key), cell.kind());
        }
    }
}

/// A line for each sight, those of one kind together.
fn told(looked: &Looked) -> String {
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for ((shard, who, label), looks) in &looked.sights {
        let line = match who.map(|who| looked.kinds.get(&(*shard, who)).copied().unwrap_or("ended")) {
            Some(kind) => format!("shard-{shard};{kind};{label}"),
            None => format!("shard-{shard};{label}"),
        };
        *lines.entry(line).or_default() += looks;
    }
    let mut text = String::new();
    for (line, looks) in lines {
        writeln!(text, "{line} {looks}").expect("a string takes what is written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sights_are_told_by_kind_and_those_beyond_the_bound_as_one() {
        let key = |slot| Key { slot, tenant: 1 };
        let mut looked = Looked::default();
        for (shard, who, label) in
            [(0, Some(key(1)), "sow"), (0, Some(key(2)), "sow"), (0, None, IDLE), (0, Some(key(3)), "reap")]
        {
            note(&mut looked.sights, (shard, who, label));
            note(&mut looked.sights, (shard, who, label));
        }
        looked.kinds = [1, 2].map(|slot| ((0, key(slot)), "field")).into();
        assert_eq!(told(&looked), "shard-0;ended;reap 2\nshard-0;field;sow 4\nshard-0;idle 2\n");

        for slot in 0..SIGHTS_MAX as u32 {
            note(&mut looked.sights, (1, Some(key(slot)), "sow"));
        }
        note(&mut looked.sights, (1, Some(key(0)), "sow"));
        assert_eq!(looked.sights.len(), SIGHTS_MAX + 1);
        assert_eq!(looked.sights[&(1, Some(key(0)), "sow")], 2);
        assert_eq!(looked.sights[&(1, None, OTHERS)], 4);
    }
}
