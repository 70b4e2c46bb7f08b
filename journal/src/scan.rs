//! Reading one segment: whole groups, and what comes after the last of them.

use crate::frame::{self, ALIGNED, FrameRef, Place, Seal};
use crate::segment::End;

/// Told each frame in order; says why one cannot be, if it cannot.
pub(crate) type Visit<'a> = dyn FnMut(Place, FrameRef<'_>) -> Result<(), &'static str> + 'a;

/// One segment's bytes, and what is known of them.
pub(crate) struct Segment<'a> {
    pub(crate) number: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) seal: Seal,
    pub(crate) begin: u64,
    /// What the first group follows.
    pub(crate) link: u32,
    /// Where it ended, as the next segment says.
    pub(crate) end: Option<End>,
    /// Whether it is the last: only its end may be torn.
    pub(crate) last: bool,
    /// Read on after what is bad, if it can be.
    pub(crate) accept_damage: bool,
}

/// What a segment held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Where the last whole group ends.
    pub(crate) end: End,
    pub(crate) finish: Finish,
}

/// What comes after the last whole group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Nothing, or zeros.
    Clean,
    /// Pieces of one group, which nobody was answered for.
    Torn,
    /// Or before it: here is what was not written like this.
    Damaged { offset: u64, why: &'static str },
}

impl Segment<'_> {
    pub(crate) fn scan(&self, visit: &mut Visit<'_>) -> Scanned {
        let length = self.bytes.len() as u64;
        let limit = self.end.map_or(length, |end| end.length.min(length));
        let bytes = &self.bytes[..limit as usize];
        let mut end = End { length: self.begin, link: self.link };
        let mut offset = self.begin;
        let mut group = Vec::new();
        let mut damage = None;
        while offset < limit {
            let found = frame::get(bytes, 0, self.seal, offset);
            if let Some(found) = found.filter(|found| found.link.is_none_or(|link| link == end.link)) {
                group.push((offset, found.frame));
                offset += found.size as u64;
                if found.last {
                    for (offset, frame) in group.drain(..) {
                        if let Err(why) = visit(Place { segment: self.number, offset }, frame) {
                            damage.get_or_insert((offset, why));
                        }
                    }
                    end = End { length: offset, link: found.sum };
                }
                continue;
            }
            // What is valid in itself but follows another group is no less wrong here.
            let from = if found.is_some() { offset } else { offset + ALIGNED as u64 };
            let (mut later, mut at) = (None, from);
            while let Some((place, found)) = next_frame(bytes, self.seal, at) {
                // A frame of the group that was being written: sectors may be kept in any order.
                if self.last && found.link == Some(end.link) {
                    at = place + found.size as u64;
                    continue;
                }
                later = Some((place, found.link));
                break;
            }
            if later.is_none() && self.last && self.end.is_none() {
                break;
            }
            damage.get_or_insert((offset, "no such frame was written"));
            group.clear();
            match later.filter(|_| self.accept_damage) {
                Some((place, link)) => {
                    offset = place;
                    end = End { length: place, link: link.unwrap_or(0) };
                }
                None => break,
            }
        }
        if damage.is_none() && !self.last && self.end.is_none_or(|stated| !same(stated, end, self.seal)) {
            let whole = self.end.is_none() && end.length == length;
            if !whole {
                damage = Some((end.length, "frames are missing at the end of a segment"));
            }
        }
        let rest = &self.bytes[(end.length as usize).min(self.bytes.len())..];
        let finish = match damage {
            Some((offset, why)) => Finish::Damaged { offset, why },
            None if !self.last || rest.iter().all(|byte| *byte == 0) => Finish::Clean,
            None => Finish::Torn,
        };
        Scanned { end, finish }
    }
}

/// Frames of format 1 do not say what they follow.
fn same(stated: End, found: End, seal: Seal) -> bool {
    stated.length == found.length && (stated.link == found.link || seal.format == frame::Format::One)
}

/// The next valid frame, if there is one.
fn next_frame(bytes: &[u8], seal: Seal, from: u64) -> Option<(u64, frame::Found<'_>)> {
    (from..bytes.len() as u64).step_by(ALIGNED).find_map(|at| {
        let begins = bytes.get(at as usize..at as usize + ALIGNED)?;
        // Zeros are no frame, and there may be many.
        if begins == [0; ALIGNED] { None } else { Some((at, frame::get(bytes, 0, seal, at)?)) }
    })
}
