//! The `LIBPROCESS_*` environment variables, as a configuration.
//!
//! | variables | become |
//! |---|---|
//! | `IP`, `IP6`, `PORT` | [`Config::listen`] |
//! | `ADVERTISE_IP`, `ADVERTISE_PORT` | [`Config::advertise`] |
//! | `NUM_WORKER_THREADS` | [`Config::shards`] |
//! | `REQUIRE_PEER_ADDRESS_IP_MATCH` | `Config::security`, `require_peer_address` |
//! | `ENABLE_PROFILER` | [`Config::profiler`] |
//! | `SSL_ENABLED` and its family | `Config::security`, `tls`; of a node that only asks, [`Config::authorities`] |
//!
//! What has no meaning here is accepted and said so; what would weaken a link is refused with
//! advice. Source: the Mesos documentation on libprocess options and on SSL.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Authorities, Config, Tls, TlsError};

const PREFIX: &str = "LIBPROCESS_";

/// What the environment says.
#[derive(Clone, Debug)]
pub struct Variables {
    /// Without TLS, whose files have still to be read.
    config: Config,
    tls: Option<TlsFiles>,
    /// What was set and changes nothing.
    pub ignored: Vec<Variable>,
}

/// A variable, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub why: String,
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

/// A variable that says what cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VariableError(pub Variable);

#[derive(Clone, Debug, PartialEq, Eq)]
struct TlsFiles {
    /// Of a node that only asks there may be none.
    own: Option<Own>,
    /// Those of the machine alone, if none are named; only for a node that only asks.
    authorities: Option<Trusted>,
    require_client: bool,
    check_address: bool,
    plain_too: bool,
    http_tls12: bool,
}

/// By what a node proves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    key: PathBuf,
    certificate: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    File(PathBuf),
    /// Every file of a directory.
    Dir(PathBuf),
}

impl Config {
    /// What the `LIBPROCESS_*` variables among these say; others are none of its business.
    ///
    /// Errors: at the first variable whose value is none, or asks for what is not safe.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Variables, VariableError> {
        let ours = variables
            .into_iter()
            .filter_map(|(name, value)| name.strip_prefix(PREFIX).map(|name| (name.to_owned(), value)));
        let mut reader = Reader { set: ours.collect(), ignored: Vec::new() };
        let mut config = Config::default();
        listen(&mut reader, &mut config)?;
        if let Some(threads) = reader.number("NUM_WORKER_THREADS", 1, 1024)? {
            config.shards = threads.into();
        }
        config.security.require_peer_address = reader.flag("REQUIRE_PEER_ADDRESS_IP_MATCH")?.unwrap_or(false);
        config.profiler = reader.flag("ENABLE_PROFILER")?.unwrap_or(false);
        if let Some(rate) = reader.set.remove("METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT") {
            let wrong = |why| wrong("METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT", why);
            config.snapshot_rate = match rate.as_str() {
                "" => None,
                rate => Some(rate.parse().map_err(wrong)?),
            };
        }
        let tls = tls(&mut reader)?;
        if let Some(TlsFiles { own, authorities, .. }) = &tls {
            own.as_ref().ok_or_else(|| {
                needed("SSL_KEY_FILE", "the private key of this node, with its certificate")
            })?;
            let what = "whom to trust; LIBPROCESS_SSL_CA_DIR will do as well";
            authorities.as_ref().ok_or_else(|| needed("SSL_CA_FILE", what))?;
        }
        reader.leave();
        Ok(Variables { config, tls, ignored: reader.ignored })
    }

    /// A node that only asks others: it listens nowhere, and of these variables it heeds those about TLS. It needs no
    /// certificate, and shows the one it has where it is asked for one.
    ///
    /// Errors: as for [`Config::from_variables`].
    pub fn asking(variables: impl IntoIterator<Item = (String, String)>) -> Result<Variables, VariableError> {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(PREFIX).filter(|name| name.starts_with("SSL_"))?;
            Some((name.to_owned(), value))
        });
        let mut reader = Reader { set: ours.collect(), ignored: Vec::new() };
        let tls = tls(&mut reader)?;
        let config = Config { listen: None, http_workers: 0, ..Config::default() };
        Ok(Variables { config, tls, ignored: reader.ignored })
    }
}

/// What those that this node starts have to be told to ask it over TLS: that it does, and whom to believe. No key.
pub fn trust(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let told = |(name, value): (String, String)| match name.strip_prefix(PREFIX)? {
        "SSL_ENABLED" => Some((name, value)),
        // They run elsewhere.
        "SSL_CA_FILE" | "SSL_CA_DIR" if !value.is_empty() => {
            let path = std::path::absolute(&value).ok()?;
            Some((name, path.to_str()?.to_owned()))
        }
        _ => None,
    };
    variables.into_iter().filter_map(told).collect()
}

impl Variables {
    /// The configuration, with the certificates and keys that the variables name.
    ///
    /// Errors: when one of the files cannot be read, or does not fit the others.
    pub fn read(self) -> Result<Config, TlsError> {
        let mut config = self.config;
        match self.tls {
            Some(files) if files.own.is_some() => config.security.tls = Some(files.read()?),
            Some(files) => config.authorities = Some(Authorities::from_pem(&files.trusted()?)?),
            None => {}
        }
        Ok(config)
    }
}

fn listen(reader: &mut Reader, config: &mut Config) -> Result<(), VariableError> {
    let ip = reader.value::<Ipv4Addr>("IP", "an IPv4 address")?.map(IpAddr::V4);
    let ip6 = reader.value::<Ipv6Addr>("IP6", "an IPv6 address")?.map(IpAddr::V6);
    if ip.is_some() && ip6.is_some() {
        reader.ignore("IP6", "one address is listened on, and LIBPROCESS_IP names it");
    }
    let port = reader.number("PORT", 0, u16::MAX)?;
    let default = config.listen.expect("the default listens");
    config.listen = Some(SocketAddr::new(ip.or(ip6).unwrap_or(default.ip()), port.unwrap_or(default.port())));
    let ip = reader.value::<IpAddr>("ADVERTISE_IP", "an IP address")?;
    let port = reader.number("ADVERTISE_PORT", 1, u16::MAX)?;
    if ip.is_some() || port.is_some() {
        let listen = config.listen.expect("was set a few lines ago");
        // Port 0 becomes the one listened on.
        config.advertise = Some(SocketAddr::new(ip.unwrap_or(listen.ip()), port.unwrap_or(0)));
    }
    Ok(())
}

fn tls(reader: &mut Reader) -> Result<Option<TlsFiles>, VariableError> {
    if !reader.flag("SSL_ENABLED")?.unwrap_or(false) {
        let named: Vec<String> = reader.set.keys().filter(|name| name.starts_with("SSL_")).cloned().collect();
        for name in named {
            reader.ignore(&name, "LIBPROCESS_SSL_ENABLED is not true");
        }
        return Ok(None);
    }
    for old in ["SSL_ENABLE_SSL_V3", "SSL_ENABLE_TLS_V1_0", "SSL_ENABLE_TLS_V1_1"] {
        if reader.flag(old)? == Some(true) {
            let why = "too weak to be offered; unset it, TLS 1.3 and LIBPROCESS_SSL_ENABLE_TLS_V1_2 remain";
            return Err(wrong(old, why));
        }
    }
    if reader.flag("SSL_ENABLE_TLS_V1_3")? == Some(false) {
        reader.ignore("SSL_ENABLE_TLS_V1_3", "links speak nothing else");
    }
    let http_tls12 = reader.flag("SSL_ENABLE_TLS_V1_2")?.unwrap_or(true);
    for name in ["SSL_VERIFY_SERVER_CERT", "SSL_VERIFY_CERT"] {
        if reader.flag(name)? == Some(false) {
            reader.ignore(name, "certificates are always verified");
        }
    }
    let require = reader.flag("SSL_REQUIRE_CLIENT_CERT")?;
    let require_client = require.or(reader.flag("SSL_REQUIRE_CERT")?).unwrap_or(false);
    let check_address = reader.flag("SSL_VERIFY_IPADD")?.unwrap_or(false);
    let plain_too = reader.flag("SSL_SUPPORT_DOWNGRADE")?.unwrap_or(false);
    reader.number("SSL_VERIFICATION_DEPTH", 0, u16::MAX)?;
    for (name, why) in [
        ("SSL_VERIFICATION_DEPTH", "chains have a bound of their own"),
        ("SSL_CIPHERS", "the ciphers of TLS 1.3, and those of 1.2 with forward secrecy, are offered"),
        ("SSL_HOSTNAME_VALIDATION_SCHEME", "nodes are known by certificate and address"),
    ] {
        if reader.set.contains_key(name) {
            reader.ignore(name, why);
        }
    }
    match reader.set.remove("SSL_ECDH_CURVES").as_deref() {
        None | Some("auto") => {}
        Some(_) => reader.ignore("SSL_ECDH_CURVES", "X25519, P-256 and P-384 are offered"),
    }
    let mut file = |name: &str| reader.set.remove(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = match (file("SSL_KEY_FILE"), file("SSL_CERT_FILE")) {
        (Some(key), Some(certificate)) => Some(Own { key, certificate }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(needed("SSL_CERT_FILE", "the certificate of this node, with its private key"));
        }
        (None, Some(_)) => {
            return Err(needed("SSL_KEY_FILE", "the private key of this node, with its certificate"));
        }
    };
    let (ca_file, ca_dir) = (file("SSL_CA_FILE"), file("SSL_CA_DIR"));
    if ca_file.is_some() && ca_dir.is_some() {
        reader.ignore("SSL_CA_DIR", "LIBPROCESS_SSL_CA_FILE names whom to trust");
    }
    let authorities = ca_file.map(Trusted::File).or(ca_dir.map(Trusted::Dir));
    Ok(Some(TlsFiles { own, authorities, require_client, check_address, plain_too, http_tls12 }))
}

fn needed(name: &str, what: &str) -> VariableError {
    wrong(name, format!("needed with LIBPROCESS_SSL_ENABLED: {what}"))
}

fn contents(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
}

impl TlsFiles {
    fn read(self) -> Result<Tls, TlsError> {
        let tls = self.read_once()?;
        Ok(Tls { source: Some(Arc::new(move || self.read_once())), ..tls })
    }

    /// The texts of the authorities that are named.
    fn trusted(&self) -> Result<Vec<u8>, TlsError> {
        Ok(match &self.authorities {
            None => Vec::new(),
            Some(Trusted::File(path)) => contents(path)?,
            Some(Trusted::Dir(dir)) => {
                let entries = std::fs::read_dir(dir);
                let entries = entries.map_err(|source| TlsError::Read { path: dir.clone(), source })?;
                let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                files.retain(|path| path.is_file());
                files.sort();
                files.iter().map(contents).collect::<Result<Vec<_>, _>>()?.join(&b'\n')
            }
        })
    }

    fn read_once(&self) -> Result<Tls, TlsError> {
        let Own { key, certificate } = self.own.as_ref().expect("only a node with a certificate reads it");
        let authorities = self.trusted()?;
        let mut tls = Tls::from_pem(&contents(certificate)?, &contents(key)?, &authorities)?;
        tls.require_client = self.require_client;
        tls.check_address = self.check_address;
        tls.plain_too = self.plain_too;
        tls.http_tls12 = self.http_tls12;
        Ok(tls)
    }
}

/// Takes variables one by one; what nobody took is none of ours.
struct Reader {
    /// Names without their prefix.
    set: BTreeMap<String, String>,
    ignored: Vec<Variable>,
}

impl Reader {
    fn value<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>, VariableError> {
        let Some(value) = self.set.remove(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| wrong(name, format!("{value:?} is not {what}")))
    }

    fn number(&mut self, name: &str, min: u16, max: u16) -> Result<Option<u16>, VariableError> {
        let Some(value) = self.set.get(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|number| (min..=max).contains(number));
        let number =
            number.ok_or_else(|| wrong(name, format!("{value:?} is not a number from {min} to {max}")))?;
        if name != "SSL_VERIFICATION_DEPTH" {
            self.set.remove(name);
        }
        Ok(Some(number))
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, VariableError> {
        match self.set.remove(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(value) => Err(wrong(name, format!("{value:?} is neither true nor false"))),
        }
    }

    fn ignore(&mut self, name: &str, why: impl Into<String>) {
        self.set.remove(name);
        self.ignored.push(Variable { name: format!("{PREFIX}{name}"), why: why.into() });
    }

    fn leave(&mut self) {
        for name in std::mem::take(&mut self.set).into_keys() {
            let why = match &*name {
                "MEMORY_PROFILING" => "there is no such profiler",
                "LIBEV_NUM_IO_THREADS" => "every shard waits for its own sockets",
                _ => "no such variable",
            };
            self.ignore(&name, why);
        }
    }
}

fn wrong(name: &str, why: impl Into<String>) -> VariableError {
    VariableError(Variable { name: format!("{PREFIX}{name}"), why: why.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Variables, VariableError> {
        let named = |(name, value): &(&str, &str)| (format!("LIBPROCESS_{name}"), (*value).to_owned());
        Config::from_variables(variables.iter().map(named))
    }

    #[test]
    fn snapshots_have_a_rate_or_none() {
        let rate = |rate: &str| {
            let read = read(&[("METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT", rate)]);
            read.map(|read| read.config.snapshot_rate).map_err(|error| error.to_string())
        };
        let often = crate::Rate { permits: 10, within: std::time::Duration::from_secs(60) };
        assert_eq!((rate("10/1mins"), rate("")), (Ok(Some(often)), Ok(None)));
        assert!(rate("often").unwrap_err().contains("METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT"));
    }

    fn error(variables: &[(&str, &str)]) -> String {
        read(variables).unwrap_err().to_string()
    }

    #[test]
    fn addresses_and_threads_are_taken_from_the_environment() {
        let read = read(&[
            ("IP", "10.0.0.1"),
            ("PORT", "5050"),
            ("ADVERTISE_IP", "192.0.2.1"),
            ("NUM_WORKER_THREADS", "3"),
            ("REQUIRE_PEER_ADDRESS_IP_MATCH", "true"),
        ]);
        let config = read.unwrap().read().unwrap();
        assert_eq!(config.listen, Some("10.0.0.1:5050".parse().unwrap()));
        assert_eq!(config.advertise, Some("192.0.2.1:0".parse().unwrap()));
        assert_eq!((config.shards, config.security.require_peer_address), (3, true));
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let all = [("PATH".to_owned(), "/bin".to_owned()), ("LIBPROCESS_IP6".to_owned(), "::1".to_owned())];
        let read = Config::from_variables(all).unwrap();
        assert!(read.ignored.is_empty());
        assert_eq!(read.read().unwrap().listen, Some("[::1]:0".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_named_with_the_reason() {
        assert_eq!(error(&[("IP", "here")]), "LIBPROCESS_IP: \"here\" is not an IPv4 address");
        assert_eq!(error(&[("PORT", "70000")]), "LIBPROCESS_PORT: \"70000\" is not a number from 0 to 65535");
        assert_eq!(
            error(&[("ADVERTISE_PORT", "0")]),
            "LIBPROCESS_ADVERTISE_PORT: \"0\" is not a number from 1 to 65535"
        );
        assert_eq!(
            error(&[("SSL_ENABLED", "maybe")]),
            "LIBPROCESS_SSL_ENABLED: \"maybe\" is neither true nor false"
        );
        assert!(error(&[("SSL_ENABLED", "1")]).starts_with("LIBPROCESS_SSL_KEY_FILE: needed"));
        let keys = [("SSL_ENABLED", "1"), ("SSL_KEY_FILE", "k"), ("SSL_CERT_FILE", "c")];
        assert!(error(&keys).starts_with("LIBPROCESS_SSL_CA_FILE: needed"));
        assert!(error(&[("SSL_ENABLED", "1"), ("SSL_ENABLE_SSL_V3", "1")]).contains("too weak"));
    }

    #[test]
    fn who_only_asks_needs_no_certificate_and_its_children_get_no_key() {
        let asking = |variables: &[(&str, &str)]| {
            let named = |(name, value): &(&str, &str)| (format!("LIBPROCESS_{name}"), (*value).to_owned());
            Config::asking(variables.iter().map(named)).map_err(|error| error.to_string())
        };
        let plain = asking(&[("PORT", "nowhere")]).unwrap().read().unwrap();
        assert!(plain.authorities.is_none() && plain.listen.is_none());
        let trusting = asking(&[("SSL_ENABLED", "true")]).unwrap().read().unwrap();
        assert!(trusting.authorities.is_some() && trusting.security.tls.is_none());
        let half = asking(&[("SSL_ENABLED", "1"), ("SSL_KEY_FILE", "k")]).unwrap_err();
        assert!(half.starts_with("LIBPROCESS_SSL_CERT_FILE: needed"), "{half}");
        let absent = asking(&[("SSL_ENABLED", "1"), ("SSL_CA_FILE", "/no/such/file")]).unwrap().read();
        assert!(absent.unwrap_err().to_string().contains("/no/such/file"));

        let own = ["SSL_ENABLED", "SSL_KEY_FILE", "SSL_CERT_FILE", "SSL_CA_FILE"];
        let told = trust(own.map(|name| (format!("LIBPROCESS_{name}"), "/x".to_owned())));
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["LIBPROCESS_SSL_ENABLED", "LIBPROCESS_SSL_CA_FILE"]);
    }

    #[test]
    fn what_changes_nothing_is_said_to() {
        let ignored = |variables: &[(&str, &str)]| {
            read(variables)
                .unwrap()
                .ignored
                .iter()
                .map(|one| one.name[PREFIX.len()..].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ignored(&[("SSL_KEY_FILE", "k"), ("TYPO", "1")]), ["SSL_KEY_FILE", "TYPO"]);
        assert_eq!(ignored(&[("IP", "127.0.0.1"), ("IP6", "::1")]), ["IP6"]);
        let tls = [
            ("SSL_ENABLED", "true"),
            ("SSL_KEY_FILE", "k"),
            ("SSL_CERT_FILE", "c"),
            ("SSL_CA_DIR", "d"),
            ("SSL_CIPHERS", "RC4-SHA"),
            ("SSL_ECDH_CURVES", "auto"),
            ("SSL_VERIFY_CERT", "false"),
            ("SSL_VERIFICATION_DEPTH", "4"),
            ("SSL_VERIFY_IPADD", "true"),
            ("SSL_SUPPORT_DOWNGRADE", "false"),
        ];
        assert_eq!(ignored(&tls), ["SSL_VERIFY_CERT", "SSL_VERIFICATION_DEPTH", "SSL_CIPHERS"]);
        let missing = read(&tls).unwrap().read().unwrap_err().to_string();
        assert_eq!(missing, "failed to read d");
    }
}
