//! What `libprocess` costs beside its peers: see `benches/figures`. A crate of its own, so that only
//! who measures builds them.
//!
//! As last measured, on two cores that others used as well: ratios of CPU time within one run, ours to
//! the peer's.
//!
//! | figure | goal | measured |
//! |---|---|---|
//! | hop in a ring beside actix | 0.8 | 0.45–0.7 |
//! | tell from another thread beside actix | – | 0.6 (79 ns) |
//! | idle process beside actix | 0.5 | 0.48 (409 B) |
//! | spawn and first message beside actix, both from the shard | – | 0.84 |
//! | ask on one shard beside actix | 1.1 | 1.1–1.4; **missed** with bells: 1.4–1.9, see below |
//! | ask across shards beside actix | 1.1 | 1.0–1.2 |
//! | tell another node, 64 bytes, beside hand-written frames | 1.25 | **missed**: 2.0–2.4 (2.6–2.8 before runs) |
//! | tell another node, 1 KiB | 1.67 | 1.15 |
//! | ask another node beside a bare echo | 1.3 | **missed**: 1.3–1.6 |
//! | 10,000 links break, all are told | 50 ms | 38–49 ms |
//! | 10,000 nodes simulated, 19 M events, one core | 60 s | 44 s, 1.7 GB, none of it grown in the second half |
//!
//! Why 64 bytes to another node cost twice their frames: the loop by hand decodes a message and drops
//! it where it stands; here up to 128 wait as values in a mailbox until their process has its turn, so
//! that what was allocated is cold when it is freed. To handle them as they are decoded would give the
//! connection the turn of the process.
//!
//! Not measured since they were changed: the shard that reads no clock while its alarm has not rung
//! (why bells, timers of the shard that wake askers, gained nothing), the queue that is kept between two runs, the latest timer in
//! a flood by its thread's own time, and what the watchdog costs a tell (`tell`, row `unwatched`).
