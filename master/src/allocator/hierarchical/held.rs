//! What frameworks hold on one agent.

use model::Resources;
use smallvec::SmallVec;

use super::portion;
use crate::allocator::sorter::Tally;

/// Who holds what; nearly always one framework holds something, seldom many do.
#[derive(Debug, Default)]
pub(super) struct Held(SmallVec<[(u32, Holding); 1]>);

/// What one framework holds. Never empty.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// With roles.
    pub(super) resources: Resources,
    /// If that is all there was when it was given: offers are declined whole, and then nothing has to be added up.
    pub(super) whole: Option<Whole>,
}

/// All that was free on an agent, none of it reserved, revocable or shared.
#[derive(Debug)]
pub(super) struct Whole {
    /// Without a role.
    pub(super) free: Resources,
    /// The scalars in it.
    pub(super) tally: Tally,
}

impl Held {
    pub(super) fn get(&self, framework: u32) -> Option<&Holding> {
        self.0.iter().find(|(holder, _)| *holder == framework).map(|(_, holding)| holding)
    }

    pub(super) fn get_mut(&mut self, framework: u32) -> Option<&mut Holding> {
        self.0.iter_mut().find(|(holder, _)| *holder == framework).map(|(_, holding)| holding)
    }

    /// Adds to what a framework holds.
    pub(super) fn add(&mut self, framework: u32, resources: &Resources, whole: Option<Whole>) {
        match self.get_mut(framework) {
            Some(holding) => {
                holding.resources += resources;
                holding.whole = None;
            }
            None => self.0.push((framework, Holding { resources: resources.clone(), whole })),
        }
    }

    pub(super) fn remove(&mut self, framework: u32) -> Option<Holding> {
        let at = self.0.iter().position(|(holder, _)| *holder == framework)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Resources)> {
        self.0.iter().map(|(framework, holding)| (*framework, &holding.resources))
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (u32, Holding)> {
        self.0.into_iter()
    }

    /// All of it, as agents count.
    pub(super) fn sum(&self) -> Resources {
        self.iter().fold(Resources::default(), |sum, (_, held)| sum + portion::unallocated(held))
    }
}
