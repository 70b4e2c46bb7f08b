//! frameworks/driver
