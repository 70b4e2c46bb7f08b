//! The delivery contract, [`libprocess::delivery`], over random histories: in a simulation, many and fast,
//! and over real sockets, fewer.

mod history;
mod judge;
mod member;

mod simulated;
mod sockets;
