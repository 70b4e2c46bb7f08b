//! TLS on the one port and on what is dialled: rustls, set up once per runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{Acceptor, ParsedCertificate, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::tcp::OneWay;
use crate::Principal;
use crate::tls::{Tls, TlsError, principal};

/// What links call themselves in a TLS greeting.
const LINK: &[u8] = b"hectare/1";
const HTTP: &[u8] = b"http/1.1";

/// Both ends of TLS, for links and for HTTP.
pub(super) struct Keys {
    links: TlsAcceptor,
    web: TlsAcceptor,
    dial: TlsConnector,
    pub(super) plain_too: bool,
    check_address: bool,
}

/// The keys in use; none, where nothing but plain text is spoken.
pub(super) struct Keyring(RwLock<Option<Arc<Keys>>>);

impl Keyring {
    /// Errors: when the certificates and the key do not fit each other.
    pub(super) fn new(tls: Option<&Tls>) -> Result<Keyring, TlsError> {
        Ok(Keyring(RwLock::new(tls.map(Keys::new).transpose()?.map(Arc::new))))
    }

    pub(super) fn get(&self) -> Option<Arc<Keys>> {
        self.0.read().clone()
    }

    /// Takes others into use, for connections that begin from here on.
    ///
    /// Errors: when they do not fit each other, or there were none before.
    pub(super) fn renew(&self, tls: &Tls) -> Result<(), TlsError> {
        let renewed = Arc::new(Keys::new(tls)?);
        let mut keys = self.0.write();
        if keys.is_none() {
            return Err(TlsError::Plain);
        }
        *keys = Some(renewed);
        Ok(())
    }
}

/// What a TLS greeting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Link,
    Http,
}

impl Keys {
    /// Errors: when the certificates and the key do not fit each other.
    pub(super) fn new(tls: &Tls) -> Result<Keys, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in &tls.authorities {
            roots.add(authority.clone()).map_err(unfit)?;
        }
        let roots = Arc::new(roots);
        let verifier = || WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let must = verifier().build().map_err(unfit)?;
        let web = match tls.require_client {
            true => must.clone(),
            false => verifier().allow_unauthenticated().build().map_err(unfit)?,
        };
        let server = |versions, verifier, alpn: &[u8]| {
            let mut config = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .map_err(unfit)?
                .with_client_cert_verifier(verifier)
                .with_single_cert(tls.chain.clone(), tls.key.clone_key())
                .map_err(unfit)?;
            config.alpn_protocols = vec![alpn.to_vec()];
            Ok(TlsAcceptor::from(Arc::new(config)))
        };
        let for_http: &[_] = if tls.http_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
        let trust = Trust { roots, provider: provider.clone(), check_address: tls.check_address };
        let mut dial = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(unfit)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust))
            .with_client_auth_cert(tls.chain.clone(), tls.key.clone_key())
            .map_err(unfit)?;
        dial.alpn_protocols = vec![LINK.to_vec()];
        Ok(Keys {
            links: server(&[&TLS13], must, LINK)?,
            web: server(for_http, web, HTTP)?,
            dial: TlsConnector::from(Arc::new(dial)),
            plain_too: tls.plain_too,
            check_address: tls.check_address,
        })
    }

    /// The other end of a link, and who it is.
    ///
    /// Errors: when the handshake fails, or the certificate names nobody.
    pub(super) async fn accept_link(
        &self,
        stream: OneWay,
    ) -> io::Result<(server::TlsStream<OneWay>, Principal)> {
        let stream = self.links.accept(stream).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let who = certificate.and_then(principal).ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "the certificate bears no name")
        })?;
        Ok((stream, who))
    }

    /// For which nodes a link may speak, as far as that is looked at.
    pub(super) fn named_addresses(
        &self,
        stream: &server::TlsStream<OneWay>,
    ) -> impl Fn(SocketAddr) -> bool + use<> {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let looked_at = self.check_address.then(|| certificate.cloned());
        move |node| match &looked_at {
            None => true,
            Some(certificate) => certificate.as_ref().is_some_and(|certificate| names(certificate, node)),
        }
    }

    /// The other end of an HTTP connection, and who it is if it has a certificate.
    pub(super) async fn accept_http(
        &self,
        stream: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, Option<Principal>)> {
        let stream = self.web.accept(stream).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let who = certificate.and_then(principal);
        Ok((stream, who))
    }

    pub(super) async fn dial(
        &self,
        stream: TcpStream,
        to: SocketAddr,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        self.dial.connect(ServerName::IpAddress(to.ip().into()), stream).await
    }
}

/// What the first bytes of a TLS connection are for; `None` while that is not seen yet.
///
/// Errors: when they are not the beginning of TLS.
pub(super) fn peek(bytes: &[u8]) -> Result<Option<For>, ()> {
    let mut acceptor = Acceptor::default();
    let mut unread = bytes;
    while !unread.is_empty() {
        acceptor.read_tls(&mut unread).map_err(drop)?;
        if let Some(accepted) = acceptor.accept().map_err(drop)? {
            let hello = accepted.client_hello();
            let link = hello.alpn().is_some_and(|mut names| names.any(|name| name == LINK));
            return Ok(Some(if link { For::Link } else { For::Http }));
        }
    }
    Ok(None)
}

fn names(certificate: &CertificateDer<'_>, node: SocketAddr) -> bool {
    ParsedCertificate::try_from(certificate).is_ok_and(|certificate| {
        verify_server_name(&certificate, &ServerName::IpAddress(node.ip().into())).is_ok()
    })
}

fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    TlsError::Unfit(Box::new(error))
}

/// Trusts who was signed by our authorities, under whatever name unless addresses are looked at:
/// nodes are known by address, and many certificates by name alone.
#[derive(Debug)]
struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    check_address: bool,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, algorithms)?;
        if self.check_address {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tls_is_seen_at_once() {
        assert_eq!(peek(b"GET / HTTP/1.1\r\n\r\n"), Err(()));
        assert_eq!(peek(&[0x16, 3, 1]), Ok(None));
        assert_eq!(peek(&[0x16, 3, 1, 0xff, 0xff, 1]), Err(()));
    }
}
