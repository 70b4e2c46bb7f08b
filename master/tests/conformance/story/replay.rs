//! Captured requests, asked here: what differs from the captured answers is named.

use libprocess::http::Method;
use serde_json::Value;

use super::{Answer, Story};
use crate::compare::differences;
use crate::golden::{Exchange, MASTERS};

/// Headers of an answer that somebody relies on.
const HEADERS: &[&str] = &["content-type", "allow", "location"];

impl Story {
    /// Sends a captured request and names what is answered otherwise.
    pub(super) async fn replay(&mut self, exchange: &Exchange) -> Vec<String> {
        if names_offers(&exchange.body) && !exchange.body.contains("nope-O99") {
            self.await_offer().await;
        }
        if exchange.body.contains("\"inverse_offer_ids\"") {
            self.await_inverse_offer().await;
        }
        let method = Method::from_bytes(exchange.method.as_bytes()).expect("a method");
        let mut request = self.request(&method, &exchange.path);
        for (name, value) in &exchange.headers {
            let value = match (&**name, &self.stream) {
                ("Mesos-Stream-Id", Some(ours)) if value.len() == 36 && !value.starts_with("00000000") => {
                    &ours.name
                }
                _ => value,
            };
            request = request.header(&**name, value);
        }
        let body = self.with_offer(&self.local(&exchange.body));
        let answer = self.send(request.body(body)).await;
        self.differ(exchange, &answer)
    }

    fn differ(&self, exchange: &Exchange, answer: &Answer) -> Vec<String> {
        let mut lines = Vec::new();
        if exchange.status != Some(answer.status) {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            lines.push(format!("status: {} ({text}) instead of {:?}", answer.status, exchange.status));
            return lines;
        }
        for name in HEADERS {
            let theirs = exchange
                .answered(name)
                .map(|value| value.replace(":5050", &format!(":{}", self.runtime.address().port())));
            let ours = answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            if theirs != ours {
                lines.push(format!("{name}: {ours:?} instead of {theirs:?}"));
            }
        }
        let golden = self.local(&exchange.answer);
        let ours = String::from_utf8_lossy(&answer.body).into_owned();
        let unwrapped = |text: &str| {
            text.strip_prefix("cb(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text).to_owned()
        };
        match (serde_json::from_str(&unwrapped(&golden)), serde_json::from_str::<Value>(&unwrapped(&ours))) {
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

    /// A captured text as it would be here.
    pub(super) fn local(&self, text: &str) -> String {
        MASTERS.iter().fold(text.to_owned(), |text, theirs| text.replace(theirs, &self.id))
    }

    pub(super) fn localised(&self, value: &Value) -> Value {
        serde_json::from_str(&self.local(&value.to_string())).expect("it was JSON")
    }

    /// Names the offer that is out instead of the captured one, which is then answered.
    fn with_offer(&mut self, body: &str) -> String {
        let ours = match names_offers(body) {
            true => &mut self.offer,
            false => &mut self.inverse_offer,
        };
        match (body.split_once(&format!("{}-O", self.id)), ours.is_some()) {
            (Some((before, after)), true) => {
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}{}{rest}", ours.take().expect("it is there"))
            }
            _ => body.to_owned(),
        }
    }
}

/// Whether a call is about offers; inverse offers are others.
fn names_offers(body: &str) -> bool {
    body.contains("\"offer_ids\"")
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
