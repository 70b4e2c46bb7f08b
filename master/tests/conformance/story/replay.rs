//! Captured requests, asked here: what differs from the captured answers is named.

use api_conformance::Exchange;
use libprocess::http::Method;
use serde_json::Value;

use super::Story;
use crate::golden::MASTERS;

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
        let (here, port) = (&*self, self.runtime.address().port());
        answer.differences(exchange, |text| match text.strip_prefix("//") {
            // Where a redirect leads.
            Some(_) => text.replace(":5050", &format!(":{port}")),
            None => here.local(text),
        })
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
