//! What a task does on a pretended machine.
//!
//! A command is read as the little shell that everybody's examples are written in:
//!
//! | command | does |
//! |---|---|
//! | `sleep 30` | runs for 30 s and ends with 0 |
//! | `sleep 30; exit 3` | runs for 30 s and ends with 3 |
//! | `exit 3` | ends at once |
//! | `sleep infinity`, none, or any other | runs until it is killed |
//! | `trap '' TERM; …` | the same, but only force ends it early |

use std::time::Duration;

use model::TaskInfo;

/// From being asked to end until it ends, of a task that complies.
const COMPLIES_AFTER: Duration = Duration::from_millis(50);

/// What one task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Between its start and its end; `None` runs until it is killed.
    pub lasts: Option<Duration>,
    /// How it ends by itself.
    pub ends: Ending,
    /// Between being asked to end and ending; `None` does not listen.
    pub complies: Option<Duration>,
}

/// How a task ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code; zero is success.
    Exit(i32),
    /// With its whole executor, without a word.
    Crash,
}

impl Behaviour {
    /// Runs until it is killed, and complies.
    pub const FOREVER: Behaviour =
        Behaviour { lasts: None, ends: Ending::Exit(0), complies: Some(COMPLIES_AFTER) };

    /// What a task's command says.
    pub(crate) fn of(task: &TaskInfo) -> Behaviour {
        let command = task.command.as_ref().and_then(|command| command.value.as_deref());
        command.map_or(Behaviour::FOREVER, Behaviour::read)
    }

    /// Reads a command line.
    fn read(line: &str) -> Behaviour {
        let mut behaviour = Behaviour::FOREVER;
        for part in line.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
            let mut words = part.split_whitespace();
            match (words.next(), words.next()) {
                (Some("trap"), _) if part.ends_with("TERM") => behaviour.complies = None,
                (Some("sleep"), Some(time)) => {
                    match time.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) {
                        Some(time) => {
                            behaviour.lasts = Some(behaviour.lasts.unwrap_or_default().saturating_add(time));
                        }
                        None => return Behaviour { lasts: None, ..behaviour },
                    }
                }
                (Some("exit"), code) => {
                    let code = code.and_then(|code| code.parse().ok()).unwrap_or_default();
                    let lasts = Some(behaviour.lasts.unwrap_or_default());
                    return Behaviour { lasts, ends: Ending::Exit(code), ..behaviour };
                }
                (Some("kill"), _) if part.ends_with("$PPID") => {
                    let lasts = Some(behaviour.lasts.unwrap_or_default());
                    return Behaviour { lasts, ends: Ending::Crash, ..behaviour };
                }
                _ => return Behaviour { lasts: None, ..behaviour },
            }
        }
        behaviour
    }

    /// The command line that is read as this.
    pub fn command(&self) -> String {
        let mut parts = Vec::new();
        if self.complies.is_none() {
            parts.push("trap '' TERM".to_owned());
        }
        match self.lasts {
            None => parts.push("sleep infinity".to_owned()),
            Some(lasts) => {
                parts.push(format!("sleep {}", lasts.as_secs_f64()));
                match self.ends {
                    Ending::Exit(0) => {}
                    Ending::Exit(code) => parts.push(format!("exit {code}")),
                    Ending::Crash => parts.push("kill -9 $PPID".to_owned()),
                }
            }
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_is_what_its_command_line_says() {
        let all = [
            Behaviour::FOREVER,
            Behaviour { lasts: Some(Duration::from_millis(1500)), ..Behaviour::FOREVER },
            Behaviour { lasts: Some(Duration::ZERO), ends: Ending::Exit(3), ..Behaviour::FOREVER },
            Behaviour { lasts: Some(Duration::from_secs(2)), ends: Ending::Crash, complies: None },
        ];
        for behaviour in all {
            assert_eq!(Behaviour::read(&behaviour.command()), behaviour, "{}", behaviour.command());
        }
    }

    #[test]
    fn what_is_no_such_line_runs_until_it_is_killed() {
        for line in
            ["./server --port 80", "sleep infinity", "sleep soon; exit 1", "", "while true; do date; done"]
        {
            assert_eq!(Behaviour::read(line), Behaviour::FOREVER, "{line}");
        }
        assert_eq!(Behaviour::read("exit 4").ends, Ending::Exit(4));
    }
}
