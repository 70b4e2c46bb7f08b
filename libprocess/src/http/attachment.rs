//! A file as a download.

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use futures_util::stream;
use http::header;

use super::{Body, BodyError, Chunks, Response};

/// Unit: bytes. So much of a file is in memory at a time.
const PIECE: usize = 64 * 1024;

impl Response {
    /// A whole file that is open, to be kept under a name. It is read while it is sent, and says how long it is; what is added
    /// to it meanwhile is not sent.
    ///
    /// Errors: the file does not say how long it is.
    pub fn attachment(file: File, name: &str) -> io::Result<Response> {
        let length = file.metadata()?.len();
        let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
        Ok(Response::ok()
            .header(header::CONTENT_DISPOSITION, format!("attachment; filename={name}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(Chunks::of_length(length, stream::unfold(Some(file), next_piece)))))
    }
}

/// The next piece of a file; the file goes on from there, or is over.
async fn next_piece(file: Option<File>) -> Option<(Result<Bytes, BodyError>, Option<File>)> {
    let mut file = file?;
    let mut piece = vec![0; PIECE];
    match file.read(&mut piece) {
        Ok(0) => None,
        Ok(read) => {
            piece.truncate(read);
            Some((Ok(piece.into()), Some(file)))
        }
        Err(error) => Some((Err(BodyError::Broken(error.to_string())), None)),
    }
}
