//! From one node to another over TLS, beside the same in plain text.

use libprocess::{Security, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::measure::{Figure, versus};
use crate::remote::{LARGE_TELLS, TELLS, tells};

pub(crate) fn figures() -> Vec<Figure> {
    let (plain, secure) = (Security::default(), secure());
    let small = versus(|| tells(TELLS, 32, &secure), || tells(TELLS, 32, &plain));
    let large = versus(|| tells(LARGE_TELLS, 1_000, &secure), || tells(LARGE_TELLS, 1_000, &plain));
    let row = |what, (ours, theirs), goal| Figure { what, unit: "ns", ours, peer: "plain", theirs, goal };
    vec![row("tell, 64 bytes", small, Some(1.82)), row("tell, 1 KiB", large, Some(2.5))]
}

/// A certificate of an authority of our own.
fn secure() -> Security {
    let key = || KeyPair::generate().expect("there is chance");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
    let (params, key) = (CertificateParams::new(vec!["node.bench".to_owned()]).expect("a name"), key());
    let certificate = params.signed_by(&key, &authority).expect("it signs").pem();
    let pem = [certificate, key.serialize_pem(), authority.pem()];
    let tls = Tls::from_pem(pem[0].as_bytes(), pem[1].as_bytes(), pem[2].as_bytes()).expect("they fit");
    Security { tls: Some(tls), ..Security::default() }
}
