//! Every difference must be meant, and every deviation met.

use std::collections::BTreeSet;

use crate::capture::Captures;

/// Exchange, difference (`*` stands for anything in both), reason.
pub type Deviation = (&'static str, &'static str, &'static str);

/// What was found so far.
pub struct Judge {
    meant: &'static [Deviation],
    /// Differences that come and go.
    by_chance: &'static [Deviation],
    found: Vec<String>,
    met: BTreeSet<usize>,
    /// What was replayed, as `folder/name`.
    replayed: BTreeSet<String>,
}

impl Judge {
    pub fn new(meant: &'static [Deviation], by_chance: &'static [Deviation]) -> Judge {
        Judge { meant, by_chance, found: Vec::new(), met: BTreeSet::new(), replayed: BTreeSet::new() }
    }

    /// Takes note of one difference.
    pub fn note(&mut self, place: &str, line: &str) {
        let means = |(file, difference, _): &Deviation| matches(file, place) && matches(difference, line);
        let met: Vec<usize> = (0..self.meant.len()).filter(|at| means(&self.meant[*at])).collect();
        if met.is_empty() && !self.by_chance.iter().any(means) {
            self.found.push(format!("{place} {line}"));
        }
        self.met.extend(met.first());
    }

    /// Takes note that a capture was compared.
    pub fn replayed(&mut self, place: &str) {
        self.replayed.insert(place.to_owned());
    }

    /// What came of both, with the same deviations.
    pub fn join(mut self, other: Judge) -> Judge {
        self.found.extend(other.found);
        self.met.extend(other.met);
        self.replayed.extend(other.replayed);
        self
    }

    /// Panics with captures that were not compared, but for those `left_out`: the end of a name, and why.
    pub fn nothing_left_out(&self, captures: &Captures, left_out: &[(&str, &str)]) {
        let skipped = |place: &str| left_out.iter().any(|(name, _)| place.ends_with(&format!("/{name}")));
        let unused: Vec<String> = captures
            .all()
            .into_iter()
            .filter(|place| !skipped(place) && !self.replayed.contains(place))
            .collect();
        assert!(unused.is_empty(), "captures that are not replayed: {unused:#?}");
    }

    /// Panics with what is not meant, or no longer so.
    pub fn judge(&self) {
        let found = &self.found;
        assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
        let idle: Vec<&Deviation> = self
            .meant
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.met.contains(at))
            .map(|(_, line)| line)
            .collect();
        assert!(idle.is_empty(), "deviations that no longer are: {idle:#?}");
    }
}

/// Whether a text is meant by a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            rest.is_empty()
                || (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*b*", "abc", true),
            ("a*c", "ac", true),
            ("*x", "é", false),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    #[should_panic(expected = "1 differences:\nb /x: missing")]
    fn what_is_not_meant_is_told() {
        let mut judge = Judge::new(&[("a", "*: missing", "why")], &[]);
        judge.note("a", "/x: missing");
        judge.note("b", "/x: missing");
        judge.judge();
    }

    #[test]
    #[should_panic(expected = "deviations that no longer are")]
    fn what_is_meant_must_be_met() {
        Judge::new(&[("a", "*: missing", "why")], &[]).judge();
    }

    #[test]
    fn what_comes_and_goes_need_not_come() {
        let mut judge = Judge::new(&[], &[("a", "*", "why")]);
        judge.note("a", "/x: missing");
        judge.judge();
    }
}
