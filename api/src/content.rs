//! How a body is spelled: which media types there are, which one an answer gets, and the way in and out of each.

use bytes::Bytes;

use crate::json::{self, JsonError, Message, names};
use crate::shape;

/// What a header says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    Json,
    Protobuf,
    /// A stream of records, each spelled as a further header says; an agent's attach calls alone.
    RecordIo,
}

impl MediaType {
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Json => "application/json",
            MediaType::Protobuf => "application/x-protobuf",
            MediaType::RecordIo => "application/recordio",
        }
    }

    /// The type a header names. Letter for letter, and without parameters: `application/json; charset=utf-8` is none.
    pub fn named(header: &str) -> Option<MediaType> {
        [MediaType::Json, MediaType::Protobuf, MediaType::RecordIo]
            .into_iter()
            .find(|ty| ty.as_str() == header)
    }

    /// The type of a call's body.
    pub fn of_call(content_type: Option<&str>) -> Result<MediaType, MediaError> {
        match MediaType::named(content_type.ok_or(MediaError::Absent)?) {
            Some(ty @ (MediaType::Json | MediaType::Protobuf)) => Ok(ty),
            _ => Err(MediaError::Unsupported),
        }
    }

    /// The type of an answer: JSON whenever it is allowed. No header allows everything.
    pub fn of_answer(accept: Option<&str>) -> Result<MediaType, MediaError> {
        [MediaType::Json, MediaType::Protobuf]
            .into_iter()
            .find(|ty| accepts(accept, *ty))
            .ok_or(MediaError::NotAcceptable)
    }
}

/// Whether an `Accept` header allows a type; ranges (`*/*`, `application/*`) and `q=0` count, order does not.
pub fn accepts(accept: Option<&str>, ty: MediaType) -> bool {
    let Some(accept) = accept else { return true };
    accept.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|weight| weight.trim().parse::<f64>().is_ok_and(|weight| weight == 0.0));
        let fits = range == "*/*" || range == "application/*" || range.eq_ignore_ascii_case(ty.as_str());
        fits && !refused
    })
}

/// Why a request's headers do not fit. The texts are the answer's body; [`status`](Self::status) goes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    #[error("Expecting 'Content-Type' to be present")]
    Absent,
    #[error("Expecting 'Content-Type' of application/json or application/x-protobuf")]
    Unsupported,
    #[error("Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")]
    NotAcceptable,
}

impl MediaError {
    pub fn status(self) -> u16 {
        match self {
            MediaError::Absent => 400,
            MediaError::Unsupported => 415,
            MediaError::NotAcceptable => 406,
        }
    }
}

/// Why a body is not the message it should be; always a 400, with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("Failed to parse body into JSON: {0}")]
    Syntax(JsonError),
    #[error("Failed to convert JSON into {message} protobuf: {error}")]
    Conversion { message: &'static str, error: JsonError },
    #[error("Failed to parse body into {0} protobuf")]
    Protobuf(&'static str),
    #[error("Failed to parse body into {message} protobuf: Missing required fields: {}", names(.fields))]
    Missing { message: &'static str, fields: Vec<String> },
}

/// Reads a body.
///
/// Errors: when it is not of the type said, or lacks a required field. RecordIO is no spelling of one message.
pub fn decode_call<M: Message>(body: &[u8], ty: MediaType) -> Result<M, DecodeError> {
    match ty {
        MediaType::Json => json::from_slice(body).map_err(|error| match error.is_syntax() {
            true => DecodeError::Syntax(error),
            false => DecodeError::Conversion { message: M::NAME, error },
        }),
        MediaType::Protobuf => decode_protobuf(body),
        MediaType::RecordIo => Err(DecodeError::Protobuf(M::NAME)),
    }
}

fn decode_protobuf<M: Message>(body: &[u8]) -> Result<M, DecodeError> {
    let malformed = || DecodeError::Protobuf(M::NAME);
    let fields = shape::missing(M::SHAPE, body).map_err(|shape::Malformed| malformed())?;
    if !fields.is_empty() {
        return Err(DecodeError::Missing { message: M::NAME, fields });
    }
    M::decode(body).map_err(|_| malformed())
}

/// Writes a message. A record of a RecordIO stream is written as JSON unless asked otherwise.
pub fn encode<M: Message>(message: &M, ty: MediaType) -> Bytes {
    match ty {
        MediaType::Json | MediaType::RecordIo => json::to_vec(message).into(),
        MediaType::Protobuf => message.encode_to_vec().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{AgentId, TaskId, agent, executor, scheduler};

    fn refusal<M: Message>(body: &str) -> String {
        decode_call::<M>(body.as_bytes(), MediaType::Json).expect_err("it is wrong").to_string()
    }

    #[test]
    fn json_is_answered_whenever_it_is_allowed() {
        for accept in
            [None, Some("*/*"), Some("application/*"), Some("application/x-protobuf, application/json")]
        {
            assert_eq!(MediaType::of_answer(accept), Ok(MediaType::Json), "{accept:?}");
        }
        assert_eq!(MediaType::of_answer(Some("application/x-protobuf")), Ok(MediaType::Protobuf));
        assert_eq!(MediaType::of_answer(Some("application/json;q=0, */*")), Ok(MediaType::Json));
        assert_eq!(MediaType::of_answer(Some("text/html")), Err(MediaError::NotAcceptable));
    }

    #[test]
    fn a_content_type_is_compared_letter_for_letter() {
        assert_eq!(MediaType::of_call(Some("application/json")), Ok(MediaType::Json));
        assert_eq!(MediaType::of_call(None), Err(MediaError::Absent));
        for other in ["Application/JSON", "application/json; charset=utf-8", "application/recordio"] {
            assert_eq!(MediaType::of_call(Some(other)), Err(MediaError::Unsupported));
        }
    }

    #[test]
    fn a_text_that_is_not_json_is_refused_with_the_rest_of_its_line() {
        let near = |body| refusal::<scheduler::Call>(body);
        assert_eq!(
            near("{bad json"),
            "Failed to parse body into JSON: syntax error at line 1 near: bad json"
        );
        assert_eq!(near(""), "Failed to parse body into JSON: syntax error at line 1 near: ");
        assert_eq!(near("not json"), "Failed to parse body into JSON: syntax error at line 1 near: ot json");
        assert_eq!(
            near("{\n\"type\": 5,\n \"a\" 1}"),
            "Failed to parse body into JSON: syntax error at line 3 near: 1}"
        );
    }

    #[test]
    fn json_that_is_no_call_is_refused_with_the_field() {
        let text = refusal::<scheduler::Call>;
        let prefix = "Failed to convert JSON into Call protobuf: ";
        assert_eq!(text("[]"), format!("{prefix}Expecting a JSON object"));
        assert_eq!(text(r#"{"type":3}"#), format!("{prefix}Not expecting a JSON number for field 'type'"));
        assert_eq!(
            refusal::<agent::Call>(r#"{"type":"READ_FILE","read_file":{"path":5,"offset":"a"}}"#),
            format!(
                "{prefix}Failed to parse 'a' as a JSON number for field 'offset': syntax error at line 1 near: a"
            )
        );
        assert_eq!(
            text(r#"{"acknowledge":{"uuid":{}}}"#),
            format!("{prefix}Not expecting a JSON object for field 'uuid'")
        );
    }

    #[test]
    fn all_missing_fields_are_named_at_once() {
        assert_eq!(
            refusal::<agent::Call>(r#"{"type":"READ_FILE","read_file":{}}"#),
            "Failed to convert JSON into Call protobuf: Missing required fields: read_file.path, read_file.offset"
        );
        assert_eq!(
            refusal::<executor::Call>(r#"{"type":"SUBSCRIBE"}"#),
            "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id"
        );
        assert_eq!(
            refusal::<scheduler::Call>(
                r#"{"reconcile":{"tasks":[{"task_id":{"value":"a"}},{"task_id":{}}]}}"#
            ),
            "Failed to convert JSON into Call protobuf: Missing required fields: reconcile.tasks[1].task_id.value"
        );
    }

    #[test]
    fn what_is_repeated_of_a_body_has_a_bound() {
        let long = "x".repeat(1_000_000);
        let lists = format!(r#"{{"reconcile":{{"tasks":[{}]}}}}"#, vec!["{}"; 100_000].join(","));
        let key = format!(r#"{{"type":"{long}" 1}}"#);
        let number = format!(r#"{{"accept":{{"filters":{{"refuse_seconds":"{long}"}}}}}}"#);
        for body in [&long, &lists, &key, &number] {
            let text = refusal::<scheduler::Call>(body);
            assert!(text.len() < 1500, "{} bytes: {text:.2000}", text.len());
            assert!(text.ends_with('…') || body == &key, "{text}");
        }
        // reconcile { tasks {} tasks {} … }
        let mut body = vec![0x4a, 0xa0, 0x9c, 1];
        body.extend([0x0a, 0].repeat(10_000));
        let error = decode_call::<scheduler::Call>(&body, MediaType::Protobuf).expect_err("it lacks ids");
        assert!(error.to_string().ends_with("reconcile.tasks[31].task_id, …"), "{error}");
    }

    #[test]
    fn a_protobuf_body_that_lacks_a_field_is_refused_with_its_name() {
        let body = prost::Message::encode_to_vec(&scheduler::Call {
            kill: Some(scheduler::call::Kill {
                task_id: TaskId { value: "t".into() },
                agent_id: Some(AgentId { value: "a".into() }),
                ..Default::default()
            }),
            ..Default::default()
        });
        assert!(decode_call::<scheduler::Call>(&body, MediaType::Protobuf).is_ok());
        // kill { task_id {} agent_id {} }, written by hand: prost would fill the fields in.
        let body = [0x32, 4, 0x0a, 0, 0x12, 0];
        let error =
            decode_call::<scheduler::Call>(&body, MediaType::Protobuf).expect_err("two fields are missing");
        let fields = "kill.task_id.value, kill.agent_id.value";
        assert_eq!(
            error.to_string(),
            format!("Failed to parse body into Call protobuf: Missing required fields: {fields}")
        );
    }

    #[test]
    fn bytes_that_are_no_protobuf_are_refused() {
        let error =
            decode_call::<scheduler::Call>(b"garbage!!", MediaType::Protobuf).expect_err("it is garbage");
        assert_eq!(error.to_string(), "Failed to parse body into Call protobuf");
    }
}
