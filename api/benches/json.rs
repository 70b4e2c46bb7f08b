//! How fast the API is spelled. Unit: bytes of JSON per second and core; goals: writing 300 MB/s, reading 150 MB/s.

use api::content::{MediaType, decode_call, encode};
use api::json::{self, Message};
use api::v1::{agent, master, scheduler};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn measure<M: Message>(criterion: &mut Criterion, name: &str, samples: &str) {
    let texts: Vec<&[u8]> = samples.lines().map(str::as_bytes).collect();
    let messages: Vec<M> =
        texts.iter().map(|text| json::from_slice(text).expect("a sample is a message")).collect();
    let binaries: Vec<_> = messages.iter().map(|message| encode(message, MediaType::Protobuf)).collect();
    let bytes = texts.iter().map(|text| text.len() as u64).sum();

    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes)).sample_size(30);
    group.bench_function("write_json", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            for message in &messages {
                out.clear();
                json::write(message, &mut out);
                black_box(&out);
            }
        });
    });
    group.bench_function("read_json", |bencher| {
        bencher.iter(|| {
            for text in &texts {
                black_box(json::from_slice::<M>(text).expect("a sample is a message"));
            }
        });
    });
    group.bench_function("read_protobuf", |bencher| {
        bencher.iter(|| {
            for binary in &binaries {
                black_box(decode_call::<M>(binary, MediaType::Protobuf).expect("it was written by us"));
            }
        });
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    measure::<scheduler::Event>(
        criterion,
        "scheduler_events",
        include_str!("../tests/samples/scheduler.Event.jsonl"),
    );
    measure::<scheduler::Call>(
        criterion,
        "scheduler_calls",
        include_str!("../tests/samples/scheduler.Call.jsonl"),
    );
    measure::<master::Response>(
        criterion,
        "master_answers",
        include_str!("../tests/samples/master.Response.jsonl"),
    );
    measure::<agent::Response>(
        criterion,
        "agent_answers",
        include_str!("../tests/samples/agent.Response.jsonl"),
    );
}

criterion_group!(benches, all);
criterion_main!(benches);
