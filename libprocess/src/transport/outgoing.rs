//! The connection we dialled: writes what waits, and notices when the other end is gone.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::future::{Either, select};
use rand::{Rng as _, RngExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::frame::{Broken, Frame, Kind};
use super::greeting::{self, Introduction};
use super::incoming::invalid;
use super::peer::{Due, Peer};
use super::rarely::rarely;
use crate::Runtime;
use crate::environment::Stream;

/// A connection is broken when nothing was heard for so many pings.
pub(super) const SILENT_PINGS: u32 = 3;
/// How much is read at once of what comes back, and how long an unfinished frame of it may be.
/// Unit: bytes.
const READ: usize = 512;
const BACK_MAX: usize = 4 << 10;
/// A buffer that grew beyond this for once is not kept.
const SPARE_MAX: usize = 1 << 20;
/// One that is not larger is.
const SPARE: usize = 256;

/// Starts dialling, on the first shard.
pub(super) fn dial(runtime: Runtime, peer: Arc<Peer>) {
    let shard = runtime.shards()[0].clone();
    shard.command(Box::new(move |_| {
        let spawner = runtime.environment().spawner.clone();
        spawner.local(Box::pin(run(runtime, peer))).detach();
    }));
}

/// One connection, from dialling to its end.
async fn run(runtime: Runtime, peer: Arc<Peer>) {
    let progress = Progress::default();
    let why = match connection(&runtime, &peer, &progress).await {
        Ok(()) => "closed by the other end".to_owned(),
        Err(error) => error.to_string(),
    };
    let counts = &runtime.peers().counts;
    let chance = runtime.environment().rng.stream(&format!("dial {}", peer.address)).random();
    let remains = peer.broke(runtime.elapsed(), progress.greeted.get(), chance);
    counts.frames_lost.increment(remains.unsent + progress.writing.get());
    if progress.greeted.get() {
        counts.broken.increment(1);
    }
    tracing::debug!(peer = %peer.address, why, unsent = remains.unsent, "link down");
    remains.tell();
}

/// How far a connection has come.
#[derive(Default)]
struct Progress {
    greeted: Cell<bool>,
    /// Frames that are being written: whether they arrive is unknown if it breaks meanwhile.
    writing: Cell<u64>,
}

async fn connection(runtime: &Runtime, peer: &Arc<Peer>, progress: &Progress) -> io::Result<()> {
    let peers = runtime.peers();
    let mut stream = runtime.environment().transport.dial(peer.address).await?;
    let mut nonce = [0; 32];
    runtime.environment().rng.stream(&format!("nonce {}", peer.address)).fill_bytes(&mut nonce);
    let credential = peers.credential_for(peer.address);
    let credential = credential.as_ref();
    let (node, epoch, channel) = (peers.address, peers.epoch.0, peer.channel);
    let ping = peers.limits.ping;
    let who = Introduction { node, epoch, ping, channel, nonce, credential };
    let greeting = greeting::greet(&mut *stream, who);
    let theirs = match select(Box::pin(greeting), runtime.sleep(peers.limits.greeting)).await {
        Either::Left((epoch, _)) => epoch?,
        Either::Right(_) => return Err(io::ErrorKind::TimedOut.into()),
    };
    progress.greeted.set(true);
    peer.greeted(theirs);
    peers.counts.connected.increment(1);
    tracing::debug!(peer = %peer.address, "link up");
    let (reader, writer) = tokio::io::split(stream);
    let heard = Cell::new(runtime.elapsed());
    let reading = rarely(Box::pin(read(runtime, peer, reader, &heard)));
    let writing = Box::pin(write(runtime, peer, writer, &progress.writing));
    let watching = rarely(Box::pin(watch(runtime, peer, &heard)));
    // In this order: what watches leaves its ping to be written as the writer is polled behind it.
    match select(reading, select(watching, writing)).await {
        Either::Left((ended, _)) => ended,
        Either::Right((Either::Left((ended, _)), _)) => ended,
        Either::Right((Either::Right((ended, _)), _)) => ended,
    }
}

/// Only what concerns this connection comes back: pongs, which version is read, credit, whether traces
/// are wanted; and the end.
async fn read(
    runtime: &Runtime,
    peer: &Peer,
    mut reader: ReadHalf<Box<dyn Stream>>,
    heard: &Cell<Duration>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        heard.set(runtime.elapsed());
        while let Some((frame, length)) = Frame::first(&buffer).map_err(invalid)? {
            hear(peer, frame, heard.get()).map_err(invalid)?;
            buffer.advance(length);
        }
        if buffer.len() > BACK_MAX {
            return Err(invalid(Broken::TooLong(buffer.len())));
        }
    }
}

fn hear(peer: &Peer, mut frame: Frame<'_>, now: Duration) -> Result<(), Broken> {
    match frame.kind {
        Kind::Pong => peer.ponged(now),
        Kind::Credit => peer.credit(frame.number()?),
        Kind::Wants => peer.wants(frame.number()? == 1),
        Kind::Speaks => peer.speaks(frame.number()?, frame.number()?, frame.number()? == 1),
        _ => return Err(Broken::Kind(frame.kind as u8)),
    }
    Ok(())
}

/// Writes all that waits in one go, again and again; there is no timer that gathers.
async fn write(
    runtime: &Runtime,
    peer: &Peer,
    mut writer: WriteHalf<Box<dyn Stream>>,
    under_way: &Cell<u64>,
) -> io::Result<()> {
    let counts = &runtime.peers().counts;
    let mut batch = Vec::new();
    loop {
        let frames = peer.take_outgoing(&mut batch);
        if batch.is_empty() {
            let mut looked = false;
            std::future::poll_fn(|poller| {
                // Registered before the look that follows, so that nothing slips in between.
                peer.writer.register(poller.waker());
                match std::mem::replace(&mut looked, true) {
                    true => Poll::Ready(()),
                    false if peer.has_outgoing() => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            continue;
        }
        under_way.set(frames);
        writer.write_all(&batch).await?;
        // Over TLS, what was written may still wait.
        writer.flush().await?;
        under_way.set(0);
        counts.frames_sent.increment(frames);
        counts.bytes_sent.increment(batch.len() as u64);
        let room = (batch.capacity() / 2).max(batch.len()).min(SPARE_MAX);
        batch.clear();
        // After a burst, the two buffers of a link become small again by and by.
        if room > SPARE {
            batch.shrink_to(room);
        }
    }
}

/// Pings, and ends when nothing comes back.
async fn watch(runtime: &Runtime, peer: &Peer, heard: &Cell<Duration>) -> io::Result<()> {
    let every = runtime.peers().limits.ping;
    loop {
        runtime.sleep(every).await;
        if runtime.elapsed().saturating_sub(heard.get()) > every * SILENT_PINGS {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing heard for too long"));
        }
        if peer.ping(runtime.elapsed()) == Due::Spared {
            heard.set(runtime.elapsed());
        }
    }
}
