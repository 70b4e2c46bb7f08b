//! Reading what was appended.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::access::{Access, persist};
use crate::messages::{Done, Request};
use crate::{LogError, Position};

/// What was appended at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub data: Arc<[u8]>,
}

/// Reads a log where it is: what the replica has not heard of yet is not there. [`Reader::catchup`] sees to that.
#[derive(Clone)]
pub struct Reader {
    access: Arc<dyn Access>,
}

impl Reader {
    pub(crate) fn new(access: Arc<dyn Access>) -> Reader {
        Reader { access }
    }

    /// The first position that was not truncated.
    pub async fn beginning(&self) -> Result<Position, LogError> {
        Ok(self.ends().await?.0)
    }

    /// The last position there is.
    pub async fn ending(&self) -> Result<Position, LogError> {
        Ok(self.ends().await?.1)
    }

    /// Whatever was answered to any writer before is there once this returns: the last position of it.
    pub async fn catchup(&self) -> Result<Position, LogError> {
        match persist(&*self.access, Request::CatchUp).await? {
            Done::CaughtUp { ending, .. } => Ok(Position::new(ending)),
            other => Err(unexpected(&other)),
        }
    }

    /// What was appended from the first to the last of these positions; between entries there are gaps.
    ///
    /// Errors: when part of it was truncated, or is not there yet.
    pub async fn read(&self, range: RangeInclusive<Position>) -> Result<Vec<Entry>, LogError> {
        let (mut from, to) = (range.start().index(), range.end().index());
        let ending = self.ending().await?;
        if to > ending.index() {
            return Err(LogError::Refused(format!("nothing behind {ending} is known here")));
        }
        let mut entries = Vec::new();
        while from <= to {
            let (some, next) = self.some(from, to).await?;
            entries.extend(some);
            if next == from {
                break;
            }
            from = next;
        }
        Ok(entries)
    }

    /// All that was and will be appended from a position on, one after the other.
    pub fn stream(&self, from: Position) -> Tail {
        Tail { reader: self.clone(), from: from.index(), ready: std::collections::VecDeque::new() }
    }

    async fn some(&self, from: u64, to: u64) -> Result<(Vec<Entry>, u64), LogError> {
        match persist(&*self.access, Request::Read { from, to }).await? {
            Done::Entries { entries, next } => {
                let entry = |(index, data)| Entry { position: Position::new(index), data };
                Ok((entries.into_iter().map(entry).collect(), next))
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn ends(&self) -> Result<(Position, Position), LogError> {
        match persist(&*self.access, Request::Ends).await? {
            Done::CaughtUp { beginning, ending } => Ok((Position::new(beginning), Position::new(ending))),
            other => Err(unexpected(&other)),
        }
    }
}

/// Follows a log.
pub struct Tail {
    reader: Reader,
    from: u64,
    ready: std::collections::VecDeque<Entry>,
}

impl Tail {
    /// The next entry; waits until there is one.
    ///
    /// Errors: when it was truncated, or nobody can be asked.
    pub async fn next(&mut self) -> Result<Entry, LogError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            let (some, next) = self.reader.some(self.from, u64::MAX).await?;
            self.ready.extend(some);
            if next == self.from && self.ready.is_empty() {
                self.reader.access.reached(self.from).await;
            }
            self.from = next;
        }
    }
}

/// Nobody but a replica of another version answers so.
pub(crate) fn unexpected(done: &Done) -> LogError {
    LogError::Refused(format!("an answer to another question: {done:?}"))
}
