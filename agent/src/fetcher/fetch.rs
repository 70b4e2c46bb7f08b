//! One URI after the other.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_launch::Credentials;
use agent_linux::beneath::Directory;
use libprocess::Runtime;
use model::ContainerId;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::cache::Cache;
use super::download::Downloaded;
use super::source::{Item, Source, Then};
use super::userinfo::spoken;
use super::{download, helper};
use crate::containerizer::launcher::Launcher;

/// What fetching for one container may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unit: bytes, of each fetched file, and of all that comes out of one archive.
    pub bytes: u64,
    /// Files, directories and links in one archive.
    pub entries: u64,
    /// How many times larger than itself an archive may become, beyond the first 64 MiB.
    pub ratio: u64,
    /// How long a download may bring nothing.
    pub stall: Duration,
    /// How long copying or opening one file may take.
    pub step: Duration,
    /// How many redirects are followed.
    pub redirects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 30,
            entries: 1_000_000,
            ratio: 1000,
            stall: Duration::from_secs(60),
            step: Duration::from_secs(15 * 60),
            redirects: 10,
        }
    }
}

/// Why a URI is not in the sandbox. Every message names it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is nothing we fetch.
    #[error("failed to fetch '{}': {why}", spoken(uri))]
    Refused {
        /// As it was given.
        uri: String,
        /// One line.
        why: String,
    },
    /// Its bytes did not come.
    #[error("failed to fetch '{}': {why}", spoken(uri))]
    Failed {
        /// As it was given.
        uri: String,
        /// One line.
        why: String,
    },
    /// It came, and could not be opened.
    #[error("failed to extract '{}': {why}", spoken(uri))]
    Extract {
        /// As it was given.
        uri: String,
        /// One line.
        why: String,
    },
}

impl FetchError {
    /// The whole sentence a user reads.
    pub(crate) fn sentence(&self, container: &ContainerId) -> String {
        format!("Failed to fetch all URIs for container '{container}': {self}")
    }
}

/// What fetching needs.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) launcher: Launcher,
    pub(crate) runtime: Runtime,
    pub(crate) limits: Limits,
    pub(crate) frameworks_home: Option<PathBuf>,
    /// None where nothing is kept.
    pub(crate) cache: Option<Cache>,
}

impl Fetcher {
    /// Brings all of `uris` into `sandbox`, in order, as the property of `who`.
    ///
    /// Errors: at the first that fails; what came before it stays.
    pub(crate) async fn fetch_all(
        &self,
        uris: &[model::Uri],
        sandbox: &Path,
        who: Option<Credentials>,
    ) -> Result<(), FetchError> {
        // All are understood before the first is fetched: a typing error should not cost a download.
        let items = uris
            .iter()
            .map(|uri| Item::of(uri, self.frameworks_home.as_deref()).map(|item| (&uri.value, item)))
            .collect::<Result<Vec<_>, _>>()?;
        for (uri, item) in items {
            self.fetch(uri, item, sandbox, who.as_ref()).await?;
        }
        Ok(())
    }

    async fn fetch(
        &self,
        uri: &str,
        item: Item,
        sandbox: &Path,
        who: Option<&Credentials>,
    ) -> Result<(), FetchError> {
        let failed = |why: String| FetchError::Failed { uri: uri.to_owned(), why };
        if item.cache && self.by_cache(uri, &item, sandbox, who).await? {
            return Ok(());
        }
        self.bring(&item, sandbox, who).await.map_err(failed)?;
        if let Then::Unpack(format) = item.then {
            self.unpack(uri, format, &item.name, sandbox, who).await?;
        }
        Ok(())
    }

    /// Opens an archive that is in the sandbox.
    pub(super) async fn unpack(
        &self,
        uri: &str,
        format: &'static str,
        name: &Path,
        sandbox: &Path,
        who: Option<&Credentials>,
    ) -> Result<(), FetchError> {
        let step = helper::Step::Unpack { format, name: name.to_owned() };
        let done = self.help(step, sandbox, who).await;
        done.map_err(|why| FetchError::Extract { uri: uri.to_owned(), why })
    }

    /// Brings the bytes into a directory, under their name.
    pub(super) async fn bring(
        &self,
        item: &Item,
        sandbox: &Path,
        who: Option<&Credentials>,
    ) -> Result<(), String> {
        let executable = item.then == Then::Executable;
        match item.source.clone() {
            Source::Http(url) => {
                let done = download::download(self, &url, sandbox, &item.name, executable, who);
                if let Downloaded::Elsewhere(url) = done.await? {
                    let step = helper::Step::Download { url, name: item.name.clone(), executable };
                    self.help(step, sandbox, who).await?;
                }
            }
            Source::Other(url) => {
                let step = helper::Step::Download { url, name: item.name.clone(), executable };
                self.help(step, sandbox, who).await?;
            }
            Source::Local(path) => {
                let step = helper::Step::Copy { from: path, name: item.name.clone(), executable };
                self.help(step, sandbox, who).await?;
            }
        }
        let Some(wanted) = item.sha256.clone() else { return Ok(()) };
        let (sandbox, name) = (sandbox.to_owned(), item.name.clone());
        let checked = self.blocking(move || check(&sandbox, &name, &wanted)).await;
        checked.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn help(
        &self,
        step: helper::Step,
        sandbox: &Path,
        who: Option<&Credentials>,
    ) -> Result<(), String> {
        let (launcher, limits) = (self.launcher.clone(), self.limits.clone());
        let (sandbox, who) = (sandbox.to_owned(), who.cloned());
        self.blocking(move || helper::run(&launcher, &step, &sandbox, who.as_ref(), &limits))
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Runs a job that blocks on the runtime's pool.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        blocking(&self.runtime, job).await
    }
}

/// Whether a file adds up to what it should; one that does not is removed.
///
/// Errors: it does not, or cannot be read.
fn check(dir: &Path, name: &Path, wanted: &str) -> Result<(), String> {
    let dir = Directory::open(dir).map_err(|error| error.to_string())?;
    let sum = || -> io::Result<String> {
        let (mut file, mut sum) = (dir.open_read(name)?, Sha256::new());
        let mut piece = vec![0; 64 << 10];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => sum.update(&piece[..read]),
            }
        }
        Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let why = match sum() {
        Ok(sum) if sum == wanted => return Ok(()),
        Ok(sum) => format!("its sha256 is {sum}, not {wanted}"),
        Err(error) => format!("its sha256 cannot be found out: {error}"),
    };
    let _ = dir.remove(name);
    Err(why)
}

/// Runs a job that blocks on the runtime's pool, from within a future.
///
/// Errors: the job panicked, or the runtime is going.
pub(crate) async fn blocking<T: Send + 'static>(
    runtime: &Runtime,
    job: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    runtime.environment().spawner.blocking(Box::new(move || {
        // Whoever waited may be gone by now.
        let _ = done.send(job());
    }));
    result.await.map_err(|_| io::Error::other("the job was not finished"))
}
