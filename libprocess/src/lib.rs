//! libprocess
