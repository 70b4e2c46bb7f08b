//! What we answer otherwise than Mesos, on purpose. Every line must be met by the replay, else it has to go.

use api_conformance::Deviation;

/// Exchanges that are not replayed: what they ask is another crate's, and tested there.
pub(crate) const NOT_REPLAYED: &[(&str, &str)] = &[
    ("m_gzip", "compression is tested with libprocess"),
    ("m_http10", "captured without its answer; HTTP/1.0 is tested with libprocess"),
    ("m_malformed_http", "no HTTP; tested with libprocess"),
    ("m_profiler_start", "ours needs no library, only to be enabled; tested with libprocess"),
];

/// What differs on purpose.
pub(crate) const DEVIATIONS: &[Deviation] = &[
    // What runs here.
    ("*", "*/git_sha: missing", "a build does not know its commit"),
    ("*version*", "/hectare_version: added", "our own version stands beside that of the API"),
    ("errors/m_state_jsonp", "/hectare_version: added", "our own version stands beside that of the API"),
    (
        "errors/m_master_state_prefix",
        "status: 200*",
        "a HEAD is answered as its GET; and /version is the master's too",
    ),
    // How it was started.
    ("*", "*flags/work_dir: *", "the story has another directory"),
    ("*", "*flags/webui_dir: missing", "there is no web interface yet"),
    ("*", "*log_dir: missing", "the log goes to standard error"),
    ("*GET_state", "/leader: *", "the story listens on another port"),
    ("operator/state_GET_after_gone", "/leader: *", "the story listens on another port"),
    ("errors/m_post_state", "/leader: *", "the story listens on another port"),
    // What killed the original is refused.
    (
        "operator/master_v1_REMOVE_QUOTA_role_without_quota",
        "status: 400 (Failed to remove quota: Role 'q9' has no quota set)*",
        "the original ended here",
    ),
    // What no field holds is refused.
    (
        "errors/m_api_set_logging_level_negative",
        "*",
        "a number beyond its field is refused with its name; the original lets it wrap, here to four billion",
    ),
    // What is said of resources.
    (
        "operator/v1_RESERVE_RESOURCES_noreservation",
        "body: *at slave(1)@127.0.0.1:*is not dynamically reserved*",
        "the pretended agent listens on another port",
    ),
    (
        "scheduler/stream_1_full_session",
        "task t-toobig/0/update/status/message: *",
        "resources are named in the agent's order, not in that of a hash table",
    ),
    (
        "scheduler/stream_1_full_session",
        "task t-wrongrole/0/update/status/message: *",
        "resources are named in the agent's order, not in that of a hash table",
    ),
    // Agents.
    ("*", "*/agent_info/checkpoint: missing", "no field of the v1 API; agents always checkpoint"),
    (
        "operator/stream_SUBSCRIBE_events_drain_gone",
        "agent/0: added *AGENT_REMOVED*",
        "who keeps a list of agents from these events has to strike one that is gone; the original does not say so",
    ),
    // The stream of operators was captured in another run.
    (
        "operator/stream_SUBSCRIBE_events",
        "task g-2/1/task_updated/status/container_status/*: added",
        "the second task started before its container had an address",
    ),
    // Figures.
    ("*METRICS*", "*/libprocess/*: added", "the runtime counts too"),
    ("*metrics*", "/libprocess/*: added", "the runtime counts too"),
    ("*METRICS*", "*registrar/log/*: missing", "the registry is in memory until there is a replicated log"),
    ("*metrics*", "/registrar/log/*: missing", "the registry is in memory until there is a replicated log"),
    ("01-no-agent/*", "*_ms: missing", "what changes nothing is neither allocated nor stored"),
    (
        "*GET_metrics_snapshot",
        "/master/frameworks/golden-fw/*: missing",
        "a framework's figures bear its present name",
    ),
    (
        "*GET_metrics_snapshot",
        "/master/frameworks/golden-fw-renamed/*: added",
        "a framework's figures bear its present name",
    ),
];

/// Differences that come and go with the pace of the story.
pub(crate) const BY_CHANCE: &[Deviation] = &[
    (
        "*GET_metrics_snapshot",
        "/allocator/mesos/offer_filters/*",
        "the allocator shows its figures twice a second",
    ),
    ("*GET_metrics_snapshot", "/allocator/mesos/roles/*", "the allocator shows its figures twice a second"),
    ("*GET_metrics_snapshot", "*_ms/*: missing", "a timer shows statistics from its second sample"),
];
