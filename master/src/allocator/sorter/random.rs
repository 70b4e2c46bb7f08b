//! Weighted chance: who comes first is drawn, heavier ones more often.

use rand::{Rng, RngExt};

/// Puts the items into a random order in which the chance to come first is proportional to the weight.
///
/// Each item waits an exponentially distributed time with its weight as rate; they are sorted by these times.
/// Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
pub(super) fn shuffle<T>(items: Vec<(f64, T)>, rng: &mut dyn Rng) -> Vec<T> {
    let mut drawn: Vec<(f64, T)> = items
        .into_iter()
        .map(|(weight, item)| {
            let chance: f64 = rng.random();
            (-(1.0 - chance).ln() / weight, item)
        })
        .collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn twice_the_weight_comes_first_twice_as_often() {
        let mut rng = StdRng::seed_from_u64(7);
        let firsts = (0..9000).filter(|_| shuffle(vec![(2.0, 'a'), (1.0, 'b')], &mut rng)[0] == 'a').count();
        assert!((5700..6300).contains(&firsts), "{firsts} of 9000");
    }
}
