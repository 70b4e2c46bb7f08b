//! Captured exchanges, one per file.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One request and its answer.
pub(crate) struct Exchange {
    /// The file's name without `.json`.
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Absent where the connection was closed without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) answered: Vec<(String, String)>,
    pub(crate) answer: String,
}

/// The ids of the masters that were captured.
pub(crate) const MASTERS: [&str; 5] = [
    "725738bd-c746-46d6-9006-a08c61b972b3",
    "07bad322-e99b-475f-8037-25166e739559",
    "1e968c36-c743-4863-aac4-85f7e5f02dbc",
    "42f85ccb-ce8f-4fe9-9a69-dd192ba823bf",
    "5e23a5b9-62cb-4f30-990e-a56eabeabad6",
];

/// All exchanges of a folder, in name order.
pub(crate) fn folder(name: &str) -> Vec<Exchange> {
    let dir = root().join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files.iter().map(|file| exchange(file)).collect()
}

/// One exchange.
pub(crate) fn one(folder: &str, name: &str) -> Exchange {
    exchange(&root().join(folder).join(format!("{name}.json")))
}

/// A stream: the call that opened it, and what was heard.
pub(crate) struct Stream {
    pub(crate) path: String,
    pub(crate) call: String,
    pub(crate) events: Vec<Value>,
    /// The media type of the answer.
    pub(crate) media: String,
    /// Whether the master ended it, and did so in an orderly way.
    pub(crate) ended: bool,
}

/// A captured stream.
pub(crate) fn stream(place: &str) -> Stream {
    let capture = read(&root().join(format!("{place}.json")));
    let (head, call) =
        capture["request_raw"].as_str().and_then(|raw| raw.split_once("\r\n\r\n")).expect("a request");
    let frames = capture["frames"].as_array().expect("a stream has frames");
    let record = |frame: &Value| {
        frame["chunk"].as_str().and_then(|chunk| chunk.split_once('\n')).map(|(_, text)| text.to_owned())
    };
    let event = |text: String| serde_json::from_str(&text).expect("a record is JSON");
    Stream {
        path: head.split(' ').nth(1).expect("a path").to_owned(),
        call: call.to_owned(),
        events: frames.iter().filter_map(record).map(event).collect(),
        media: header(&capture["response"], "content-type").unwrap_or_default(),
        ended: capture["ended"] == "terminal chunk",
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("a capture is JSON")
}

fn header(response: &Value, wanted: &str) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut headers = response["headers"].as_array().into_iter().flatten();
    headers.find(|pair| text(&pair[0]).to_lowercase() == wanted).map(|pair| text(&pair[1]))
}

/// Every capture there is, as `folder/name`.
pub(crate) fn all() -> Vec<String> {
    let names = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).expect("the folder is there");
        entries.map(|entry| entry.expect("readable").path()).collect()
    };
    let folders = names(&root()).into_iter().filter(|path| path.is_dir());
    let place = |file: &PathBuf| {
        let file = file.with_extension("");
        file.strip_prefix(root()).expect("it is in there").to_string_lossy().into_owned()
    };
    folders.flat_map(|folder| names(&folder)).map(|file| place(&file)).collect()
}

fn exchange(file: &Path) -> Exchange {
    let capture = read(file);
    let (request, response) = (&capture["request"], &capture["response"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = request["headers"].as_object().into_iter().flatten();
    let answered = response["headers"].as_array().into_iter().flatten();
    Exchange {
        name: file.file_stem().expect("a file has a name").to_string_lossy().into_owned(),
        method: text(&request["method"]),
        path: text(&request["path"]),
        headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
        body: text(&request["body"]),
        status: response["status"].as_u64().map(|status| u16::try_from(status).expect("a status is small")),
        answered: answered.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect(),
        answer: text(&response["body"]),
    }
}

impl Exchange {
    /// The value of a header of the captured answer.
    pub(crate) fn answered(&self, name: &str) -> Option<&str> {
        self.answered.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}
