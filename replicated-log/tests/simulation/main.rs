//! Replicas in a simulated cluster: by seed, with everything going wrong that can.

mod faults;
mod history;
mod registers;
mod wgl;
mod world;
