//! What `master`, `agent` and `local` share: an address to listen on, the line that says so, and the
//! wait for a signal.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, anyhow};
use futures_util::future::select_all;
use libprocess::{Config, Failure, Runtime, Security, VariableError, Variables};
use security::{Exposure, exposure};
use tokio::signal::unix::{SignalKind, signal};

use super::files::OpenFiles;
use crate::logging;

/// Where to listen, and what to tell others.
pub(super) struct Address<'a> {
    pub(super) ip: Option<&'a str>,
    pub(super) port: u16,
    pub(super) advertise_ip: Option<&'a str>,
    pub(super) advertise_port: Option<u16>,
    pub(super) protection: Protection,
    pub(super) open_files: OpenFiles,
}

/// What protects a listener besides TLS.
pub(super) struct Protection {
    /// Flags of authentication that are off.
    pub(super) open: Vec<&'static str>,
    /// Whether the network is said to be trusted.
    pub(super) trusted: bool,
}

impl Address<'_> {
    /// A runtime that listens there, and whose paths are those of `delegate` once that process is up.
    /// What no flag says, the `LIBPROCESS_*` variables may; loopback and plain text if nobody does.
    ///
    /// `links` says how links are proved, given what the variables say of that.
    ///
    /// Errors: when an address or a variable is malformed, certificates do not fit, the port is taken, or the address is
    /// one of a network and nothing protects it.
    pub(super) fn listen<E>(
        &self,
        delegate: &str,
        http_workers: usize,
        links: impl FnOnce(Security) -> Result<Security, E>,
    ) -> anyhow::Result<Runtime>
    where
        anyhow::Error: From<E>,
    {
        let mut config = Config { http_workers, ..variables(Config::from_variables)?.read()? };
        let ip = self.ip.map(|ip| parsed("ip", ip)).transpose()?;
        let ip = ip.or(config.listen.map(|address| address.ip())).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listen = SocketAddr::new(ip, self.port);
        config.listen = Some(listen);
        if self.advertise_ip.is_some() || self.advertise_port.is_some() {
            let ip = self.advertise_ip.map(|ip| parsed("advertise_ip", ip)).transpose()?;
            let port = self.advertise_port.unwrap_or(self.port);
            config.advertise = Some(SocketAddr::new(ip.unwrap_or(listen.ip()), port));
        }
        let tls = config.security.tls.as_ref().is_some_and(|tls| !tls.plain_too);
        let Protection { open, trusted } = &self.protection;
        let exposed = Exposure { ip, tls, open: open.clone(), trusted: *trusted };
        exposure(&exposed).map_err(|why| anyhow!("--ip: {why}"))?;
        config.security = links(config.security)?;
        config.links.links = self.open_files.links();
        let runtime = Runtime::start(config).with_context(|| {
            format!("cannot listen on {listen}; --port=N takes another port, --port=0 any free one")
        })?;
        if let Some(verbosity) = logging::verbosity() {
            runtime.logging().install(verbosity);
        }
        // Said at once: who comes before the process is up is told to come again, not that nobody is there.
        runtime.delegate(delegate);
        Ok(runtime)
    }
}

/// What the environment says, as `read` understands it.
///
/// Errors: a variable says what cannot be done.
pub(super) fn variables(
    read: impl FnOnce(Vec<(String, String)>) -> Result<Variables, VariableError>,
) -> anyhow::Result<Variables> {
    let variables = read(std::env::vars_os().filter_map(unicode).collect())?;
    for variable in &variables.ignored {
        tracing::warn!(variable = variable.name, why = variable.why, "ignored");
    }
    Ok(variables)
}

fn unicode((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn parsed(flag: &str, text: &str) -> anyhow::Result<IpAddr> {
    text.parse().with_context(|| format!("--{flag}: {text:?} is no IP address"))
}

/// Returns when a process that one of the runtimes cannot do without has panicked. Its program ends then, and what it
/// was comes back from its log with the next.
pub(super) async fn failed(runtimes: impl IntoIterator<Item = &Runtime>) -> Failure {
    select_all(runtimes.into_iter().map(|runtime| Box::pin(runtime.failed()))).await.0
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

#[cfg(test)]
mod tests {
    use libprocess::actix::Actor;
    use libprocess::{Context, Handler, Message, OnPanic, Process, Spawn};

    use super::*;

    struct Vital;
    struct Panic;

    impl Message for Panic {
        type Result = ();
    }

    impl Actor for Vital {
        type Context = Context<Self>;
    }

    impl Process for Vital {
        const KIND: &'static str = "vital";
        type Input = Panic;
    }

    impl Handler<Panic> for Vital {
        type Result = ();

        fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
            panic!("the log is full")
        }
    }

    #[test]
    fn the_first_failure_of_any_runtime_is_the_error_its_program_ends_with() {
        let config = || Config { listen: None, http_workers: 0, ..Config::default() };
        let runtimes = [(); 2].map(|()| Runtime::start(config()).unwrap());
        let vital = Spawn::named("vital").on_panic(OnPanic::Escalate);
        let vital = runtimes[1].spawn(vital, || Vital).unwrap();
        vital.tell(Panic).unwrap();
        let error = anyhow::Error::from(runtimes[0].block_on(failed(&runtimes)));
        let text = error.to_string();
        assert!(text.starts_with("process vital@") && text.ends_with(": the log is full"), "{text}");
        runtimes.iter().for_each(Runtime::shutdown);
    }
}
