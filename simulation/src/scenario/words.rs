//! The words statements are made of.

use std::time::Duration;

use model::duration::parse_duration;

/// The most tasks of one statement.
const TASKS_MAX: usize = 1_000_000;

/// `name=value` words.
pub(super) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// Errors: a word is no option, is none of `names`, or is said twice.
    pub(super) fn read(words: &[&'a str], names: &[&str]) -> Result<Options<'a>, String> {
        let mut options: Vec<(&str, &str)> = Vec::new();
        for word in words {
            let (name, value) =
                word.split_once('=').ok_or_else(|| format!("{word:?} is not `name=value`"))?;
            if !names.contains(&name) {
                return Err(format!("{name:?} is none of {}", names.join(", ")));
            }
            if options.iter().any(|(known, _)| *known == name) {
                return Err(format!("{name:?} is said twice"));
            }
            options.push((name, value));
        }
        Ok(Options(options))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    pub(super) fn need(&self, name: &str) -> Result<&'a str, String> {
        self.get(name).ok_or_else(|| format!("`{name}=…` is missing"))
    }

    pub(super) fn tasks(&self) -> Result<usize, String> {
        match number("tasks", self.need("tasks")?)? {
            tasks if (1..=TASKS_MAX).contains(&tasks) => Ok(tasks),
            tasks => Err(format!("tasks: {tasks} is not between 1 and {TASKS_MAX}")),
        }
    }

    /// A probability; zero if nobody says.
    pub(super) fn part(&self, name: &str) -> Result<f64, String> {
        let Some(text) = self.get(name) else { return Ok(0.0) };
        match text.parse::<f64>() {
            Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
            _ => Err(format!("{name}: {text:?} is not between 0 and 1")),
        }
    }
}

pub(super) fn one<'a>(name: &str, words: &[&'a str]) -> Result<&'a str, String> {
    match words {
        [word] => Ok(word),
        _ => Err(format!("{name}: one word is wanted, {} are there", words.len())),
    }
}

pub(super) fn number<N: std::str::FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{name}: {text:?} is no number that fits"))
}

pub(super) fn time(name: &str, text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|_| format!("{name}: {text:?} is no time such as `30secs`, `5mins`, `2hrs`"))
}

/// A time that is more than nothing.
pub(super) fn some_time(name: &str, text: &str) -> Result<Duration, String> {
    match time(name, text)? {
        Duration::ZERO => Err(format!("{name}: {text:?} must be more than nothing")),
        time => Ok(time),
    }
}
