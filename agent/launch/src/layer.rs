//! A layer of an image, from an archive into a directory of the store: exactly as it says, and nowhere else.
//!
//! What a layer takes away from those below is kept as overlay has it: a name that is no more is a device 0:0, a directory
//! that hides all below it bears an attribute. A layer is hostile until shown otherwise: the first entry that tries
//! anything ends it, and is named; and what was read must have the digest it was asked for by.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use agent_linux::beneath::Directory;
use agent_linux::child;
use agent_linux::exact::{Node, OPAQUE, Said, WHITEOUT};
use sha2::{Digest, Sha256};
use tar::{Entry, EntryType, Header};

use crate::fetch::budget::Budget;
use crate::fetch::{MEMORY, say};

/// The numbers of the descriptors it is started with.
const INTO: i32 = 3;
const ARCHIVE: i32 = 4;

/// Marks a name that is no more, and a directory that hides what is below.
const GONE: &[u8] = b".wh.";
const OPAQUE_NAME: &[u8] = b".wh..wh..opq";

/// Extended attributes of an entry, among its records.
const ATTRIBUTES: &str = "SCHILY.xattr.";

/// Words: `layer <sha256> <offset> <length> <bytes> <entries>`. On failure one line goes to standard error.
pub(crate) fn run(words: Vec<std::ffi::OsString>) -> ExitCode {
    say(step(&words))
}

fn step(words: &[std::ffi::OsString]) -> Result<(), String> {
    let words: Option<Vec<&str>> = words.iter().skip(1).map(|word| word.to_str()).collect();
    let Some([digest, numbers @ ..]) = words.as_deref() else { return Err("a word is missing".into()) };
    let numbers: Result<Vec<u64>, _> = numbers.iter().map(|number| number.parse()).collect();
    let Ok([offset, length, bytes, entries]) = numbers.as_deref() else {
        return Err("a number is missing".into());
    };
    let inherited = |number, what| child::inherited(number).ok_or(format!("{what} is missing"));
    let into = Directory::from_owned(inherited(INTO, "the directory")?);
    let mut archive = File::from(inherited(ARCHIVE, "the archive")?);
    child::close_from(ARCHIVE as u32 + 1).map_err(|error| error.to_string())?;
    child::limit_memory(MEMORY).map_err(|error| error.to_string())?;
    child::set_umask(0);
    archive.seek(SeekFrom::Start(*offset)).map_err(|error| error.to_string())?;
    let budget = Budget::new(*bytes, *entries);
    let read = unpack(archive.take(*length), &into, budget).map_err(|error| error.to_string())?;
    match read == *digest {
        true => Ok(()),
        false => Err(format!("its digest is sha256:{read}, not sha256:{digest} as the image says")),
    }
}

/// Unpacks a layer, compressed or not; its digest, uncompressed.
fn unpack(from: impl Read + 'static, into: &Directory, budget: Budget) -> io::Result<String> {
    let mut from = BufReader::with_capacity(128 * 1024, from);
    let gzip = io::BufRead::fill_buf(&mut from)?.starts_with(&[0x1f, 0x8b]);
    let plain: Box<dyn Read> = match gzip {
        true => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        false => Box::new(from),
    };
    let mut summed = Summed { from: plain, sum: Sha256::new() };
    let mut layer = Layer { into, budget, dated: Vec::new() };
    let mut archive = tar::Archive::new(&mut summed);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()).to_owned());
        let done = layer.enter(&name, &mut entry);
        done.map_err(|error| io::Error::new(error.kind(), format!("entry '{}': {error}", name.display())))?;
    }
    // A directory changes with each name in it, so its date comes last.
    for (name, modified) in layer.dated {
        into.date(&name, modified)?;
    }
    // What follows the last entry belongs to the digest too.
    io::copy(&mut summed, &mut io::sink())?;
    Ok(summed.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Counts what it hands on into a digest.
struct Summed {
    from: Box<dyn Read>,
    sum: Sha256,
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sum.update(&buffer[..read]);
        Ok(read)
    }
}

struct Layer<'a> {
    into: &'a Directory,
    budget: Budget,
    /// Directories and when they were changed, bounded by the entries that are allowed.
    dated: Vec<(PathBuf, i64)>,
}

impl Layer<'_> {
    fn enter<R: Read>(&mut self, name: &Path, entry: &mut Entry<'_, R>) -> io::Result<()> {
        self.budget.enter()?;
        let name = &inside(name)?;
        if let Some(last) = name.file_name().map(OsStrExt::as_bytes)
            && last.starts_with(GONE)
        {
            return self.take_away(name, last);
        }
        let attributes = attributes(entry)?;
        let header = entry.header().clone();
        let modified = i64::try_from(header.mtime()?).unwrap_or_default();
        let mut said = Said {
            uid: number(header.uid()?)?,
            gid: number(header.gid()?)?,
            mode: Some(header.mode()?),
            modified,
        };
        let kind = header.entry_type();
        // Some writers mark a directory by its name alone.
        let directory = kind == EntryType::Directory
            || (kind == EntryType::Regular && entry.path_bytes().ends_with(b"/"));
        match kind {
            _ if directory => self.directory(name)?,
            EntryType::XGlobalHeader
            | EntryType::XHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink => {
                return Ok(());
            }
            // The second name of a file has all that the first has.
            EntryType::Link => return self.into.create_hard_link(name, &inside(&target(entry)?)?),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let file = self.into.create(name, 0o600)?;
                self.budget.copy(&mut *entry, &file)?;
            }
            EntryType::Symlink => {
                // Where it leads is for the container to find out: it is only ever followed in there.
                self.into.create_link(name, &target(entry)?)?;
                said.mode = None;
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                self.into.create_node(name, node(kind, &header)?)?;
            }
            other => {
                let kind = char::from(other.as_byte());
                return Err(io::Error::other(format!("it is of a kind we do not open ({kind:?})")));
            }
        }
        self.into.own_as(name, &said)?;
        for (attribute, value) in attributes {
            match self.into.set_attribute(name, &attribute, &value) {
                // The store's file system has none of that kind.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                done => done.map_err(|error| {
                    io::Error::new(error.kind(), format!("attribute {attribute}: {error}"))
                })?,
            }
        }
        match directory {
            true => self.dated.push((name.clone(), modified)),
            false => self.into.date(name, modified)?,
        }
        Ok(())
    }

    /// A directory; in place of a file of that name, if there is one.
    fn directory(&self, name: &Path) -> io::Result<()> {
        if name.as_os_str() == "." {
            return Ok(());
        }
        match self.into.create_dir(name) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                self.into.remove(name)?;
                self.into.create_dir(name).map(drop)
            }
            done => done.map(drop),
        }
    }

    fn take_away(&self, name: &Path, last: &[u8]) -> io::Result<()> {
        let above = name.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if last == OPAQUE_NAME {
            self.directory(above)?;
            return self.into.set_attribute(above, OPAQUE.0, OPAQUE.1);
        }
        let gone = &last[GONE.len()..];
        if gone.is_empty() || gone == b"." || gone == b".." || gone.starts_with(GONE) {
            return Err(io::Error::other("it takes nothing away that could be"));
        }
        self.into.create_node(&above.join(OsStr::from_bytes(gone)), WHITEOUT)
    }
}

/// A name without anything that leads out; `.` is the root itself.
fn inside(name: &Path) -> io::Result<PathBuf> {
    if name.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(io::Error::other(format!("the name {} leads out of the image", name.display())));
    }
    let plain: PathBuf = name.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    Ok(if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain })
}

fn target<R: Read>(entry: &Entry<'_, R>) -> io::Result<PathBuf> {
    let target = entry.link_name_bytes().filter(|target| !target.is_empty());
    let target = target.ok_or_else(|| io::Error::other("it is a link to nothing"))?;
    Ok(PathBuf::from(OsStr::from_bytes(&target).to_owned()))
}

fn node(kind: EntryType, header: &Header) -> io::Result<Node> {
    if kind == EntryType::Fifo {
        return Ok(Node::Pipe);
    }
    let number =
        |number: Option<u32>| number.ok_or_else(|| io::Error::other("it is a device without a number"));
    let (major, minor) = (number(header.device_major()?)?, number(header.device_minor()?)?);
    match kind {
        // It would hide what is below, which has a spelling of its own.
        EntryType::Char if (major, minor) == (0, 0) => Err(io::Error::other("it is the device 0:0")),
        EntryType::Char => Ok(Node::Char(major, minor)),
        _ => Ok(Node::Block(major, minor)),
    }
}

fn attributes<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let Some(records) = entry.pax_extensions()? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for record in records {
        let record = record?;
        let Some(name) = record.key().ok().and_then(|key| key.strip_prefix(ATTRIBUTES)) else { continue };
        if name.starts_with("trusted.overlay.") {
            return Err(io::Error::other(format!("it bears the attribute {name}, which is overlay's own")));
        }
        found.push((name.to_owned(), record.value_bytes().to_vec()));
    }
    Ok(found)
}

fn number(id: u64) -> io::Result<u32> {
    u32::try_from(id).map_err(|_| io::Error::other(format!("nobody has the number {id}")))
}
