//! What `libprocess` costs beside its peers: see `benches/figures`. A crate of its own, so that only
//! who measures builds them.
//!
//! As last measured, without link-time optimization, on two cores at a load of ten to fourteen: ratios of CPU time
//! within one run, ours to the peer's; where two runs differ, both.
//!
//! | figure | goal | measured |
//! |---|---|---|
//! | tell on one shard beside actix, and what the watchdog adds | 1.3 · – | 0.43 (73 ns) · 3 % |
//! | eight tell one behind 32k messages, beside actix | – | 0.39 (59 ns) |
//! | hop in a ring beside actix | 0.8 | 0.54–0.56; 108–152 ns, so **60 ns missed** |
//! | tell from another thread beside actix | 200 ns | 0.43 (100 ns) |
//! | idle process beside actix | 0.5, 512 B | 0.48 (408 B) |
//! | spawn and first message beside actix | 1 µs | 0.98–1.4; **missed**: 1.6 µs at a load of five, 2.3–2.6 at that load |
//! | ask on one shard beside actix | 1.1 | 1.06–1.13 |
//! | ask across shards beside actix | 1.1 | 1.01–1.22 |
//! | tell another node, 64 bytes, beside hand-written frames | 1.25 | **missed**: 1.6–1.8 (2.0–2.8 before) |
//! | tell another node, 1 KiB | 1.67 | 1.0–1.2 |
//! | the same over TLS beside plain text, 64 bytes and 1 KiB | 1.82, 2.5 | 1.2, 1.9–2.2 |
//! | ask another node beside a bare echo | 1.3 | **missed**: 1.6–1.75 |
//! | a 1 ms timer beside a flood, at worst | 5 ms | 1.1 ms |
//! | 10,000 links break, all are told | 50 ms | 35–47 ms |
//! | small answers over HTTP beside actix-http, of 1 and of 16 connections | – | 0.94, 1.29 |
//! | 10,000 nodes simulated, 19 M events, one core | 60 s | 44 s, 1.7 GB, none of it grown in the second half |
//!
//! Why 64 bytes to another node cost more than their frames: a quarter of what is more is the lock of the
//! queue to that node, up to a fifth the count of who holds the sender's address, changed for each message and
//! again when it is dropped; both are atomic, and a loop by hand shares nothing. The rest is that up to 128
//! messages wait as values in a mailbox until their process has its turn. To encode into a buffer of the
//! process' own until its turn is over would spare the lock; it has to give way to whatever else goes to that
//! node meanwhile, answers included, and is not done.
//!
//! Why a question to another node costs more than an echo: the system calls are as many, but three tasks
//! (reader, shard, writer) have a turn at each end where the echo has one; each direction has a connection of
//! its own, so no answer carries an acknowledgement.
//!
//! Measured beside it once, by a program of its own and in turns with these: ractor_cluster 0.16.5, the same 64
//! bytes from one OS process to another, costs 7.1–8.4 µs, 27 to 28 times as much as ours (goal 25). It is not
//! in the table, since everybody who lints would then build a protobuf compiler and a second TLS.
