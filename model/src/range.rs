//! Sets of whole numbers kept as intervals, such as ports.

use std::{fmt, str::FromStr};

use libprocess_wire as wire;

/// All numbers from `begin` to `end`, both included.
#[wire::part]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    pub begin: u64,
    pub end: u64,
}

/// Intervals in order, with a gap between any two.
#[wire::part]
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<Range>);

/// Why intervals are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    #[error("begin > end")]
    Backwards,
    #[error("overlapping ranges")]
    Overlapping,
    #[error("expecting ranges as in [1-10, 20-30]")]
    Syntax,
}

impl Ranges {
    /// Takes intervals as they come: sorted, and those that touch or overlap joined.
    ///
    /// Errors: when one ends before it begins.
    pub fn coalesce(ranges: impl IntoIterator<Item = Range>) -> Result<Self, RangesError> {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        if ranges.iter().any(|range| range.begin > range.end) {
            return Err(RangesError::Backwards);
        }
        ranges.sort_unstable();
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.begin <= last.end.saturating_add(1) => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Ok(Self(joined))
    }

    /// Takes intervals that name each number once, as a resource must; neighbours are joined.
    ///
    /// Errors: when one ends before it begins or two overlap.
    pub fn distinct(ranges: impl IntoIterator<Item = Range>) -> Result<Self, RangesError> {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        if ranges.iter().any(|range| range.begin > range.end) {
            return Err(RangesError::Backwards);
        }
        ranges.sort_unstable();
        if ranges.windows(2).any(|pair| pair[1].begin <= pair[0].end) {
            return Err(RangesError::Overlapping);
        }
        Self::coalesce(ranges)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    /// Every number, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|range| range.begin..=range.end)
    }

    /// How many numbers they hold.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum: u64, range| sum.saturating_add((range.end - range.begin).saturating_add(1)))
    }

    /// Whether every number of `other` is among these.
    pub fn contains(&self, other: &Ranges) -> bool {
        let mut mine = self.0.iter().peekable();
        other.0.iter().all(|wanted| {
            while mine.peek().is_some_and(|range| range.end < wanted.begin) {
                mine.next();
            }
            mine.peek().is_some_and(|range| range.begin <= wanted.begin && wanted.end <= range.end)
        })
    }

    /// Whether any number is in both.
    pub fn overlaps(&self, other: &Ranges) -> bool {
        let (mut mine, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        // Both are in order, so whichever ends first has nothing more to meet.
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            if a.begin <= b.end && b.begin <= a.end {
                return true;
            }
            if a.end < b.end {
                mine.next();
            } else {
                theirs.next();
            }
        }
        false
    }

    /// The numbers of either.
    pub fn union(&self, other: &Ranges) -> Ranges {
        if self.is_empty() {
            return other.clone();
        }
        Self::coalesce(self.0.iter().chain(&other.0).copied()).expect("both already run forwards")
    }

    /// The numbers of these that are not in `other`.
    pub fn difference(&self, other: &Ranges) -> Ranges {
        let mut left = Vec::with_capacity(self.0.len());
        let mut taken = other.0.iter().peekable();
        for range in &self.0 {
            let mut begin = range.begin;
            let mut exhausted = false;
            while let Some(gone) = taken.peek() {
                if gone.end < begin {
                    taken.next();
                    continue;
                }
                if gone.begin > range.end {
                    break;
                }
                if gone.begin > begin {
                    left.push(Range { begin, end: gone.begin - 1 });
                }
                if gone.end >= range.end {
                    exhausted = true;
                    break;
                }
                begin = gone.end + 1;
                taken.next();
            }
            if !exhausted {
                left.push(Range { begin, end: range.end });
            }
        }
        Ranges(left)
    }
}

impl From<Range> for Ranges {
    /// One interval; empty if it runs backwards.
    fn from(range: Range) -> Self {
        Self::coalesce([range]).unwrap_or_default()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.begin, self.end)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ranges {
    type Err = RangesError;

    fn from_str(text: &str) -> Result<Self, RangesError> {
        let inner = text
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .ok_or(RangesError::Syntax)?;
        let number = |text: &str| text.trim().parse().map_err(|_| RangesError::Syntax);
        let ranges = inner
            .split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                let (begin, end) = part.split_once('-').ok_or(RangesError::Syntax)?;
                Ok(Range { begin: number(begin)?, end: number(end)? })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::distinct(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Ranges {
        text.parse().unwrap()
    }

    #[test]
    fn neighbours_become_one() {
        assert_eq!(ranges("[5-6, 1-2, 3-4, 8-9]").to_string(), "[1-6, 8-9]");
        assert_eq!(ranges("[1-4]").union(&ranges("[3-8]")).to_string(), "[1-8]");
    }

    #[test]
    fn taking_away_splits() {
        assert_eq!(
            ranges("[1-10, 20-30]").difference(&ranges("[3-4, 10-22, 30-30]")).to_string(),
            "[1-2, 5-9, 23-29]"
        );
        assert_eq!(ranges("[1-10]").difference(&ranges("[1-10]")), Ranges::default());
    }

    #[test]
    fn the_last_number_there_is_can_be_held() {
        let all = Ranges::from(Range { begin: 0, end: u64::MAX });
        assert_eq!(all.count(), u64::MAX);
        let last = Ranges::from(Range { begin: u64::MAX, end: u64::MAX });
        assert_eq!(all.difference(&last).to_string(), format!("[0-{}]", u64::MAX - 1));
        assert!(all.contains(&last));
    }

    #[test]
    fn overlap_and_reverse_are_refused_in_a_resource() {
        assert_eq!("[1-5, 5-6]".parse::<Ranges>(), Err(RangesError::Overlapping));
        assert_eq!("[5-1]".parse::<Ranges>(), Err(RangesError::Backwards));
        assert_eq!("1-5".parse::<Ranges>(), Err(RangesError::Syntax));
    }
}
