//! Messages that go the same way and lie one behind the other: they are found by their first bytes,
//! and delivered together.

use super::frame::{FRAME_MAX, Frame, Kind};

/// The most messages that are delivered together.
pub(super) const RUN_MAX: usize = 128;

/// The bodies at the front of what came, as far as their frames differ in nothing else.
pub(super) struct Run<'a> {
    bodies: [&'a [u8]; RUN_MAX],
    count: usize,
    /// How much their frames take. Unit: bytes.
    pub(super) length: usize,
    /// Type, receiver and sender of all.
    pub(super) numbers: [u64; 3],
}

impl<'a> Run<'a> {
    /// Of told messages without flags, two at least and `most` at most; nothing else is a run.
    pub(super) fn first(unread: &'a [u8], most: usize) -> Option<Run<'a>> {
        let (mut frame, length) = Frame::first(unread).ok()??;
        if frame.kind != Kind::Tell || frame.flags != 0 {
            return None;
        }
        let numbers = [frame.number().ok()?, frame.number().ok()?, frame.number().ok()?];
        let head = unread.get(4..length - frame.rest.len())?;
        let mut run = Run { bodies: [&[]; RUN_MAX], count: 1, length, numbers };
        run.bodies[0] = frame.rest;
        while run.count < most.min(RUN_MAX) {
            let Some((body, length)) = next(&unread[run.length..], head) else { break };
            run.bodies[run.count] = body;
            run.count += 1;
            run.length += length;
        }
        (run.count > 1).then_some(run)
    }

    pub(super) fn bodies(&self) -> &[&'a [u8]] {
        &self.bodies[..self.count]
    }
}

/// The body of a whole frame that begins with this head, and the frame's length.
#[inline]
fn next<'a>(unread: &'a [u8], head: &[u8]) -> Option<(&'a [u8], usize)> {
    let length = u32::from_le_bytes(*unread.first_chunk()?) as usize;
    if length > FRAME_MAX {
        return None;
    }
    let body = unread.get(4..4 + length)?.strip_prefix(head)?;
    Some((body, 4 + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame;
    use super::*;

    fn told(buffer: &mut Vec<u8>, numbers: &[u64], body: &[u8]) {
        frame::write(buffer, Kind::Tell, numbers, |buffer| buffer.extend_from_slice(body)).unwrap();
    }

    #[test]
    fn what_goes_the_same_way_is_one_run() {
        let mut bytes = Vec::new();
        told(&mut bytes, &[1, 300, 3], b"a");
        told(&mut bytes, &[1, 300, 3], b"");
        let two = bytes.len();
        told(&mut bytes, &[1, 300, 4], b"c");
        told(&mut bytes, &[1, 300, 3], b"d");
        let run = Run::first(&bytes, RUN_MAX).unwrap();
        assert_eq!((run.bodies(), run.length, run.numbers), (&[&b"a"[..], b""][..], two, [1, 300, 3]));
        assert!(Run::first(&bytes[two..], RUN_MAX).is_none(), "one alone is none");
        assert!(Run::first(&bytes, 1).is_none());
        assert!(Run::first(&bytes[..two - 1], RUN_MAX).is_none(), "what is not whole is no part of it");
    }

    #[test]
    fn only_plain_messages_run() {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, Kind::Ping, &[], |_| {}).unwrap();
        frame::write(&mut bytes, Kind::Ping, &[], |_| {}).unwrap();
        assert!(Run::first(&bytes, RUN_MAX).is_none());
        bytes.clear();
        for _ in 0..2 {
            frame::write_flagged(&mut bytes, Kind::Tell, (frame::OLDER, None), &[1, 2, 3], |_| {}).unwrap();
        }
        assert!(Run::first(&bytes, RUN_MAX).is_none());
    }

    proptest! {
        #[test]
        fn a_run_is_what_its_frames_say_one_by_one(
            sent in proptest::collection::vec((0u64..3, proptest::collection::vec(any::<u8>(), 0..9)), 0..300),
            cut in 0usize..40,
            most in 1usize..200,
        ) {
            let mut bytes = Vec::new();
            sent.iter().for_each(|(from, body)| told(&mut bytes, &[7, 200, *from], body));
            let mut unread = &bytes[..bytes.len().saturating_sub(cut)];
            let (mut at, mut last) = (0, None);
            loop {
                let run = Run::first(unread, most);
                let Some((mut frame, mut length)) = Frame::first(unread).unwrap() else { break };
                let count = match &run {
                    Some(run) => {
                        length = run.length;
                        prop_assert!(run.bodies().len() <= most.min(RUN_MAX));
                        for (body, (from, expected)) in run.bodies().iter().zip(&sent[at..]) {
                            prop_assert_eq!((*body, run.numbers), (&expected[..], [7, 200, *from]));
                        }
                        run.bodies().len()
                    }
                    None => {
                        prop_assert_eq!([frame.number(), frame.number()], [Ok(7), Ok(200)]);
                        prop_assert_eq!(frame.number(), Ok(sent[at].0));
                        1
                    }
                };
                at += count;
                unread = &unread[length..];
                last = Some(sent[at - 1].0);
            }
            prop_assert_eq!(last.is_some(), at > 0);
        }

        #[test]
        fn no_bytes_are_too_strange_for_a_run(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(run) = Run::first(&bytes, RUN_MAX) {
                prop_assert!(run.length <= bytes.len());
            }
        }
    }
}
