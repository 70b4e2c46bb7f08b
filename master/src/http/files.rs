//! The master's log over HTTP: `/files/{browse,read,download,debug}`, LIST_FILES and READ_FILE.
//!
//! Source: Mesos endpoints of every process.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::ready;
use std::sync::Arc;

use api::classic::files;
use api::v1::master::call::Type;
use api::v1::master::response::{self, Type as Answer};
use api::v1::master::{Call, Response as Message};
use libprocess::Doors;
use libprocess::http::{Request, Response, Route, StatusCode};
use security::{Action, Object, Rights};

use super::readers::Readers;
use super::realms::READ_ONLY;
use crate::Master;

/// The one file there is.
const LOG: &str = "/master/log";

/// Why a file is not shown, and as what.
pub(crate) type Refused = (StatusCode, String);

/// Opens the routes.
pub(crate) fn doors(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    let mut route = |route: Route, answer: fn(&Files<'_>, &Request) -> Result<Response, Refused>| {
        let readers = readers.clone();
        doors.route(route.realm(READ_ONLY), move |request: Request, _| {
            let answer = answer(&Files { readers: &readers, rights: readers.rights(&request) }, &request);
            ready(answer.unwrap_or_else(|(status, why)| Response::text(status, why)))
        });
    };
    route(
        Route::any("/files/browse").help("What a directory holds.").parameter("path", "Which."),
        |files, request| {
            files.open(path(request)?)?;
            Ok(Response::json("[]"))
        },
    );
    let read = Route::any("/files/read")
        .help("A piece of a file.")
        .parameter("path", "Which.")
        .parameter("offset", "Where it begins, in bytes; -1, or not said, for the length of the file.")
        .parameter("length", "How many bytes at most; -1 for as many as are given at once.");
    route(read, |files, request| {
        let path = path(request)?;
        let number = |name| files::number(|name| request.query.get(name), name).map_err(bad);
        let (offset, length) = (number("offset")?, number("length")?);
        let (size, data) = files::read(&mut files.open(path)?, offset, length).map_err(broken)?;
        Ok(Response::json(files::piece(&data, offset.unwrap_or(size))))
    });
    route(
        Route::any("/files/download").help("A whole file.").parameter("path", "Which."),
        |files, request| match files.open(path(request)?) {
            Ok(log) => Response::attachment(log, "log").map_err(broken),
            Err((StatusCode::NOT_FOUND, _)) => Ok(Response::not_found()),
            Err(refused) => Err(refused),
        },
    );
    route(Route::any("/files/debug").help("Which virtual path is which real one."), |files, _| {
        if !files.rights.may(Action::GetEndpoint, Object::of("/files/debug")) {
            return Err(forbidden());
        }
        let log = files.readers.config.settings.log.iter().map(|log| (LOG, log.display().to_string()));
        let attached: BTreeMap<_, _> = log.collect();
        Ok(Response::json(serde_json::to_vec(&attached).unwrap_or_default()))
    });
}

/// What a master shows somebody.
pub(super) struct Files<'a> {
    pub(super) readers: &'a Readers,
    pub(super) rights: Rights,
}

impl Files<'_> {
    /// What LIST_FILES and READ_FILE ask for; other calls ask for nothing here.
    pub(super) fn answer(&self, kind: Type, call: &Call) -> Option<Result<Message, Refused>> {
        match kind {
            Type::ListFiles => call.list_files.as_ref().map(|asked| {
                // The log has nothing beneath it.
                let list_files = self.open(&asked.path).map(|_| response::ListFiles::default())?;
                let r#type = Some(Answer::ListFiles as i32);
                Ok(Message { r#type, list_files: Some(list_files), ..Message::default() })
            }),
            Type::ReadFile => call.read_file.as_ref().map(|asked| {
                let mut log = self.open(&asked.path)?;
                let (size, data) = files::read(&mut log, Some(asked.offset), asked.length).map_err(broken)?;
                let r#type = Some(Answer::ReadFile as i32);
                Ok(Message {
                    r#type,
                    read_file: Some(response::ReadFile { size, data }),
                    ..Message::default()
                })
            }),
            _ => None,
        }
    }

    fn open(&self, path: &str) -> Result<File, Refused> {
        // What is not there has an empty body, as in the original.
        let missing = || (StatusCode::NOT_FOUND, String::new());
        let log = self.readers.config.settings.log.as_ref().filter(|_| path == LOG).ok_or_else(missing)?;
        if !self.rights.may(Action::AccessMesosLog, Object::ANY) {
            return Err(forbidden());
        }
        File::open(log).map_err(broken)
    }
}

fn path(request: &Request) -> Result<&str, Refused> {
    files::path(|name| request.query.get(name)).map_err(bad)
}

fn bad(why: String) -> Refused {
    (StatusCode::BAD_REQUEST, why)
}

fn broken(error: std::io::Error) -> Refused {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{LOG}: {error}"))
}

fn forbidden() -> Refused {
    (StatusCode::FORBIDDEN, "403 Forbidden.".to_owned())
}
