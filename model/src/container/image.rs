//! Where a root file system comes from.

use libprocess_wire as wire;

use crate::{Labels, Secret};

/// An image to provision.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image {
    pub source: ImageSource,
    /// Whether layers fetched before may be used again.
    pub cached: bool,
}

/// The two kinds of image.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageSource {
    Appc { name: String, id: Option<String>, labels: Labels },
    Docker { name: String, credential: Option<Credential>, config: Option<Secret> },
}

/// Who one says to be, and the proof.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credential {
    pub principal: String,
    pub secret: Option<String>,
}
