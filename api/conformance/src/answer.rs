//! An answer of ours beside a captured one.

use serde_json::Value;

use crate::capture::Exchange;
use crate::compare::differences;

/// Headers of an answer that somebody relies on.
const HEADERS: &[&str] = &["content-type", "content-disposition", "allow", "location"];

/// What an exchange is answered with.
pub struct Answer {
    pub status: u16,
    /// Their names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// What it says otherwise than the captured answer; `local` turns a captured text into what it would be here.
    pub fn differences(&self, exchange: &Exchange, local: impl Fn(&str) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        let ours = String::from_utf8_lossy(&self.body).into_owned();
        if exchange.status != Some(self.status) {
            lines.push(format!("status: {} ({ours}) instead of {:?}", self.status, exchange.status));
            return lines;
        }
        for name in HEADERS {
            let theirs = exchange.answered(name).map(&local);
            let ours = self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            if theirs != ours {
                lines.push(format!("{name}: {ours:?} instead of {theirs:?}"));
            }
        }
        let golden = local(&exchange.answer);
        match (json(&golden), json(&ours)) {
            (Ok(golden), Ok(ours)) => {
                lines.extend(differences(&by_name(golden), &by_name(ours)));
                // Figures are those of one run; their names are compared.
                if exchange.path.contains("metrics")
                    || exchange.path.contains("stats")
                    || exchange.body.contains("GET_METRICS")
                {
                    lines.retain(|line| !line.contains(" instead of "));
                }
            }
            _ if golden == ours => {}
            _ => lines.push(format!("body: {ours:?} instead of {golden:?}")),
        }
        lines
    }
}

/// A JSON body, as it is or in the call of a script.
fn json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text.strip_prefix("cb(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text))
}

/// Lists of `{name, value}` become objects, so that one that is missing is named.
fn by_name(value: Value) -> Value {
    match value {
        Value::Array(items)
            if !items.is_empty()
                && items.iter().all(|item| item["name"].is_string() && item.get("value").is_some()) =>
        {
            let pair =
                |item: Value| (item["name"].as_str().unwrap_or_default().to_owned(), item["value"].clone());
            Value::Object(items.into_iter().map(pair).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(by_name).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, by_name(value))).collect())
        }
        other => other,
    }
}
