//! How layers become a root.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use agent_launch::isolation::Content;

use super::copy::merge;

/// The ways there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// On top of each other, by the kernel; what is written is kept apart.
    Overlay,
    /// One layer alone, which cannot be written.
    Bind,
    /// Copied, one after the other.
    Copy,
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "overlay" => Ok(Self::Overlay),
            "bind" => Ok(Self::Bind),
            "copy" => Ok(Self::Copy),
            "aufs" => Err("no kernel of today has aufs; use overlay".to_owned()),
            other => Err(format!("'{other}' is none of overlay, bind and copy")),
        }
    }
}

impl Backend {
    /// As `--image_provisioner_backend` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Bind => "bind",
            Self::Copy => "copy",
        }
    }

    /// The best this machine has for roots in `dir`.
    pub(super) fn best(dir: &Path) -> Self {
        match Self::overlay_is_possible(dir) {
            Ok(()) => Self::Overlay,
            Err(why) => {
                tracing::info!(why, "images are copied for each container");
                Self::Copy
            }
        }
    }

    /// Errors: what the machine lacks.
    pub(super) fn check(self, dir: &Path) -> Result<(), String> {
        match self {
            Self::Overlay => Self::overlay_is_possible(dir),
            Self::Bind | Self::Copy => Ok(()),
        }
    }

    fn overlay_is_possible(dir: &Path) -> Result<(), String> {
        let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
        // A kernel that has it as a module learns of it by the first mount.
        let module = || Path::new("/sys/module/overlay").exists();
        if !known.lines().any(|line| line.trim_start_matches("nodev").trim() == "overlay") && !module() {
            return Err("the kernel has no overlay".to_owned());
        }
        match agent_linux::disk::is_overlay(dir) {
            Ok(false) => Ok(()),
            Ok(true) => Err(format!("{} is on an overlay itself", dir.display())),
            Err(error) => Err(format!("{}: {error}", dir.display())),
        }
    }

    /// Makes what the root of a container needs of `layers`; where the root is, too.
    ///
    /// Errors: it cannot be made that way.
    pub(super) fn provision(self, places: &Places, layers: &[PathBuf]) -> io::Result<(PathBuf, Content)> {
        let made = |path: PathBuf| -> io::Result<PathBuf> {
            fs::DirBuilder::new().mode(0o755).create(&path)?;
            Ok(path)
        };
        let top = layers.last().ok_or_else(|| io::Error::other("it has no layers"))?;
        match self {
            Self::Overlay => {
                let root = made(places.memory.join("root"))?;
                make(&places.disk)?;
                let (upper, work) = (made(places.disk.join("upper"))?, made(places.disk.join("work"))?);
                // What lies on top says what the root itself is like.
                let like = fs::metadata(top)?;
                std::os::unix::fs::chown(&upper, Some(like.uid()), Some(like.gid()))?;
                fs::set_permissions(&upper, like.permissions())?;
                let layers = layers.iter().map(|layer| text(layer)).collect::<io::Result<_>>()?;
                Ok((root, Content::Overlay { layers, upper: text(&upper)?, work: text(&work)? }))
            }
            Self::Bind if layers.len() == 1 => {
                Ok((made(places.memory.join("root"))?, Content::ReadOnly { layer: text(top)? }))
            }
            Self::Bind => Err(io::Error::other(format!(
                "it has {} layers, and --image_provisioner_backend=bind shows one alone",
                layers.len()
            ))),
            Self::Copy => {
                make(&places.disk)?;
                let root = made(places.disk.join("root"))?;
                layers.iter().try_for_each(|layer| merge(layer, &root))?;
                Ok((root, Content::Whole))
            }
        }
    }
}

/// A container's own directories.
pub(super) struct Places {
    /// For what it writes.
    pub disk: PathBuf,
    /// For what is empty and mounted on.
    pub memory: PathBuf,
}

/// Makes one of them, which must not be there, and those above it.
pub(super) fn make(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(above)?;
    }
    fs::DirBuilder::new().mode(0o700).create(dir)
}

fn text(path: &Path) -> io::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("{} is not text", path.display())))
}
