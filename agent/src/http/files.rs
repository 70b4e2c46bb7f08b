//! Sandboxes over HTTP: `/files/{browse,read,download,debug}`.
//!
//! Source: Mesos endpoints of every process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use api::classic::files;
use libprocess::http::{Request, Response, Route, header};
use libprocess::{Doors, Runtime};

use security::Rights;

use super::Wrong;
use super::realms::READ_ONLY;
use super::sandbox::{Failure, Files, LIST_MAX, LOG, Listing};
use crate::actor::Agent;
use crate::authorization::allow_endpoint;
use crate::fetcher::blocking;
use crate::layout::Layout;
use crate::public::Public;
use crate::state::State;

pub(super) fn open(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/files/browse")
            .help("What a directory holds.")
            .parameter("path", "Which.")
            .realm(READ_ONLY),
        move |request, edge| {
            let (state, rights) = (shared.state(), shared.rights(&request));
            async move {
                let listed = match path_of(&request) {
                    Ok(path) => list(path, &state, &rights, &edge.runtime).await,
                    Err(wrong) => Err(wrong),
                };
                listed.map_or_else(Wrong::response, |listing| shown(&listing))
            }
        },
    );
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/files/read")
            .help("A piece of a file.")
            .parameter("path", "Which.")
            .parameter("offset", "Where it begins, in bytes; -1, or not said, for the length of the file.")
            .parameter("length", "How many bytes at most; -1 for as many as are given at once.")
            .realm(READ_ONLY),
        move |request, _| {
            let response = read(&request, &shared.state(), &shared.rights(&request));
            async { response }
        },
    );
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/files/download").help("A whole file.").parameter("path", "Which.").realm(READ_ONLY),
        move |request, _| {
            let response = download(&request, &shared.state(), &shared.rights(&request));
            async { response }
        },
    );
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/files/debug").help("Which virtual path is which real one.").realm(READ_ONLY),
        move |request, _| {
            let response = match allow_endpoint(&shared.rights(&request), "/files/debug") {
                Ok(()) => Response::json(serde_json::to_vec(&attached(&shared.state())).unwrap_or_default()),
                Err(wrong) => wrong.response(),
            };
            async { response }
        },
    );
}

fn path_of(request: &Request) -> Result<&str, Wrong> {
    files::path(|name| request.query.get(name)).map_err(Wrong::bad_request)
}

/// What a directory holds, looked up where nobody has to wait for it.
pub(super) async fn list(
    path: &str,
    state: &State,
    rights: &Rights,
    runtime: &Runtime,
) -> Result<Listing, Wrong> {
    let (path, state, rights) = (path.to_owned(), state.clone(), rights.clone());
    let listed = blocking(runtime, move || Files::new(&state, &rights).list(&path)).await;
    listed.unwrap_or_else(|error| Err(Failure::Other(error.to_string()))).map_err(Failure::wrong)
}

fn shown(listing: &Listing) -> Response {
    let shown: Vec<_> = listing
        .entries
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
    let response = Response::json(serde_json::Value::Array(shown).to_string());
    match listing.total > LIST_MAX {
        true => {
            let warning = format!("299 - \"the first {LIST_MAX} of {} entries are listed\"", listing.total);
            response.header(header::WARNING, &warning)
        }
        false => response,
    }
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

fn read(request: &Request, state: &State, rights: &Rights) -> Response {
    match piece(request, state, rights) {
        Ok(body) => Response::json(body),
        Err(wrong) => wrong.response(),
    }
}

fn piece(request: &Request, state: &State, rights: &Rights) -> Result<Vec<u8>, Wrong> {
    let path = path_of(request)?;
    let number = |name| files::number(|name| request.query.get(name), name).map_err(Wrong::bad_request);
    let (offset, length) = (number("offset")?, number("length")?);
    let (size, data) = Files::new(state, rights).read(path, offset, length).map_err(Failure::wrong)?;
    Ok(files::piece(&data, offset.unwrap_or(size)))
}

fn download(request: &Request, state: &State, rights: &Rights) -> Response {
    let path = match path_of(request) {
        Ok(path) => path,
        Err(wrong) => return wrong.response(),
    };
    let file = match Files::new(state, rights).open(path) {
        Ok(file) => file,
        Err(Failure::NotFound) => return Response::not_found(),
        Err(failure) => return failure.wrong().response(),
    };
    let name =
        Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Response::attachment(file, &name).unwrap_or_else(|error| Failure::from(error).wrong().response())
}

/// Shape: virtual path → real path, of the log, and of every sandbox of an executor that is remembered.
fn attached(state: &State) -> BTreeMap<String, String> {
    let known = state.frameworks.values().chain(state.completed.iter());
    let executors =
        known.flat_map(|framework| framework.completed.iter().chain(framework.executors.values()));
    let log = state.settings.log.iter().map(|log| (LOG.to_owned(), log.display().to_string()));
    let sandboxes = executors.flat_map(|executor| {
        let real = executor.directory.display().to_string();
        let latest = executor.directory.with_file_name("latest").display().to_string();
        let shown = Layout::virtual_sandbox(&executor.framework, &executor.id);
        [(shown, real.clone()), (latest, real.clone()), (real.clone(), real)]
    });
    sandboxes.chain(log).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use libprocess::http::{Body, Request};
    use security::{Acls, Local, Policy};

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

    /// As it is answered, without a runtime.
    fn browse(request: &Request, state: &State, rights: &Rights) -> Response {
        let listed =
            path_of(request).and_then(|path| Files::new(state, rights).list(path).map_err(Failure::wrong));
        listed.map_or_else(Wrong::response, |listing| shown(&listing))
    }

    fn body(response: Response) -> (u16, String) {
        let status = response.status.as_u16();
        let text = match response.body {
            Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => String::new(),
        };
        (status, text)
    }

    fn get(handler: fn(&Request, &State, &Rights) -> Response, query: &str) -> (u16, String) {
        let (_dir, state) = sandboxed();
        body(handler(&Request::get(&format!("/files?{query}")), &state, &Rights::default()))
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
    fn a_sandbox_is_for_those_who_may_see_it() {
        let (_dir, state) = sandboxed();
        let acls = Acls { permissive: false, ..Acls::default() };
        let nobody = Policy::of(Arc::new(Local::new(acls))).rights_of(Some("ann"));
        for handler in [read, browse, download] {
            let request = Request::get(&format!("/files?path={SANDBOX}/stdout"));
            assert_eq!(body(handler(&request, &state, &nobody)), (403, "403 Forbidden.".to_owned()));
        }
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
    fn the_log_is_read_by_those_who_may_see_it() {
        let (dir, mut state) = sandboxed();
        let log = dir.path().join("agent.log");
        std::fs::write(&log, "line\n").unwrap();
        let get = |state: &State, handler: fn(&Request, &State, &Rights) -> Response, rights: &Rights| {
            body(handler(&Request::get("/files?path=/slave/log&offset=0"), state, rights))
        };
        assert_eq!(get(&state, read, &Rights::default()).0, 404, "none is written to a file");
        Arc::make_mut(&mut state.settings).log = Some(log.clone());
        assert_eq!(get(&state, read, &Rights::default()), (200, r#"{"data":"line\n","offset":0}"#.into()));
        assert_eq!(get(&state, browse, &Rights::default()), (200, "[]".into()));
        assert_eq!(attached(&state)["/slave/log"], log.display().to_string());
        let acls = Acls { permissive: false, ..Acls::default() };
        let nobody = Policy::of(Arc::new(Local::new(acls))).rights_of(Some("ann"));
        for handler in [read, browse, download] {
            assert_eq!(get(&state, handler, &nobody).0, 403);
        }
    }

    #[test]
    fn a_download_says_how_long_it_is() {
        let (_dir, state) = sandboxed();
        let request = Request::get(&format!("/files/download?path={SANDBOX}/stdout"));
        assert_eq!(download(&request, &state, &Rights::default()).body.len(), Some("hello\n".len()));
    }

    #[test]
    fn a_link_to_the_last_run_that_leads_elsewhere_is_not_followed() {
        let (dir, state) = sandboxed();
        let latest = dir.path().join("slaves/S0/frameworks/f/executors/e/runs/latest");
        for target in [dir.path(), Path::new("/"), Path::new("../../..")] {
            std::fs::remove_file(&latest).unwrap();
            symlink(target, &latest).unwrap();
            let request = Request::get(&format!("/files/browse?path={SANDBOX}"));
            assert_eq!(body(browse(&request, &state, &Rights::default())).0, 404, "{}", target.display());
        }
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
    fn of_a_directory_with_very_many_files_the_first_are_listed() {
        let (dir, state) = sandboxed();
        let many = dir.path().join("slaves/S0/frameworks/f/executors/e/runs/c1/many");
        std::fs::create_dir(&many).unwrap();
        for number in (0..LIST_MAX + 3).rev() {
            std::fs::write(many.join(format!("{number:05}")), "").unwrap();
        }
        let request = Request::get(&format!("/files/browse?path={SANDBOX}/many"));
        let response = browse(&request, &state, &Rights::default());
        let warning = response.text_of(header::WARNING).map(str::to_owned);
        assert_eq!(warning.as_deref(), Some("299 - \"the first 10000 of 10003 entries are listed\""));
        let listed: serde_json::Value = serde_json::from_str(&body(response).1).unwrap();
        let listed = listed.as_array().unwrap();
        assert_eq!(listed.len(), LIST_MAX);
        assert_eq!(listed[LIST_MAX - 1]["path"], format!("{SANDBOX}/many/09999"));
        std::fs::remove_file(many.join("00000")).unwrap();
        let few = browse(&Request::get(&format!("/files?path={SANDBOX}")), &state, &Rights::default());
        assert_eq!(few.text_of(header::WARNING), None);
    }

    #[test]
    fn a_directory_cannot_be_read() {
        assert_eq!(get(read, &format!("path={SANDBOX}")), (400, "Cannot read a directory.\n".into()));
    }
}
