//! Callers who wait for something to become of a container.

use std::collections::BTreeMap;

use libprocess::Reply;
use model::ContainerId;

use crate::containers::{Awaits, Told};

/// How many may wait for the same. The oldest is turned away for one more: whoever asked may have left long ago.
const SAME_MAX: usize = 64;

/// Where they are told.
#[derive(Debug, Default)]
pub(crate) struct Waiting(BTreeMap<(ContainerId, Awaits), Vec<Reply<Told>>>);

impl Waiting {
    pub(crate) fn hold(&mut self, awaits: Awaits, id: ContainerId, reply: Reply<Told>) {
        let waiting = self.0.entry((id, awaits)).or_default();
        if waiting.len() >= SAME_MAX {
            waiting.remove(0).reject();
        }
        waiting.push(reply);
    }

    pub(crate) fn settle(&mut self, awaits: Awaits, id: &ContainerId, told: &Told) {
        for reply in self.0.remove(&(id.clone(), awaits)).into_iter().flatten() {
            reply.send(told.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_for_the_same_are_told_and_of_too_many_the_first_is_turned_away() {
        let mut waiting = Waiting::default();
        let id = ContainerId::new("c");
        let answers: Vec<_> = (0..=SAME_MAX)
            .map(|_| {
                let (reply, answer) = Reply::pair();
                waiting.hold(Awaits::End, id.clone(), reply);
                answer
            })
            .collect();
        waiting.settle(Awaits::Launch, &id, &Told::Launched);
        waiting.settle(Awaits::End, &id, &Told::Done);
        let told: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv()).collect();
        assert!(told[0].is_err());
        assert!(told[1..].iter().all(|told| *told == Ok(Told::Done)));
        assert!(waiting.0.is_empty());
    }
}
