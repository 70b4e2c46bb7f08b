//! The answer to GET_STATE in parts, for who writes it while it is read.
//!
//! In JSON the parts follow each other in the order of [`List`], which is that of the message. In protobuf each is a whole
//! answer with one item in it: parsers merge what comes twice, so that all of them together are the message.
//!
//! Source: Protocol Buffers encoding, "Last One Wins".

use model::Task;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::content::MediaType;
use crate::json::{self, Message};
use crate::v1;
use crate::v1::master::Response;
use crate::v1::master::response::{GetAgents, GetExecutors, GetFrameworks, GetState, GetTasks, Type};

/// A list in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Tasks,
    UnreachableTasks,
    CompletedTasks,
    Executors,
    Frameworks,
    CompletedFrameworks,
    Agents,
    RecoveredAgents,
}

/// Writes one answer.
#[derive(Debug)]
pub struct StateWriter {
    is_json: bool,
    list: Option<List>,
    /// Whether the list has an item.
    opened: bool,
}

/// The number of `get_state` in an answer.
const GET_STATE: u32 = 9;

impl List {
    /// Names and numbers: of the group, of the list in it.
    const fn place(self) -> (&'static str, u32, &'static str, u32) {
        match self {
            List::Tasks => ("get_tasks", 1, "tasks", 2),
            List::UnreachableTasks => ("get_tasks", 1, "unreachable_tasks", 5),
            List::CompletedTasks => ("get_tasks", 1, "completed_tasks", 3),
            List::Executors => ("get_executors", 2, "executors", 1),
            List::Frameworks => ("get_frameworks", 3, "frameworks", 1),
            List::CompletedFrameworks => ("get_frameworks", 3, "completed_frameworks", 2),
            List::Agents => ("get_agents", 4, "agents", 1),
            List::RecoveredAgents => ("get_agents", 4, "recovered_agents", 2),
        }
    }
}

impl StateWriter {
    /// Begins an answer.
    pub fn begin(media: MediaType, out: &mut Vec<u8>) -> StateWriter {
        let is_json = media == MediaType::Json;
        match is_json {
            true => out.extend_from_slice(br#"{"type":"GET_STATE","get_state":{"#),
            false => {
                let get_state = GetState {
                    get_tasks: Some(GetTasks::default()),
                    get_executors: Some(GetExecutors::default()),
                    get_frameworks: Some(GetFrameworks::default()),
                    get_agents: Some(GetAgents::default()),
                };
                let empty = Response {
                    r#type: Some(Type::GetState as i32),
                    get_state: Some(get_state),
                    ..Response::default()
                };
                out.extend(prost::Message::encode_to_vec(&empty));
            }
        }
        StateWriter { is_json, list: None, opened: false }
    }

    /// Items of this list follow. Every list is named, in order; JSON has those that are empty, too.
    pub fn list(&mut self, list: List, out: &mut Vec<u8>) {
        let before = self.list.replace(list).map(|list| list.place().0);
        let (group, _, name, _) = list.place();
        self.opened = false;
        if !self.is_json {
            return;
        }
        let mut write = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        match before {
            None => write(&["\"", group, "\":{\"", name, "\":["]),
            Some(before) if before == group => write(&["],\"", name, "\":["]),
            Some(_) => write(&["]},\"", group, "\":{\"", name, "\":["]),
        }
    }

    /// One item of the list.
    pub fn item<M: Message>(&mut self, item: &M, out: &mut Vec<u8>) {
        let Some((_, group, _, number)) = self.list.map(List::place) else { return };
        if !self.is_json {
            return fragment(&[GET_STATE, group, number], item, out);
        }
        if std::mem::replace(&mut self.opened, true) {
            out.push(b',');
        }
        json::write(item, out);
    }

    /// The same for a task, which is not made into its message first where there is none.
    pub fn task(&mut self, task: &Task, out: &mut Vec<u8>) {
        if !self.is_json {
            return self.item(&v1::Task::from(task), out);
        }
        if std::mem::replace(&mut self.opened, true) {
            out.push(b',');
        }
        json::task::write(task, out);
    }

    /// Ends the answer.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.is_json {
            out.extend_from_slice(b"]}}}");
        }
    }
}

/// A message in messages, outermost first, by their numbers.
fn fragment<M: Message>(path: &[u32], item: &M, out: &mut Vec<u8>) {
    let mut length = item.encoded_len();
    let mut lengths = vec![length];
    for number in path.iter().skip(1).rev() {
        length += key_len(*number) + encoded_len_varint(length as u64);
        lengths.push(length);
    }
    for (number, length) in path.iter().zip(lengths.iter().rev()) {
        encode_key(*number, WireType::LengthDelimited, out);
        encode_varint(*length as u64, out);
    }
    item.encode_raw(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;
    use crate::v1::master::response::get_executors;

    /// An answer in which some lists are empty, whole.
    fn whole() -> Response {
        let task = |id: &str| v1::Task { name: id.into(), ..v1::Task::default() };
        let executor = get_executors::Executor::default();
        Response {
            r#type: Some(Type::GetState as i32),
            get_state: Some(GetState {
                get_tasks: Some(GetTasks {
                    tasks: vec![task("a"), task("b")],
                    completed_tasks: vec![task("c")],
                    ..GetTasks::default()
                }),
                get_executors: Some(GetExecutors { executors: vec![executor], ..GetExecutors::default() }),
                get_frameworks: Some(GetFrameworks::default()),
                get_agents: Some(GetAgents {
                    recovered_agents: vec![v1::AgentInfo::default()],
                    ..GetAgents::default()
                }),
            }),
            ..Response::default()
        }
    }

    /// The same in parts.
    fn parts(media: MediaType) -> Vec<u8> {
        let state = whole().get_state.expect("as made above");
        let (tasks, executors) = (state.get_tasks.unwrap(), state.get_executors.unwrap());
        let mut out = Vec::new();
        let mut writer = StateWriter::begin(media, &mut out);
        writer.list(List::Tasks, &mut out);
        tasks.tasks.iter().for_each(|task| writer.item(task, &mut out));
        writer.list(List::UnreachableTasks, &mut out);
        writer.list(List::CompletedTasks, &mut out);
        tasks.completed_tasks.iter().for_each(|task| writer.item(task, &mut out));
        writer.list(List::Executors, &mut out);
        executors.executors.iter().for_each(|executor| writer.item(executor, &mut out));
        writer.list(List::Frameworks, &mut out);
        writer.list(List::CompletedFrameworks, &mut out);
        writer.list(List::Agents, &mut out);
        writer.list(List::RecoveredAgents, &mut out);
        writer.item(&v1::AgentInfo::default(), &mut out);
        writer.end(&mut out);
        out
    }

    #[test]
    fn parts_of_json_are_the_letters_of_the_whole() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
        assert_eq!(text(parts(MediaType::Json)), text(json::to_vec(&whole())));
    }

    #[test]
    fn parts_of_protobuf_are_read_as_the_whole() {
        let read: Response = prost::Message::decode(&*parts(MediaType::Protobuf)).expect("an answer");
        assert_eq!(read, whole());
    }
}
