//! The greeting: who dials, and what both ends speak.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess_wire as wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::{self, Broken, FRAME_MAX, Frame, Kind};
use super::proof::{Nonce, Proof, Side, Words};
use super::refusals::Refusal;
use crate::environment::Stream;
use crate::identity::{Credential, Principal, Security};
use crate::span;

/// What a link begins with. The first byte is that of no HTTP method, and no ASCII at all.
pub(crate) const MAGIC: [u8; 8] = *b"\xECHECTARE";

/// The link protocol that is spoken, and the oldest that is understood. Since 2, who was dialled says
/// whether it wants traces, with its welcome and whenever that changes.
const PROTOCOL: u32 = 2;
const PROTOCOL_MIN: u32 = 1;
/// No greeting is longer. Unit: bytes.
const GREETING_MAX: usize = 4 << 10;

/// What a connection carries.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// Messages, questions, ends; each in one frame.
    Control,
    /// Large messages, in pieces.
    Bulk,
}

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
    /// How often it will ping. Unit: milliseconds.
    pub(super) ping: u32,
    pub(super) channel: Channel,
    pub(super) nonce: Nonce,
    /// Who it will prove to be, unless the connection proves it already.
    pub(super) principal: Option<String>,
}

/// Answered by who was dialled.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) protocol: u32,
    pub(super) epoch: u64,
    pub(super) frame_max: u64,
    pub(super) nonce: Nonce,
    /// That it knows the secret of the principal who greeted.
    pub(super) proof: Option<Proof>,
}

/// Who dials, as it introduces itself.
pub(super) struct Introduction<'a> {
    pub(super) node: SocketAddr,
    pub(super) epoch: u64,
    pub(super) ping: Duration,
    pub(super) channel: Channel,
    pub(super) nonce: Nonce,
    /// What it proves itself with; nothing where the connection does.
    pub(super) credential: Option<&'a Credential>,
}

/// Greets, waits to be welcomed, and proves what it said; tells which life of the node is there.
///
/// Errors: when the other end closes, is no node of ours, or does not know the secret.
pub(super) async fn greet(stream: &mut dyn Stream, who: Introduction<'_>) -> io::Result<u64> {
    let hello = Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL,
        node: who.node,
        epoch: who.epoch,
        frame_max: FRAME_MAX as u64,
        ping: u32::try_from(who.ping.as_millis()).unwrap_or(u32::MAX),
        channel: who.channel,
        nonce: who.nonce,
        principal: who.credential.map(|credential| credential.principal.to_string()),
    };
    let mut bytes = MAGIC.to_vec();
    append(&mut bytes, Kind::Hello, &hello);
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    let welcome: Welcome = read(stream, Kind::Welcome).await?;
    if welcome.protocol < PROTOCOL_MIN || welcome.protocol > PROTOCOL {
        return Err(strange());
    }
    let Some(Credential { principal, secret }) = who.credential else { return Ok(welcome.epoch) };
    let words = Words { dials: &who.nonce, was_dialled: &welcome.nonce, principal };
    let proof = welcome.proof.filter(|proof| words.proves(secret, Side::WasDialled, proof));
    proof.ok_or_else(|| {
        io::Error::new(io::ErrorKind::PermissionDenied, "the other end knows not our secret")
    })?;
    let mut bytes = Vec::new();
    append(&mut bytes, Kind::Proof, &words.prove(secret, Side::Dials));
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(welcome.epoch)
}

/// Why nobody was welcomed.
#[derive(Debug)]
pub(super) struct Unwelcome(pub(super) Refusal, pub(super) String);

impl From<io::Error> for Unwelcome {
    fn from(error: io::Error) -> Unwelcome {
        Unwelcome(Refusal::Greeting, error.to_string())
    }
}

/// Hears a greeting, and answers it with the highest protocol both speak. `proved` is who the
/// connection shows to be at its other end; without, a principal has to prove itself.
///
/// Errors: when it is none, there is no such protocol, or the proof is none.
pub(super) async fn welcome(
    stream: &mut dyn Stream,
    epoch: u64,
    nonce: Nonce,
    proved: Option<Principal>,
    security: &Security,
) -> Result<(Hello, Option<Principal>), Unwelcome> {
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(strange().into());
    }
    let hello: Hello = read(stream, Kind::Hello).await?;
    let protocol = hello.protocol_max.min(PROTOCOL);
    if protocol < hello.protocol_min.max(PROTOCOL_MIN) {
        return Err(strange().into());
    }
    let claimed = hello.principal.clone().filter(|_| proved.is_none()).map(Principal::new);
    let unproved = |what: String| Unwelcome(Refusal::Proof, format!("{what}, node {}", hello.node));
    let secret = match &claimed {
        Some(claimed) => {
            Some(security.secrets.get(claimed).ok_or_else(|| unproved(format!("{claimed} is not known")))?)
        }
        None if proved.is_none() && !security.anonymous => {
            return Err(unproved("no principal".to_owned()));
        }
        None => None,
    };
    let words = claimed
        .as_ref()
        .zip(secret)
        .map(|(principal, secret)| (Words { dials: &hello.nonce, was_dialled: &nonce, principal }, secret));
    let proof = words.map(|(words, secret)| words.prove(secret, Side::WasDialled));
    let mut bytes = Vec::new();
    append(
        &mut bytes,
        Kind::Welcome,
        &Welcome { protocol, epoch, frame_max: FRAME_MAX as u64, nonce, proof },
    );
    if let Some(wants) = wants(&hello) {
        frame::write(&mut bytes, Kind::Wants, &[u64::from(wants)], |_| {}).expect("it is short");
    }
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    if let Some((words, secret)) = words {
        let proof: Proof = read(stream, Kind::Proof).await?;
        if !words.proves(secret, Side::Dials, &proof) {
            return Err(unproved(format!("{} did not prove itself", words.principal)));
        }
    }
    let principal = proved.or(claimed);
    Ok((hello, principal))
}

/// Whether this node wants traces; nothing, if whoever greets so does not understand the word.
pub(super) fn wants(hello: &Hello) -> Option<bool> {
    (hello.protocol_max.min(PROTOCOL) >= 2).then(span::wanted)
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

#[cfg(test)]
mod tests {
    use super::super::names::Definition;
    use super::super::peers::Departure;
    use super::*;
    use crate::link::{Exit, Reason};

    /// What nodes of any version must agree on before they can agree on a version.
    #[test]
    fn the_greeting_has_the_bytes_it_always_had() {
        let hello = Hello {
            protocol_min: 1,
            protocol_max: 2,
            node: "10.0.0.1:5050".parse().unwrap(),
            epoch: 7,
            frame_max: 9,
            ping: 5_000,
            channel: Channel::Bulk,
            nonce: [3; 32],
            principal: Some("a".to_owned()),
        };
        let spelled: [&[u8]; 9] = [
            &[1, 0, 0, 0, 2, 0, 0, 0],
            &[0, 0, 0, 0, 10, 0, 0, 1, 0xba, 0x13],
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[9, 0, 0, 0, 0, 0, 0, 0],
            &[0x88, 0x13, 0, 0],
            &[1, 0, 0, 0],
            &[3; 32],
            &[1, 1, 0, 0, 0, 0, 0, 0, 0],
            b"a",
        ];
        assert_eq!(wire::encode(&hello), spelled.concat());

        let welcome = Welcome { protocol: 1, epoch: 7, frame_max: 9, nonce: [3; 32], proof: Some([4; 32]) };
        let spelled: [&[u8]; 6] =
            [&[1, 0, 0, 0], &[7, 0, 0, 0, 0, 0, 0, 0], &[9, 0, 0, 0, 0, 0, 0, 0], &[3; 32], &[1], &[4; 32]];
        assert_eq!(wire::encode(&welcome), spelled.concat());
    }

    #[test]
    fn definitions_and_departures_have_the_bytes_they_always_had() {
        let name = "m".to_owned();
        let kind = Definition::Type { number: 5, name, version: 2, older: Some(1) };
        let spelled: [&[u8]; 4] =
            [&[0, 0, 0, 0, 5, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0], b"m", &[2, 0, 0, 0, 1, 1, 0, 0, 0]];
        assert_eq!(wire::encode(&kind), spelled.concat());

        let to = Definition::To { number: 5, id: "p".to_owned(), epoch: None };
        let spelled: [&[u8]; 4] = [&[1, 0, 0, 0, 5, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0], b"p", &[0]];
        assert_eq!(wire::encode(&to), spelled.concat());

        let end = |exit| wire::encode(&Departure::golden(exit));
        let names: [&[u8]; 6] =
            [&[1, 0, 0, 0, 0, 0, 0, 0], b"a", &[0], &[1, 0, 0, 0, 0, 0, 0, 0], b"b", &[0]];
        let spelled = |exit: &[u8]| [&names.concat(), exit].concat();
        assert_eq!(end(Exit::Ended(Reason::Terminated)), spelled(&[0, 0, 0, 0, 1, 0, 0, 0]));
        assert_eq!(end(Exit::LinkBroken), spelled(&[1, 0, 0, 0]));
        assert_eq!(end(Exit::NoSuchProcess), spelled(&[2, 0, 0, 0]));
    }
}
