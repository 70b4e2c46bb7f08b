//! What happened, a line each.

use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) lines: Vec<String>,
    leader: Option<usize>,
}

impl Transcript {
    pub(super) fn say(&mut self, at: Duration, what: String) {
        self.lines.push(format!("{:>9.3}  {what}", at.as_secs_f64()));
    }

    /// Says so when another master leads, or none any more; tells whether it did.
    pub(super) fn leader(&mut self, at: Duration, leader: Option<usize>) -> bool {
        if leader == self.leader {
            return false;
        }
        self.leader = leader;
        match leader {
            Some(number) => self.say(at, format!("master {number} leads")),
            None => self.say(at, "nobody leads".to_owned()),
        }
        true
    }
}
