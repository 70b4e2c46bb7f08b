//! agent/launch
