//! All of it for one agent: images for its containers, and no more than they need.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, PipeReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_launch::isolation::Root;
use agent_linux::tree;
use model::ContainerId;
use model::container::{Image, ImageSource};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::backend::{Backend, Places, make};
use super::image::Runtime;
use super::reference::Reference;
use super::store::{Pulled, Store};
use crate::containerizer::launcher::Launcher;
use crate::containerizer::{ContainerConfig, in_sandbox, present, runtime_dir as nested_dir};

/// What becomes of images nobody uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Upkeep {
    /// The part of the disk that is to stay free.
    pub headroom: f64,
    pub interval: Duration,
    /// Names of images that stay.
    pub excluded: Vec<String>,
}

/// How an agent has images.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The directory in which images lie as archives.
    pub registry: PathBuf,
    pub store_dir: PathBuf,
    /// Where what containers write over their images is, and images that are copied: survives the agent, and is on a disk.
    pub dir: PathBuf,
    /// Where their roots are put together: survives the agent, not a reboot. Best in memory.
    pub run_dir: PathBuf,
    /// The best there is if `None`.
    pub backend: Option<Backend>,
    /// Where a container with a root of its own sees its sandbox.
    pub sandbox: String,
    /// Images are removed by request alone if `None`.
    pub upkeep: Option<Upkeep>,
}

/// A container's own root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provisioned {
    pub root: Root,
    pub runtime: Runtime,
    /// It is that of a container around this one.
    pub shared: bool,
}

/// What is remembered of one, beside its root.
#[derive(Serialize, Deserialize)]
struct Kept {
    layers: Vec<String>,
    runtime: Runtime,
}

/// The file that says so.
const KEPT: &str = "image.json";

/// Has images for containers. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Provisioner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    backend: Backend,
    store: Store,
    /// Those that have one.
    roots: Mutex<BTreeSet<ContainerId>>,
    /// How many could not be removed.
    errors: AtomicU64,
}

impl Provisioner {
    /// Errors: the machine lacks what the backend needs; the store is not ours.
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let named = |flag: &str, error: String| io::Error::other(format!("--{flag}: {error}"));
        for dir in [&config.dir, &config.run_dir] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.join("containers"))?;
        }
        let store = Store::open(&config.store_dir)
            .map_err(|error| named("docker_store_dir", format!("{}: {error}", config.store_dir.display())))?;
        let backend = config.backend.unwrap_or_else(|| Backend::best(&config.dir));
        backend.check(&config.dir).map_err(|why| named("image_provisioner_backend", why))?;
        if !config.registry.is_dir() {
            let why = format!("{} is no directory", config.registry.display());
            return Err(named("docker_registry", why));
        }
        let (roots, errors) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { config, backend, store, roots, errors })))
    }

    /// Has an image in the store. Blocks.
    ///
    /// Errors: in words, with the image's name; `stopped` became readable.
    pub(crate) fn pull(
        &self,
        image: &Image,
        launcher: &Launcher,
        stopped: &PipeReader,
    ) -> Result<Pulled, String> {
        let Inner { config, store, .. } = &*self.0;
        let ImageSource::Docker { name, .. } = &image.source else {
            return Err("images of AppC are not supported: use one of Docker's".to_owned());
        };
        let reference: Reference = name.parse()?;
        let find = || {
            let paths = reference.file_names().into_iter().map(|name| config.registry.join(name));
            let found = paths.clone().find(|path| path.is_file());
            found.ok_or_else(|| {
                let names: Vec<String> = paths.map(|path| path.display().to_string()).collect();
                format!("there is no {}", names.join(", and no "))
            })
        };
        let pulled = store.pull(&reference, image.cached, launcher, stopped, find);
        pulled.map_err(|why| format!("failed to pull the image '{name}': {why}"))
    }

    /// Makes the root of a container.
    pub(crate) fn provision(
        &self,
        id: &ContainerId,
        sandbox: &Path,
        pulled: &Pulled,
    ) -> io::Result<Provisioned> {
        self.0.roots.lock().insert(id.clone());
        let places = Places { disk: nested_dir(&self.0.config.dir, id), memory: self.run_dir(id) };
        make(&places.memory)?;
        let kept = Kept { layers: pulled.image.layers.clone(), runtime: pulled.image.runtime.clone() };
        fs::write(places.memory.join(KEPT), serde_json::to_vec(&kept).map_err(io::Error::other)?)?;
        let layers: Vec<PathBuf> = kept.layers.iter().map(|layer| self.0.store.layer(layer)).collect();
        let (dir, content) = self.0.backend.provision(&places, &layers)?;
        let seen = self.0.config.sandbox.clone();
        let sandbox = in_sandbox(id, sandbox, sandbox)?;
        let root = Root { dir: text(&dir)?, content, sandbox, seen };
        Ok(Provisioned { root, runtime: kept.runtime, shared: false })
    }

    /// What a container without an image of its own sees: the root of the nearest one around it that has one. `None`: the
    /// host's.
    pub(crate) fn around(&self, id: &ContainerId, config: &ContainerConfig) -> Option<Provisioned> {
        let sandbox = &config.sandbox;
        // A session has no sandbox of its own.
        let mut depth = usize::from(!config.session);
        let mut here = config.inside.clone().or_else(|| id.parent());
        while let Some(around) = here {
            if let Some((dir, kept)) = self.kept(&around) {
                // Each level within is `containers/<id>` further down.
                let parts: Vec<_> = sandbox.iter().collect();
                let inside: PathBuf = parts[parts.len().saturating_sub(2 * depth)..].iter().collect();
                let seen = Path::new(&self.0.config.sandbox).join(inside);
                let root = Root {
                    dir: text(&dir.join("root")).ok()?,
                    content: agent_launch::isolation::Content::Whole,
                    sandbox: in_sandbox(id, sandbox, sandbox).ok()?,
                    seen: text(&seen).ok()?,
                };
                return Some(Provisioned { root, runtime: kept.runtime, shared: true });
            }
            here = around.parent();
            depth += 1;
        }
        None
    }

    /// Takes a container's root away. It may have none.
    pub(crate) fn destroy(&self, id: &ContainerId) {
        self.0.roots.lock().remove(id);
        for dir in self.dirs(id) {
            if let Err(error) = tree::remove(&dir) {
                // It is found again when the agent begins anew.
                tracing::warn!(container = %id, %error, "the root of a container cannot be removed");
                self.0.errors.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many roots there are, and how many could not be removed.
    pub(crate) fn figures(&self) -> (usize, u64) {
        (self.0.roots.lock().len(), self.0.errors.load(Ordering::Relaxed))
    }

    /// Takes away the roots of all but `known`.
    pub(crate) fn recover(&self, known: &BTreeSet<ContainerId>) {
        for id in self.present() {
            if self.kept(&id).is_some() {
                self.0.roots.lock().insert(id.clone());
            }
            // What is around one that lives stays as well.
            if !known.iter().any(|known| known.path().starts_with(id.path())) {
                tracing::info!(container = %id, "the root of a container nobody knows is removed");
                self.destroy(&id);
            }
        }
        if let Err(error) = self.0.store.prune(&|_| true, &self.used()) {
            tracing::warn!(%error, "layers nobody needs are not removed");
        }
    }

    /// Removes images no container uses but those that are excluded, here or by the flag. Returns how many layers went.
    pub(crate) fn prune(&self, excluded: &[Reference]) -> io::Result<usize> {
        let flagged = self.0.config.upkeep.iter().flat_map(|upkeep| &upkeep.excluded);
        let excluded: Vec<Reference> =
            flagged.filter_map(|name| name.parse().ok()).chain(excluded.iter().cloned()).collect();
        let kept = |name: &str| excluded.iter().any(|reference| reference.is_called(name));
        self.0.store.prune(&kept, &self.used())
    }

    /// Removes images if the disk is fuller than it should be.
    pub(crate) fn keep_room(&self) -> io::Result<()> {
        let Some(upkeep) = &self.0.config.upkeep else { return Ok(()) };
        let used = self.0.store.disk_used()?;
        if used > 1.0 - upkeep.headroom {
            let layers = self.prune(&[])?;
            tracing::info!(used, layers, "layers of images nobody uses were removed");
        }
        Ok(())
    }

    /// How often [`keep_room`](Self::keep_room) is wanted.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.0.config.upkeep.as_ref().map(|upkeep| upkeep.interval)
    }

    /// The layers containers have roots of.
    fn used(&self) -> BTreeSet<String> {
        self.present().into_iter().filter_map(|id| self.kept(&id)).flat_map(|(_, kept)| kept.layers).collect()
    }

    /// What is remembered of a container, and where. An earlier agent kept it on the disk.
    fn kept(&self, id: &ContainerId) -> Option<(PathBuf, Kept)> {
        self.dirs(id).into_iter().find_map(|dir| {
            let bytes = fs::read(dir.join(KEPT)).ok()?;
            Some((dir, serde_json::from_slice(&bytes).ok()?))
        })
    }

    fn run_dir(&self, id: &ContainerId) -> PathBuf {
        nested_dir(&self.0.config.run_dir, id)
    }

    fn dirs(&self, id: &ContainerId) -> [PathBuf; 2] {
        [self.run_dir(id), nested_dir(&self.0.config.dir, id)]
    }

    /// Everybody with a directory, the inner before the outer. Who has two is named twice.
    fn present(&self) -> Vec<ContainerId> {
        let Config { dir, run_dir, .. } = &self.0.config;
        [run_dir, dir].into_iter().flat_map(|dir| present(dir, None)).collect()
    }
}

fn text(path: &Path) -> io::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("{} is not text", path.display())))
}
