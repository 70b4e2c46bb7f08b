//! What `libprocess` costs beside its peers: see `benches/figures`. A crate of its own, so that only
//! who measures builds them.
