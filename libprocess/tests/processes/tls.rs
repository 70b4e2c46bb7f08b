//! Links and HTTP over TLS: who is let in, as whom, and that those who are not disturb nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use libprocess::http::{Certificate, ClientError, READ_ONLY, Request};
use libprocess::{AskError, Config, Security, Tls, TlsError, Upid};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::hostile::greeting;
use crate::probe::{Event, Input, Node, next, until};

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What is on a certificate.
#[derive(Clone, Copy)]
pub(crate) struct Paper {
    uri: Option<&'static str>,
    address: &'static str,
    expired: bool,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, as PEM.
    pub(crate) fn sign(&self, paper: &Paper) -> (String, String) {
        let mut params = CertificateParams::new(vec!["node.test".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(paper.address.parse().unwrap()));
        if let Some(uri) = paper.uri {
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        }
        params.not_before = date_time_ymd(2000, 1, 1);
        if paper.expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    pub(crate) fn tls(&self, paper: &Paper) -> Tls {
        let (certificate, key) = self.sign(paper);
        Tls::from_pem(certificate.as_bytes(), key.as_bytes(), self.pem().as_bytes()).unwrap()
    }

    /// A node that speaks TLS, under a name.
    pub(crate) fn node(&self, uri: &'static str) -> Node {
        node(self.tls(&Paper { uri: Some(uri), ..PLAIN }), |_| {})
    }
}

pub(crate) const PLAIN: Paper = Paper { uri: None, address: "127.0.0.1", expired: false };

pub(crate) fn node(tls: Tls, change: impl FnOnce(&mut Config)) -> Node {
    let security = Security { tls: Some(tls), ..Security::default() };
    let mut config = Config { http_workers: 0, security, ..Config::default() };
    change(&mut config);
    Node::with(config)
}

fn asks(node: &Node, name: &str, to: &Upid) -> Result<u64, AskError> {
    let (a, events) = node.probe(name);
    a.tell(Input::AskDouble(to.clone(), 4)).unwrap();
    match next(&events) {
        Event::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_sends_over_tls_is_whom_its_certificate_names() {
    let authority = Authority::new();
    let (here, there) = (authority.node("hectare://here"), authority.node("hectare://there"));
    let (a, _) = here.probe("a");
    let (b, events) = there.probe("b");
    a.tell(Input::Send(b.upid().clone(), "who?".into())).unwrap();
    a.tell(Input::Send(b.upid().clone(), "principal".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("a".into(), "who?".into()));
    assert_eq!(next(&events), Event::Noted("hectare://here".into(), "principal".into()));
    assert_eq!(asks(&here, "asker", b.upid()), Ok(8));
    assert_eq!(asks(&there, "neighbour", b.upid()), Ok(8));
    assert_eq!(here.runtime.principal().unwrap().as_str(), "hectare://here");

    let named = node(authority.tls(&PLAIN), |_| {});
    let (c, _) = named.probe("c");
    c.tell(Input::Send(b.upid().clone(), "principal".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("node.test".into(), "principal".into()));
}

#[test]
fn certificates_that_are_expired_foreign_or_absent_let_nobody_in_and_disturb_nobody() {
    let authority = Authority::new();
    let (here, there) = (authority.node("hectare://here"), authority.node("hectare://there"));
    let (b, _) = there.probe("b");
    let to = b.upid();
    assert_eq!(asks(&here, "before", to), Ok(8));
    let refused = |why: &str| there.count(&format!("libprocess/links/refused/{why}"));

    let expired = node(authority.tls(&Paper { expired: true, ..PLAIN }), |_| {});
    assert_eq!(asks(&expired, "expired", to), Err(AskError::LinkBroken));
    until(|| refused("handshake") == 1.0);

    // It trusts the right authority, and was signed by another.
    let (certificate, key) = Authority::new().sign(&PLAIN);
    let tls = Tls::from_pem(certificate.as_bytes(), key.as_bytes(), authority.pem().as_bytes()).unwrap();
    let foreign = node(tls, |_| {});
    assert_eq!(asks(&foreign, "foreign", to), Err(AskError::LinkBroken));
    until(|| refused("handshake") == 2.0);

    // It trusts another authority than the one that signed `there`.
    let other = Authority::new().node("hectare://here");
    assert_eq!(asks(&other, "distrusts", to), Err(AskError::LinkBroken));
    until(|| refused("handshake") == 3.0);

    // No certificate, no TLS.
    let plain = Node::listening();
    assert_eq!(asks(&plain, "plain", to), Err(AskError::LinkBroken));
    until(|| refused("plain") == 1.0);

    // TLS where none is spoken.
    let (c, _) = plain.probe("c");
    assert_eq!(asks(&here, "tls to plain", c.upid()), Err(AskError::LinkBroken));
    until(|| plain.count("libprocess/links/refused/tls") == 1.0);

    assert_eq!(asks(&here, "after", to), Ok(8));
    assert_eq!(here.count("libprocess/links/broken"), 0.0);
    assert_eq!(here.count("libprocess/links/connected"), 1.0);
}

#[test]
fn a_handshake_that_says_nothing_more_holds_up_nobody() {
    let authority = Authority::new();
    let (here, there) = (authority.node("hectare://here"), authority.node("hectare://there"));
    let mut stuck = Vec::new();
    for bytes in [&[0x16][..], &[0x16, 3, 1, 2, 0, 1], b"\xECHECTARE"] {
        let mut stream = TcpStream::connect(there.runtime.address()).unwrap();
        stream.write_all(bytes).unwrap();
        stuck.push(stream);
    }
    let (b, _) = there.probe("b");
    assert_eq!(asks(&here, "a", b.upid()), Ok(8));
}

#[test]
fn a_certificate_must_name_its_nodes_address_where_that_is_asked_for() {
    let authority = Authority::new();
    let strict = |paper: &Paper| {
        let mut tls = authority.tls(paper);
        tls.check_address = true;
        node(tls, |_| {})
    };
    let (here, there) = (strict(&PLAIN), strict(&PLAIN));
    let (b, _) = there.probe("b");
    assert_eq!(asks(&here, "a", b.upid()), Ok(8));

    let elsewhere = node(authority.tls(&Paper { address: "192.0.2.1", ..PLAIN }), |_| {});
    assert_eq!(asks(&elsewhere, "a", b.upid()), Err(AskError::LinkBroken), "it is refused");
    until(|| there.count("libprocess/links/refused/peer_address") == 1.0);
    let (c, _) = elsewhere.probe("c");
    assert_eq!(asks(&here, "b", c.upid()), Err(AskError::LinkBroken), "it is not believed");
}

#[test]
fn plain_links_are_let_in_beside_tls_where_that_is_asked_for() {
    let authority = Authority::new();
    let mut tls = authority.tls(&PLAIN);
    tls.plain_too = true;
    let both = node(tls, |_| {});
    let plain = Node::listening();
    let alone = |node: &Node| node.runtime.speaks_tls_alone();
    assert!(!alone(&both) && !alone(&plain) && alone(&node(authority.tls(&PLAIN), |_| {})));
    let (a, _) = plain.probe("a");
    let (b, events) = both.probe("b");
    a.tell(Input::Send(b.upid().clone(), "principal".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("nobody".into(), "principal".into()));
}

/// Speaks TLS to a node, without a certificate of one's own; says what it answers to `bytes`.
fn without_certificate(
    node: &Node,
    authority: &Authority,
    alpn: &[u8],
    bytes: &[u8],
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(PemObject::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let connection = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(node.runtime.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(bytes)?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

#[test]
fn a_link_without_a_certificate_is_refused_whatever_else_it_shows() {
    let authority = Authority::new();
    let there = authority.node("hectare://there");
    let stranger = greeting("127.0.0.1:1".parse().unwrap());
    assert!(without_certificate(&there, &authority, b"hectare/1", &stranger).is_err());
    until(|| there.count("libprocess/links/refused/handshake") == 1.0);
    // As HTTP it may speak, but a greeting is none.
    let answer = without_certificate(&there, &authority, b"http/1.1", &stranger);
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.is_empty()));
    assert_eq!(there.count("libprocess/links/accepted"), 0.0);
}

fn https(node: &Node, authority: &Authority, request: &str) -> std::io::Result<String> {
    without_certificate(node, authority, b"http/1.1", request.as_bytes())
}

#[test]
fn https_is_spoken_on_the_same_port_with_or_without_a_certificate_of_the_clients() {
    let authority = Authority::new();
    for workers in [1, 2] {
        let open = node(authority.tls(&PLAIN), |config| config.http_workers = workers);
        let (_probe, _) = open.probe("a");
        for _ in 0..workers {
            let answer =
                https(&open, &authority, "GET /a/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            assert!(answer.unwrap().starts_with("HTTP/1.1 404"));
        }
        open.runtime.router().authenticate(READ_ONLY, Arc::new(Certificate));
        let answer =
            https(&open, &authority, "GET /__links__ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(answer.unwrap().starts_with("HTTP/1.1 403"), "only a certificate proves anything");
    }
    let client = authority.node("hectare://client");
    let mut tls = authority.tls(&PLAIN);
    tls.require_client = true;
    let closed = node(tls, |config| config.http_workers = 1);
    assert!(https(&closed, &authority, "GET / HTTP/1.1\r\n\r\n").is_err());
    until(|| closed.count("libprocess/links/refused/handshake") == 1.0);

    // The client of a node shows the node's certificate, and trusts its authorities.
    let url = format!("https://{}/nothing", closed.runtime.address());
    for _ in 0..2 {
        let answered = client.runtime.block_on(client.runtime.client().send(Request::get(&url))).unwrap();
        assert_eq!(answered.status, 404);
    }
    closed.runtime.router().authenticate(READ_ONLY, Arc::new(Certificate));
    let url = format!("https://{}/__links__", closed.runtime.address());
    let answered = client.runtime.block_on(client.runtime.client().send(Request::get(&url))).unwrap();
    assert_eq!(answered.status, 200, "its certificate says who it is");
    let stranger = Node::listening();
    let refused = stranger.runtime.block_on(stranger.runtime.client().send(Request::get(&url)));
    assert!(matches!(refused, Err(ClientError::Connect { .. })), "{refused:?}");
}

/// A folder with the papers of a node, which are written anew.
struct Papers(std::path::PathBuf);

impl Papers {
    fn new() -> Papers {
        let papers = std::env::temp_dir().join(format!("libprocess-papers-{}", std::process::id()));
        std::fs::create_dir_all(&papers).unwrap();
        Papers(papers)
    }

    fn write(&self, authority: &Authority, paper: &Paper) {
        let (certificate, key) = authority.sign(paper);
        for (name, text) in [("chain", certificate), ("key", key), ("authorities", authority.pem())] {
            std::fs::write(self.0.join(name), text).unwrap();
        }
    }

    fn tls(&self) -> Tls {
        let [chain, key, authorities] = ["chain", "key", "authorities"].map(|name| self.0.join(name));
        Tls::from_files(&chain, &key, &authorities).unwrap()
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_certificate_that_was_renewed_is_used_without_a_restart() {
    let (authority, papers) = (Authority::new(), Papers::new());
    let paper = Paper { uri: Some("hectare://there"), ..PLAIN };
    papers.write(&authority, &Paper { expired: true, ..paper });
    let mut tls = papers.tls();
    tls.reread = Duration::from_millis(10);
    let there = node(tls, |_| {});
    let (b, _) = there.probe("b");
    let here = authority.node("hectare://here");
    assert_eq!(asks(&here, "before", b.upid()), Err(AskError::LinkBroken));

    // What is half written, or names somebody else, is not used.
    std::fs::write(papers.0.join("key"), "half a k").unwrap();
    papers.write(&authority, &PLAIN);
    let other = there.runtime.renew(&papers.tls());
    assert!(matches!(other, Err(TlsError::OtherPrincipal(who)) if who.as_str() == "node.test"));
    assert_eq!(there.count("libprocess/certificates_renewed"), 0.0);

    papers.write(&authority, &paper);
    until(|| there.count("libprocess/certificates_renewed") == 1.0);
    let tries = std::cell::Cell::new(0);
    until(|| {
        tries.set(tries.get() + 1);
        asks(&here, &format!("after {}", tries.get()), b.upid()) == Ok(8)
    });

    let plain = Node::listening();
    assert!(matches!(plain.runtime.renew(&papers.tls()), Err(TlsError::Plain)));
}
