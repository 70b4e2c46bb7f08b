//! Putting a layer on top of others by copying it.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use agent_linux::beneath::Directory;
use agent_linux::exact::{Node, OPAQUE, Said, WHITEOUT, attributes};

/// Puts `layer` on top of what is in `root`. Both are ours alone, and nobody changes them meanwhile.
pub(super) fn merge(layer: &Path, root: &Path) -> io::Result<()> {
    let mut merge = Merge { layer, root, tree: Directory::open(root)?, linked: BTreeMap::new() };
    merge.directory(Path::new("."))
}

struct Merge<'a> {
    layer: &'a Path,
    root: &'a Path,
    tree: Directory,
    /// Files with several names. Shape: device and number → the first name.
    linked: BTreeMap<(u64, u64), PathBuf>,
}

impl Merge<'_> {
    /// The directory itself, then all that is in it.
    fn directory(&mut self, name: &Path) -> io::Result<()> {
        let from = self.layer.join(name);
        let said = attributes(&from)?;
        let hides = said.iter().any(|(attribute, value)| attribute == OPAQUE.0 && value == OPAQUE.1);
        if hides {
            empty(&self.root.join(name))?;
        }
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let found = entry.metadata()?;
            let name = if name == Path::new(".") {
                PathBuf::from(entry.file_name())
            } else {
                name.join(entry.file_name())
            };
            self.make_room(&name, &found)?;
            match found.is_dir() {
                true => {
                    self.tree.create_dir(&name)?;
                    self.directory(&name)?;
                }
                false if node(&found) == Some(WHITEOUT) => {}
                false => self.file(&name, &found)?,
            }
        }
        self.describe(name, &fs::symlink_metadata(&from)?, said)
    }

    /// Takes away what is there unless both are directories, which become one.
    fn make_room(&self, name: &Path, new: &Metadata) -> io::Result<()> {
        let path = self.root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(old) if old.is_dir() && new.is_dir() => Ok(()),
            Ok(old) if old.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn file(&mut self, name: &Path, found: &Metadata) -> io::Result<()> {
        let (from, to) = (self.layer.join(name), self.root.join(name));
        if found.nlink() > 1 {
            match self.linked.get(&(found.dev(), found.ino())) {
                Some(first) => return fs::hard_link(self.root.join(first), to),
                None => drop(self.linked.insert((found.dev(), found.ino()), name.to_owned())),
            }
        }
        let kind = found.file_type();
        if kind.is_symlink() {
            self.tree.create_link(name, &fs::read_link(&from)?)?;
        } else if let Some(node) = node(found) {
            self.tree.create_node(name, node)?;
        } else if kind.is_file() {
            // Shares the blocks where the file system can.
            fs::copy(&from, &to)?;
        } else {
            return Ok(());
        }
        self.describe(name, found, attributes(&from)?)
    }

    fn describe(&self, name: &Path, found: &Metadata, said: Vec<(String, Vec<u8>)>) -> io::Result<()> {
        let mode = (!found.file_type().is_symlink()).then(|| found.mode() & 0o7777);
        self.tree
            .own_as(name, &Said { uid: found.uid(), gid: found.gid(), mode, modified: found.mtime() })?;
        for (attribute, value) in said.iter().filter(|(attribute, _)| attribute != OPAQUE.0) {
            self.tree.set_attribute(name, attribute, value)?;
        }
        self.tree.date(name, found.mtime())
    }
}

fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn node(found: &Metadata) -> Option<Node> {
    let kind = found.file_type();
    let (major, minor) = agent_linux::disk::device_numbers(found.rdev());
    match () {
        () if kind.is_char_device() => Some(Node::Char(major, minor)),
        () if kind.is_block_device() => Some(Node::Block(major, minor)),
        () if kind.is_fifo() => Some(Node::Pipe),
        () => None,
    }
}
