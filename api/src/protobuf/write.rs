//! Fields, one by one, from the last to the first.
//!
//! A message's length stands before it and is known only behind it. Written backwards, each length is known when it is due, and
//! nothing that is written moves.

use prost::Message;
use prost::encoding::{WireType, encode_varint, encoded_len_varint};

/// Unit: bytes. Most messages fit into so many.
const ROOM: usize = 4096;

/// What is written, at the end of a room that is used again.
#[derive(Debug, Default)]
pub(crate) struct Backwards {
    room: Vec<u8>,
    /// Where what is written begins.
    at: usize,
}

impl Backwards {
    pub(crate) fn written(&self) -> &[u8] {
        &self.room[self.at..]
    }

    pub(crate) fn clear(&mut self) {
        self.at = self.room.len();
    }

    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.varint(value);
        self.key(field, WireType::Varint);
    }

    /// An enum's number, or a signed one: below zero it takes all of its bytes.
    pub(super) fn signed(&mut self, field: u32, value: i32) {
        self.number(field, i64::from(value) as u64);
    }

    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.put(&value.to_le_bytes());
        self.key(field, WireType::SixtyFourBit);
    }

    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.put(value);
        self.begin(field, value.len());
    }

    pub(super) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message with one text in it, as every id is.
    pub(super) fn id(&mut self, field: u32, value: &str) {
        self.message(field, |out| out.text(1, value));
    }

    /// A message whose fields a closure writes, the last first.
    pub(super) fn message(&mut self, field: u32, fields: impl FnOnce(&mut Backwards)) {
        let behind = self.written().len();
        fields(self);
        self.begin(field, self.written().len() - behind);
    }

    /// A message that is made first.
    pub(super) fn made<M: Message>(&mut self, field: u32, value: Option<M>) {
        if let Some(value) = value {
            self.message(field, |out| out.fields(&value));
        }
    }

    /// The fields of a message that is made first.
    pub(crate) fn fields(&mut self, value: &impl Message) {
        value.encode_raw(&mut self.place(value.encoded_len()));
    }

    /// A message in messages, by their numbers, outermost first.
    pub(crate) fn wrapped(&mut self, path: &[u32], fields: impl FnOnce(&mut Backwards)) {
        match path {
            [] => fields(self),
            [outermost, inner @ ..] => {
                let behind = self.written().len();
                self.wrapped(inner, fields);
                self.begin(*outermost, self.written().len() - behind);
            }
        }
    }

    /// What stands before so many bytes of a text or of a message.
    fn begin(&mut self, field: u32, length: usize) {
        self.varint(length as u64);
        self.key(field, WireType::LengthDelimited);
    }

    fn key(&mut self, field: u32, wire: WireType) {
        self.varint(u64::from(field << 3 | wire as u32));
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(short @ ..0x80) => self.place(1)[0] = short,
            _ => encode_varint(value, &mut self.place(encoded_len_varint(value))),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.place(bytes.len()).copy_from_slice(bytes);
    }

    /// The place of so many bytes before what is written.
    #[inline]
    fn place(&mut self, size: usize) -> &mut [u8] {
        if self.at < size {
            self.grow(size);
        }
        self.at -= size;
        &mut self.room[self.at..][..size]
    }

    #[cold]
    fn grow(&mut self, size: usize) {
        let written = self.written();
        let mut room = vec![0; (2 * (written.len() + size)).max(ROOM)];
        let at = room.len() - written.len();
        room[at..].copy_from_slice(written);
        *self = Backwards { room, at };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;
    use crate::v1::master::Response;
    use crate::v1::master::response::{GetState, GetTasks};

    #[test]
    fn a_message_in_messages_has_the_bytes_of_the_whole() {
        let mut out = Backwards::default();
        // Around where a length takes one byte more, and where the room grows.
        for length in (90..150).chain(16_340..16_400).chain([0, 3_000_000]) {
            let task = v1::Task { name: "x".repeat(length), ..v1::Task::default() };
            let get_tasks = GetTasks { tasks: vec![task.clone()], ..GetTasks::default() };
            let get_state = GetState { get_tasks: Some(get_tasks), ..GetState::default() };
            let whole = Response { get_state: Some(get_state), ..Response::default() };
            out.clear();
            out.wrapped(&[9, 1, 2], |out| out.fields(&task));
            assert!(out.written() == whole.encode_to_vec(), "{length}");
        }
    }

    #[test]
    fn what_is_written_stays_where_the_room_grows() {
        let mut out = Backwards::default();
        let ids: Vec<_> = (0..2000).map(|number| number.to_string()).collect();
        ids.iter().rev().for_each(|id| out.text(2, id));
        let mut whole = Vec::new();
        prost::encoding::string::encode_repeated(2, &ids, &mut whole);
        assert_eq!(out.written(), whole);
    }
}
