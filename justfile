# `just check` reads, `just fix` writes.

# Everything a change must pass.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check bans licenses sources
    cargo test --workspace

# What a machine can put right by itself.
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

# The figures we promise, each as a ratio within one run.
bench:
    cargo bench -p libprocess
    cargo bench -p libprocess-peers
    cargo bench -p api
    cargo bench -p master
    cargo bench -p replicated-log
    cargo bench -p executor
    cargo bench -p cli

# libprocess beside its peers: ours, each peer, ratio; `just peers tell ring` for some.
peers *NAMES:
    cargo bench -p libprocess-peers -- {{NAMES}}

# A cluster in one process, until Ctrl-C.
local *ARGS:
    cargo run --release -- local {{ARGS}}

# What takes too long for every change: thousands of simulated clusters, each with other troubles.
night seeds="2000":
    HECTARE_SEEDS={{seeds}} cargo test --release -p replicated-log --test simulation
    HECTARE_SEEDS={{seeds}} cargo test --release -p simulation --test clusters whatever

# Whole clusters with trouble in them, seed after seed, until one fails or Ctrl-C; what it finds becomes a test.
soak first="1" last="1000000":
    cargo run --release -- simulate --seed={{first}}..={{last}} --agents=10 --tasks=100 --for=5mins --trouble=5secs --operators=20secs

# One seed in a debug and in a release build: every event must be the same, down to the bytes of each packet.
same-trace seed="7":
    #!/usr/bin/env bash
    set -euo pipefail
    hash() { cargo run --quiet "$@" -- simulate --seed={{seed}} --agents=10 --tasks=100 --for=1mins --trouble=5secs | grep 'trace hash'; }
    debug=$(hash); release=$(hash --release)
    echo "debug:   $debug"; echo "release: $release"
    [ "$debug" = "$release" ]
