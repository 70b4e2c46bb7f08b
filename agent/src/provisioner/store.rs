//! What was pulled, on disk: layers by digest, images by name.
//!
//! ```text
//! <store>/lock              held by the agent that uses it
//! <store>/staging/<n>/      layers that are being unpacked; emptied at the start
//! <store>/layers/<digest>/  one layer each, as overlay reads it
//! <store>/images/<name>     which layers an image has, and how it is run
//! ```
//!
//! An image's record comes last and after a flush, so a layer that no record names is a torn pull, or garbage.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_linux::beneath::Directory;
use agent_linux::lock::Lock;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::archive::{Archive, Span};
use super::image::Runtime;
use super::reference::Reference;
use crate::containerizer::launcher::Launcher;
use crate::fetcher::help;

/// What a layer may become: so many times its archive, but always 64 MiB, and never more than this. Unit: bytes.
const LAYER_MAX: u64 = 64 << 30;
const RATIO: u64 = 1000;

/// The most files a layer may hold.
const ENTRIES_MAX: u64 = 2_000_000;

/// How long a layer may take.
const UNPACK: Duration = Duration::from_secs(30 * 60);

/// An image in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub name: String,
    /// The digest of its description.
    pub id: String,
    /// Digests of its layers, the lowest first.
    pub layers: Vec<String>,
    pub runtime: Runtime,
}

/// An image whose layers stay in the store for as long as this is held.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub image: Arc<Stored>,
    /// Shape: digest → how many hold it.
    pins: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Drop for Pulled {
    fn drop(&mut self) {
        let mut pins = self.pins.lock();
        for layer in &self.image.layers {
            if let Some(count) = pins.get_mut(layer) {
                *count -= 1;
                if *count == 0 {
                    pins.remove(layer);
                }
            }
        }
    }
}

/// Stops a pull when it is dropped.
#[derive(Debug)]
pub(crate) struct Stopper {
    _open: PipeWriter,
}

impl Stopper {
    /// And what a pull looks at.
    pub(crate) fn new() -> io::Result<(Self, PipeReader)> {
        let (stopped, stopper) = io::pipe()?;
        Ok((Self { _open: stopper }, stopped))
    }
}

/// What was pulled.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    images: Mutex<BTreeMap<String, Arc<Stored>>>,
    pins: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Pulls of one name, one after the other.
    pulls: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    /// Shared by pulls, alone for whoever takes layers away.
    layers: RwLock<()>,
    staged: AtomicU64,
    _lock: Lock,
}

impl Store {
    /// Opens the store of one agent, and clears away what was not finished.
    ///
    /// Errors: another agent has it; somebody else may write to it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let found = fs::symlink_metadata(dir)?;
        if !found.is_dir() || found.uid() != agent_linux::user::effective() || found.mode() & 0o022 != 0 {
            return Err(io::Error::other("it belongs to another user, or others may write to it"));
        }
        let lock = Lock::take(&dir.join("lock"))?;
        let lock = lock.ok_or_else(|| io::Error::other("another agent uses it"))?;
        let staging = dir.join("staging");
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for dir in [staging, dir.join("layers"), dir.join("images")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let images = Mutex::new(records(&dir.join("images"))?);
        let (dir, staged) = (dir.to_owned(), AtomicU64::new(0));
        let (pins, pulls) = (Arc::default(), Mutex::default());
        Ok(Self { dir, images, pins, pulls, layers: RwLock::new(()), staged, _lock: lock })
    }

    /// Where a layer lies.
    pub(crate) fn layer(&self, digest: &str) -> PathBuf {
        self.dir.join("layers").join(digest)
    }

    /// An image by name, from the archive `find` finds unless it is here already and may be used again.
    ///
    /// Blocks until others who pull it are done. Errors: in words; `stopped` became readable.
    pub(crate) fn pull(
        &self,
        reference: &Reference,
        cached: bool,
        launcher: &Launcher,
        stopped: &PipeReader,
        find: impl FnOnce() -> Result<PathBuf, String>,
    ) -> Result<Pulled, String> {
        let name = reference.to_string();
        let turn = Arc::clone(self.pulls.lock().entry(name.clone()).or_default());
        let mine = turn.lock();
        let _kept = self.layers.read();
        let known = self.images.lock().get(&name).cloned().filter(|_| cached);
        let image = match known.filter(|image| image.layers.iter().all(|layer| self.layer(layer).exists())) {
            Some(image) => image,
            None => {
                let path = find()?;
                let wrong = |why: String| format!("the archive {}: {why}", path.display());
                let archive = Archive::open(&path, reference).map_err(wrong)?;
                self.take_in(&name, &archive, launcher, stopped).map_err(wrong)?
            }
        };
        let mut pins = self.pins.lock();
        image.layers.iter().for_each(|layer| *pins.entry(layer.clone()).or_default() += 1);
        drop(mine);
        // Whoever waits for a turn holds it; without anybody it is not needed.
        let mut pulls = self.pulls.lock();
        if Arc::strong_count(&turn) <= 2 {
            pulls.remove(&name);
        }
        Ok(Pulled { image, pins: Arc::clone(&self.pins) })
    }

    fn take_in(
        &self,
        name: &str,
        archive: &Archive,
        launcher: &Launcher,
        stopped: &PipeReader,
    ) -> Result<Arc<Stored>, String> {
        let description = &archive.description;
        for (digest, span) in description.layers.iter().zip(&archive.layers) {
            if !self.layer(digest).exists() {
                let taken = self.unpack(digest, *span, &archive.file, launcher, stopped);
                taken.map_err(|why| format!("layer sha256:{digest}: {why}"))?;
            }
        }
        let stored = Arc::new(Stored {
            name: name.to_owned(),
            id: archive.id.clone(),
            layers: description.layers.clone(),
            runtime: description.runtime.clone(),
        });
        self.record(&stored).map_err(|error| format!("failed to record it in the store: {error}"))?;
        self.images.lock().insert(name.to_owned(), Arc::clone(&stored));
        Ok(stored)
    }

    fn unpack(
        &self,
        digest: &str,
        span: Span,
        archive: &File,
        launcher: &Launcher,
        stopped: &PipeReader,
    ) -> Result<(), String> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let staged = self.dir.join("staging").join(number.to_string());
        let bytes = span.length.saturating_mul(RATIO).clamp(64 << 20, LAYER_MAX);
        let numbers = [span.offset, span.length, bytes, ENTRIES_MAX].map(|number| number.to_string());
        let words = [vec!["layer".to_owned(), digest.to_owned()], numbers.to_vec()].concat();
        let unpacked = (|| {
            fs::DirBuilder::new().mode(0o755).create(&staged).map_err(|error| error.to_string())?;
            let into = Directory::open(&staged).map_err(|error| error.to_string())?;
            // Its own position in the file: others may read from it as well.
            let archive =
                File::open(agent_linux::mounts::by_descriptor(archive)).map_err(|error| error.to_string())?;
            let words: Vec<CString> =
                words.iter().filter_map(|word| CString::new(word.as_bytes()).ok()).collect();
            help(launcher, &words, &[into.as_fd(), archive.as_fd()], UNPACK, Some(stopped.as_fd()))?;
            match fs::rename(&staged, self.layer(digest)) {
                // Another image with this layer came first.
                Err(_) if self.layer(digest).exists() => Ok(()),
                done => done.map_err(|error| format!("failed to put it in its place: {error}")),
            }
        })();
        let _ = fs::remove_dir_all(&staged);
        unpacked
    }

    /// Writes down that an image is here, once it is.
    fn record(&self, image: &Stored) -> io::Result<()> {
        agent_linux::disk::flush(&self.dir)?;
        let images = self.dir.join("images");
        let (path, temporary) =
            (images.join(file_name(&image.name)), self.dir.join("staging").join(&image.id));
        fs::write(&temporary, serde_json::to_vec(image).map_err(io::Error::other)?)?;
        File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(&images)?.sync_all()
    }

    /// Forgets images that neither `kept` names nor a container uses, and takes away layers nobody needs. Shape of `used`:
    /// digests of layers.
    ///
    /// Returns how many layers went. Waits for pulls under way.
    pub(crate) fn prune(&self, kept: &dyn Fn(&str) -> bool, used: &BTreeSet<String>) -> io::Result<usize> {
        let _alone = self.layers.write();
        let mut needed: BTreeSet<String> = used.clone();
        needed.extend(self.pins.lock().keys().cloned());
        let mut images = self.images.lock();
        let in_use = |image: &Stored| image.layers.iter().all(|layer| needed.contains(layer));
        let (stay, go): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut *images).into_iter().partition(|(name, image)| kept(name) || in_use(image));
        *images = stay;
        for name in go.keys() {
            fs::remove_file(self.dir.join("images").join(file_name(name)))?;
        }
        needed.extend(images.values().flat_map(|image| image.layers.iter().cloned()));
        let mut removed = 0;
        for entry in fs::read_dir(self.dir.join("layers"))?.flatten() {
            let unneeded = entry.file_name().to_str().is_none_or(|name| !needed.contains(name));
            if unneeded {
                fs::remove_dir_all(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// What part of the disk below the store is used, between 0 and 1.
    pub(crate) fn disk_used(&self) -> io::Result<f64> {
        agent_linux::disk::used(&self.dir)
    }
}

/// The images that are recorded; a record nobody understands is as good as none.
fn records(dir: &Path) -> io::Result<BTreeMap<String, Arc<Stored>>> {
    let mut images = BTreeMap::new();
    for entry in fs::read_dir(dir)?.flatten() {
        let read = fs::read(entry.path()).map_err(|error| error.to_string());
        match read
            .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).map_err(|error| error.to_string()))
        {
            Ok(image) => drop(images.insert(image.name.clone(), Arc::new(image))),
            Err(why) => {
                tracing::warn!(path = %entry.path().display(), why, "the record of an image is of no use; it is pulled again");
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(images)
}

/// A name as one part of a path; it holds neither `%` nor a dot in front.
fn file_name(name: &str) -> String {
    name.replace('/', "%2f")
}
