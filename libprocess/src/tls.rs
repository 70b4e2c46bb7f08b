//! What a node needs to speak TLS: its certificate, its key, and whom it trusts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Principal;

/// Certificates and key of a node, and how strictly others are looked at.
///
/// Links are mutual, always: both ends show a certificate that one of the authorities signed.
#[derive(Clone)]
pub struct Tls {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// Whether HTTP clients must show a certificate too.
    pub require_client: bool,
    /// Whether a certificate must name the address of its node.
    pub check_address: bool,
    /// Whether plain text is understood beside TLS.
    pub plain_too: bool,
    /// Whether HTTP may come over TLS 1.2; links are TLS 1.3.
    pub http_tls12: bool,
    /// How often the files it was read from are read again: what has changed is taken into use without
    /// a restart, as by [`Runtime::renew`](crate::Runtime::renew). Never, if it was not read from files.
    pub reread: Duration,
    pub(crate) source: Option<Source>,
}

/// Whom a node believes that only asks others, besides the authorities its machine trusts: it has no certificate of its own.
#[derive(Clone, Default)]
pub struct Authorities(pub(crate) Vec<CertificateDer<'static>>);

/// Reads the same files once more.
pub(crate) type Source = Arc<dyn Fn() -> Result<Tls, TlsError> + Send + Sync>;

/// How often files are read again if nothing is said.
const REREAD: Duration = Duration::from_secs(60);

/// What is wrong with certificates or keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("no {what} in {place}")]
    Missing { what: &'static str, place: String },
    #[error("{place} is no PEM: {why}")]
    Pem { place: String, why: String },
    #[error("the certificate bears no name, neither a URI nor a DNS name")]
    Nameless,
    #[error("the certificate names {0}, and the node is known as somebody else until it ends")]
    OtherPrincipal(Principal),
    #[error("the node speaks plain text, and does until it ends")]
    Plain,
    #[error("the certificate, its key or the authorities do not fit")]
    Unfit(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Tls {
    /// From PEM texts: a certificate with those between it and its authority, its key, and the
    /// authorities that are trusted.
    ///
    /// Errors: when one of them is not there or does not fit the others.
    pub fn from_pem(chain: &[u8], key: &[u8], authorities: &[u8]) -> Result<Tls, TlsError> {
        let texts = [
            ("the certificate's text", chain),
            ("the key's text", key),
            ("the authorities' text", authorities),
        ];
        Tls::from_texts(texts)
    }

    /// From PEM files.
    ///
    /// Errors: when one cannot be read, or what is in them does not fit.
    pub fn from_files(chain: &Path, key: &Path, authorities: &Path) -> Result<Tls, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
        };
        let bytes = [read(chain)?, read(key)?, read(authorities)?];
        let names = [chain, key, authorities].map(|path| path.display().to_string());
        let tls =
            Tls::from_texts([(&*names[0], &bytes[0]), (&*names[1], &bytes[1]), (&*names[2], &bytes[2])])?;
        let [chain, key, authorities] = [chain, key, authorities].map(Path::to_owned);
        Ok(Tls { source: Some(Arc::new(move || Tls::from_files(&chain, &key, &authorities))), ..tls })
    }

    /// The files it came from, read once more; everything else as it is set here. `None` if they hold
    /// the same still, or it came from none.
    ///
    /// Errors: when one cannot be read, or what is in them does not fit.
    pub(crate) fn read_again(&self) -> Result<Option<Tls>, TlsError> {
        let Some(source) = &self.source else { return Ok(None) };
        let Tls { chain, key, authorities, .. } = source()?;
        let same = (&chain, &*key, &authorities) == (&self.chain, &*self.key, &self.authorities);
        Ok((!same).then(|| Tls { chain, key, authorities, ..self.clone() }))
    }

    fn from_texts([chain, key, authorities]: [(&str, &[u8]); 3]) -> Result<Tls, TlsError> {
        let (place, text) = key;
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                TlsError::Missing { what: "private key", place: place.to_owned() }
            }
            error => TlsError::Pem { place: place.to_owned(), why: error.to_string() },
        })?;
        let tls = Tls {
            chain: certificates(chain)?,
            key: Arc::new(key),
            authorities: certificates(authorities)?,
            require_client: false,
            check_address: false,
            plain_too: false,
            http_tls12: true,
            reread: REREAD,
            source: None,
        };
        tls.principal()?;
        Ok(tls)
    }

    /// As whom this node is known to others.
    ///
    /// Errors: when its certificate bears no name.
    pub fn principal(&self) -> Result<Principal, TlsError> {
        principal(&self.chain[0]).ok_or(TlsError::Nameless)
    }
}

impl Authorities {
    /// Those of a PEM text; none if it is empty.
    ///
    /// Errors: when there is something in it, and no certificate.
    pub fn from_pem(text: &[u8]) -> Result<Authorities, TlsError> {
        match text.trim_ascii().is_empty() {
            true => Ok(Authorities::default()),
            false => certificates(("the authorities' text", text)).map(Authorities),
        }
    }

    /// Those of a PEM file.
    ///
    /// Errors: when it cannot be read, or holds no certificate.
    pub fn from_file(path: &Path) -> Result<Authorities, TlsError> {
        let text = std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
        certificates((&path.display().to_string(), &text)).map(Authorities)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

fn certificates((place, text): (&str, &[u8])) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let read = read.map_err(|error| TlsError::Pem { place: place.to_owned(), why: error.to_string() })?;
    if read.is_empty() {
        return Err(TlsError::Missing { what: "certificate", place: place.to_owned() });
    }
    Ok(read)
}

/// Who bears a certificate: the first URI among its alternative names, else the first DNS name.
pub(crate) fn principal(certificate: &CertificateDer<'_>) -> Option<Principal> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let uri = certificate.valid_uri_names().next().map(str::to_owned);
    uri.or_else(|| certificate.valid_dns_names().next().map(str::to_owned)).map(Principal::new)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tls { chain, authorities, require_client, check_address, plain_too, http_tls12, reread, .. } =
            self;
        f.debug_struct("Tls")
            .field("chain", &chain.len())
            .field("authorities", &authorities.len())
            .field("require_client", require_client)
            .field("check_address", check_address)
            .field("plain_too", plain_too)
            .field("http_tls12", http_tls12)
            .field("reread", reread)
            .finish_non_exhaustive()
    }
}
