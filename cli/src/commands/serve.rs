//! What `master`, `agent` and `local` share: an address to listen on, the line that says so, and the
//! wait for a signal.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use libprocess::{Config, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Loopback, until somebody says otherwise: there is no authentication to keep strangers out yet.
const IP_DEFAULT: &str = "127.0.0.1";

/// Where to listen, and what to tell others.
pub(super) struct Address<'a> {
    pub(super) ip: Option<&'a str>,
    pub(super) port: u16,
    pub(super) advertise_ip: Option<&'a str>,
    pub(super) advertise_port: Option<u16>,
}

impl Address<'_> {
    /// A runtime that listens there, and whose paths are those of `delegate` once that process is up.
    ///
    /// Errors: when an address is malformed, or the port is taken.
    pub(super) fn listen(&self, delegate: &str, http_workers: usize) -> anyhow::Result<Runtime> {
        let ip = parsed("ip", self.ip.unwrap_or(IP_DEFAULT))?;
        let listen = SocketAddr::new(ip, self.port);
        let advertised = match (self.advertise_ip, self.advertise_port) {
            (None, None) => None,
            (ip, port) => {
                let ip = ip.map(|ip| parsed("advertise_ip", ip)).transpose()?.unwrap_or(listen.ip());
                Some(SocketAddr::new(ip, port.unwrap_or(self.port)))
            }
        };
        let config =
            Config { listen: Some(listen), advertise: advertised, http_workers, ..Config::default() };
        let runtime = Runtime::start(config).with_context(|| {
            format!("cannot listen on {listen}; --port=N takes another port, --port=0 any free one")
        })?;
        // Said at once: who comes before the process is up is told to come again, not that nobody is there.
        runtime.delegate(delegate);
        Ok(runtime)
    }
}

fn parsed(flag: &str, text: &str) -> anyhow::Result<IpAddr> {
    text.parse().with_context(|| format!("--{flag}: {text:?} is no IP address"))
}

/// The signals that end a server, heard from the moment this is made.
pub(crate) struct Ending {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Ending {
    /// Must be called inside `block_on`.
    pub(crate) fn listen() -> anyhow::Result<Ending> {
        Ok(Ending {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns at Ctrl-C or SIGTERM.
    pub(crate) async fn wait(&mut self) {
        let (interrupt, terminate) = (self.interrupt.recv(), self.terminate.recv());
        futures_util::future::select(std::pin::pin!(interrupt), std::pin::pin!(terminate)).await;
    }
}
