//! Where tests end an agent as `kill -9` does: before any one thing that it does.
//!
//! All that an agent does leaves its rules as an effect that prints in one line, so words of that line name the place; what
//! an effect does in several steps names them itself. Which place it is comes in a variable that no help mentions.

use std::fmt::Display;
use std::sync::LazyLock;

use agent_linux::pidfd::Pidfd;

/// Words of the line, in their order; others may be between them.
const VARIABLE: &str = "HECTARE_KILLED_BEFORE";

static PLACE: LazyLock<Option<Vec<String>>> = LazyLock::new(|| {
    let place = std::env::var(VARIABLE).ok()?;
    Some(place.split_whitespace().map(str::to_owned).collect())
});

/// `part` is about to do `step`. Does not return if this is the place.
pub(crate) fn reach(part: &str, step: &dyn Display) {
    if let Some(place) = &*PLACE
        && names(place, &format!("{part} {step}"))
    {
        let myself = Pidfd::open(std::process::id()).and_then(|myself| myself.signal(9));
        panic!("this process cannot kill itself: {myself:?}");
    }
}

fn names(place: &[String], line: &str) -> bool {
    let mut words = line.split_whitespace().map(|word| word.trim_end_matches([',', ';', ':']));
    place.iter().all(|wanted| words.any(|word| word == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_their_order_name_a_line() {
        let names =
            |place: &str, line: &str| names(&place.split(' ').map(str::to_owned).collect::<Vec<_>>(), line);
        assert!(names("agent record ended", "agent record ended e; then forget"));
        assert!(names("agent to update TASK_RUNNING", "agent to master: update t TASK_RUNNING \"x\""));
        assert!(!names("agent ended record", "agent record ended e"));
        assert!(!names("agent record end", "agent record ended e"));
    }
}
