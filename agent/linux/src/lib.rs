//! agent/linux
