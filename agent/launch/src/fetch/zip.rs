//! The entries of a zip archive.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::archive::Into;

/// The bits of a mode that say what a file is.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;

/// The longest target of a link. Unit: bytes.
const TARGET: u64 = 4096;

/// Opens the archive; the first entry that is refused or fails ends it, and is named.
pub(crate) fn unpack(from: &File, mut into: Into<'_>) -> io::Result<()> {
    let mut archive = ::zip::ZipArchive::new(BufReader::new(from)).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        let name = PathBuf::from(OsString::from_vec(entry.name_raw().to_vec()));
        unpack_entry(&mut entry, &name, &mut into)
            .map_err(|error| io::Error::new(error.kind(), format!("entry '{}': {error}", name.display())))?;
    }
    Ok(())
}

fn unpack_entry(
    entry: &mut ::zip::read::ZipFile<'_, BufReader<&File>>,
    name: &Path,
    into: &mut Into<'_>,
) -> io::Result<()> {
    let mode = entry.unix_mode().unwrap_or(0o644);
    if entry.is_dir() {
        return into.directory(name);
    }
    if mode & KIND == LINK {
        let mut target = String::new();
        entry.take(TARGET).read_to_string(&mut target)?;
        return into.link(name, Path::new(&target));
    }
    into.file(name, mode, entry)
}
