//! A URI by way of the cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use agent_launch::Credentials;
use agent_linux::beneath::{self, Directory};
use agent_linux::sandbox;
use libprocess::http::{Method, Request, StatusCode, header};

use super::FetchError;
use super::cache::{Asked, Held, Key};
use super::fetch::Fetcher;
use super::source::{Item, Source, Then};
use super::userinfo::{self, Login};

/// What a copy is called in its own directory.
const COPY: &str = "copy";

impl Fetcher {
    /// Brings a URI into the sandbox by way of the cache: fetched by one, waited for by the others. False if it cannot be
    /// kept there; then it is fetched as any other.
    ///
    /// Of an archive only the content comes into the sandbox. Source: Mesos fetcher cache.
    pub(super) async fn by_cache(
        &self,
        uri: &str,
        item: &Item,
        sandbox: &Path,
        who: Option<&Credentials>,
    ) -> Result<bool, FetchError> {
        let Some(held) = self.held(uri, item, who).await? else { return Ok(false) };
        let failed = |error: io::Error| FetchError::Failed { uri: uri.to_owned(), why: error.to_string() };
        let (from, to, name) = (held.dir.clone(), sandbox.to_owned(), item.name.clone());
        let owner = who.map(|who| (who.uid, who.gid));
        let executable = item.then == Then::Executable;
        let copied = self.blocking(move || copy(&from, &to, &name, executable, owner)).await;
        copied.and_then(|done| done).map_err(failed)?;
        drop(held);
        if let Then::Unpack(format) = item.then {
            self.unpack(uri, format, &item.name, sandbox, who).await?;
            let (to, name) = (sandbox.to_owned(), item.name.clone());
            let removed = self.blocking(move || Directory::open(&to)?.remove(&name)).await;
            removed.and_then(|done| done).map_err(failed)?;
        }
        Ok(true)
    }

    /// A copy in the cache; `None` if there can be none.
    async fn held(
        &self,
        uri: &str,
        item: &Item,
        who: Option<&Credentials>,
    ) -> Result<Option<Held>, FetchError> {
        let Some(cache) = &self.cache else { return Ok(None) };
        let failed = |why: String| FetchError::Failed { uri: uri.to_owned(), why };
        let key: Key = (who.map(|who| who.uid), uri.to_owned());
        loop {
            let size = if cache.knows(&key) { None } else { self.size(&item.source).await };
            let place = match cache.ask(&key, || size) {
                Asked::Here(held) => return Ok(Some(held)),
                Asked::NoRoom if size.is_none() && cache.knows(&key) => continue,
                Asked::NoRoom => return Ok(None),
                Asked::Coming(mut coming) => {
                    // An error is what is waited for: it is there, or given up.
                    while coming.changed().await.is_ok() {}
                    continue;
                }
                Asked::Fetch(place) => place,
            };
            // The task's user writes there, as they would in their sandbox, and cannot come there afterwards.
            let (dir, owner) = (place.dir.clone(), who.map(|who| (who.uid, who.gid)));
            let made = self.blocking(move || sandbox::make(&dir, owner)).await;
            made.and_then(|done| done).map_err(|error| failed(error.to_string()))?;
            let copy = Item { name: PathBuf::from(COPY), cache: false, ..item.clone() };
            self.bring(&copy, &place.dir, who).await.map_err(failed)?;
            let dir = place.dir.clone();
            let size = self.blocking(move || fs::symlink_metadata(dir.join(COPY))).await;
            let size = size.and_then(|done| done).map_err(|error| failed(error.to_string()))?;
            return Ok(Some(place.keep(size.len())));
        }
    }

    /// How much fetching would bring; `None` if that is not known beforehand.
    async fn size(&self, source: &Source) -> Option<u64> {
        let url = match source {
            Source::Local(path) => {
                let path = path.clone();
                let found = self.blocking(move || fs::metadata(path)).await.ok()?.ok()?;
                return Some(found.len()).filter(|_| found.is_file());
            }
            Source::Http(url) | Source::Other(url) => url.clone(),
        };
        let (mut url, mut login) = userinfo::split(&url, None);
        for _ in 0..=self.limits.redirects {
            let request = Request::new(Method::HEAD, &url).within(self.limits.stall);
            let request = Login::shown(login.as_ref(), &url, request);
            let response = self.runtime.client().send(request).await.ok()?;
            if response.status == StatusCode::OK {
                let length: u64 = response.text_of(header::CONTENT_LENGTH)?.parse().ok()?;
                return Some(length).filter(|length| *length > 0 && *length <= self.limits.bytes);
            }
            let next = super::download::target(&url, response.text_of(header::LOCATION)?).ok()?;
            (url, login) = userinfo::split(&next, login);
        }
        None
    }
}

/// Copies from the cache into a sandbox, through no link on either side.
fn copy(
    from: &Path,
    sandbox: &Path,
    name: &Path,
    executable: bool,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut from = Directory::open(from)?.open_read(Path::new(COPY))?;
    let mut to = Directory::open(sandbox)?.create_for(name, mode, owner)?;
    io::copy(&mut from, &mut to)?;
    beneath::set_mode(&to, mode)
}
