//! Those who want to hear of a process's end.

use std::collections::BTreeSet;

use crate::link::Watcher;
use crate::upid::Upid;

/// While there are fewer, looking at each is quicker, and takes no room.
const INDEXED_FROM: usize = 16;

/// In the order in which they came, but for what takes the place of who leaves.
#[derive(Default)]
pub(super) struct Watchers {
    all: Vec<Watcher>,
    /// Where each pair stands, once there are many: a link that breaks takes those of its node away one by one. A pair may be
    /// there twice, over an old link and a new one.
    places: Option<BTreeSet<Place>>,
}

/// Who watches whom, and where in the list.
type Place = (Upid, Upid, u32);

impl Watchers {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn push(&mut self, watcher: Watcher) {
        if self.all.len() == self.all.capacity() && self.all.iter().any(Watcher::gave_up) {
            // Those who gave up waiting do not pile up.
            self.all.retain(|watcher| !watcher.gave_up());
            self.places = None;
        }
        self.all.push(watcher);
        match &self.places {
            Some(_) => self.note(self.all.len() - 1),
            None if self.all.len() < INDEXED_FROM => {}
            None => self.places = Some((0..self.all.len()).filter_map(|at| self.place(at)).collect()),
        }
    }

    /// Takes `linker`'s watch on `linked` away; one of them, if there are two.
    pub(super) fn remove(&mut self, linker: &Upid, linked: &Upid) -> Option<Watcher> {
        let (at, last) = (self.find(linker, linked)?, self.all.len() - 1);
        self.forget(at);
        self.forget(last);
        let watcher = self.all.swap_remove(at);
        if at < last {
            self.note(at);
        }
        Some(watcher)
    }

    fn find(&self, linker: &Upid, linked: &Upid) -> Option<usize> {
        let Some(places) = &self.places else {
            return self.all.iter().position(|watcher| watcher.pair() == Some((linker, linked)));
        };
        let (who, whom, at) = places.range((linker.clone(), linked.clone(), 0)..).next()?;
        ((who, whom) == (linker, linked)).then_some(*at as usize)
    }

    fn note(&mut self, at: usize) {
        let place = self.place(at);
        if let Some(places) = &mut self.places {
            places.extend(place);
        }
    }

    fn forget(&mut self, at: usize) {
        let place = self.place(at);
        if let Some((places, place)) = self.places.as_mut().zip(place) {
            places.remove(&place);
        }
    }

    fn place(&self, at: usize) -> Option<Place> {
        let (linker, linked) = self.all[at].pair()?;
        Some((linker.clone(), linked.clone(), u32::try_from(at).expect("fewer than 2^32 watch one process")))
    }
}

impl IntoIterator for Watchers {
    type Item = Watcher;
    type IntoIter = std::vec::IntoIter<Watcher>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::link::{Exit, RemoteWatch};

    struct Nobody;

    impl RemoteWatch for Nobody {
        fn ended(&self, _: &Upid, _: &Upid, _: &Exit) {}
    }

    fn upid(number: u8) -> Upid {
        Upid::new(format!("p{number}"), ([127, 0, 0, 1], 5050).into())
    }

    proptest! {
        #[test]
        fn as_many_of_a_pair_are_found_as_came(steps in proptest::collection::vec((any::<bool>(), 0..12u8, 0..3u8), 0..200)) {
            let mut watchers = Watchers::default();
            let mut there = Vec::new();
            for (come, who, whom) in steps {
                let (linker, linked) = (upid(who), upid(whom));
                let known = there.iter().position(|pair| *pair == (who, whom));
                if come {
                    there.push((who, whom));
                    watchers.push(Watcher::Remote { linker, linked, tell: Arc::new(Nobody) });
                    let (sender, receiver) = tokio::sync::oneshot::channel();
                    if who < 6 {
                        watchers.push(Watcher::Waiter(sender)); // who gives up at once
                    }
                    drop(receiver);
                } else {
                    let gone = watchers.remove(&linker, &linked);
                    prop_assert_eq!(gone.is_some(), known.is_some());
                    prop_assert!(gone.is_none_or(|gone| gone.pair() == Some((&linker, &linked))));
                    known.map(|at| there.swap_remove(at));
                }
            }
            let mut left: Vec<_> = there.into_iter().map(|(who, whom)| (upid(who), upid(whom))).collect();
            let own = |watcher: Watcher| watcher.pair().map(|(who, whom)| (who.clone(), whom.clone()));
            let mut found: Vec<_> = watchers.into_iter().filter_map(own).collect();
            left.sort();
            found.sort();
            prop_assert_eq!(found, left);
        }
    }
}
