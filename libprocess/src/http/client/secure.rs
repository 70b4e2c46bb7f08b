//! The socket beneath a client's connection, in plain text or over TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Authorities, Tls};

/// Bytes to and from a server.
pub(super) enum Socket {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// Whom a client trusts, and as whom it shows itself to who asks. Worked out for the first `https`.
#[derive(Default)]
pub(super) struct Trust {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    tls: Option<Tls>,
    /// Of a node without a certificate.
    authorities: Option<Authorities>,
    /// Whatever certificate is shown will do.
    anybody: bool,
    config: Option<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) fn new(tls: Option<Tls>, authorities: Option<Authorities>) -> Trust {
        Trust { known: Mutex::new(Known { tls, authorities, ..Known::default() }) }
    }

    pub(super) fn is_secure(&self) -> bool {
        let known = self.known.lock();
        known.tls.is_some() || known.authorities.is_some()
    }

    /// Trusts whoever answers.
    pub(super) fn anybody() -> Trust {
        Trust { known: Mutex::new(Known { anybody: true, ..Known::default() }) }
    }

    /// Shows itself differently, and trusts others, from here on.
    pub(super) fn renew(&self, tls: &Tls) {
        *self.known.lock() = Known { tls: Some(tls.clone()), ..Known::default() };
    }

    /// Shakes hands with `host:port`.
    ///
    /// Errors: when it does not show a certificate for that name by somebody who is trusted.
    pub(super) async fn secure(&self, socket: TcpStream, host: &str) -> io::Result<Socket> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name =
            ServerName::try_from(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let config = self.known.lock().config().map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, socket).await?;
        Ok(Socket::Secure(Box::new(stream)))
    }
}

impl Known {
    fn config(&mut self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = &self.config {
            return Ok(config.clone());
        }
        Ok(self.config.insert(Arc::new(self.work_out()?)).clone())
    }

    /// The node's own authorities, and those of the machine.
    fn work_out(&self) -> Result<ClientConfig, rustls::Error> {
        if self.anybody {
            return anybody();
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let own = self.tls.as_ref().map(|tls| &tls.authorities);
        let told = self.authorities.as_ref().map(|told| &told.0);
        for authorities in own.into_iter().chain(told) {
            roots.add_parsable_certificates(authorities.iter().cloned());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match &self.tls {
            Some(tls) => config.with_client_auth_cert(tls.chain.clone(), tls.key.clone_key())?,
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What a client goes by that only asks whether somebody answers.
fn anybody() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(Anybody(provider));
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes every certificate, but only from who holds its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(socket) => Pin::new(socket).poll_read(cx, space),
            Socket::Secure(socket) => Pin::new(socket).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Secure(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Socket::Secure(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::Secure(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
