//! Writing: of all who want to, one does.

use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::Mutex;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::access::{Access, persist};
use crate::messages::{Done, Request};
use crate::reader::unexpected;
use crate::state::AGAIN;
use crate::{LogError, Position};

/// One who wants to write.
///
/// | it says | and means |
/// |---|---|
/// | `Ok(Some(position))` | it is on a majority of disks, there |
/// | `Ok(None)` | another has started since: nothing was written, and will not be before this one starts again |
/// | `Err(_)` | whether it was written is unknown: this one is of no use before it starts again |
pub struct Writer {
    access: Arc<dyn Access>,
    name: u128,
    /// What it was given when it started.
    token: Option<u64>,
    /// Of its latest write.
    number: u64,
}

impl Writer {
    pub(crate) fn new(access: Arc<dyn Access>, chance: Arc<Mutex<ChaCha8Rng>>) -> Writer {
        let name = {
            let mut chance = chance.lock();
            u128::from(chance.next_u64()) << 64 | u128::from(chance.next_u64())
        };
        Writer { access, name, token: None, number: 0 }
    }

    /// Becomes the only writer. Whoever was it before writes nothing more.
    ///
    /// None: nobody leads, or too few replicas can be reached; it may be tried again.
    pub async fn start(&mut self) -> Result<Option<Position>, LogError> {
        self.token = None;
        match persist(&*self.access, Request::Open { writer: self.name }).await {
            Ok(Done::Opened(token)) => {
                (self.token, self.number) = (Some(token), 0);
                Ok(Some(Position::new(token)))
            }
            Ok(other) => Err(unexpected(&other)),
            Err(LogError::NotLeader { .. } | LogError::NoQuorum { .. } | LogError::TooBusy { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Appends one entry.
    pub async fn append(&mut self, data: impl Into<Arc<[u8]>>) -> Result<Option<Position>, LogError> {
        let data = data.into();
        self.write(|writer, number| Request::Append { writer, number, data }).await
    }

    /// Appends several, in order, with as many under way as may be sent again. Says where the last one stands.
    pub async fn append_many(&mut self, data: Vec<Arc<[u8]>>) -> Result<Option<Position>, LogError> {
        let token = self.started()?;
        let mut last = Some(Position::new(token));
        for some in data.chunks(AGAIN / 2) {
            let appends = some.iter().map(|data| {
                self.number += 1;
                let request = Request::Append { writer: token, number: self.number, data: data.clone() };
                persist(&*self.access, request)
            });
            for wrote in join_all(appends.collect::<Vec<_>>()).await {
                last = self.wrote(wrote)?;
                if last.is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(last)
    }

    /// Lets go of what is before a position.
    pub async fn truncate(&mut self, to: Position) -> Result<Option<Position>, LogError> {
        self.write(|writer, number| Request::Truncate { writer, number, to: to.index() }).await
    }

    async fn write(
        &mut self,
        request: impl FnOnce(u64, u64) -> Request,
    ) -> Result<Option<Position>, LogError> {
        let token = self.started()?;
        self.number += 1;
        let request = request(token, self.number);
        let wrote = persist(&*self.access, request).await;
        self.wrote(wrote)
    }

    fn started(&self) -> Result<u64, LogError> {
        self.token.ok_or_else(|| LogError::Refused("the writer has not started".to_owned()))
    }

    fn wrote(&mut self, wrote: Result<Done, LogError>) -> Result<Option<Position>, LogError> {
        let position = match wrote {
            Ok(Done::Wrote(position)) => Ok(position.map(Position::new)),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(error),
        };
        if !matches!(position, Ok(Some(_))) {
            self.token = None;
        }
        position
    }
}
