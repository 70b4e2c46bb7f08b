//! Sandboxes over HTTP: `/files/{browse,read,download,debug}`, and what LIST_FILES and READ_FILE answer.
//!
//! A path is taken apart before anything is opened, and what it names is opened beneath its sandbox by the kernel, so
//! no link a task plants leads out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use agent_linux::beneath::Directory;
use agent_linux::user;
use api::v1;
use bytes::Bytes;
use futures_util::stream;
use libprocess::Doors;
use libprocess::http::{Body, BodyError, Chunks, Request, Response, Route, StatusCode, header};

use super::Wrong;
use crate::actor::Agent;
use crate::layout::Layout;
use crate::public::Public;
use crate::state::State;

/// The most one read gives: sixteen pages. Unit: bytes.
const READ_MAX: u64 = 16 * 4096;

pub(super) fn open(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    let shared = Arc::clone(public);
    doors.route(Route::any("/files/browse").help("What a directory holds: `path`."), move |request, _| {
        let response = browse(&request, &shared.state());
        async { response }
    });
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/files/read").help("A piece of a file: `path`, `offset`, `length`."),
        move |request, _| {
            let response = read(&request, &shared.state());
            async { response }
        },
    );
    let shared = Arc::clone(public);
    doors.route(Route::any("/files/download").help("A whole file: `path`."), move |request, _| {
        let response = download(&request, &shared.state());
        async { response }
    });
    let shared = Arc::clone(public);
    doors.route(Route::any("/files/debug").help("Which virtual path is which real one."), move |_, _| {
        let response = Response::json(serde_json::to_vec(&attached(&shared.state())).unwrap_or_default());
        async { response }
    });
}

/// Why a file cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("no such file")]
    NotFound,
    #[error("Cannot {0} a directory.\n")]
    Directory(&'static str),
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// What is not there has an empty body, as in the original.
    pub(super) fn wrong(self) -> Wrong {
        match self {
            Failure::NotFound => Wrong::new(StatusCode::NOT_FOUND, ""),
            Failure::Directory(_) => Wrong::bad_request(self.to_string()),
            Failure::Other(_) => Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, self.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    /// What leads out of a sandbox, or may not be opened, is as good as not there.
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{CrossesDevices, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        match error.kind() {
            NotFound | NotADirectory | CrossesDevices | PermissionDenied | InvalidInput => Failure::NotFound,
            _ if error.raw_os_error() == Some(LOOP) => Failure::NotFound,
            _ => Failure::Other(error.to_string()),
        }
    }
}

/// Links that lead in a circle.
const LOOP: i32 = 40;

/// One file as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its whole virtual path.
    pub path: String,
    pub nlink: u64,
    pub size: u64,
    /// Unit: seconds since the epoch.
    pub mtime: i64,
    pub mode: u32,
    pub uid: String,
    pub gid: String,
}

impl From<&Entry> for v1::FileInfo {
    fn from(entry: &Entry) -> Self {
        v1::FileInfo {
            path: entry.path.clone(),
            nlink: i32::try_from(entry.nlink).ok(),
            size: Some(entry.size),
            mtime: Some(v1::TimeInfo { nanoseconds: entry.mtime.saturating_mul(1_000_000_000) }),
            mode: Some(entry.mode),
            uid: Some(entry.uid.clone()),
            gid: Some(entry.gid.clone()),
        }
    }
}

/// The files one state lets be seen.
pub(super) struct Files<'a>(&'a State);

impl<'a> Files<'a> {
    pub(super) fn new(state: &'a State) -> Self {
        Self(state)
    }

    /// What a directory holds, by path; nothing for a file.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Entry>, Failure> {
        let (sandbox, file) = self.find(path)?;
        if !file.metadata()?.is_dir() {
            return Ok(Vec::new());
        }
        let inside = self.inside(path)?.rest;
        let base = path.trim_end_matches('/');
        let mut entries = Vec::new();
        for found in std::fs::read_dir(format!("/proc/self/fd/{}", fd(&file)))? {
            let found = found?;
            let Some(name) = found.file_name().to_str().map(str::to_owned) else { continue };
            // Links are followed as far as the sandbox goes; others are shown as what they are.
            let metadata = match sandbox.open_read(&inside.join(&name)) {
                Ok(file) => file.metadata()?,
                Err(_) => match found.metadata() {
                    Ok(metadata) => metadata,
                    // Gone since.
                    Err(_) => continue,
                },
            };
            entries.push(Entry {
                path: format!("{base}/{name}"),
                nlink: metadata.nlink(),
                size: metadata.size(),
                mtime: metadata.mtime(),
                mode: metadata.mode(),
                uid: user::name(metadata.uid()).unwrap_or_else(|| metadata.uid().to_string()),
                gid: user::group_name(metadata.gid()).unwrap_or_else(|| metadata.gid().to_string()),
            });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    /// The size of a file, and a piece of it: from `offset`, at most `length` bytes and never more than
    /// [`READ_MAX`]. Without an offset only the size is asked for.
    pub(super) fn read(
        &self,
        path: &str,
        offset: Option<u64>,
        length: Option<u64>,
    ) -> Result<(u64, Vec<u8>), Failure> {
        let (_, mut file) = self.find(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(Failure::Directory("read"));
        }
        let size = metadata.len();
        let Some(offset) = offset.filter(|offset| *offset < size) else { return Ok((size, Vec::new())) };
        let length = length.unwrap_or(u64::MAX).min(READ_MAX);
        file.seek(SeekFrom::Start(offset))?;
        let mut data = Vec::new();
        file.take(length).read_to_end(&mut data)?;
        Ok((size, data))
    }

    fn open(&self, path: &str) -> Result<File, Failure> {
        let (_, file) = self.find(path)?;
        if file.metadata()?.is_dir() { Err(Failure::Directory("download")) } else { Ok(file) }
    }

    /// Opens what a virtual path names, and the sandbox around it.
    fn find(&self, path: &str) -> Result<(Directory, File), Failure> {
        let inside = self.inside(path)?;
        let sandbox = Directory::open(&inside.sandbox)?;
        let file = sandbox.open_read(&inside.rest)?;
        Ok((sandbox, file))
    }

    fn inside(&self, path: &str) -> Result<crate::layout::Inside, Failure> {
        self.0.settings.layout.inside(self.0.id.as_ref(), path).ok_or(Failure::NotFound)
    }
}

fn fd(file: &File) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

fn path_of(request: &Request) -> Result<&str, Wrong> {
    let missing = || Wrong::bad_request("Expecting 'path=value' in query.\n");
    request.query.get("path").filter(|path| !path.is_empty()).ok_or_else(missing)
}

fn browse(request: &Request, state: &State) -> Response {
    let listed = path_of(request).and_then(|path| Files::new(state).list(path).map_err(Failure::wrong));
    let entries = match listed {
        Ok(entries) => entries,
        Err(wrong) => return wrong.response(),
    };
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| {
            // Keys in order.
            serde_json::json!({
                "gid": entry.gid,
                "mode": permissions(entry.mode),
                "mtime": entry.mtime as f64,
                "nlink": entry.nlink,
                "path": entry.path,
                "size": entry.size,
                "uid": entry.uid,
            })
        })
        .collect();
    Response::json(serde_json::Value::Array(shown).to_string())
}

/// As `ls -l` shows them.
fn permissions(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let bits = (0..9).rev().map(|bit| if mode & (1 << bit) != 0 { b"xwr"[bit % 3] as char } else { '-' });
    std::iter::once(kind).chain(bits).collect()
}

fn read(request: &Request, state: &State) -> Response {
    match piece(request, state) {
        Ok(body) => Response::json(body),
        Err(wrong) => wrong.response(),
    }
}

fn piece(request: &Request, state: &State) -> Result<Vec<u8>, Wrong> {
    let path = path_of(request)?;
    let offset = number(request, "offset")?;
    let length = number(request, "length")?;
    let (size, data) = Files::new(state).read(path, offset, length).map_err(Failure::wrong)?;
    let mut body = br#"{"data":""#.to_vec();
    data.iter().for_each(|byte| escape(*byte, &mut body));
    body.extend_from_slice(format!(r#"","offset":{}}}"#, offset.unwrap_or(size)).as_bytes());
    Ok(body)
}

/// A number that may be absent; -1 says the same.
fn number(request: &Request, name: &str) -> Result<Option<u64>, Wrong> {
    match request.query.get(name) {
        None | Some("-1") => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(u64::try_from(number).ok()),
            Ok(_) => Err(Wrong::bad_request(format!("Negative {name} provided: {text}.\n"))),
            Err(_) => Err(Wrong::bad_request(format!(
                "Failed to parse {name}: Failed to convert '{text}' to number.\n"
            ))),
        },
    }
}

/// A byte within a JSON string. Bytes of letters beyond ASCII pass as they are: a piece may begin within one.
fn escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..=0x1f | 0x7f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        _ => out.push(byte),
    }
}

fn download(request: &Request, state: &State) -> Response {
    let path = match path_of(request) {
        Ok(path) => path,
        Err(wrong) => return wrong.response(),
    };
    let file = match Files::new(state).open(path) {
        Ok(file) => file,
        Err(Failure::NotFound) => return Response::not_found(),
        Err(failure) => return failure.wrong().response(),
    };
    let name =
        Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = mime_guess::from_path(&name).first_raw().unwrap_or("application/octet-stream");
    Response::ok()
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename={name}"))
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(Chunks::new(stream::unfold(Some(file), next_piece))))
}

/// The next piece of a file that is sent; the file goes on from there, or is over.
async fn next_piece(file: Option<File>) -> Option<(Result<Bytes, BodyError>, Option<File>)> {
    let mut file = file?;
    let mut piece = vec![0; READ_MAX as usize];
    match file.read(&mut piece) {
        Ok(0) => None,
        Ok(read) => {
            piece.truncate(read);
            Some((Ok(piece.into()), Some(file)))
        }
        Err(error) => Some((Err(BodyError::Broken(error.to_string())), None)),
    }
}

/// Shape: virtual path → real path, of every sandbox of an executor that is remembered.
fn attached(state: &State) -> BTreeMap<String, String> {
    let known = state.frameworks.values().chain(state.completed.iter());
    let executors =
        known.flat_map(|framework| framework.completed.iter().chain(framework.executors.values()));
    executors
        .flat_map(|executor| {
            let real = executor.directory.display().to_string();
            let latest = executor.directory.with_file_name("latest").display().to_string();
            let shown = Layout::virtual_sandbox(&executor.framework, &executor.id);
            [(shown, real.clone()), (latest, real.clone()), (real.clone(), real)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use libprocess::http::Request;

    use super::*;
    use crate::testing::{World, settings};

    /// A state whose sandbox of executor `e` is a real directory.
    fn sandboxed() -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("slaves/S0/frameworks/f/executors/e/runs");
        std::fs::create_dir_all(runs.join("c1")).unwrap();
        symlink("c1", runs.join("latest")).unwrap();
        std::fs::write(runs.join("c1/stdout"), "hello\n").unwrap();
        std::fs::write(dir.path().join("secret"), "no").unwrap();
        symlink("../../../../../../../../secret", runs.join("c1/out")).unwrap();
        let mut settings = settings();
        settings.layout = Layout::new(dir.path().to_owned());
        let mut world = World::with(settings);
        world.state.id = Some("S0".into());
        (dir, world.state)
    }

    const SANDBOX: &str = "/frameworks/f/executors/e/runs/latest";

    fn body(response: Response) -> (u16, String) {
        let status = response.status.as_u16();
        let text = match response.body {
            Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => String::new(),
        };
        (status, text)
    }

    fn get(handler: fn(&Request, &State) -> Response, query: &str) -> (u16, String) {
        let (_dir, state) = sandboxed();
        body(handler(&Request::get(&format!("/files?{query}")), &state))
    }

    #[test]
    fn a_file_is_read_in_pieces() {
        let read = |rest: &str| get(read, &format!("path={SANDBOX}/stdout{rest}"));
        assert_eq!(read("&offset=0&length=100"), (200, r#"{"data":"hello\n","offset":0}"#.into()));
        assert_eq!(read("&offset=2&length=2"), (200, r#"{"data":"ll","offset":2}"#.into()));
        assert_eq!(read("&offset=-1"), (200, r#"{"data":"","offset":6}"#.into()));
        assert_eq!(read(""), (200, r#"{"data":"","offset":6}"#.into()));
        assert_eq!(read("&offset=600"), (200, r#"{"data":"","offset":600}"#.into()));
        assert_eq!(read("&offset=x").0, 400);
    }

    #[test]
    fn nothing_outside_a_sandbox_can_be_had() {
        for path in ["/frameworks/f/executors/e/runs/latest/out", "/etc/passwd", "/frameworks/f", "/nope"] {
            assert_eq!(get(read, &format!("path={path}")), (404, String::new()), "{path}");
            assert_eq!(get(browse, &format!("path={path}")).0, 404, "{path}");
        }
        assert_eq!(get(download, "path=/nope"), (404, "404 Not Found.".into()));
        assert_eq!(get(read, ""), (400, "Expecting 'path=value' in query.\n".into()));
    }

    #[test]
    fn a_directory_is_listed_by_path() {
        let (status, text) = get(browse, &format!("path={SANDBOX}"));
        assert_eq!(status, 200);
        let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(listed[1]["path"], format!("{SANDBOX}/stdout"));
        assert_eq!((listed[1]["mode"].as_str(), listed[1]["size"].as_u64()), (Some("-rw-r--r--"), Some(6)));
        assert_eq!(listed[0]["mode"].as_str().unwrap().chars().next(), Some('l'));
        assert_eq!(get(browse, &format!("path={SANDBOX}/stdout")), (200, "[]".into()));
    }

    #[test]
    fn a_directory_cannot_be_read() {
        assert_eq!(get(read, &format!("path={SANDBOX}")), (400, "Cannot read a directory.\n".into()));
    }

    #[test]
    fn a_piece_may_begin_within_a_letter() {
        let mut out = Vec::new();
        "é\"\u{1}".bytes().skip(1).for_each(|byte| escape(byte, &mut out));
        assert_eq!(out, b"\xa9\\\"\\u0001");
    }
}
