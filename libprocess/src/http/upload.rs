//! A request's body on its way to its handler: as it arrives, and no faster than that reads.

use std::time::Duration;

use actix_http::h1::{Codec, Message};
use bytes::BytesMut;
use tokio::io::AsyncRead;

use super::body::BodyError;
use super::connection::{decode, read, within};
use super::server::Limits;
use super::stream::StreamSender;

/// How long a body without an end may pause; those who send one show every half minute that they are there.
const ENDLESS_STALL: Duration = Duration::from_secs(300);

/// Where a body goes, of which some has come already.
pub(super) struct Feed {
    pub(super) sender: StreamSender,
    /// Unit: bytes.
    pub(super) taken: u64,
}

/// The reading half of a connection while a body comes in.
pub(super) struct Upload<'a, Io> {
    pub(super) io: &'a mut Io,
    pub(super) input: &'a mut BytesMut,
    pub(super) codec: &'a mut Codec,
    pub(super) limits: &'a Limits,
    /// How long all of it may take.
    pub(super) time: Duration,
    /// It may also be as long as its sender likes, and pause for longer.
    pub(super) endless: bool,
}

impl<Io: AsyncRead + Unpin> Upload<'_, Io> {
    /// Tells whether all of it was taken; not if the handler stopped reading.
    ///
    /// Errors: when it is too large, too slow, or breaks off.
    pub(super) async fn run(self, Feed { sender, taken }: Feed) -> Result<bool, BodyError> {
        let time = self.time;
        let fed = within(time, self.feed(&sender, taken)).await.unwrap_or(Err(BodyError::TooSlow));
        if let Err(error) = &fed {
            sender.fail(error.clone());
        }
        fed
    }

    async fn feed(self, sender: &StreamSender, mut taken: u64) -> Result<bool, BodyError> {
        let broken = |why: String| BodyError::Broken(why);
        let limit = if self.endless { u64::MAX } else { self.limits.body };
        let stall = if self.endless { ENDLESS_STALL } else { self.limits.stall_time };
        loop {
            match decode(self.codec, self.input).map_err(|error| broken(error.to_string()))? {
                Some(Message::Chunk(Some(piece))) => {
                    taken += piece.len() as u64;
                    if taken > limit {
                        return Err(BodyError::TooLarge { limit });
                    }
                    if sender.ready().await.is_err() {
                        return Ok(false);
                    }
                    let _ = sender.send(piece); // room was made above; a reader that just left needs none
                }
                Some(_) => return Ok(true),
                None => match within(stall, read(self.io, self.input)).await {
                    Some(Ok(count)) if count > 0 => {}
                    Some(Ok(_)) => return Err(broken("the client left".to_owned())),
                    Some(Err(error)) => return Err(broken(error.to_string())),
                    None => return Err(BodyError::TooSlow),
                },
            }
        }
    }
}
