//! Turns the `.proto` files into Rust: the messages themselves by prost, their JSON spelling and the table of fields
//! they cannot lack by generators of our own. No `protoc` is needed.

#[path = "build/json.rs"]
mod json;
#[path = "build/names.rs"]
mod names;
#[path = "build/schema.rs"]
mod schema;
#[path = "build/shape.rs"]
mod shape;

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 10] = [
    "mesos/v0/messages.proto",
    "mesos/v1/mesos.proto",
    "mesos/v1/agent/agent.proto",
    "mesos/v1/allocator/allocator.proto",
    "mesos/v1/executor/executor.proto",
    "mesos/v1/maintenance/maintenance.proto",
    "mesos/v1/master/master.proto",
    "mesos/v1/quota/quota.proto",
    "mesos/v1/resource_provider/resource_provider.proto",
    "mesos/v1/scheduler/scheduler.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["proto"])?;
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    let schema = schema::Schema::read(&descriptors);
    std::fs::write(out.join("json.rs"), json::generate(&schema))?;
    std::fs::write(out.join("shape.rs"), shape::generate(&schema))?;

    // "Deprecated" is advice to those who write clients; we have to read and write every field all the same.
    let mut descriptors = descriptors;
    for message in descriptors.file.iter_mut().flat_map(|file| &mut file.message_type) {
        schema::forget_deprecation(message);
    }
    prost_build::Config::new()
        .btree_map(["."])
        .extern_path(".google.protobuf.Duration", "crate::google::Duration")
        .out_dir(&out)
        .compile_fds(descriptors)?;
    Ok(())
}
