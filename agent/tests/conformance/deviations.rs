//! What we answer otherwise than Mesos, on purpose. Every line must be met by the replay, else it has to go.

use api_conformance::Deviation;

/// What differs on purpose.
pub(crate) const DEVIATIONS: &[Deviation] = &[
    // What runs here.
    ("*", "*/git_sha: missing", "a build does not know its commit"),
    ("*GET_version", "/hectare_version: added", "our own version stands beside that of the API"),
    ("*", "*/executor_info/command/value: *", "the executor comes with the agent, in one program"),
    ("*", "*/executor_info/command/arguments*", "the executor comes with the agent, in one program"),
    // How it was started.
    ("*", "*log_dir: missing", "the log goes to standard error"),
    ("*_slave_log", "status: 404*", "the log goes to standard error"),
    ("*GET_files_debug", "//slave/log: missing", "the log goes to standard error"),
    ("*", "*flags/check_agent_port_range_only: added", "the captured build had no isolator of ports"),
    ("*", "*flags/container_ports_watch_interval: added", "the captured build had no isolator of ports"),
    ("*", "*flags/enforce_container_ports: added", "the captured build had no isolator of ports"),
    ("*", "*flags/xfs_*: added", "the captured build had no isolator of XFS quotas"),
    ("*", "/master_hostname: \"127.0.0.1\"*", "no name server is asked who an address is"),
    // Older tools.
    ("errors/a_monitor_old", "status: 200*", "names that end in .json are those without, as they once were"),
    ("errors/a_state_json", "status: 200*", "names that end in .json are those without, as they once were"),
    // Figures.
    ("*", "*/libprocess/*: added", "the runtime counts too"),
    ("*", "/containers/*: added", "what containers use is charted too"),
    ("*", "*tatistics/processes: added", "what is counted anyway is said"),
    ("*", "*tatistics/threads: added", "what is counted anyway is said"),
    (
        "*nested",
        "/get_containers/containers/*/resource_statistics/*: added",
        "what a container within another uses is counted here, without isolators that nest, too",
    ),
    (
        "standalone/v1_GET_CONTAINERS_standalone",
        "*/resource_statistics/*: added",
        "what a container uses is counted from its first moment",
    ),
    // What killed the original is answered.
    ("standalone/v1_REMOVE_CONTAINER", "status: 200 () instead of None", "the original ended here"),
    ("crashes/*", "status: 200 () instead of None", "the original ended here"),
    // What failed.
    (
        "*",
        "*/message: * failed to fetch 'file:///no/such/file': * instead of *",
        "why is said, and not how a helper ended",
    ),
    // What executors write into sandboxes.
    ("*files_browse", "/0/size: 4 instead of 534", "executors log nothing into the sandbox"),
    ("*sandbox_list", "*/0/size: 4 instead of 534", "executors log nothing into the sandbox"),
    ("*files_download", "body: \"err\\n\" instead of *", "executors log nothing into the sandbox"),
];

const A_NESTED_CONTAINER_STARTS: &str =
    "a container within another is there, or not yet, when its task is said to start";

/// Differences that come and go with the pace of the story.
pub(crate) const BY_CHANCE: &[Deviation] = &[
    ("executor/raw_executor_session/environment", "/PATH: *", "it is that of whoever started the agent"),
    ("0*", "*/statuses/0/container_status/network_infos: *", A_NESTED_CONTAINER_STARTS),
    ("0*", "*/statuses/0/container_status/executor_pid: *", A_NESTED_CONTAINER_STARTS),
    ("*/g-*/TASK_STARTING", "/container_status/network_infos: *", A_NESTED_CONTAINER_STARTS),
    ("*/g-*/TASK_STARTING", "/container_status/executor_pid: *", A_NESTED_CONTAINER_STARTS),
    (
        "cgroups/sched_stream_oom/cg-oom/TASK_FAILED",
        "/source: \"SOURCE_EXECUTOR\" instead of \"SOURCE_AGENT\"",
        "an executor may say that its task failed before its agent does, which adds why",
    ),
    (
        "cgroups/*",
        "*container_status: added",
        "an executor may say that its task failed before its agent does, which adds why",
    ),
];
