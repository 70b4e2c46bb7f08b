//! An image in a file, as `docker save` writes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::image::Description;
use super::reference::{Reference, is_hex};

/// The longest description that is read. Unit: bytes.
const DESCRIPTION_MAX: u64 = 4 << 20;

/// The most files an archive of images may hold: a handful for each layer.
const FILES_MAX: usize = 10_000;

/// An image found in an archive.
#[derive(Debug)]
pub(crate) struct Archive {
    pub file: File,
    pub description: Description,
    /// The digest of its description, in hexadecimal digits.
    pub id: String,
    /// Where its layers lie, the lowest first.
    pub layers: Vec<Span>,
}

/// A part of the archive. Unit: bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub offset: u64,
    pub length: u64,
}

/// Source: Docker image specification v1.2, combined image JSON.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Archive {
    /// Finds an image in the archive at `path`.
    ///
    /// Errors: it holds no such image, or is not understood; in words.
    pub(crate) fn open(path: &Path, wanted: &Reference) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| format!("failed to open it: {error}"))?;
        let names = index(&mut file).map_err(|error| format!("it is no archive: {error}"))?;
        let span =
            |name: &str| find(&names, name).ok_or_else(|| format!("it lacks '{name}', which it names"));
        let Some(manifest) = find(&names, "manifest.json") else {
            return Err("it has no manifest.json: save it with a Docker newer than 1.10".to_owned());
        };
        let listed: Vec<Listed> = serde_json::from_slice(&read(&mut file, manifest)?)
            .map_err(|error| format!("its manifest.json is not understood: {error}"))?;
        let chosen = choose(listed, wanted)?;
        let described = read(&mut file, span(&chosen.config)?)?;
        let id = hex(&Sha256::digest(&described));
        if let Some(named) = digest_in(&chosen.config)
            && named != id
        {
            return Err(format!("its description has the digest {id}, not {named} as it is named"));
        }
        if let Some(digest) = &wanted.digest
            && *digest != format!("sha256:{id}")
        {
            return Err(format!(
                "the image in it is sha256:{id}; an archive is asked for by that, or by a tag"
            ));
        }
        let description = Description::read(&described)?;
        let layers = chosen.layers.iter().map(|name| span(name)).collect::<Result<Vec<_>, _>>()?;
        if layers.len() != description.layers.len() {
            return Err(format!("it holds {} layers of {}", layers.len(), description.layers.len()));
        }
        Ok(Self { file, description, id, layers })
    }
}

/// The image that is meant: the one of that name, or the only one there is.
fn choose(mut listed: Vec<Listed>, wanted: &Reference) -> Result<Listed, String> {
    let called = |listed: &Listed| listed.repo_tags.iter().flatten().any(|name| wanted.is_called(name));
    if let Some(index) = listed.iter().position(called) {
        return Ok(listed.swap_remove(index));
    }
    match listed.len() {
        1 => Ok(listed.remove(0)),
        0 => Err("it holds no image".to_owned()),
        _ => {
            let names: Vec<String> =
                listed.into_iter().flat_map(|listed| listed.repo_tags.unwrap_or_default()).collect();
            Err(format!("it holds no image called '{wanted}', but {}", names.join(", ")))
        }
    }
}

/// A file of the archive, or another name of one.
enum Named {
    File(Span),
    Link(String),
}

fn index(file: &mut File) -> io::Result<BTreeMap<String, Named>> {
    let mut names = BTreeMap::new();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let Ok(name) = String::from_utf8(entry.path_bytes().into_owned()) else { continue };
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        match entry.header().entry_type() {
            tar::EntryType::Regular => {
                let span = Span { offset: entry.raw_file_position(), length: entry.size() };
                names.insert(name, Named::File(span));
            }
            // A layer that two images share is there once.
            tar::EntryType::Symlink | tar::EntryType::Link => {
                let target = entry.link_name_bytes().map(|target| target.into_owned()).unwrap_or_default();
                if let Ok(target) = String::from_utf8(target) {
                    names.insert(name, Named::Link(target));
                }
            }
            _ => {}
        }
        if names.len() > FILES_MAX {
            return Err(io::Error::other(format!("it holds more than {FILES_MAX} files")));
        }
    }
    Ok(names)
}

/// A file by name; a link is followed once, and never out of the archive.
fn find(names: &BTreeMap<String, Named>, name: &str) -> Option<Span> {
    match names.get(name)? {
        Named::File(span) => Some(*span),
        Named::Link(target) => {
            let mut path: Vec<&str> = name.split('/').collect();
            path.pop();
            for part in target.split('/') {
                match part {
                    "" | "." => {}
                    ".." => drop(path.pop()?),
                    part => path.push(part),
                }
            }
            [path.join("/").as_str(), target].into_iter().find_map(|name| match names.get(name)? {
                Named::File(span) => Some(*span),
                Named::Link(_) => None,
            })
        }
    }
}

fn read(file: &mut File, span: Span) -> Result<Vec<u8>, String> {
    if span.length > DESCRIPTION_MAX {
        return Err(format!(
            "a description in it is {} bytes long; {DESCRIPTION_MAX} are allowed",
            span.length
        ));
    }
    let mut bytes = Vec::new();
    let mut read = || {
        file.seek(SeekFrom::Start(span.offset))?;
        file.take(span.length).read_to_end(&mut bytes)
    };
    read().map_err(|error| format!("failed to read it: {error}"))?;
    Ok(bytes)
}

/// The digest a description is named by: `<digest>.json`, or `blobs/sha256/<digest>`.
fn digest_in(name: &str) -> Option<&str> {
    let last = name.rsplit('/').next()?;
    Some(last.strip_suffix(".json").unwrap_or(last)).filter(|digest| is_hex(digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
