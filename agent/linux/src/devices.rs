//! Which devices whoever is in a control group may use: as a list of v1's, or as a small program that v2 asks.

#![expect(unsafe_code, reason = "bpf has no safe wrapper")]

use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// One device, or many, and what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub kind: Kind,
    /// `None` is any.
    pub major: Option<u32>,
    pub minor: Option<u32>,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Block,
    Char,
}

/// What may be done with a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub read: bool,
    pub write: bool,
    pub mknod: bool,
}

impl Access {
    pub const ALL: Self = Self { read: true, write: true, mknod: true };
    pub const MKNOD: Self = Self { read: false, write: false, mknod: true };

    /// Source: linux/bpf.h, `BPF_DEVCG_ACC_…`.
    fn bits(self) -> i32 {
        i32::from(self.mknod) | i32::from(self.read) << 1 | i32::from(self.write) << 2
    }
}

/// As `devices.allow` of v1 takes it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == Kind::Block { 'b' } else { 'c' };
        let number = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
        write!(f, "{kind} {}:{} ", number(self.major), number(self.minor))?;
        let Access { read, write, mknod } = self.access;
        for (may, letter) in [(read, "r"), (write, "w"), (mknod, "m")] {
            f.write_str(if may { letter } else { "" })?;
        }
        Ok(())
    }
}

/// A program in the kernel that allows what is in a list and nothing else.
#[derive(Debug)]
pub struct Filter(OwnedFd);

impl Filter {
    /// Errors: the kernel has no such programs, or we may not load one.
    pub fn load(rules: &[Rule]) -> io::Result<Self> {
        let program = assemble(rules);
        let attributes = Load {
            program_type: PROG_TYPE_CGROUP_DEVICE,
            count: u32::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            instructions: program.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            ..Load::default()
        };
        let fd = bpf(PROG_LOAD, &attributes)?;
        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Asks it, beside what groups above ask, of all in the v2 group at `dir` and below; until the group is removed.
    pub fn attach(&self, dir: &Path) -> io::Result<()> {
        let group = File::open(dir)?;
        let attributes = Attach {
            target: group.as_raw_fd(),
            program: self.0.as_raw_fd(),
            kind: CGROUP_DEVICE,
            flags: ALLOW_MULTI,
        };
        bpf(PROG_ATTACH, &attributes).map(drop)
    }

    /// The same in place of those the group itself asked before: in between both are asked, so that nothing is ever allowed
    /// that neither allows.
    pub fn attach_alone(&self, dir: &Path) -> io::Result<()> {
        let group = File::open(dir)?;
        let before = attached(&group)?;
        self.attach(dir)?;
        for id in before {
            let fd = bpf(PROG_GET_FD, &GetFd { id, ..GetFd::default() })?;
            // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
            let program = unsafe { OwnedFd::from_raw_fd(fd) };
            let attributes = Attach {
                target: group.as_raw_fd(),
                program: program.as_raw_fd(),
                kind: CGROUP_DEVICE,
                flags: 0,
            };
            bpf(PROG_DETACH, &attributes)?;
        }
        Ok(())
    }
}

/// The numbers of the programs a group itself asks.
fn attached(group: &File) -> io::Result<Vec<u32>> {
    // More than anybody attaches to one group; beyond it the kernel says that there is no room.
    let mut ids = [0_u32; 64];
    let mut query = Query {
        target: group.as_raw_fd(),
        kind: CGROUP_DEVICE,
        ids: ids.as_mut_ptr() as u64,
        count: ids.len() as u32,
        ..Query::default()
    };
    let size = size_of::<Query>();
    // SAFETY: the kernel reads and writes `size` bytes of the query, and at most `count` numbers, during the call alone.
    let done = unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, std::ptr::from_mut(&mut query), size) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(ids[..query.count as usize].to_vec())
}

// Source: linux/bpf.h.
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const LICENSE: &CStr = c"Apache-2.0";

/// `bpf_attr` of `BPF_PROG_LOAD`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct Load {
    program_type: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel: u32,
    flags: u32,
}

/// `bpf_attr` of `BPF_PROG_ATTACH`, as far as it is used.
#[repr(C)]
struct Attach {
    target: i32,
    program: i32,
    kind: u32,
    flags: u32,
}

/// `bpf_attr` of `BPF_PROG_GET_FD_BY_ID`.
#[repr(C)]
#[derive(Default)]
struct GetFd {
    id: u32,
    next: u32,
    flags: u32,
}

/// `bpf_attr` of `BPF_PROG_QUERY`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct Query {
    target: i32,
    kind: u32,
    flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<i32> {
    let size = size_of::<T>();
    // SAFETY: the kernel reads `size` bytes of the attributes, and what they point to, during the call alone; both live on.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done as i32) }
}

/// One instruction of the kernel's machine: operation, registers (destination low, source high), jump, number.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    number: i32,
}

const LOAD_WORD: u8 = 0x61;
const AND: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const COPY: u8 = 0xbf;
const SET: u8 = 0xb7;
const JUMP_UNLESS: u8 = 0x55;
const EXIT: u8 = 0x95;

/// Registers: the answer, what is asked (as the kernel passes it), and what the question is taken apart into.
const ANSWER: u8 = 0;
const ASKED: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

/// The program: takes the question apart, then each rule in turn says yes or lets the next one answer; the last word is no.
///
/// Shape of the question: access in the upper half of a word, kind in the lower; major; minor.
/// Source: linux/bpf.h, `bpf_cgroup_dev_ctx`.
fn assemble(rules: &[Rule]) -> Vec<Instruction> {
    let on = |code, register, number| Instruction { code, registers: register, offset: 0, number };
    let between =
        |code, to: u8, from: u8, offset| Instruction { code, registers: to | from << 4, offset, number: 0 };
    let mut program = vec![
        between(LOAD_WORD, KIND, ASKED, 0),
        between(COPY, ACCESS, KIND, 0),
        on(SHIFT_RIGHT, ACCESS, 16),
        on(AND, KIND, 0xffff),
        between(LOAD_WORD, MAJOR, ASKED, 4),
        between(LOAD_WORD, MINOR, ASKED, 8),
    ];
    for rule in rules {
        let kind = if rule.kind == Kind::Block { 1 } else { 2 };
        let mut tests = vec![on(JUMP_UNLESS, KIND, kind)];
        if rule.access != Access::ALL {
            tests.push(between(COPY, SCRATCH, ACCESS, 0));
            tests.push(on(AND, SCRATCH, Access::ALL.bits() & !rule.access.bits()));
            tests.push(on(JUMP_UNLESS, SCRATCH, 0));
        }
        for (register, number) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
            // No device has a number that is negative when signed; such a rule matches none.
            tests.extend(number.map(|number| on(JUMP_UNLESS, register, number as i32)));
        }
        tests.extend([on(SET, ANSWER, 1), on(EXIT, 0, 0)]);
        let length = tests.len();
        for (place, test) in tests.iter_mut().enumerate().filter(|(_, test)| test.code == JUMP_UNLESS) {
            test.offset = (length - place - 1) as i16;
        }
        program.extend(tests);
    }
    program.extend([on(SET, ANSWER, 0), on(EXIT, 0, 0)]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel's machine would answer.
    fn answer(program: &[Instruction], kind: u64, access: u64, major: u64, minor: u64) -> u64 {
        let asked = [access << 16 | kind, major, minor];
        let (mut registers, mut at) = ([0_u64; 7], 0_usize);
        loop {
            let Instruction { code, registers: named, offset, number } = program[at];
            let (to, from) = (usize::from(named & 15), usize::from(named >> 4));
            at += 1;
            match code {
                LOAD_WORD => registers[to] = asked[offset as usize / 4],
                COPY => registers[to] = registers[from],
                SET => registers[to] = number as u64,
                AND => registers[to] &= number as u64,
                SHIFT_RIGHT => registers[to] >>= number,
                JUMP_UNLESS if registers[to] != number as u64 => at += offset as usize,
                JUMP_UNLESS => {}
                EXIT => return registers[0],
                other => panic!("no instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn a_filter_allows_what_a_rule_says_and_nothing_else() {
        let null = Rule { kind: Kind::Char, major: Some(1), minor: Some(3), access: Access::ALL };
        let terminals = Rule { kind: Kind::Char, major: Some(136), minor: None, access: Access::ALL };
        let make = Rule { kind: Kind::Block, major: None, minor: None, access: Access::MKNOD };
        let log = Rule { access: Access { read: true, ..Access::default() }, minor: Some(11), ..null };
        let program = assemble(&[null, terminals, make, log]);
        let (block, char) = (1, 2);
        let (mknod, read, write) = (1, 2, 4);
        for (kind, access, major, minor, expected) in [
            (char, read | write, 1, 3, 1),
            (char, read, 1, 4, 0),
            (block, read, 1, 3, 0),
            (char, write, 136, 77, 1),
            (block, mknod, 8, 1, 1),
            (block, mknod | read, 8, 1, 0),
            (char, mknod, 8, 1, 0),
            (char, read, 1, 11, 1),
            (char, read | write, 1, 11, 0),
        ] {
            let said = answer(&program, kind, access, major, minor);
            assert_eq!(said, expected, "kind {kind}, access {access}, {major}:{minor}");
        }
        assert_eq!(answer(&assemble(&[]), char, read, 1, 3), 0);
    }

    #[test]
    fn a_rule_is_spelled_as_v1_takes_it() {
        let rule = Rule { kind: Kind::Char, major: Some(136), minor: None, access: Access::ALL };
        assert_eq!(rule.to_string(), "c 136:* rwm");
        let none = Rule { kind: Kind::Block, major: None, access: Access::MKNOD, ..rule };
        assert_eq!(none.to_string(), "b *:* m");
    }
}
