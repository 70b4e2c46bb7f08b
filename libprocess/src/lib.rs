//! libprocess

pub mod http;
pub mod metrics;
