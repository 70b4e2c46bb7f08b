//! The directories of persistent volumes are made and removed, whatever lies in them. All of this may block.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use agent_linux::tree;

use super::volumes::{BIN, Place};

/// Makes directories for new volumes: they are empty, whatever earlier ones of their names left. Tells where that is now, for
/// its removal.
///
/// Errors: one cannot be made, and none of them is left; for the user.
pub(crate) fn make(places: &[Place]) -> Result<Vec<PathBuf>, String> {
    let mut left = Vec::new();
    for (made, place) in places.iter().enumerate() {
        match make_one(place) {
            Ok(aside) => left.extend(aside),
            Err(error) => {
                // Whoever they were destroyed by was told that they are.
                discard(&left);
                // They are empty, or file systems that stay.
                places[..made].iter().for_each(|place| drop(fs::remove_dir(&place.directory)));
                return Err(format!("Volume '{}' cannot be made: {error}", place.id));
            }
        }
    }
    Ok(left)
}

fn make_one(place: &Place) -> io::Result<Option<PathBuf>> {
    fs::create_dir_all(&place.directory)?;
    if fs::read_dir(&place.directory)?.next().is_none() {
        return Ok(None);
    }
    let aside = set_aside(place)?;
    fs::create_dir_all(&place.directory)?;
    if !aside.starts_with(&place.directory) {
        return Ok(Some(aside));
    }
    // What is being removed there since an earlier end of the volume is not to be seen in the new one either.
    tree::remove(&place.directory.join(BIN))?;
    Ok(None)
}

/// Takes what is in volumes out of the way, so that removing it can take its time; tells where it is now.
///
/// Errors: of one it cannot be taken, and all are as they were; for the user.
pub(crate) fn destroy(places: &[Place]) -> Result<Vec<PathBuf>, String> {
    let mut left: Vec<PathBuf> = Vec::new();
    for place in places {
        match set_aside(place) {
            Ok(aside) => left.push(aside),
            Err(error) => {
                for (place, aside) in places.iter().zip(&left) {
                    if let Err(error) = restore(place, aside) {
                        let volume = &*place.id;
                        tracing::error!(volume, aside = %aside.display(), %error, "volume is not where it was");
                    }
                }
                return Err(format!("Volume '{}' cannot be removed: {error}", place.id));
            }
        }
    }
    Ok(left)
}

/// What is a file system of its own cannot be moved, so its content is.
fn set_aside(place: &Place) -> io::Result<PathBuf> {
    let name = uuid::Uuid::new_v4().to_string();
    let aside = place.bin.join(&name);
    if fs::symlink_metadata(&place.directory).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(aside);
    }
    fs::create_dir_all(&place.bin)?;
    if fs::rename(&place.directory, &aside).is_ok() {
        return Ok(aside);
    }
    let aside = place.directory.join(BIN).join(name);
    fs::create_dir_all(&aside)?;
    move_content(&place.directory, &aside).inspect_err(|_| {
        let _ = move_content(&aside, &place.directory);
        let _ = fs::remove_dir(&aside);
    })?;
    Ok(aside)
}

fn restore(place: &Place, aside: &Path) -> io::Result<()> {
    if !aside.exists() {
        return Ok(());
    }
    match aside.starts_with(&place.directory) {
        true => move_content(aside, &place.directory),
        false => fs::rename(aside, &place.directory),
    }
}

/// All but what was set aside before.
fn move_content(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != OsStr::new(BIN) {
            fs::rename(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

/// Sees that the volumes of an earlier life are there, and removes what it had still to remove.
pub(crate) fn take_up(places: &[Place], bins: &BTreeSet<PathBuf>) {
    for place in places {
        if let Err(error) = fs::create_dir_all(&place.directory) {
            tracing::error!(volume = %place.directory.display(), %error, "volume is not there");
        }
    }
    let entries = bins.iter().filter_map(|bin| fs::read_dir(bin).ok()).flatten().flatten();
    discard(&entries.map(|entry| entry.path()).collect::<Vec<_>>());
}

/// Removes what was set aside.
pub(crate) fn discard(paths: &[PathBuf]) {
    for path in paths {
        if let Err(error) = tree::remove(path) {
            tracing::error!(path = %path.display(), %error, "what is left of a volume cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk(tempfile::TempDir);

    impl Disk {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn place(&self, id: &str) -> Place {
            let volumes = self.0.path().join("volumes");
            Place { id: id.into(), directory: volumes.join("roles/web").join(id), bin: volumes.join(BIN) }
        }

        /// One that is a file system of its own: it cannot be moved into itself.
        fn mount(&self) -> Place {
            let directory = self.0.path().join("mount");
            Place { id: "m".into(), bin: directory.join(BIN), directory }
        }

        /// Nothing can be made below a file.
        fn impossible(&self) -> Place {
            let file = self.0.path().join("file");
            fs::write(&file, "").unwrap();
            Place { id: "no".into(), directory: file.join("no"), bin: self.0.path().join(BIN) }
        }

        /// What can be moved nowhere.
        fn immovable(&self) -> Place {
            let directory = self.0.path().join("immovable");
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(BIN), "").unwrap();
            Place { id: "no".into(), bin: directory.join(BIN), directory }
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_volume_is_empty_whatever_an_earlier_one_left() {
        let disk = Disk::new();
        for place in [disk.place("v"), disk.mount()] {
            fs::create_dir_all(&place.directory).unwrap();
            fs::write(place.directory.join("secret"), "x").unwrap();
            let left = make(std::slice::from_ref(&place)).unwrap();
            assert!(names(&place.directory).is_empty(), "{place:?}");
            discard(&left);
            assert!(names(&place.bin).is_empty());
        }
    }

    #[test]
    fn of_volumes_that_cannot_all_be_made_none_is() {
        let disk = Disk::new();
        let why = make(&[disk.place("v"), disk.impossible()]).unwrap_err();
        assert!(why.starts_with("Volume 'no' cannot be made: "), "{why}");
        assert!(!disk.place("v").directory.exists());
    }

    #[test]
    fn what_is_destroyed_is_out_of_sight_before_it_is_gone() {
        let disk = Disk::new();
        for place in [disk.place("v"), disk.mount()] {
            fs::create_dir_all(&place.directory).unwrap();
            fs::write(place.directory.join("secret"), "x").unwrap();
            let left = destroy(std::slice::from_ref(&place)).unwrap();
            assert!(!place.directory.join("secret").exists());
            assert_eq!(names(&left[0]), ["secret"]);
            take_up(&[], &BTreeSet::from([place.bin.clone()]));
            assert!(names(&place.bin).is_empty(), "an agent that was killed leaves it to the next");
            // Once more, as an agent does that did not hear how it went.
            destroy(std::slice::from_ref(&place)).unwrap();
        }
    }

    #[test]
    fn of_volumes_that_cannot_all_be_destroyed_none_is() {
        let disk = Disk::new();
        let (moved, mount) = (disk.place("v"), disk.mount());
        for place in [&moved, &mount] {
            fs::create_dir_all(&place.directory).unwrap();
            fs::write(place.directory.join("data"), "x").unwrap();
        }
        let why = destroy(&[moved.clone(), mount.clone(), disk.immovable()]).unwrap_err();
        assert!(why.starts_with("Volume 'no' cannot be removed: "), "{why}");
        assert_eq!(names(&moved.directory), ["data"]);
        assert_eq!(fs::read_to_string(mount.directory.join("data")).unwrap(), "x");
    }
}
