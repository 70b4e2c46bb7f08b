//! Captured exchanges, one per file.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The captures a crate keeps in `tests/golden`.
#[derive(Clone, Copy, Debug)]
pub struct Captures {
    crate_dir: &'static str,
}

/// One request and its answer.
pub struct Exchange {
    /// The file's name without `.json`.
    pub name: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Absent where the connection was closed without an answer.
    pub status: Option<u16>,
    pub answered: Vec<(String, String)>,
    pub answer: String,
}

/// A stream: the call that opened it, and what was heard.
pub struct Stream {
    pub path: String,
    pub call: String,
    pub events: Vec<Value>,
    /// The media type of the answer.
    pub media: String,
    /// Whether whoever answered ended it, and did so in an orderly way.
    pub ended: bool,
}

impl Captures {
    /// Those of the crate whose `CARGO_MANIFEST_DIR` this is.
    pub const fn of(crate_dir: &'static str) -> Captures {
        Captures { crate_dir }
    }

    /// All exchanges of a folder, in name order.
    pub fn folder(&self, name: &str) -> Vec<Exchange> {
        let dir = self.root().join(name);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
            .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| Exchange::read(file)).collect()
    }

    /// One exchange.
    pub fn one(&self, folder: &str, name: &str) -> Exchange {
        Exchange::read(&self.file(&format!("{folder}/{name}")))
    }

    /// A captured stream, by `folder/name`.
    pub fn stream(&self, place: &str) -> Stream {
        let capture = self.whole(place);
        let request = capture["request_raw"].as_str().and_then(|raw| raw.split_once("\r\n\r\n"));
        let (head, call) = request.expect("a stream was asked for");
        let frames = capture["frames"].as_array().expect("a stream has frames");
        let record = |frame: &Value| {
            frame["chunk"].as_str().and_then(|chunk| chunk.split_once('\n')).map(|(_, text)| text.to_owned())
        };
        let event = |text: String| serde_json::from_str(&text).expect("a record is JSON");
        let media = headers(&capture["response"]).into_iter().find(|(name, _)| name == "content-type");
        Stream {
            path: head.split(' ').nth(1).expect("a path").to_owned(),
            call: call.to_owned(),
            events: frames.iter().filter_map(record).map(event).collect(),
            media: media.map(|(_, value)| value).unwrap_or_default(),
            ended: capture["ended"] == "terminal chunk",
        }
    }

    /// Every capture there is, as `folder/name`.
    pub fn all(&self) -> Vec<String> {
        let names = |dir: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(dir).expect("the folder is there");
            entries.map(|entry| entry.expect("readable").path()).collect()
        };
        let folders = names(&self.root()).into_iter().filter(|path| path.is_dir());
        let place = |file: PathBuf| {
            let file = file.with_extension("");
            file.strip_prefix(self.root()).expect("it is in there").to_string_lossy().into_owned()
        };
        folders.flat_map(|folder| names(&folder)).map(place).collect()
    }

    /// A capture that is neither exchange nor stream, by `folder/name`.
    pub fn whole(&self, place: &str) -> Value {
        read(&self.file(place))
    }

    fn file(&self, place: &str) -> PathBuf {
        self.root().join(format!("{place}.json"))
    }

    fn root(&self) -> PathBuf {
        Path::new(self.crate_dir).join("tests/golden")
    }
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("a capture is JSON")
}

/// Those of an answer, with names in lower case.
fn headers(response: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pairs = response["headers"].as_array().into_iter().flatten();
    pairs.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect()
}

impl Exchange {
    fn read(file: &Path) -> Exchange {
        let capture = read(file);
        let (request, response) = (&capture["request"], &capture["response"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let asked = request["headers"].as_object().into_iter().flatten();
        Exchange {
            name: file.file_stem().expect("a file has a name").to_string_lossy().into_owned(),
            method: text(&request["method"]),
            path: text(&request["path"]),
            headers: asked.map(|(name, value)| (name.clone(), text(value))).collect(),
            body: text(&request["body"]),
            status: response["status"]
                .as_u64()
                .map(|status| u16::try_from(status).expect("a status is small")),
            answered: headers(response),
            answer: text(&response["body"]),
        }
    }

    /// The value of a header of the captured answer.
    pub fn answered(&self, name: &str) -> Option<&str> {
        self.answered.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}
