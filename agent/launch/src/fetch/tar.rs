//! The entries of a tar archive.

use std::io::{self, Read};

use super::archive::Into;

/// Opens the archive; the first entry that is refused or fails ends it, and is named.
pub(crate) fn unpack(from: impl Read, mut into: Into<'_>) -> io::Result<()> {
    let mut archive = ::tar::Archive::new(from);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        unpack_entry(&mut entry, &mut into)
            .map_err(|error| io::Error::new(error.kind(), format!("entry '{}': {error}", name.display())))?;
    }
    Ok(())
}

fn unpack_entry<R: Read>(entry: &mut ::tar::Entry<'_, R>, into: &mut Into<'_>) -> io::Result<()> {
    use ::tar::EntryType;
    let name = entry.path()?.into_owned();
    let target = entry.link_name()?.map(std::borrow::Cow::into_owned);
    let without = || io::Error::other("it is a link to nothing");
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            // Some writers mark a directory by its name alone.
            if name.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return into.directory(&name);
            }
            let mode = entry.header().mode()?;
            into.file(&name, mode, entry)
        }
        EntryType::Directory => into.directory(&name),
        EntryType::Symlink => into.link(&name, &target.ok_or_else(without)?),
        EntryType::Link => into.hard_link(&name, &target.ok_or_else(without)?),
        // Comments on what follows; the library has read those that matter.
        EntryType::XGlobalHeader | EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
            Ok(())
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            Err(io::Error::other("it is a device or a pipe"))
        }
        other => {
            Err(io::Error::other(format!("it is of a kind we do not open ({:?})", other.as_byte() as char)))
        }
    }
}
