//! Flags of images for containers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{FlagError, contents, invalid};
use crate::provisioner::{Backend, Config, Reference, Upkeep};

/// Where Mesos looks for images, which we do not yet.
const REMOTE: &str = "https://registry-1.docker.io";

/// The flags that decide where root file systems come from.
#[derive(Clone, Debug, clap::Args)]
pub struct ImageFlags {
    /// Which images containers may ask for: `docker`. Needs `--isolation=filesystem/linux,docker/runtime`. Unset: none.
    #[arg(long = "image_providers", env = "HECTARE_IMAGE_PROVIDERS")]
    pub image_providers: Option<String>,

    /// The directory in which images lie, as `docker save` writes them: `NAME.tar` or `NAME:TAG.tar`.
    #[arg(long = "docker_registry", env = "HECTARE_DOCKER_REGISTRY", default_value = REMOTE)]
    pub docker_registry: String,

    /// Where layers of images are kept; for one agent alone.
    #[arg(
        long = "docker_store_dir",
        env = "HECTARE_DOCKER_STORE_DIR",
        default_value = "/tmp/mesos/store/docker"
    )]
    pub docker_store_dir: PathBuf,

    /// Whether an image's own program, variables and directory do not count.
    #[arg(long = "docker_ignore_runtime", env = "HECTARE_DOCKER_IGNORE_RUNTIME", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub docker_ignore_runtime: bool,

    /// How layers become a root file system: overlay, bind (one layer, read-only) or copy. Unset: overlay where it can be.
    #[arg(long = "image_provisioner_backend", env = "HECTARE_IMAGE_PROVISIONER_BACKEND")]
    pub image_provisioner_backend: Option<Backend>,

    /// When images nobody uses are removed, as JSON: `{"image_disk_headroom": 0.1, "image_disk_watch_interval":
    /// {"nanoseconds": 3600000000000}, "excluded_images": []}`. Unset: only when PRUNE_IMAGES is called.
    #[arg(long = "image_gc_config", env = "HECTARE_IMAGE_GC_CONFIG", value_parser = contents)]
    pub image_gc_config: Option<String>,

    /// Where a container with a root file system of its own sees its sandbox.
    #[arg(
        long = "sandbox_directory",
        env = "HECTARE_SANDBOX_DIRECTORY",
        default_value = "/mnt/mesos/sandbox"
    )]
    pub sandbox_directory: String,
}

impl ImageFlags {
    /// What they come to for the agent with these directories; `None` without providers.
    ///
    /// Errors: a value is malformed, or asks for what is not there.
    pub(super) fn config(&self, work_dir: &Path, runtime_dir: &Path) -> Result<Option<Config>, FlagError> {
        let Some(providers) = &self.image_providers else { return Ok(None) };
        for provider in providers.split(',').map(str::trim) {
            match provider.to_ascii_lowercase().as_str() {
                "docker" => {}
                "appc" => {
                    return Err(invalid(
                        "image_providers",
                        "'appc' is not supported; save the image as one of Docker's",
                    ));
                }
                other => {
                    return Err(invalid(
                        "image_providers",
                        format!("there is no provider '{other}'; there is docker"),
                    ));
                }
            }
        }
        let registry = self.docker_registry.strip_prefix("file://").unwrap_or(&self.docker_registry);
        if !registry.starts_with('/') {
            let why = "registries over the network are not supported yet; name a directory in which images lie as \
                       `docker save` writes them";
            return Err(invalid("docker_registry", why));
        }
        let sandbox = self.sandbox_directory.trim_end_matches('/');
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !sandbox.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain)) {
            return Err(invalid(
                "sandbox_directory",
                "must be an absolute path without '.' and '..', and not '/'",
            ));
        }
        let within =
            |dir: &Path| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).join("provisioner");
        let upkeep = self.image_gc_config.as_deref().map(upkeep).transpose();
        Ok(Some(Config {
            registry: registry.into(),
            store_dir: self.docker_store_dir.clone(),
            dir: within(work_dir),
            run_dir: within(runtime_dir),
            backend: self.image_provisioner_backend,
            sandbox: sandbox.to_owned(),
            upkeep: upkeep.map_err(|why| invalid("image_gc_config", why))?,
        }))
    }

    /// What `/flags` shows.
    pub(super) fn listed(&self) -> Vec<(&'static str, String)> {
        let always = [
            ("docker_registry", self.docker_registry.clone()),
            ("docker_store_dir", self.docker_store_dir.display().to_string()),
            ("docker_ignore_runtime", self.docker_ignore_runtime.to_string()),
            ("sandbox_directory", self.sandbox_directory.clone()),
        ];
        let given = [
            ("image_providers", self.image_providers.clone()),
            (
                "image_provisioner_backend",
                self.image_provisioner_backend.map(|backend| backend.name().to_owned()),
            ),
            ("image_gc_config", self.image_gc_config.clone()),
        ];
        always.into_iter().chain(given.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect()
    }
}

/// Source: Mesos' `ImageGcConfig`.
fn upkeep(text: &str) -> Result<Upkeep, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let headroom = match value.get("image_disk_headroom") {
        None => 0.1,
        Some(number) => number
            .as_f64()
            .filter(|part| (0.0..=1.0).contains(part))
            .ok_or("image_disk_headroom is not between 0 and 1")?,
    };
    let interval = match value.get("image_disk_watch_interval").map(|interval| &interval["nanoseconds"]) {
        None => Duration::from_secs(3600),
        Some(number) => {
            let nanoseconds = number.as_u64().filter(|nanoseconds| *nanoseconds >= 1_000_000_000);
            Duration::from_nanos(
                nanoseconds.ok_or("image_disk_watch_interval.nanoseconds is below one second")?,
            )
        }
    };
    let images = value.get("excluded_images").and_then(|list| list.as_array()).cloned().unwrap_or_default();
    let name = |image: &serde_json::Value| {
        let name = image["docker"]["name"].as_str().ok_or("an excluded image has no docker.name")?;
        name.parse::<Reference>().map(|_| name.to_owned())
    };
    Ok(Upkeep { headroom, interval, excluded: images.iter().map(name).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(change: impl FnOnce(&mut ImageFlags)) -> Result<Option<Config>, String> {
        let mut flags = ImageFlags {
            image_providers: Some("docker".into()),
            docker_registry: "/images".into(),
            docker_store_dir: "/store".into(),
            docker_ignore_runtime: false,
            image_provisioner_backend: None,
            image_gc_config: None,
            sandbox_directory: "/mnt/mesos/sandbox/".into(),
        };
        change(&mut flags);
        flags.config(Path::new("/w"), Path::new("/run/w")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        assert_eq!(flags(|flags| flags.image_providers = None), Ok(None));
        let error = |change: fn(&mut ImageFlags)| flags(change).unwrap_err();
        assert!(
            error(|flags| flags.image_providers = Some("docker,appc".into()))
                .starts_with("--image_providers: 'appc'")
        );
        assert!(
            error(|flags| flags.docker_registry = REMOTE.into())
                .contains("--docker_registry: registries over the network")
        );
        assert!(
            error(|flags| flags.sandbox_directory = "/a/../b".into()).starts_with("--sandbox_directory: ")
        );
        assert!(
            error(|flags| flags.image_gc_config = Some(r#"{"image_disk_headroom": 2}"#.into()))
                .contains("between 0 and 1")
        );
    }

    #[test]
    fn a_directory_of_archives_is_a_registry() {
        let config = flags(|flags| {
            flags.docker_registry = "file:///images".into();
            flags.image_gc_config = Some(
                r#"{"image_disk_watch_interval": {"nanoseconds": 2000000000},
                    "excluded_images": [{"type": "DOCKER", "docker": {"name": "base:1"}}]}"#
                    .into(),
            );
        });
        let config = config.unwrap().unwrap();
        assert_eq!((config.registry, config.dir), ("/images".into(), "/w/provisioner".into()));
        assert_eq!(config.run_dir, Path::new("/run/w/provisioner"));
        assert_eq!(config.sandbox, "/mnt/mesos/sandbox");
        let upkeep = config.upkeep.unwrap();
        assert_eq!(
            (upkeep.headroom, upkeep.interval, upkeep.excluded),
            (0.1, Duration::from_secs(2), vec!["base:1".into()])
        );
    }
}
