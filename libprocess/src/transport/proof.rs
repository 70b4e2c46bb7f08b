//! How two ends of a plain link show each other that they share a secret, without saying it.
//!
//! ```text
//!  dials                             was dialled
//!    ├─ Hello   principal, nonce ───────►│
//!    │◄──────────── nonce, proof ─ Welcome
//!    ├─ Proof ──────────────────────────►│
//! ```
//!
//! A proof is an HMAC over both nonces, the principal and which end it is of: what one end says is
//! of no use to anybody on another link, or to the other end.

use ring::hmac;

use crate::identity::{Principal, Secret};

/// What each end draws anew for each link.
pub(super) type Nonce = [u8; 32];
/// HMAC-SHA256.
pub(super) type Proof = [u8; 32];

/// Which end of a link proves something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Dials,
    WasDialled,
}

/// What both ends have said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) dials: &'a Nonce,
    pub(super) was_dialled: &'a Nonce,
    pub(super) principal: &'a Principal,
}

impl Words<'_> {
    pub(super) fn prove(&self, secret: &Secret, side: Side) -> Proof {
        let tag = hmac::sign(&key(secret), &self.spelled(side));
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Whether a proof is one; takes as long for one that nearly is.
    pub(super) fn proves(&self, secret: &Secret, side: Side, proof: &Proof) -> bool {
        hmac::verify(&key(secret), &self.spelled(side), proof).is_ok()
    }

    fn spelled(&self, side: Side) -> Vec<u8> {
        let side: &[u8] = match side {
            Side::Dials => b"hectare/1 dials\0",
            Side::WasDialled => b"hectare/1 was dialled\0",
        };
        [side, self.dials, self.was_dialled, self.principal.as_str().as_bytes()].concat()
    }
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_one_end_of_one_link_and_one_secret() {
        let (secret, other) = (Secret::new(*b"seed"), Secret::new(*b"weed"));
        let (ours, theirs) = (Principal::new("agent"), Principal::new("master"));
        let words = Words { dials: &[1; 32], was_dialled: &[2; 32], principal: &ours };
        let proof = words.prove(&secret, Side::Dials);

        assert!(words.proves(&secret, Side::Dials, &proof));
        assert!(!words.proves(&secret, Side::WasDialled, &proof));
        assert!(!words.proves(&other, Side::Dials, &proof));
        assert!(!Words { was_dialled: &[3; 32], ..words }.proves(&secret, Side::Dials, &proof));
        assert!(!Words { principal: &theirs, ..words }.proves(&secret, Side::Dials, &proof));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
