//! The archive a kernel unpacks as its first file system.

use std::fmt::Write as _;

/// An archive that grows.
///
/// Shape: header, name and a zero, content; each padded to four bytes. Numbers are eight hexadecimal digits.
/// Source: cpio(5), "new ASCII format".
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;

impl Archive {
    pub(crate) fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, b"");
    }

    /// A file everybody may run.
    pub(crate) fn program(&mut self, name: &str, content: &[u8]) {
        self.entry(name, PROGRAM, content);
    }

    pub(crate) fn link(&mut self, name: &str, target: &str) {
        self.entry(name, LINK, target.as_bytes());
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, b"");
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("no file of ours is that large");
        let length = u32::try_from(name.len() + 1).expect("no name is that long");
        // Inode, mode, user, group, links, time, size, four halves of device numbers, length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
        let header = fields.iter().fold("070701".to_owned(), |mut header, field| {
            let _ = write!(header, "{field:08x}");
            header
        });
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[test]
fn an_archive_is_what_a_kernel_reads() {
    let mut archive = Archive::default();
    archive.program("init", b"#!");
    let bytes = archive.finish();
    let header = "070701000000010000\
                  81ed000000000000000000000001000000000000000200000000000000000000000000000000\
                  0000000500000000";
    assert_eq!(std::str::from_utf8(&bytes[..110]).unwrap(), header);
    assert_eq!(&bytes[110..120], b"init\0\0#!\0\0");
    assert_eq!(bytes.len() % 4, 0);
}
