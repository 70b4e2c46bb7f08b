//! Sets of small numbers, a bit each: what is kept of thousands of agents and changes with each of them.

/// A set whose numbers were given by a [`Slab`](super::slab::Slab), so that there are no large ones among few.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    words: Vec<u64>,
    len: usize,
}

impl Numbers {
    /// Says whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = place(number);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.len += usize::from(new);
        new
    }

    /// Says whether it was there.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        let there = self.contains(number);
        if there {
            let (word, bit) = place(number);
            self.words[word] &= !bit;
            self.len -= 1;
        }
        there
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds all of another.
    pub(super) fn join(&mut self, other: &Numbers) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, theirs)| *word |= theirs);
        self.len = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.words).flat_map(|(at, word): (u32, &u64)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at * u64::BITS + bit)
            })
        })
    }
}

fn place(number: u32) -> (usize, u64) {
    ((number / u64::BITS) as usize, 1 << (number % u64::BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_any_set_would(changes in prop::collection::vec((0..300_u32, any::<bool>()), 0..200)) {
            let (mut numbers, mut set) = (Numbers::default(), BTreeSet::new());
            for (number, comes) in changes {
                match comes {
                    true => prop_assert_eq!(numbers.insert(number), set.insert(number)),
                    false => prop_assert_eq!(numbers.remove(number), set.remove(&number)),
                }
                prop_assert_eq!(numbers.is_empty(), set.is_empty());
            }
            prop_assert!(numbers.iter().eq(set.iter().copied()));
            let mut joined = Numbers::default();
            joined.insert(7);
            joined.join(&numbers);
            set.insert(7);
            prop_assert!(joined.iter().eq(set.iter().copied()));
        }
    }
}
