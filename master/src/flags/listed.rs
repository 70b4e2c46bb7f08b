//! What `/flags` shows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::format_duration;

use super::Flags;
use super::later::LATER;

impl Flags {
    /// What `/flags` shows: each flag that is set or has a default, by name.
    pub fn listed(&self) -> BTreeMap<String, String> {
        let mut listed: BTreeMap<String, String> = LATER
            .iter()
            .filter_map(|&(name, _, default, _)| Some((name.to_owned(), default?.to_owned())))
            .collect();
        let mut put = |name: &str, value: String| {
            listed.insert(name.to_owned(), value);
        };
        let path = |path: &PathBuf| path.display().to_string();
        for (name, value) in [
            ("hostname_lookup", self.hostname_lookup),
            ("root_submissions", self.root_submissions),
            ("filter_gpu_resources", self.filter_gpu_resources),
            ("require_agent_domain", self.require_agent_domain),
            ("publish_per_framework_metrics", self.publish_per_framework_metrics),
            // Flags every Mesos binary has; ours logs its own way.
            ("help", false),
            ("version", false),
            ("quiet", false),
        ] {
            put(name, value.to_string());
        }
        for (name, value) in [
            ("registry_gc_interval", self.registry_gc_interval),
            ("registry_max_agent_age", self.registry_max_agent_age),
            ("agent_reregister_timeout", self.agent_reregister_timeout),
            ("allocator_recovery_timeout", self.allocator_recovery_timeout),
            ("agent_ping_timeout", self.agent_ping_timeout),
            ("allocation_interval", self.allocation_interval),
            ("zk_session_timeout", self.zk_session_timeout),
        ] {
            put(name, format_duration(value));
        }
        for (name, value) in [
            ("port", usize::from(self.port)),
            ("registry_max_agent_count", self.registry_max_agent_count),
            ("max_agent_ping_timeouts", self.max_agent_ping_timeouts as usize),
            ("max_completed_frameworks", self.max_completed_frameworks),
            ("max_operator_event_stream_subscribers", self.max_operator_event_stream_subscribers),
            ("max_completed_tasks_per_framework", self.max_completed_tasks_per_framework),
            ("max_unreachable_tasks_per_framework", self.max_unreachable_tasks_per_framework),
            ("logbufsecs", 0),
        ] {
            put(name, value.to_string());
        }
        for (name, value) in [
            ("registry", Some(self.registry.clone())),
            ("masters", self.masters.clone()),
            ("allocator_agent_recovery_factor", Some(self.allocator_agent_recovery_factor.to_string())),
            ("max_executors_per_agent", self.max_executors_per_agent.map(|most| most.to_string())),
            ("quorum", Some(self.quorum.unwrap_or(1).to_string())),
            ("allocator", Some(self.allocator.clone())),
            ("role_sorter", Some(self.role_sorter.clone())),
            ("framework_sorter", Some(self.framework_sorter.clone())),
            ("min_allocatable_resources", Some(self.min_allocatable_resources.clone())),
            ("logging_level", Some("INFO".to_owned())),
            ("ip", self.ip.clone()),
            ("advertise_ip", self.advertise_ip.clone()),
            ("advertise_port", self.advertise_port.map(|port| port.to_string())),
            ("hostname", self.hostname.clone()),
            ("cluster", self.cluster.clone()),
            ("domain", self.domain.clone()),
            ("work_dir", self.work_dir.as_ref().map(path)),
            // Without the password: everybody may read this.
            ("zk", self.zookeeper().ok().flatten().map(|zookeeper| zookeeper.ensemble.to_string())),
            ("offer_timeout", self.offer_timeout.map(format_duration)),
            ("agent_removal_rate_limit", self.agent_removal_rate_limit.clone()),
            ("recovery_agent_removal_limit", Some(self.recovery_agent_removal_limit.clone())),
            ("roles", self.roles.clone()),
            ("weights", self.weights.clone()),
            ("fair_sharing_excluded_resource_names", self.fair_sharing_excluded_resource_names.clone()),
            ("external_log_file", self.external_log_file.as_ref().map(path)),
            ("whitelist", self.whitelist.as_ref().map(path)),
        ] {
            if let Some(value) = value {
                put(name, value);
            }
        }
        if self.preemption {
            put("preemption", true.to_string());
            put("preemption_wait", format_duration(self.preemption_wait));
            put("preemption_grace", format_duration(self.preemption_grace));
        }
        for (name, value) in self.access.listed() {
            put(name, value);
        }
        listed
    }
}
