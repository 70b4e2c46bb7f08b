//! Builds `hectare-launch` for the agent to carry.
//!
//! It is a program of its own (small, static, no tokio), so it is built by a cargo of its own: into a target directory
//! of this crate's, with the toolchain, lock file and offline settings of the build that runs this script. Static linking
//! is tried first; where the C library cannot be linked statically, an ordinary program will do, since it runs on the
//! machine's own files either way.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What the program is made of, seen from this folder.
const SOURCES: [&str; 8] = [
    "launch/src",
    "launch/Cargo.toml",
    "linux/src",
    "linux/Cargo.toml",
    "../libprocess/wire/src",
    "../libprocess/derive/src",
    "../Cargo.toml",
    "../Cargo.lock",
];

fn main() -> ExitCode {
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", folder.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let built = build(&folder, "-Ctarget-feature=+crt-static -Crelocation-model=static")
        .or_else(|| build(&folder, ""))
        .unwrap_or_else(|| {
            println!("cargo::error=hectare-launch could not be built; see the output above");
            PathBuf::new()
        });
    println!("cargo::rustc-env=HECTARE_LAUNCH={}", built.display());
    if built.as_os_str().is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The program, built with these compiler flags; `None` if that failed (its output went to ours).
fn build(folder: &Path, flags: &str) -> Option<PathBuf> {
    let target = variable("TARGET");
    let out = PathBuf::from(variable("OUT_DIR")).join("launch");
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .args([
            "build",
            "--package",
            "agent-launch",
            "--bin",
            "hectare-launch",
            "--profile",
            "launch",
            "--target",
        ])
        .arg(&target)
        .arg("--manifest-path")
        .arg(folder.join("../Cargo.toml"))
        .arg("--target-dir")
        .arg(&out);
    // The outer cargo tells build scripts much that would change the inner one: its compiler wrapper (clippy's), its
    // flags, its profile. Only what says where packages come from and how many jobs may run is handed on.
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let kept = ["CARGO_HOME", "CARGO_MAKEFLAGS"].contains(&name)
            || ["CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
        let ours = name.starts_with("CARGO") || name.starts_with("DEP_") || name.starts_with("CLIPPY_");
        let rust = ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_LINKER"];
        let script = ["OUT_DIR", "TARGET", "HOST", "PROFILE", "OPT_LEVEL", "DEBUG", "NUM_JOBS"];
        if !kept && (ours || rust.contains(&name) || script.contains(&name)) {
            cargo.env_remove(name);
        }
    }
    // Separated by the unit separator, so that a flag may hold a space.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.replace(' ', "\u{1f}"));
    let done = cargo.status().is_ok_and(|status| status.success());
    let program = out.join(target).join("launch").join("hectare-launch");
    (done && program.exists()).then_some(program)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
