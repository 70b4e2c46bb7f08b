//! One process tells another on the same shard, 8 bytes at a time.

use crate::fan_in::{Load, ours, ours_on, stock};
use crate::measure::{Figure, among, config};
use crate::peers::{channel, kameo, ractor};

const MESSAGES: u64 = 1_000_000;
const BATCH: u64 = 1_000;

pub(crate) fn figures() -> Vec<Figure> {
    let load = Load { sources: 1, batch: BATCH, batches: MESSAGES / BATCH };
    among(
        "same shard, 8 bytes",
        "ns",
        Some(1.3),
        || ours(load),
        vec![
            ("actix", Box::new(|| stock(load))),
            ("ractor", Box::new(|| ractor::tell(MESSAGES, BATCH))),
            ("kameo", Box::new(|| kameo::tell(MESSAGES, BATCH))),
            ("channel", Box::new(|| channel::tell(MESSAGES, BATCH))),
            // What it costs that somebody looks whether a handler is stuck.
            ("unwatched", Box::new(|| ours_on(load, &unwatched()))),
        ],
    )
}

fn unwatched() -> libprocess::Config {
    libprocess::Config { stuck_after: None, ..config(1) }
}
