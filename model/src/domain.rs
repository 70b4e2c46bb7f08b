//! Where a machine stands, as far as failing together goes.

use libprocess_wire as wire;

/// A region and a zone in it: machines of one zone may fail together.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultDomain {
    pub region: String,
    pub zone: String,
}
