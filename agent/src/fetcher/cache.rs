//! What was fetched before, kept for those who ask for it again.
//!
//! ```text
//! ask ─► Ready ──────────────────────────► held while it is copied, then let go
//!   ├──► Coming: wait, ask again
//!   └──► nothing: reserve room ─► Coming ─► Ready
//!                 └─ no room: fetched as if there were no cache
//! ```
//!
//! Of those that nobody holds, what was used longest ago makes room. Nothing outlives the agent: the directory is
//! emptied when it starts. Source: Mesos fetcher cache.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use tokio::sync::watch;

/// Whose copy of what; what one user may read is none of another's business.
pub(crate) type Key = (Option<u32>, String);

/// Shared by all who fetch. Clones are the same cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache(Arc<Mutex<Shelf>>);

/// What there is.
#[derive(Debug)]
struct Shelf {
    dir: PathBuf,
    /// Unit: bytes.
    capacity: u64,
    used: u64,
    entries: BTreeMap<Key, Entry>,
    /// Counts uses, so that the oldest is known, and names directories.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    dir: PathBuf,
    /// Unit: bytes.
    size: u64,
    holders: u32,
    used_at: u64,
    /// Whoever waits sees this closed once it is ready, or not coming any more.
    coming: Option<watch::Sender<()>>,
}

/// What asking came to.
pub(crate) enum Asked {
    /// It is there, and stays for as long as this is held.
    Here(Held),
    /// Somebody fetches it: ask again after that.
    Coming(watch::Receiver<()>),
    /// It is to be fetched into this place.
    Fetch(Place),
    /// There is no room for it.
    NoRoom,
}

/// A copy that is in use.
pub(crate) struct Held {
    cache: Cache,
    key: Key,
    pub(crate) dir: PathBuf,
}

/// Where a copy is to be put; given up unless it is [`kept`](Place::keep).
pub(crate) struct Place {
    cache: Cache,
    key: Key,
    pub(crate) dir: PathBuf,
    kept: bool,
}

impl Cache {
    /// An empty cache in `dir`, whose content goes.
    ///
    /// Errors: the directory cannot be made.
    pub(crate) fn new(dir: &Path, capacity: u64) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let shelf = Shelf { dir: dir.to_owned(), capacity, used: 0, entries: BTreeMap::new(), clock: 0 };
        Ok(Self(Arc::new(Mutex::new(shelf))))
    }

    /// Asks for a copy; `size` is what fetching it would take.
    pub(crate) fn ask(&self, key: &Key, size: impl FnOnce() -> Option<u64>) -> Asked {
        let mut shelf = self.shelf();
        shelf.clock += 1;
        let clock = shelf.clock;
        if let Some(entry) = shelf.entries.get_mut(key) {
            if let Some(coming) = &entry.coming {
                return Asked::Coming(coming.subscribe());
            }
            entry.holders += 1;
            entry.used_at = clock;
            let dir = entry.dir.clone();
            return Asked::Here(Held { cache: self.clone(), key: key.clone(), dir });
        }
        let Some(size) = size() else { return Asked::NoRoom };
        let Some(evicted) = shelf.make_room(size) else { return Asked::NoRoom };
        let dir = shelf.dir.join(clock.to_string());
        let (coming, _) = watch::channel(());
        let entry = Entry { dir: dir.clone(), size, holders: 1, used_at: clock, coming: Some(coming) };
        shelf.used += size;
        shelf.entries.insert(key.clone(), entry);
        drop(shelf);
        evicted.iter().for_each(|dir| remove(dir));
        Asked::Fetch(Place { cache: self.clone(), key: key.clone(), dir, kept: false })
    }

    /// Whether nothing has to be found out before asking.
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.shelf().entries.contains_key(key)
    }

    /// What all copies take, and may take. Unit: bytes.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let shelf = self.shelf();
        (shelf.used, shelf.capacity)
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The directories that go so that `size` more bytes fit; `None` if they would not fit even then.
    fn make_room(&mut self, size: u64) -> Option<Vec<PathBuf>> {
        let free: u64 =
            self.entries.values().filter(|entry| entry.holders == 0).map(|entry| entry.size).sum();
        if size > self.capacity.saturating_sub(self.used - free) {
            return None;
        }
        let mut evicted = Vec::new();
        while self.used + size > self.capacity {
            let oldest = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.holders == 0)
                .min_by_key(|(_, entry)| entry.used_at)
                .map(|(key, _)| key.clone())?;
            let entry = self.entries.remove(&oldest)?;
            self.used -= entry.size;
            evicted.push(entry.dir);
        }
        Some(evicted)
    }
}

impl Place {
    /// The copy is whole and so large; it is held until that is dropped. One that grew beyond what fits stays until then.
    pub(crate) fn keep(mut self, size: u64) -> Held {
        self.kept = true;
        let mut shelf = self.cache.shelf();
        if let Some(entry) = shelf.entries.get_mut(&self.key) {
            let before = std::mem::replace(&mut entry.size, size);
            entry.coming = None;
            shelf.used = shelf.used - before + size;
        }
        drop(shelf);
        Held { cache: self.cache.clone(), key: self.key.clone(), dir: self.dir.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut shelf = self.cache.shelf();
        if let Some(entry) = shelf.entries.remove(&self.key) {
            shelf.used -= entry.size;
        }
        drop(shelf);
        remove(&self.dir);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut shelf = self.cache.shelf();
        let full = shelf.used > shelf.capacity;
        let Some(entry) = shelf.entries.get_mut(&self.key) else { return };
        entry.holders -= 1;
        if entry.holders == 0 && full {
            let size = entry.size;
            shelf.entries.remove(&self.key);
            shelf.used -= size;
            drop(shelf);
            remove(&self.dir);
        }
    }
}

fn remove(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(dir = %dir.display(), %error, "a cached copy cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str) -> Key {
        (None, uri.to_owned())
    }

    fn cache(capacity: u64) -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(&dir.path().join("cache"), capacity).unwrap();
        (dir, cache)
    }

    /// Fetches what is not there; gives what is held.
    fn fetched(cache: &Cache, uri: &str, size: u64) -> Held {
        match cache.ask(&key(uri), || Some(size)) {
            Asked::Fetch(place) => {
                fs::create_dir(&place.dir).unwrap();
                place.keep(size)
            }
            _ => panic!("{uri} is not to be fetched"),
        }
    }

    #[test]
    fn what_is_fetched_once_is_there_for_the_next() {
        let (_dir, cache) = cache(100);
        let first = fetched(&cache, "a", 60);
        let Asked::Here(second) = cache.ask(&key("a"), || None) else { panic!() };
        assert_eq!(first.dir, second.dir);
        assert!(
            matches!(cache.ask(&(Some(7), "a".into()), || Some(60)), Asked::NoRoom),
            "another user's is another"
        );
    }

    #[test]
    fn the_one_used_longest_ago_makes_room_unless_it_is_held() {
        let (_dir, cache) = cache(100);
        let [a, b] = ["a", "b"].map(|uri| fetched(&cache, uri, 40));
        let (a_dir, b_dir) = (a.dir.clone(), b.dir.clone());
        assert!(matches!(cache.ask(&key("c"), || Some(40)), Asked::NoRoom));
        drop((a, b));
        drop(cache.ask(&key("a"), || None));
        drop(fetched(&cache, "c", 40));
        assert!(a_dir.exists() && !b_dir.exists());
        assert_eq!(cache.figures(), (80, 100));
        assert!(matches!(cache.ask(&key("d"), || Some(101)), Asked::NoRoom));
    }

    #[test]
    fn those_who_wait_for_a_fetch_that_is_given_up_hear_of_it() {
        let (_dir, cache) = cache(100);
        let Asked::Fetch(place) = cache.ask(&key("a"), || Some(10)) else { panic!() };
        let Asked::Coming(coming) = cache.ask(&key("a"), || Some(10)) else { panic!() };
        assert!(coming.has_changed().is_ok());
        drop(place);
        assert!(coming.has_changed().is_err());
        assert_eq!(cache.figures(), (0, 100));
        fetched(&cache, "a", 10);
    }

    #[test]
    fn a_cache_begins_empty() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("left"), "").unwrap();
        Cache::new(dir.path(), 1).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
