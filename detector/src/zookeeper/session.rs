//! A session: one connection after the other, under one number that the ensemble knows.
//!
//! ```text
//!   connect ──► session of `id` ──► requests, one after the other; watches fire between them
//!      ▲              │ the connection breaks, or nothing is heard for two thirds of the timeout
//!      └── ticket ────┘ within the timeout it is the same session; later it has expired, and a new one begins
//! ```
//!
//! Whoever asks does so one question at a time. Dropping a question that is not answered yet is allowed: its answer is
//! passed over when it comes.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::future::{Either, select};
use libprocess::Runtime;
use rand::seq::SliceRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};

use super::Ensemble;
use super::jute::{Malformed, Reader, Writer, take_packet};

/// Why a session is not, or no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("no connection to ZooKeeper")]
    Lost(#[from] io::Error),
    #[error("ZooKeeper has fallen silent")]
    Silent,
    /// What it had made is gone; a new session may begin.
    #[error("the session has expired")]
    Expired,
    #[error("ZooKeeper does not take the user and password")]
    Unauthenticated,
    #[error("ZooKeeper answered with error {0}")]
    Refused(i32),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What a connection needs to go on with the session of an earlier one.
#[derive(Clone)]
pub(crate) struct Ticket {
    id: i64,
    secret: Vec<u8>,
    /// As the ensemble granted it.
    timeout: Duration,
}

/// A connection to a server of the ensemble.
pub(crate) struct Session {
    runtime: Runtime,
    socket: TcpStream,
    arrived: BytesMut,
    leaving: BytesMut,
    ticket: Ticket,
    /// Number of the last request.
    xid: i32,
    /// When something was last heard, on the runtime's clock.
    heard: Duration,
    /// When something was last said.
    said: Duration,
    /// Whether a watch has fired since [`Session::changed`] last returned.
    fired: bool,
}

/// The longest packet that is read: four times what a server sends unless it is told to send more.
const PACKET_MAX: usize = 4 << 20;

// Requests, and packets of their own. Source: ZooDefs.OpCode, and the numbers its clients reserve.
pub(crate) const CREATE: i32 = 1;
pub(crate) const DELETE: i32 = 2;
pub(crate) const EXISTS: i32 = 3;
pub(crate) const GET_DATA: i32 = 4;
pub(crate) const GET_CHILDREN: i32 = 8;
const PING: i32 = 11;
const AUTH: i32 = 100;
const XID_NOTIFICATION: i32 = -1;
const XID_PING: i32 = -2;
const XID_AUTH: i32 = -4;

// Errors. Source: KeeperException.Code.
pub(crate) const NO_NODE: i32 = -101;
pub(crate) const NODE_EXISTS: i32 = -110;
pub(crate) const NO_AUTH: i32 = -102;
const SESSION_EXPIRED: i32 = -112;
const AUTH_FAILED: i32 = -115;

impl Session {
    /// Connects to one server after the other, in random order, until one takes the session of the ticket on, or begins
    /// a new one that lives `timeout` without a connection.
    ///
    /// Errors: why the last of them did not; that the session of the ticket has expired.
    pub(crate) async fn connect(
        runtime: &Runtime,
        ensemble: &Ensemble,
        timeout: Duration,
        before: Option<&Ticket>,
    ) -> Result<Session, SessionError> {
        let mut failure = SessionError::Lost(io::Error::new(io::ErrorKind::NotFound, "no server was named"));
        let mut servers = Vec::new();
        for server in &ensemble.servers {
            match lookup_host(server).await {
                Ok(addresses) => servers.extend(addresses),
                Err(error) => {
                    failure = SessionError::Lost(io::Error::new(error.kind(), format!("{server}: {error}")))
                }
            }
        }
        servers.shuffle(&mut runtime.environment().rng.stream("zookeeper"));
        // All of them are tried before the session could have expired meanwhile.
        let patience =
            (timeout / u32::try_from(servers.len().max(1)).unwrap_or(1)).min(Duration::from_secs(5));
        for server in servers {
            let begun = begin(runtime, server, timeout, before, ensemble.credentials.as_deref());
            failure = match runtime.timeout(patience, begun).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error @ (SessionError::Expired | SessionError::Unauthenticated))) => {
                    return Err(error);
                }
                Ok(Err(error)) => error,
                Err(_) => SessionError::Silent,
            };
        }
        Err(failure)
    }

    /// Number of the session: owner of the nodes it makes.
    pub(crate) fn id(&self) -> i64 {
        self.ticket.id
    }

    /// What the next connection needs to go on with this session.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }

    /// Asks, and waits for the answer.
    ///
    /// Errors: when ZooKeeper refuses, or the connection is lost; then it is not known whether it was done.
    pub(crate) async fn request(
        &mut self,
        kind: i32,
        body: impl FnOnce(Writer) -> Writer,
    ) -> Result<Reader, SessionError> {
        self.xid = self.xid.checked_add(1).unwrap_or(1);
        self.say(body(Writer::default().int(self.xid).int(kind)));
        loop {
            let (xid, error, rest) = self.packet().await?;
            if xid == self.xid {
                return match error {
                    0 => Ok(rest),
                    SESSION_EXPIRED => Err(SessionError::Expired),
                    error => Err(SessionError::Refused(error)),
                };
            }
        }
    }

    /// Returns when a watch has fired, keeping the session alive meanwhile. May be dropped at any moment.
    ///
    /// Errors: when the connection is lost.
    pub(crate) async fn changed(&mut self) -> Result<(), SessionError> {
        while !self.fired {
            self.packet().await?;
        }
        self.fired = false;
        Ok(())
    }

    /// The next packet that is an answer or a notification: number, error, and what follows.
    async fn packet(&mut self) -> Result<(i32, i32, Reader), SessionError> {
        let mut rest = loop {
            if let Some(packet) = take_packet(&mut self.arrived, PACKET_MAX)? {
                break packet;
            }
            self.receive().await?;
        };
        self.heard = self.runtime.elapsed();
        let (xid, _zxid, error) = (rest.int()?, rest.long()?, rest.int()?);
        match xid {
            XID_NOTIFICATION => self.fired = true,
            XID_AUTH if error == AUTH_FAILED => return Err(SessionError::Unauthenticated),
            _ => {}
        }
        Ok((xid, error, rest))
    }

    /// Waits for bytes, and says something when nothing was said for a third of the timeout.
    async fn receive(&mut self) -> Result<(), SessionError> {
        let now = self.runtime.elapsed();
        let third = self.ticket.timeout / 3;
        if now.saturating_sub(self.heard) >= third * 2 {
            return Err(SessionError::Silent);
        }
        if now.saturating_sub(self.said) >= third {
            self.say(Writer::default().int(XID_PING).int(PING));
        }
        let wake = self.runtime.sleep((self.said + third).min(self.heard + third * 2).saturating_sub(now));
        let (socket, leaving, arrived) = (&mut self.socket, &mut self.leaving, &mut self.arrived);
        // Neither loses a byte when it is dropped: what was moved is out of one buffer, or in the other.
        let moved = async {
            while leaving.has_remaining() {
                socket.write_buf(leaving).await?;
            }
            socket.read_buf(arrived).await
        };
        match select(pin!(moved), wake).await {
            Either::Left((Ok(0), _)) => Err(SessionError::Lost(io::ErrorKind::UnexpectedEof.into())),
            Either::Left((read, _)) => Ok(read.map(drop)?),
            Either::Right(_) => Ok(()),
        }
    }

    fn say(&mut self, packet: Writer) {
        self.said = self.runtime.elapsed();
        self.leaving.extend_from_slice(&packet.packet());
    }
}

/// Connects to one server, and goes on with the session of the ticket or begins one.
async fn begin(
    runtime: &Runtime,
    server: std::net::SocketAddr,
    timeout: Duration,
    before: Option<&Ticket>,
    credentials: Option<&str>,
) -> Result<Session, SessionError> {
    const SECRET: [u8; 16] = [0; 16];
    let mut socket = TcpStream::connect(server).await?;
    let _ = socket.set_nodelay(true); // only a matter of speed
    let (id, secret) = before.map_or((0, &SECRET[..]), |ticket| (ticket.id, &ticket.secret));
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // Version, the last change seen, timeout, session, and whether a server that may only read will do.
    let greeting = Writer::default().int(0).long(0).int(millis).long(id).buffer(secret).bool(false);
    socket.write_all(&greeting.packet()).await?;
    let mut arrived = BytesMut::new();
    let mut answer = loop {
        if let Some(answer) = take_packet(&mut arrived, PACKET_MAX)? {
            break answer;
        }
        if socket.read_buf(&mut arrived).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    };
    let (_version, granted, id, secret) = (answer.int()?, answer.int()?, answer.long()?, answer.buffer()?);
    let granted = u64::try_from(granted).ok().filter(|millis| *millis > 0).ok_or(SessionError::Expired)?;
    let now = runtime.elapsed();
    let mut session = Session {
        runtime: runtime.clone(),
        socket,
        arrived,
        leaving: BytesMut::new(),
        ticket: Ticket { id, secret, timeout: Duration::from_millis(granted) },
        xid: 0,
        heard: now,
        said: now,
        fired: false,
    };
    if let Some(credentials) = credentials {
        let auth =
            Writer::default().int(XID_AUTH).int(AUTH).int(0).string("digest").buffer(credentials.as_bytes());
        session.say(auth);
        while session.packet().await?.0 != XID_AUTH {}
    }
    Ok(session)
}
