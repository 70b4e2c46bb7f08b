//! What the native containerizer cannot make. Whoever asks for that is told: what is left out silently would run unconfined.

use model::{ContainerInfo, ContainerKind};

/// Why there can be no such container.
///
/// Source: Mesos, texts included: containers of Docker are another containerizer's, and a network that has a name is one of CNI's.
pub(super) fn unable(container: &ContainerInfo) -> Option<String> {
    if container.kind != ContainerKind::Mesos {
        let text = "None of the enabled containerizers (mesos) could create a container for the provided \
                    TaskInfo/ExecutorInfo message";
        return Some(text.to_owned());
    }
    let named = container.networks.iter().find_map(|network| network.name.as_deref());
    named.map(|name| format!("Unknown CNI network '{name}'"))
}

#[cfg(test)]
mod tests {
    use model::container::NetworkInfo;

    use super::*;

    #[test]
    fn what_would_not_be_set_apart_as_asked_is_refused() {
        let plain = ContainerInfo::new(ContainerKind::Mesos);
        assert_eq!(unable(&plain), None);
        let docker = unable(&ContainerInfo::new(ContainerKind::Docker)).expect("it is refused");
        assert!(docker.starts_with("None of the enabled containerizers (mesos)"), "{docker}");
        let network = NetworkInfo { name: Some("blue".into()), ..NetworkInfo::default() };
        let network = ContainerInfo { networks: vec![network], ..plain.clone() };
        assert_eq!(unable(&network).as_deref(), Some("Unknown CNI network 'blue'"));
        let host = ContainerInfo { networks: vec![NetworkInfo::default()], ..plain };
        assert_eq!(unable(&host), None, "no name is the machine's own network");
    }
}
