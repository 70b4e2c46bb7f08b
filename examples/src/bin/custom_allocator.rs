//! A policy of one's own: whoever came first is offered everything, and the next gets what that one declines.
//!
//! `cargo run -p examples --bin custom_allocator` starts a master that shares by it. Its agents and frameworks are any.

use examples::first_come::FirstCome;
use libprocess::{Config, Runtime};
use master::allocator::Policy;

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::start(Config::default())?;
    let policy = Policy::new("first_come", |_| Box::new(FirstCome::default()));
    master::spawn(&runtime, master::Config { policy, ..master::Config::default() })?;
    println!("a master that serves who came first, at {}", runtime.address());
    runtime.block_on(std::future::pending())
}
