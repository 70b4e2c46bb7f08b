//! libprocess/wire
