//! The operator API's large answers in parts, for who writes them while they are read.
//!
//! In JSON the parts follow each other in the order of [`List`], which is that of the message. In protobuf each is a whole
//! answer with one item in it: parsers merge what comes twice, so that all of them together are the message.
//!
//! Source: Protocol Buffers encoding, "Last One Wins".

use std::time::Duration;

use model::Task;
use prost::Message as _;

use crate::classic::master::Agent;
use crate::content::MediaType;
use crate::json::{self, Message};
use crate::protobuf::{self, Backwards};
use crate::v1::master::response::{GetAgents, GetExecutors, GetFrameworks, GetState, GetTasks, Type};
use crate::v1::master::{Event, Response, event};

/// Which answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of the others in one.
    State,
    Tasks,
    Executors,
    Frameworks,
    Agents,
    /// The event that begins an operator's stream: GET_STATE's answer, and how often it beats.
    Subscribed {
        heartbeat: Duration,
    },
}

/// A list in an answer.
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
pub struct AnswerWriter {
    answer: Answer,
    is_json: bool,
    list: Option<List>,
    /// The numbers of the messages around an item, and its own.
    path: Vec<u32>,
    /// Where an item is written in protobuf.
    room: Backwards,
    /// Whether the list has an item.
    opened: bool,
}

impl Answer {
    /// What is in it, in order.
    pub fn lists(self) -> impl Iterator<Item = List> {
        let lists: &[List] = match self {
            Answer::State | Answer::Subscribed { .. } => &List::ALL,
            Answer::Tasks => &[List::Tasks, List::UnreachableTasks, List::CompletedTasks],
            Answer::Executors => &[List::Executors],
            Answer::Frameworks => &[List::Frameworks, List::CompletedFrameworks],
            Answer::Agents => &[List::Agents, List::RecoveredAgents],
        };
        lists.iter().copied()
    }

    /// Whether its lists are in groups.
    fn is_grouped(self) -> bool {
        matches!(self, Answer::State | Answer::Subscribed { .. })
    }

    /// The numbers of the messages around its lists, or around their groups.
    fn path(self) -> &'static [u32] {
        match self {
            Answer::State => &[9],
            Answer::Agents => &[10],
            Answer::Frameworks => &[11],
            Answer::Executors => &[12],
            Answer::Tasks => &[13],
            Answer::Subscribed { .. } => &[2, 1],
        }
    }

    /// The message without items.
    fn empty(self) -> Vec<u8> {
        let get_state = || {
            Some(GetState {
                get_tasks: Some(GetTasks::default()),
                get_executors: Some(GetExecutors::default()),
                get_frameworks: Some(GetFrameworks::default()),
                get_agents: Some(GetAgents::default()),
            })
        };
        let mut response = Response::default();
        let kind = match self {
            Answer::State => {
                response.get_state = get_state();
                Type::GetState
            }
            Answer::Tasks => {
                response.get_tasks = Some(GetTasks::default());
                Type::GetTasks
            }
            Answer::Executors => {
                response.get_executors = Some(GetExecutors::default());
                Type::GetExecutors
            }
            Answer::Frameworks => {
                response.get_frameworks = Some(GetFrameworks::default());
                Type::GetFrameworks
            }
            Answer::Agents => {
                response.get_agents = Some(GetAgents::default());
                Type::GetAgents
            }
            Answer::Subscribed { heartbeat } => {
                let heartbeat_interval_seconds = Some(heartbeat.as_secs_f64());
                let subscribed = event::Subscribed { get_state: get_state(), heartbeat_interval_seconds };
                let r#type = Some(event::Type::Subscribed as i32);
                return Event { r#type, subscribed: Some(subscribed), ..Event::default() }.encode_to_vec();
            }
        };
        response.r#type = Some(kind as i32);
        response.encode_to_vec()
    }
}

impl List {
    const ALL: [List; 8] = [
        List::Tasks,
        List::UnreachableTasks,
        List::CompletedTasks,
        List::Executors,
        List::Frameworks,
        List::CompletedFrameworks,
        List::Agents,
        List::RecoveredAgents,
    ];

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

impl AnswerWriter {
    /// Begins an answer.
    pub fn begin(answer: Answer, media: MediaType, out: &mut Vec<u8>) -> AnswerWriter {
        let is_json = media == MediaType::Json;
        if is_json {
            let text: &[u8] = match answer {
                Answer::State => br#"{"type":"GET_STATE","get_state":{"#,
                Answer::Tasks => br#"{"type":"GET_TASKS","get_tasks":{"#,
                Answer::Executors => br#"{"type":"GET_EXECUTORS","get_executors":{"#,
                Answer::Frameworks => br#"{"type":"GET_FRAMEWORKS","get_frameworks":{"#,
                Answer::Agents => br#"{"type":"GET_AGENTS","get_agents":{"#,
                Answer::Subscribed { .. } => br#"{"type":"SUBSCRIBED","subscribed":{"get_state":{"#,
            };
            out.extend_from_slice(text);
        } else {
            out.extend(answer.empty());
        }
        AnswerWriter {
            answer,
            is_json,
            list: None,
            path: Vec::new(),
            room: Backwards::default(),
            opened: false,
        }
    }

    /// Items of this list follow. Every list is named, in order; JSON has those that are empty, too.
    pub fn list(&mut self, list: List, out: &mut Vec<u8>) {
        let before = self.list.replace(list).map(|list| list.place().0);
        let (group, group_number, name, number) = list.place();
        self.opened = false;
        if !self.is_json {
            self.path = self.answer.path().to_vec();
            self.path.extend(self.answer.is_grouped().then_some(group_number));
            self.path.push(number);
            return;
        }
        let mut write = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        match before {
            None if !self.answer.is_grouped() => write(&["\"", name, "\":["]),
            None => write(&["\"", group, "\":{\"", name, "\":["]),
            Some(before) if before == group => write(&["],\"", name, "\":["]),
            Some(_) => write(&["]},\"", group, "\":{\"", name, "\":["]),
        }
    }

    /// One item of the list.
    pub fn item<M: Message>(&mut self, item: &M, out: &mut Vec<u8>) {
        match self.is_json {
            true => self.separated(out, |out| json::write(item, out)),
            false => self.wrapped(out, |room| room.fields(item)),
        }
    }

    /// The same for a task, which is not made into its message first.
    pub fn task(&mut self, task: &Task, out: &mut Vec<u8>) {
        match self.is_json {
            true => self.separated(out, |out| json::task::write(task, out)),
            false => self.wrapped(out, |room| protobuf::task::write(task, room)),
        }
    }

    /// The same for an agent.
    pub fn agent(&mut self, agent: &Agent<'_>, out: &mut Vec<u8>) {
        match self.is_json {
            true => self.separated(out, |out| json::agent::write(agent, out)),
            false => self.wrapped(out, |room| protobuf::agent::write(agent, room)),
        }
    }

    fn separated(&mut self, out: &mut Vec<u8>, item: impl FnOnce(&mut Vec<u8>)) {
        if std::mem::replace(&mut self.opened, true) {
            out.push(b',');
        }
        item(out);
    }

    fn wrapped(&mut self, out: &mut Vec<u8>, item: impl FnOnce(&mut Backwards)) {
        self.room.clear();
        self.room.wrapped(&self.path, item);
        out.extend_from_slice(self.room.written());
    }

    /// Ends the answer.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.is_json {
            return;
        }
        out.extend_from_slice(if self.answer.is_grouped() { b"]}}" } else { b"]}" });
        if let Answer::Subscribed { heartbeat } = self.answer {
            json::write::one(out, ",\"heartbeat_interval_seconds\":", &heartbeat.as_secs_f64());
            json::write::close(out, b'}');
        }
        out.push(b'}');
    }
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

    /// The same in parts, or one of its groups.
    fn parts(answer: Answer, media: MediaType) -> Vec<u8> {
        let state = whole().get_state.expect("as made above");
        let tasks = state.get_tasks.expect("as made above");
        let executors = state.get_executors.expect("as made above").executors;
        let mut out = Vec::new();
        let mut writer = AnswerWriter::begin(answer, media, &mut out);
        for list in answer.lists() {
            writer.list(list, &mut out);
            match list {
                List::Tasks => tasks.tasks.iter().for_each(|task| writer.item(task, &mut out)),
                List::CompletedTasks => {
                    tasks.completed_tasks.iter().for_each(|task| writer.item(task, &mut out));
                }
                List::Executors => executors.iter().for_each(|executor| writer.item(executor, &mut out)),
                List::RecoveredAgents => writer.item(&v1::AgentInfo::default(), &mut out),
                List::UnreachableTasks | List::Frameworks | List::CompletedFrameworks | List::Agents => {}
            }
        }
        writer.end(&mut out);
        out
    }

    /// Each answer as a message.
    fn messages() -> [(Answer, Response); 5] {
        let state = whole().get_state.expect("as made above");
        let only = |kind: Type| Response { r#type: Some(kind as i32), ..Response::default() };
        [
            (Answer::State, whole()),
            (Answer::Tasks, Response { get_tasks: state.get_tasks, ..only(Type::GetTasks) }),
            (Answer::Executors, Response { get_executors: state.get_executors, ..only(Type::GetExecutors) }),
            (
                Answer::Frameworks,
                Response { get_frameworks: state.get_frameworks, ..only(Type::GetFrameworks) },
            ),
            (Answer::Agents, Response { get_agents: state.get_agents, ..only(Type::GetAgents) }),
        ]
    }

    fn subscribed() -> (Answer, Event) {
        let heartbeat = Duration::from_millis(1500);
        let subscribed = event::Subscribed {
            get_state: whole().get_state,
            heartbeat_interval_seconds: Some(heartbeat.as_secs_f64()),
        };
        let r#type = Some(event::Type::Subscribed as i32);
        (Answer::Subscribed { heartbeat }, Event { r#type, subscribed: Some(subscribed), ..Event::default() })
    }

    #[test]
    fn parts_of_json_are_the_letters_of_the_whole() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
        for (answer, whole) in messages() {
            assert_eq!(text(parts(answer, MediaType::Json)), text(json::to_vec(&whole)));
        }
        let (answer, event) = subscribed();
        assert_eq!(text(parts(answer, MediaType::Json)), text(json::to_vec(&event)));
    }

    #[test]
    fn parts_of_protobuf_are_read_as_the_whole() {
        for (answer, whole) in messages() {
            assert_eq!(Response::decode(&*parts(answer, MediaType::Protobuf)), Ok(whole));
        }
        let (answer, event) = subscribed();
        assert_eq!(Event::decode(&*parts(answer, MediaType::Protobuf)), Ok(event));
    }

    #[test]
    fn a_task_is_an_item_as_its_message_is() {
        for media in [MediaType::Json, MediaType::Protobuf] {
            for task in crate::samples::full() {
                let (mut one, mut other) = (Vec::new(), Vec::new());
                let mut writer = AnswerWriter::begin(Answer::State, media, &mut Vec::new());
                writer.list(List::Tasks, &mut Vec::new());
                writer.task(&task, &mut one);
                let mut writer = AnswerWriter::begin(Answer::State, media, &mut Vec::new());
                writer.list(List::Tasks, &mut Vec::new());
                writer.item(&v1::Task::from(&task), &mut other);
                assert_eq!(one, other, "{media:?}");
            }
        }
    }
}
