//! A scheduler's calls, inwards for the master and outwards for the driver.

mod read;
mod write;
