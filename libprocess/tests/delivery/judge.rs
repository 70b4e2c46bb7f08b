//! Whether what was seen is what the contract promises.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use libprocess::{AskError, Exit, Reason, Upid};

use crate::history::Story;
use crate::member::Note;

/// What has been promised and not kept; empty if all was. `whole` says that the history has come to its end
/// with every way open, so that nobody may still wait for a word.
pub(crate) fn broken(story: &Story, whole: bool) -> Vec<String> {
    let mut judge = Judge { story, broken: Vec::new() };
    let notes = story.notes.all();
    judge.messages(&notes, whole);
    judge.links(&notes, whole);
    judge.questions(&notes, whole);
    judge.broken
}

struct Judge<'a> {
    story: &'a Story,
    broken: Vec<String>,
}

type Notes = [(Upid, Note)];

impl Judge<'_> {
    /// At most once, to nobody else, in order for each pair; and all of them if nothing broke.
    fn messages(&mut self, notes: &Notes, whole: bool) {
        let mut sent = BTreeMap::new();
        let mut heard = BTreeSet::new();
        let mut latest: BTreeMap<(Upid, Upid), u64> = BTreeMap::new();
        for (who, note) in notes {
            if let Note::Sent { number, to, sent: true } = note {
                sent.insert(*number, (who.clone(), to.clone()));
            }
        }
        for (who, note) in notes {
            let Note::Heard { number, from } = note else { continue };
            if !heard.insert(*number) {
                self.breach(format!("{who:?} heard {number} twice"));
            }
            match sent.get(number) {
                Some((sender, to)) if is(to, who) && sender == from => {}
                other => self.breach(format!("{who:?} heard {number} from {from:?}, but it was {other:?}")),
            }
            let before = latest.insert((from.clone(), who.clone()), *number);
            if before.is_some_and(|before| before > *number) {
                self.breach(format!("{who:?} heard {number} of {from:?} behind {before:?}"));
            }
        }
        for (number, (sender, to)) in sent {
            let lost = whole && !heard.contains(&number);
            if lost && to.epoch().is_some() && !self.is_ended(&to) && !self.is_troubled(&sender, &to) {
                self.breach(format!("{number} of {sender:?} to {to:?} was lost, though nothing broke"));
            }
        }
    }

    /// One word for each link, and the right one.
    fn links(&mut self, notes: &Notes, whole: bool) {
        let mut open: BTreeSet<(Upid, Upid)> = BTreeSet::new();
        for (who, note) in notes {
            match note {
                Note::Linked { to } => drop(open.insert((who.clone(), to.clone()))),
                Note::Unlinked { to } => drop(open.remove(&(who.clone(), to.clone()))),
                Note::Exited { peer, exit } => {
                    if !open.remove(&(who.clone(), peer.clone())) {
                        self.breach(format!("{who:?} heard of {peer:?} without a link: {exit:?}"));
                    }
                    self.exit(who, peer, exit);
                }
                _ => {}
            }
        }
        for (who, peer) in open {
            // A name without an epoch may have been that of a life that goes on.
            let over = self.story.lives().filter(|life| is(&peer, life)).all(|life| self.is_ended(life));
            if whole && !self.is_ended(&who) && over {
                self.breach(format!("{who:?} never heard of the end of {peer:?}"));
            }
        }
    }

    fn exit(&mut self, who: &Upid, peer: &Upid, exit: &Exit) {
        let right = match exit {
            Exit::LinkBroken => self.is_troubled(who, peer),
            Exit::NoSuchProcess => self.is_ended(peer),
            Exit::Ended(reason) => self.story.ended.iter().any(|(upid, why)| {
                is(peer, upid)
                    && match (why, reason) {
                        (Some(Reason::Panicked { message, .. }), Reason::Panicked { message: told, .. }) => {
                            message == told
                        }
                        (Some(why), told) => why == told,
                        // Its node went down, perhaps before it came to the end it was told to make.
                        (None, _) => true,
                    }
            }),
        };
        if !right {
            self.breach(format!("{who:?} heard of {peer:?} what is not so: {exit:?}"));
        }
    }

    /// One answer for each question, and the right one.
    fn questions(&mut self, notes: &Notes, whole: bool) {
        let mut open: BTreeMap<u64, (Upid, Upid)> = BTreeMap::new();
        let mut questioned = BTreeSet::new();
        for (who, note) in notes {
            match note {
                Note::Asked { number, to } => drop(open.insert(*number, (who.clone(), to.clone()))),
                Note::Questioned { number } if questioned.insert(*number) => {}
                Note::Questioned { number } => self.breach(format!("{who:?} was asked {number} twice")),
                Note::Answered { number, answer } => {
                    let Some((_, to)) = open.remove(number) else {
                        self.breach(format!("{who:?} heard the answer to {number} twice"));
                        continue;
                    };
                    let right = match answer {
                        Ok(answer) => answer == number && questioned.contains(number),
                        Err(AskError::NoSuchProcess | AskError::Terminated) => self.is_ended(&to),
                        Err(AskError::LinkBroken | AskError::Timeout) => self.is_troubled(who, &to),
                        Err(AskError::Rejected | AskError::Forbidden) => false,
                    };
                    if !right {
                        self.breach(format!("{who:?} asked {to:?} and heard what is not so: {answer:?}"));
                    }
                }
                _ => {}
            }
        }
        for (number, (who, to)) in open {
            if whole && !self.is_ended(&who) {
                self.breach(format!("{who:?} never heard the answer of {to:?} to {number}"));
            }
        }
    }

    /// Whether some life that is meant was to end.
    fn is_ended(&self, meant: &Upid) -> bool {
        self.story.ended.keys().any(|upid| is(meant, upid))
    }

    fn is_troubled(&self, one: &Upid, other: &Upid) -> bool {
        let mut pair: [SocketAddr; 2] = [one.address(), other.address()];
        pair.sort();
        self.story.troubled.contains(&pair)
    }

    fn breach(&mut self, what: String) {
        self.broken.push(what);
    }
}

/// Whether an address means this life.
fn is(meant: &Upid, life: &Upid) -> bool {
    match meant.epoch() {
        Some(_) => meant == life,
        None => *meant == life.bare(),
    }
}
