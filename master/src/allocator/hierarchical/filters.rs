//! What frameworks do not want: refused resources per agent and client, with the time the refusal ends.
//!
//! A client's filters vanish all at once (revive, deactivation) by moving its era on: an entry of another era is void, and is
//! dropped when somebody meets it. Ends are kept in a heap; an entry whose filter vanished before is void there too.
//!
//! Shape: agent → client → (what is refused, until when, in which era).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;
use model::{Resources, Time};
use smallvec::SmallVec;

use crate::allocator::sorter::Client;

/// As many different amounts are looked up before they are compared anew: beyond that, looking up takes as long.
const AMOUNTS_MAX: usize = 16;

/// The filters on one agent.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_client: HashTable<(Client, Filters)>,
    /// Different amounts that were refused lately; most clients refuse the same.
    amounts: SmallVec<[Resources; 1]>,
}

/// Those of one client.
type Filters = SmallVec<[Refusal; 1]>;

#[derive(Debug)]
struct Refusal {
    /// Nearly always one of `amounts`.
    resources: Resources,
    until: Time,
    era: u64,
}

/// When filters end, over all agents.
#[derive(Debug, Default)]
pub(super) struct Ends {
    heap: BinaryHeap<Reverse<End>>,
    /// How many there were after void ones were last dropped.
    pruned: usize,
}

/// One filter's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) at: Time,
    pub(super) agent: u32,
    pub(super) client: Client,
    pub(super) era: u64,
}

/// What comparing an offer with each of an agent's refused amounts said, so that it is done once per amount.
#[derive(Default)]
pub(super) struct Verdicts<'a>(SmallVec<[(&'a Resources, bool); 2]>);

impl Refusals {
    /// Notes a refusal, unless an earlier one says as much for as long. Returns how many filters there are now more, or less.
    pub(super) fn insert(&mut self, client: Client, resources: Resources, until: Time, era: u64) -> isize {
        let resources = self.shared(resources);
        let entry =
            self.by_client.entry(hash(client), |(known, _)| *known == client, |(known, _)| hash(*known));
        let (_, filters) = entry.or_insert_with(|| (client, Filters::new())).into_mut();
        filters.retain(|filter| filter.era == era);
        let before = filters.len();
        if filters.iter().any(|filter| filter.until >= until && filter.resources.contains(&resources)) {
            return 0;
        }
        filters.retain(|filter| filter.until > until || !resources.contains(&filter.resources));
        filters.push(Refusal { resources, until, era });
        filters.len() as isize - before as isize
    }

    /// Whether the client refuses everything in `offer` here. `verdicts` is kept by the caller for as long as the offer stays.
    pub(super) fn reject<'a>(
        &'a self,
        client: Client,
        era: u64,
        offer: &Resources,
        verdicts: &mut Verdicts<'a>,
    ) -> bool {
        let mut filters = self.of(client).iter();
        filters.any(|filter| filter.era == era && verdicts.of(&filter.resources, offer))
    }

    fn of(&self, client: Client) -> &[Refusal] {
        let found = self.by_client.find(hash(client), |(known, _)| *known == client);
        found.map(|(_, filters)| filters.as_slice()).unwrap_or_default()
    }

    /// When the first of a client's filters ends.
    pub(super) fn first_end(&self, client: Client, era: u64) -> Option<Time> {
        let filters = self.of(client).iter().filter(|filter| filter.era == era);
        filters.map(|filter| filter.until).min()
    }

    /// Drops a filter whose end has come; says whether there was one.
    pub(super) fn end(&mut self, end: &End) -> bool {
        let found = self.by_client.find_entry(hash(end.client), |(known, _)| *known == end.client);
        let Ok(mut found) = found else { return false };
        let (_, filters) = found.get_mut();
        let before = filters.len();
        filters.retain(|filter| filter.era != end.era || filter.until > end.at);
        let ended = filters.len() < before;
        if filters.is_empty() {
            found.remove();
        }
        if self.by_client.is_empty() {
            self.amounts.clear();
        }
        ended
    }

    /// Drops everything, and names the client and era of each filter there was.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = (Client, u64)> + use<> {
        self.amounts.clear();
        let gone = std::mem::take(&mut self.by_client);
        gone.into_iter()
            .flat_map(|(client, filters)| filters.into_iter().map(move |filter| (client, filter.era)))
    }

    /// The same, as it was refused before.
    fn shared(&mut self, resources: Resources) -> Resources {
        if let Some(known) = self.amounts.iter().find(|known| **known == resources) {
            return known.clone();
        }
        if self.amounts.len() >= AMOUNTS_MAX {
            self.amounts.clear();
        }
        self.amounts.push(resources.clone());
        resources
    }
}

/// Spreads the two numbers over all bits. Source: Knuth, multiplicative hashing.
fn hash(client: Client) -> u64 {
    let number = u64::from(client.node.0) << 32 | u64::from(client.framework);
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ spread >> 32
}

impl Ends {
    pub(super) fn push(&mut self, end: End) {
        self.heap.push(Reverse(end));
    }

    /// The next end that has come.
    pub(super) fn pop(&mut self, now: Time) -> Option<End> {
        (self.heap.peek()?.0.at <= now).then(|| self.heap.pop().map(|Reverse(end)| end)).flatten()
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(end)| end.at)
    }

    /// Drops entries that are void, when there are twice as many as after the last time. Amortised, this costs nothing.
    pub(super) fn prune(&mut self, live: impl Fn(&End) -> bool) {
        if self.heap.len() > 2 * self.pruned + 64 {
            self.heap.retain(|Reverse(end)| live(end));
            self.pruned = self.heap.len();
        }
    }
}

impl<'a> Verdicts<'a> {
    fn of(&mut self, refused: &'a Resources, offer: &Resources) -> bool {
        if let Some((_, verdict)) = self.0.iter().find(|(known, _)| known.is_same(refused)) {
            return *verdict;
        }
        let verdict = refused.contains(offer);
        if self.0.len() < AMOUNTS_MAX {
            self.0.push((refused, verdict));
        }
        verdict
    }

    /// The offer changed; what was compared with it counts no more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
