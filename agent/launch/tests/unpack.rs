//! Hostile archives and honest ones: whatever an entry says, nothing outside the sandbox changes, and the reason names it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use agent_linux::beneath::Directory;
use agent_linux::packet::wait_readable;
use agent_linux::program::Program;
use tar::{Builder, EntryType, Header};

/// A sandbox, and beside it what must not be touched.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sandbox")).unwrap();
        fs::write(root.path().join("victim"), "whole").unwrap();
        Self { root }
    }

    fn sandbox(&self) -> PathBuf {
        self.root.path().join("sandbox")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.sandbox().join(name), bytes).unwrap();
    }

    fn unpack(&self, format: &str, name: &str) -> Result<(), String> {
        self.help(&["unpack", format, name, "1000,1000", "100000000", "-"])
    }

    /// Runs the helper as the agent does; what it says, if it fails.
    fn help(&self, words: &[&str]) -> Result<(), String> {
        let bytes = fs::read(env!("CARGO_BIN_EXE_hectare-launch")).unwrap();
        let program = Program::seal(c"hectare-launch", &bytes, self.root.path()).unwrap();
        let words: Vec<_> = ["hectare-launch"]
            .iter()
            .chain(words)
            .map(|word| std::ffi::CString::new(*word).unwrap())
            .collect();
        let words: Vec<_> = words.iter().map(|word| word.as_c_str()).collect();
        let sandbox = Directory::open(&self.sandbox()).unwrap();
        let (mut read, write) = io::pipe().unwrap();
        let started = program.start(&words, &[sandbox.as_fd()], Some(write.as_fd()), true).unwrap();
        drop(write);
        let mut said = String::new();
        read.read_to_string(&mut said).unwrap();
        wait_readable(&[started.pidfd.as_fd()], None).unwrap();
        let status = started.pidfd.reap().unwrap().unwrap();
        if status == 0 { Ok(()) } else { Err(said) }
    }

    /// Nothing but the sandbox and the victim, which is whole.
    fn check(&self) {
        let mut names: Vec<_> = fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["sandbox", "victim"]);
        assert_eq!(fs::read_to_string(self.root.path().join("victim")).unwrap(), "whole");
    }
}

/// One entry, with names no honest writer would let through.
fn entry(kind: EntryType, name: &str, target: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    let raw = header.as_old_mut();
    raw.name[..name.len()].copy_from_slice(name.as_bytes());
    raw.linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

/// Opens one tar of these entries, which must fail, and names what it said.
fn refused(entries: &[Vec<u8>]) -> String {
    let place = Place::new();
    place.put("evil.tar", &archive(entries));
    let said = place.unpack("tar", "evil.tar").unwrap_err();
    place.check();
    said
}

#[test]
fn a_name_that_leads_out_is_refused() {
    let evil = |name| refused(&[entry(EntryType::Regular, name, "", 0o644, b"evil")]);
    assert_eq!(evil("../victim"), "entry '../victim': its name leads out\n");
    assert_eq!(evil("a/../../victim"), "entry 'a/../../victim': its name leads out\n");
    assert!(evil("/tmp/hectare-evil").contains("entry '/tmp/hectare-evil': its name leads out"));
    assert!(!Path::new("/tmp/hectare-evil").exists());
}

#[test]
fn a_link_that_leads_out_is_made_as_it_is() {
    let place = Place::new();
    let link = |name, target| entry(EntryType::Symlink, name, target, 0o777, b"");
    place.put("venv.tar", &archive(&[link("bin/python", "/usr/bin/python3"), link("up", "../..")]));
    place.unpack("tar", "venv.tar").unwrap();
    let target = |name: &str| fs::read_link(place.sandbox().join(name)).unwrap();
    assert_eq!(target("bin/python"), Path::new("/usr/bin/python3"));
    assert_eq!(target("up"), Path::new("../.."));
    place.check();
}

#[test]
fn nothing_is_written_through_a_link_of_the_same_archive() {
    let place = Place::new();
    let outside = place.root.path().to_str().unwrap().to_owned();
    let victim = format!("{outside}/victim");
    let link = |target: &str| entry(EntryType::Symlink, "l", target, 0o777, b"");
    for target in ["..", &*outside] {
        for through in [
            entry(EntryType::Regular, "l/victim", "", 0o644, b"evil"),
            entry(EntryType::Regular, "l/new", "", 0o644, b"evil"),
            entry(EntryType::Directory, "l/new", "", 0o755, b""),
            entry(EntryType::Symlink, "l/victim", "/etc/passwd", 0o777, b""),
            entry(EntryType::Link, "l/new", "evil.tar", 0o644, b""),
            entry(EntryType::Link, "h", "l/victim", 0o644, b""),
        ] {
            place.put("evil.tar", &archive(&[link(target), through]));
            place.unpack("tar", "evil.tar").unwrap_err();
            place.check();
        }
    }
    // What bears the link's own name takes its place; what it led to stays as it is, and so do its rights.
    place.put("evil.tar", &archive(&[link(&victim), entry(EntryType::Regular, "l", "", 0o600, b"mine")]));
    place.unpack("tar", "evil.tar").unwrap();
    assert_eq!(fs::read_to_string(place.sandbox().join("l")).unwrap(), "mine");
    // A second name of the link is the link's, not that of what it leads to.
    let twice = [
        link(&victim),
        entry(EntryType::Link, "h", "l", 0o644, b""),
        entry(EntryType::Regular, "h", "", 0o644, b"mine"),
    ];
    place.put("evil.tar", &archive(&twice));
    place.unpack("tar", "evil.tar").unwrap();
    place.check();
    // A directory that is a link is none.
    place.put("evil.tar", &archive(&[link(&outside), entry(EntryType::Directory, "l", "", 0o700, b"")]));
    place.unpack("tar", "evil.tar").unwrap_err();
    place.check();
}

#[test]
fn a_file_that_is_there_twice_is_opened_as_once() {
    let place = Place::new();
    let file = entry(EntryType::Regular, "f", "", 0o644, b"whole");
    place.put("twice.tar", &archive(&[file, entry(EntryType::Link, "f", "f", 0o644, b"")]));
    place.unpack("tar", "twice.tar").unwrap();
    assert_eq!(fs::read_to_string(place.sandbox().join("f")).unwrap(), "whole");
}

#[test]
fn nothing_is_written_through_a_link() {
    // The link is honest, what it leads to is swapped by a second one in an archive that was there before.
    let place = Place::new();
    symlink(place.root.path(), place.sandbox().join("d")).unwrap();
    symlink(place.root.path().join("victim"), place.sandbox().join("f")).unwrap();
    place.put(
        "evil.tar",
        &archive(&[
            entry(EntryType::Regular, "f", "", 0o644, b"mine"),
            entry(EntryType::Regular, "d/victim", "", 0o644, b"evil"),
        ]),
    );
    assert!(place.unpack("tar", "evil.tar").unwrap_err().starts_with("entry 'd/victim': "));
    assert_eq!(fs::read_to_string(place.sandbox().join("f")).unwrap(), "mine");
    place.check();
}

#[test]
fn a_hard_link_reaches_only_what_lies_inside() {
    assert!(refused(&[entry(EntryType::Link, "h", "../victim", 0o644, b"")]).contains("leads out"));
    assert!(refused(&[entry(EntryType::Link, "h", "/etc/passwd", 0o644, b"")]).contains("leads out"));

    let place = Place::new();
    symlink(place.root.path(), place.sandbox().join("d")).unwrap();
    place.put("evil.tar", &archive(&[entry(EntryType::Link, "h", "d/victim", 0o644, b"")]));
    assert!(place.unpack("tar", "evil.tar").unwrap_err().starts_with("entry 'h': "));
    place.check();
}

#[test]
fn devices_and_pipes_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        assert_eq!(refused(&[entry(kind, "dev", "", 0o666, b"")]), "entry 'dev': it is a device or a pipe\n");
    }
}

#[test]
fn no_entry_gains_a_set_user_bit() {
    let place = Place::new();
    place.put("a.tar", &archive(&[entry(EntryType::Regular, "suid", "", 0o6755, b"x")]));
    place.unpack("tar", "a.tar").unwrap();
    assert_eq!(fs::metadata(place.sandbox().join("suid")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn an_archive_becomes_no_larger_than_it_may() {
    let place = Place::new();
    // 200 MB of zeros in a few hundred kilobytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_mode(0o644);
    header.set_size(200_000_000);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    for _ in 0..200 {
        bomb.write_all(&vec![0; 1_000_000]).unwrap();
    }
    place.put("bomb.tgz", &bomb.finish().unwrap());
    assert_eq!(
        place.unpack("tgz", "bomb.tgz").unwrap_err(),
        "entry 'zeros': it becomes larger than is allowed\n"
    );
    assert!(fs::metadata(place.sandbox().join("zeros")).unwrap().len() <= 100_000_000);
}

#[test]
fn a_name_that_claims_to_be_gigabytes_long_costs_nothing() {
    let place = Place::new();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(2_000_000_000);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    for _ in 0..1000 {
        bomb.write_all(&vec![b'a'; 1_000_000]).unwrap();
    }
    place.put("bomb.tgz", &bomb.finish().unwrap());
    assert!(place.unpack("tgz", "bomb.tgz").is_err());
    place.check();
}

#[test]
fn an_archive_holds_no_more_entries_than_it_may() {
    let place = Place::new();
    let many: Vec<Vec<u8>> =
        (0..1001).map(|n| entry(EntryType::Directory, &format!("d{n}"), "", 0o755, b"")).collect();
    place.put("many.tar", &archive(&many));
    assert_eq!(
        place.unpack("tar", "many.tar").unwrap_err(),
        "entry 'd1000': it holds more entries than are allowed\n"
    );
}

#[test]
fn a_path_longer_than_any_is_an_error_of_its_entry() {
    let place = Place::new();
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    let long = vec!["d".repeat(200); 25].join("/");
    builder.append_data(&mut header, &long, io::empty()).unwrap();
    place.put("deep.tar", &builder.into_inner().unwrap());
    // Each part is opened for itself, so even this is a path; what matters is that it lies inside.
    let _ = place.unpack("tar", "deep.tar");
    place.check();
}

#[test]
fn no_bytes_crash_the_helper() {
    let place = Place::new();
    let good = archive(&[entry(EntryType::Regular, "file", "", 0o644, &[7; 2000])]);
    for format in ["tar", "tgz", "tbz2", "txz", "zip", "gz"] {
        for junk in
            [&b""[..], b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", &good[..700], &[0xff; 4096]]
        {
            place.put("junk", junk);
            // Failing is fine, being killed by a signal would leave no line.
            if let Err(said) = place.unpack(format, "junk") {
                assert!(said.ends_with('\n'), "{format}: {said:?}");
            }
        }
    }
    place.check();
}

#[test]
fn honest_archives_of_every_format_are_opened() {
    let source = tempfile::tempdir().unwrap();
    fs::create_dir_all(source.path().join("app/bin")).unwrap();
    fs::write(source.path().join("app/bin/run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(source.path().join("app/bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("bin/run", source.path().join("app/link")).unwrap();
    let mut builder = Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all(".", source.path()).unwrap();
    let tar = builder.into_inner().unwrap();
    let tgz = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let tbz2 = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let txz = {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    let zip = {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        let mode = |mode| zip::write::SimpleFileOptions::default().unix_permissions(mode);
        writer.add_directory("app/bin/", mode(0o755)).unwrap();
        writer.start_file("app/bin/run", mode(0o755)).unwrap();
        writer.write_all(b"#!/bin/sh\n").unwrap();
        writer.add_symlink("app/link", "bin/run", mode(0o777)).unwrap();
        writer.finish().unwrap().into_inner()
    };
    for (format, bytes) in [("tar", &tar), ("tgz", &tgz), ("tbz2", &tbz2), ("txz", &txz), ("zip", &zip)] {
        let place = Place::new();
        place.put("archive", bytes);
        place.unpack(format, "archive").unwrap_or_else(|error| panic!("{format}: {error}"));
        let run = place.sandbox().join("app/bin/run");
        assert_eq!(fs::read_to_string(place.sandbox().join("app/link")).unwrap(), "#!/bin/sh\n", "{format}");
        assert_eq!(fs::metadata(run).unwrap().mode() & 0o777, 0o755, "{format}");
        // Twice is as good as once.
        place.unpack(format, "archive").unwrap_or_else(|error| panic!("{format} again: {error}"));
    }
}

#[test]
fn a_zip_that_leads_out_is_refused() {
    let zip_of = |name: &str| {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        let harmless = "x".repeat(name.len());
        writer.start_file(&harmless, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(b"evil").unwrap();
        let mut bytes = writer.finish().unwrap().into_inner();
        while let Some(at) = bytes.windows(name.len()).position(|window| window == harmless.as_bytes()) {
            bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
        bytes
    };
    for name in ["../victim", "/tmp/hectare-evil-zip", "a/../../victim"] {
        let place = Place::new();
        place.put("evil.zip", &zip_of(name));
        let said = place.unpack("zip", "evil.zip").unwrap_err();
        assert!(said.contains(&format!("entry '{name}': its name leads out")), "{said}");
        place.check();
    }
}

#[test]
fn one_compressed_file_becomes_one_file() {
    let place = Place::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"data").unwrap();
    place.put("data.txt.gz", &encoder.finish().unwrap());
    place.unpack("gz", "data.txt.gz").unwrap();
    assert_eq!(fs::read_to_string(place.sandbox().join("data.txt")).unwrap(), "data");
}

#[test]
fn a_copy_is_of_a_regular_file_and_no_larger_than_it_may() {
    let place = Place::new();
    let from = place.root.path().join("victim");
    let from = from.to_str().unwrap();
    place.help(&["copy", from, "dir/copy", "executable", "100", "-"]).unwrap();
    let copy = place.sandbox().join("dir/copy");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "whole");
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o755);
    let copy = |from: &str, bytes: &str| place.help(&["copy", from, "x", "plain", bytes, "-"]).unwrap_err();
    assert_eq!(copy(from, "4"), "it becomes larger than is allowed\n");
    assert_eq!(copy("/tmp", "4"), "it is a directory\n");
    assert_eq!(copy("/dev/zero", "4"), "it is not a regular file\n");
    place.check();
}
