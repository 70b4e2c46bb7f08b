//! A file of a sandbox that grows while it is read, and is rotated: `stdout` becomes `stdout.1`, that `stdout.2`.
//!
//! No name says which of them was being read. So the last bytes that were read say it: they stand where they stood.

use super::Sandbox;
use crate::output;

/// By how many bytes a file is known again.
const TAIL: usize = 64;
/// What agents rotate. Of any other file, `data.1` beside `data` is another one.
const ROTATED: [&str; 2] = ["stdout", "stderr"];
/// The most files that are looked for behind one name.
const ROTATED_MAX: usize = 10_000;
/// Beyond the end of every file: only whether it is there is asked. Unit: bytes.
const BEYOND: u64 = 1 << 62;

/// How far a file and what it was rotated into have been read.
pub(crate) struct Growing {
    name: String,
    /// Within the file that is being read. Unit: bytes.
    offset: u64,
    /// What stands before `offset`; empty as long as nothing was read.
    tail: Vec<u8>,
}

/// What a look brings.
#[derive(Debug, PartialEq, Eq)]
enum More {
    /// There is no such file.
    Nowhere,
    Nothing,
    Bytes(Vec<u8>),
    /// What was being read is gone: it is begun again with the oldest that is left.
    Lost,
}

impl Growing {
    pub(crate) fn new(name: impl Into<String>) -> Growing {
        Growing { name: name.into(), offset: 0, tail: Vec::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Hands all that is new to `take`, from the oldest file on; whether there is such a file.
    ///
    /// What was rotated away before it could be read is told on stderr.
    pub(crate) async fn copy(
        &mut self,
        sandbox: &Sandbox,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        let read = async |name: String, offset: u64| sandbox.read(&name, offset).await;
        loop {
            match self.more(&read).await? {
                More::Nowhere => return Ok(false),
                More::Nothing => return Ok(true),
                More::Bytes(bytes) => take(&bytes)?,
                More::Lost => output::progress(format_args!(
                    "some of {} was rotated away before it was read",
                    self.name
                )),
            }
        }
    }

    async fn more(
        &mut self,
        read: &impl AsyncFn(String, u64) -> anyhow::Result<Option<Vec<u8>>>,
    ) -> anyhow::Result<More> {
        if self.tail.is_empty() {
            return self.begin(read).await;
        }
        let from = self.offset - self.tail.len() as u64;
        let (mut number, mut found) = (0, false);
        while number <= self.oldest_max() {
            let data = read(self.file(number), from).await?;
            // The newest is away for a moment while it is rotated.
            if data.is_none() && number > 0 {
                break;
            }
            found |= data.is_some();
            let Some(new) = data.as_ref().and_then(|data| data.strip_prefix(&*self.tail)) else {
                number += 1;
                continue;
            };
            if !new.is_empty() {
                let new = new.to_vec();
                return Ok(self.took(self.offset, new));
            }
            if number == 0 {
                return Ok(More::Nothing);
            }
            // It is at its end: on with the next, unless they were rotated between these two looks.
            let next = read(self.file(number - 1), 0).await?.unwrap_or_default();
            if read(self.file(number), from).await?.is_some_and(|again| again == self.tail) {
                return Ok(if next.is_empty() { More::Nothing } else { self.took(0, next) });
            }
            number = 0;
        }
        if !found {
            return Ok(More::Nowhere);
        }
        (self.offset, self.tail) = (0, Vec::new());
        Ok(More::Lost)
    }

    /// Begins with the oldest.
    async fn begin(
        &mut self,
        read: &impl AsyncFn(String, u64) -> anyhow::Result<Option<Vec<u8>>>,
    ) -> anyhow::Result<More> {
        let mut oldest = 0;
        while oldest < self.oldest_max() && read(self.file(oldest + 1), BEYOND).await?.is_some() {
            oldest += 1;
        }
        for number in (0..=oldest).rev() {
            match read(self.file(number), 0).await? {
                None if number == 0 => return Ok(More::Nowhere),
                Some(data) if !data.is_empty() => return Ok(self.took(0, data)),
                _ => {}
            }
        }
        Ok(More::Nothing)
    }

    /// Bytes were read at `offset`.
    fn took(&mut self, offset: u64, bytes: Vec<u8>) -> More {
        if offset == 0 {
            self.tail.clear();
        }
        self.offset = offset + bytes.len() as u64;
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        More::Bytes(bytes)
    }

    /// The highest number that a file of this name may have behind it.
    fn oldest_max(&self) -> usize {
        if ROTATED.contains(&&*self.name) { ROTATED_MAX } else { 0 }
    }

    fn file(&self, number: usize) -> String {
        match number {
            0 => self.name.clone(),
            number => format!("{}.{number}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use futures_util::FutureExt;

    use super::*;

    /// A sandbox in which a task writes, and which gives out no more than so many bytes at once.
    #[derive(Default)]
    struct Box(RefCell<BTreeMap<String, Vec<u8>>>);

    impl Box {
        const CHUNK: usize = 100;

        fn write(&self, text: &str) {
            self.0.borrow_mut().entry("stdout".to_owned()).or_default().extend_from_slice(text.as_bytes());
        }

        fn rotate(&self, most: usize) {
            let mut files = self.0.borrow_mut();
            for number in (1..most).rev() {
                if let Some(file) = files.remove(&format!("stdout.{number}")) {
                    files.insert(format!("stdout.{}", number + 1), file);
                }
            }
            let newest = files.remove("stdout").unwrap_or_default();
            files.insert("stdout.1".to_owned(), newest);
        }

        fn read(&self, growing: &mut Growing) -> (String, usize) {
            let read = async |name: String, offset: u64| {
                let files = self.0.borrow();
                let from = usize::try_from(offset).unwrap();
                Ok(files
                    .get(&name)
                    .map(|file| file.iter().skip(from).take(Box::CHUNK).copied().collect::<Vec<u8>>()))
            };
            let (mut text, mut lost) = (Vec::new(), 0);
            loop {
                match growing.more(&read).now_or_never().expect("nothing waits").unwrap() {
                    More::Bytes(bytes) => text.extend(bytes),
                    More::Lost => lost += 1,
                    More::Nothing | More::Nowhere => break,
                }
            }
            (String::from_utf8(text).unwrap(), lost)
        }
    }

    fn lines(numbers: std::ops::Range<u32>) -> String {
        numbers.map(|number| format!("line {number}\n")).collect()
    }

    #[test]
    fn all_that_is_written_is_read_once_however_often_the_file_is_rotated() {
        let (sandbox, mut growing, mut all) = (Box::default(), Growing::new("stdout"), String::new());
        for round in 0..50 {
            sandbox.write(&lines(round * 20..round * 20 + 13));
            if round % 3 > 0 {
                sandbox.rotate(9);
            }
            sandbox.write(&lines(round * 20 + 13..round * 20 + 20));
            if round % 2 > 0 {
                let (text, lost) = sandbox.read(&mut growing);
                assert_eq!(lost, 0, "round {round}");
                all += &text;
            }
        }
        assert_eq!(all, lines(0..1_000));
    }

    #[test]
    fn who_comes_late_begins_with_the_oldest_that_is_left() {
        let sandbox = Box::default();
        let mut growing = Growing::new("stdout");
        assert_eq!(sandbox.read(&mut growing), (String::new(), 0));
        for round in 0..5 {
            sandbox.write(&lines(round * 10..round * 10 + 10));
            sandbox.rotate(3);
        }
        assert_eq!(sandbox.read(&mut growing), (lines(20..50), 0));
    }

    #[test]
    fn a_file_that_is_not_rotated_has_nothing_to_do_with_its_neighbours() {
        let sandbox = Box::default();
        let put = |name: &str, text: &str| {
            sandbox.0.borrow_mut().insert(name.to_owned(), text.as_bytes().to_vec());
        };
        put("data", "one");
        put("data.1", "other");
        let mut growing = Growing::new("data");
        assert_eq!(sandbox.read(&mut growing), ("one".to_owned(), 0));
        put("data", "one and two");
        assert_eq!(sandbox.read(&mut growing), (" and two".to_owned(), 0));
    }

    #[test]
    fn what_was_rotated_away_is_told() {
        let (sandbox, mut growing) = (Box::default(), Growing::new("stdout"));
        sandbox.write(&lines(0..10));
        assert_eq!(sandbox.read(&mut growing).0, lines(0..10));
        for round in 1..6 {
            sandbox.write(&lines(round * 10..round * 10 + 10));
            sandbox.rotate(3);
        }
        assert_eq!(sandbox.read(&mut growing), (lines(30..60), 1));
    }
}
