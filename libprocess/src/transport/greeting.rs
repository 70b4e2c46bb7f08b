//! The greeting: who dials, and what both ends speak.

use std::io;
use std::net::SocketAddr;

use libprocess_wire as wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::{self, Broken, FRAME_MAX, Frame, Kind};
use crate::environment::Stream;

/// What a link begins with. The first byte is that of no HTTP method, and no ASCII at all.
pub(crate) const MAGIC: [u8; 8] = *b"\xECHECTARE";

/// The link protocol that is spoken, and the oldest that is understood.
const PROTOCOL: u32 = 1;
const PROTOCOL_MIN: u32 = 1;
/// No greeting is longer. Unit: bytes.
const GREETING_MAX: usize = 4 << 10;

/// Said by who dials.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) protocol_min: u32,
    pub(super) protocol_max: u32,
    /// Where its processes are reached.
    pub(super) node: SocketAddr,
    /// Which life of that node it is.
    pub(super) epoch: u64,
    pub(super) frame_max: u64,
}

/// Answered by who was dialled.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) protocol: u32,
    pub(super) epoch: u64,
    pub(super) frame_max: u64,
}

/// Greets, and waits to be welcomed.
///
/// Errors: when the other end closes, or is no node of ours.
pub(super) async fn greet(stream: &mut dyn Stream, node: SocketAddr, epoch: u64) -> io::Result<Welcome> {
    let hello = Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL,
        node,
        epoch,
        frame_max: FRAME_MAX as u64,
    };
    let mut bytes = MAGIC.to_vec();
    append(&mut bytes, Kind::Hello, &hello);
    stream.write_all(&bytes).await?;
    let welcome: Welcome = read(stream, Kind::Welcome).await?;
    if welcome.protocol < PROTOCOL_MIN || welcome.protocol > PROTOCOL {
        return Err(strange());
    }
    Ok(welcome)
}

/// Hears a greeting, and answers it with the highest protocol both speak.
///
/// Errors: when it is none, or there is no such protocol.
pub(super) async fn welcome(stream: &mut dyn Stream, epoch: u64) -> io::Result<Hello> {
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(strange());
    }
    let hello: Hello = read(stream, Kind::Hello).await?;
    let protocol = hello.protocol_max.min(PROTOCOL);
    if protocol < hello.protocol_min.max(PROTOCOL_MIN) {
        return Err(strange());
    }
    let mut bytes = Vec::new();
    append(&mut bytes, Kind::Welcome, &Welcome { protocol, epoch, frame_max: FRAME_MAX as u64 });
    stream.write_all(&bytes).await?;
    Ok(hello)
}

fn append(bytes: &mut Vec<u8>, kind: Kind, greeting: &impl wire::Part) {
    frame::write(bytes, kind, &[], |body| wire::encode_into(greeting, body)).expect("greetings are short");
}

/// Reads one short frame and nothing behind it.
async fn read<T: wire::Part>(stream: &mut dyn Stream, kind: Kind) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let whole = u32::from_le_bytes(length) as usize;
    if whole > GREETING_MAX {
        return Err(strange());
    }
    let mut bytes = length.to_vec();
    bytes.resize(4 + whole, 0);
    stream.read_exact(&mut bytes[4..]).await?;
    match Frame::first(&bytes) {
        Ok(Some((frame, _))) if frame.kind == kind => wire::decode(frame.rest).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Broken::Greeting)
}
