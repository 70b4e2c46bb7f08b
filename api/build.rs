//! Turns the `.proto` files into Rust: the messages themselves by prost, their JSON spelling and their required
//! fields by generators of our own. No `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

const FILES: [&str; 9] = [
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
    prost_build::Config::new()
        .btree_map(["."])
        .extern_path(".google.protobuf.Duration", "crate::google::Duration")
        .out_dir(&out)
        .compile_fds(descriptors)?;
    Ok(())
}
