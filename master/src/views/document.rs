//! Large answers, written from a snapshot while they are read: nothing of size is made before somebody takes it.
//!
//! A document is a sequence of parts, each one agent, the tasks of one framework and so on. A piece of it is so many parts as fill a
//! write to a socket; lists of tasks are taken up where the piece before left them.

use std::sync::Arc;

use api::state::List;
use libprocess::http::{Body, Bytes, Chunks};
use model::{AgentInfo, Task};

use super::tasks::{Run, Which};
use crate::state::{Agent, Framework, Snapshot};

/// Unit: bytes. A piece is handed over once it has so many.
const PIECE: usize = 64 * 1024;

/// Something in a document.
pub(crate) enum Part {
    /// What stands between parts, or begins and ends it.
    Text(Bytes),
    Agent(Arc<Agent>),
    /// An agent of before a failover.
    Recovered(Arc<AgentInfo>),
    /// A framework, or what comes of it before its tasks.
    Framework(Arc<Framework>),
    /// What comes after them.
    End(Arc<Framework>),
    /// A list of a framework's tasks.
    Tasks(Arc<Framework>, Which),
    /// A framework's executors.
    Executors(Arc<Framework>),
    /// Parts of this list follow; only where lists are named by the writer.
    List(List),
    /// Nothing follows; only where the writer ends what it began.
    Over,
}

/// All parts of a document.
pub(crate) type Parts = Box<dyn Iterator<Item = Part> + Send>;

/// A text that is known beforehand.
pub(crate) fn text(text: &'static str) -> Parts {
    Box::new(std::iter::once(Part::Text(Bytes::from_static(text.as_bytes()))))
}

/// One after the other.
pub(crate) fn joined(parts: impl IntoIterator<Item = Parts, IntoIter: Send> + 'static) -> Parts {
    Box::new(parts.into_iter().flatten())
}

/// Registered agents, in order.
pub(crate) fn agents(snapshot: &Snapshot) -> Parts {
    Box::new(snapshot.agents.clone().into_iter().map(|(_, agent)| Part::Agent(agent)))
}

/// Agents of before a failover that have not come back.
pub(crate) fn recovered(snapshot: &Snapshot) -> Parts {
    Box::new(snapshot.recovered.clone().into_iter().map(|(_, info)| Part::Recovered(info)))
}

/// Frameworks that may still act.
pub(crate) fn running(snapshot: &Snapshot) -> impl Iterator<Item = Arc<Framework>> + Send + use<> {
    snapshot.frameworks.clone().into_iter().map(|(_, framework)| framework)
}

/// Frameworks that ended.
pub(crate) fn completed(snapshot: &Snapshot) -> impl Iterator<Item = Arc<Framework>> + Send + use<> {
    snapshot.completed_frameworks.clone().into_iter()
}

/// What writes a part behind what is written already.
pub(crate) trait Writer: Send + 'static {
    /// Any part but tasks.
    fn write(&mut self, part: &Part, snapshot: &Snapshot, out: &mut Vec<u8>);
    /// One of the tasks of a part.
    fn task(&mut self, task: &Task, out: &mut Vec<u8>);
}

/// The body of an answer. One that fits into a piece is sent whole, with its length.
pub(crate) fn body(snapshot: Arc<Snapshot>, parts: Parts, writer: impl Writer) -> Body {
    let mut pieces = Pieces { snapshot, parts, writer, run: None, over: false };
    let Some(first) = pieces.next() else { return Body::Empty };
    match pieces.over {
        true => first.into(),
        false => Chunks::document(std::iter::once(first).chain(pieces)).into(),
    }
}

/// The same for who needs all of it at once.
pub(crate) fn whole(snapshot: Arc<Snapshot>, parts: Parts, writer: impl Writer) -> Vec<u8> {
    let mut out = Vec::new();
    Pieces { snapshot, parts, writer, run: None, over: false }.write(&mut out, usize::MAX);
    out
}

struct Pieces<W> {
    snapshot: Arc<Snapshot>,
    parts: Parts,
    writer: W,
    /// Tasks that are being written.
    run: Option<Run>,
    over: bool,
}

impl<W: Writer> Pieces<W> {
    /// Writes until so many bytes are there.
    fn write(&mut self, out: &mut Vec<u8>, enough: usize) {
        while out.len() < enough && !self.over {
            if let Some(run) = &mut self.run {
                let each = |task: &Task| {
                    self.writer.task(task, out);
                    out.len() < enough
                };
                if run.go_on(each) {
                    self.run = None;
                }
                continue;
            }
            match self.parts.next() {
                Some(Part::Tasks(framework, which)) => self.run = Some(Run::new(framework, which)),
                Some(part) => self.writer.write(&part, &self.snapshot, out),
                None => self.over = true,
            }
        }
    }
}

impl<W: Writer> Iterator for Pieces<W> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::with_capacity(if self.over { 0 } else { PIECE + PIECE / 8 });
        self.write(&mut out, PIECE);
        (!out.is_empty()).then(|| out.into())
    }
}
