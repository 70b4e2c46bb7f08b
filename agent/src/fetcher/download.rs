//! One file over HTTP.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;

use agent_launch::Credentials;
use agent_linux::beneath::{self, Directory};
use futures_util::future::{Either, select};
use libprocess::http::{Request, Response, StatusCode, header};

use super::fetch::Fetcher;
use super::userinfo::{self, Login};

/// How much is gathered before it goes to disk. Unit: bytes.
const PIECE: usize = 256 * 1024;

/// How a download ended well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Downloaded {
    /// The file is there.
    Whole,
    /// The way led to a URL that needs more than plain HTTP.
    Elsewhere(String),
}

/// Downloads `url` to `name` beneath the sandbox.
///
/// Errors: one line that says why; a file cut short is removed.
pub(crate) async fn download(
    fetcher: &Fetcher,
    url: &str,
    sandbox: &Path,
    name: &Path,
    executable: bool,
    who: Option<&Credentials>,
) -> Result<Downloaded, String> {
    let mut response = match follow(fetcher, url).await? {
        Followed::Here(response) => response,
        Followed::Elsewhere(url) => return Ok(Downloaded::Elsewhere(url)),
    };
    if let Some(length) = response.text_of(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok())
        && length > fetcher.limits.bytes
    {
        return Err(format!("it is {length} bytes long, {} are allowed", fetcher.limits.bytes));
    }
    let file = create(fetcher, sandbox, name, executable, who).await.map_err(|error| error.to_string())?;
    let written = write(fetcher, &mut response, file).await;
    if written.is_err() {
        // What came is no use, and could be taken for whole.
        let whole = sandbox.join(name);
        let _ = fetcher.blocking(move || std::fs::remove_file(whole)).await;
    }
    written.map(|()| Downloaded::Whole)
}

/// Where redirects led.
enum Followed {
    Here(Response),
    Elsewhere(String),
}

/// Asks until the answer is no redirect.
async fn follow(fetcher: &Fetcher, url: &str) -> Result<Followed, String> {
    let (mut url, mut login) = userinfo::split(url, None);
    for _ in 0..=fetcher.limits.redirects {
        let request = Login::shown(login.as_ref(), &url, Request::get(&url).within(fetcher.limits.stall));
        let response = fetcher.runtime.client().send(request).await.map_err(|error| {
            use std::error::Error;
            error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
        })?;
        if response.status == StatusCode::OK {
            return Ok(Followed::Here(response));
        }
        if !response.status.is_redirection() {
            return Err(format!("the server answered {}", response.status));
        }
        let location = response.text_of(header::LOCATION).ok_or("a redirect names no place")?;
        let next = target(&url, location)?;
        if next.starts_with("https://") {
            return Ok(Followed::Elsewhere(next));
        }
        (url, login) = userinfo::split(&next, login);
    }
    Err(format!("there are more than {} redirects", fetcher.limits.redirects))
}

/// Where a redirect leads.
pub(super) fn target(from: &str, location: &str) -> Result<String, String> {
    if location.starts_with("http://") || location.starts_with("https://") {
        return Ok(location.to_owned());
    }
    if let Some((scheme, _)) = location.split_once("://") {
        return Err(format!("it redirects to the scheme '{scheme}', which is not followed"));
    }
    let (scheme, rest) = from.split_once("://").ok_or("a redirect leads from nowhere")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(other) = location.strip_prefix("//") {
        return Ok(format!("{scheme}://{other}"));
    }
    if location.starts_with('/') {
        return Ok(format!("{scheme}://{host}{location}"));
    }
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    let slash = if above.is_empty() { "" } else { "/" };
    Ok(format!("{scheme}://{host}/{above}{slash}{location}"))
}

async fn create(
    fetcher: &Fetcher,
    sandbox: &Path,
    name: &Path,
    executable: bool,
    who: Option<&Credentials>,
) -> io::Result<File> {
    let (sandbox, name) = (sandbox.to_owned(), name.to_owned());
    let owner = who.map(|who| (who.uid, who.gid));
    let make = move || {
        let dir = Directory::open(&sandbox)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let file = dir.create_for(&name, mode, owner)?;
        beneath::set_mode(&file, mode)?;
        Ok(file)
    };
    fetcher.blocking(make).await?
}

async fn write(fetcher: &Fetcher, response: &mut Response, mut file: File) -> Result<(), String> {
    let limit = fetcher.limits.bytes;
    let mut total: u64 = 0;
    let mut gathered: Vec<u8> = Vec::new();
    loop {
        let next = pin!(response.body.next());
        let piece = match select(next, fetcher.runtime.sleep(fetcher.limits.stall)).await {
            Either::Left((piece, _)) => piece,
            Either::Right(_) => return Err(format!("nothing came for {:?}", fetcher.limits.stall)),
        };
        let end = piece.is_none();
        if let Some(piece) = piece {
            let piece = piece.map_err(|error| error.to_string())?;
            total += piece.len() as u64;
            if total > limit {
                return Err(format!("it is longer than {limit} bytes"));
            }
            gathered.extend_from_slice(&piece);
        }
        if gathered.len() >= PIECE || (end && !gathered.is_empty()) {
            let bytes = std::mem::take(&mut gathered);
            let write = move || file.write_all(&bytes).map(|()| file);
            file = fetcher.blocking(write).await.and_then(|done| done).map_err(|error| error.to_string())?;
        }
        if end {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_redirect_is_followed_from_where_it_stands() {
        let to = |location| target("http://host:80/a/b", location);
        assert_eq!(to("http://other/x").unwrap(), "http://other/x");
        assert_eq!(to("/x").unwrap(), "http://host:80/x");
        assert_eq!(to("x").unwrap(), "http://host:80/a/x");
        assert_eq!(to("//other/x").unwrap(), "http://other/x");
        assert_eq!(target("http://host", "x").unwrap(), "http://host/x");
        assert!(to("file:///etc/passwd").unwrap_err().contains("'file'"));
    }
}
