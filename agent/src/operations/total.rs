//! What the agent was started with, as earlier operations have changed it.

use std::collections::BTreeSet;

use model::Resources;

use super::{volumes, work};
use crate::effects::{Effect, Effects};
use crate::state::State;

/// Puts what was kept in place of what it was made of, sees that volumes are there, and goes on with what was being done to
/// others.
///
/// Errors: the agent was started with less than what it promised to keep; it must not forget that.
/// Source: Mesos agent recovery, checkpointed resources.
pub(crate) fn take_up(state: &mut State) -> Result<Effects, String> {
    let mut effects = Effects::new();
    if let Some(kept) = state.kept.take() {
        state.total = total(&state.settings.resources, &kept)?;
    }
    let places = volumes::places(&state.settings.layout, &state.total);
    let bins: BTreeSet<_> = volumes::bins(&state.settings.layout, &state.total);
    effects.push(Effect::TakeUpVolumes { places, bins });
    effects.extend(work::again(state));
    Ok(effects)
}

fn total(given: &Resources, kept: &Resources) -> Result<Resources, String> {
    let original = kept.original();
    given.replace(&original, kept.clone()).map_err(|_| {
        format!("the agent was started with {given}, which does not hold {kept} that it promised to keep")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_kept_takes_the_place_of_what_it_was_made_of() {
        let kept =
            bag("disk(reservations: [(DYNAMIC,web)]):64;cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1");
        let all = total(&bag("cpus(a):4;disk:100"), &kept).unwrap();
        assert_eq!(all, bag("cpus(a):3;disk:36") + kept.clone());
        let why = total(&bag("cpus:4;disk:10"), &kept).unwrap_err();
        assert!(why.contains("does not hold"), "{why}");
    }
}
