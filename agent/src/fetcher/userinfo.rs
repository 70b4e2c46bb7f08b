//! Who asks, where a URL says so: `http://name:password@host/path`.

use std::borrow::Cow;

use libprocess::http::Request;
use libprocess::{Credential, Principal, Secret};
use percent_encoding::percent_decode_str;

/// A name and a password, and the server that they are for.
#[derive(Clone, Debug)]
pub(super) struct Login {
    credential: Credential,
    /// `scheme://host:port`.
    server: String,
}

impl Login {
    /// Shown to the server it is for, and to no other that a redirect leads to. Source: curl.
    pub(super) fn shown(login: Option<&Self>, url: &str, request: Request) -> Request {
        match login.filter(|login| server(url) == login.server) {
            Some(login) => request.credential(&login.credential),
            None => request,
        }
    }
}

/// A URL without who asks, and who that is; else who asked before.
pub(super) fn split(url: &str, before: Option<Login>) -> (String, Option<Login>) {
    let Some((scheme, userinfo, rest)) = parts(url) else { return (url.to_owned(), before) };
    let url = format!("{scheme}://{rest}");
    let (name, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let principal = Principal::new(&*percent_decode_str(name).decode_utf8_lossy());
    let secret = Secret::new(percent_decode_str(password).collect::<Vec<u8>>());
    let login = Login { credential: Credential { principal, secret }, server: server(&url).to_owned() };
    (url, Some(login))
}

/// A URI as people and logs may see it: with a password, or a name that is one, left out.
pub(super) fn spoken(uri: &str) -> Cow<'_, str> {
    match parts(uri) {
        Some((scheme, _, rest)) => format!("{scheme}://***@{rest}").into(),
        None => uri.into(),
    }
}

/// Scheme, who asks, and what comes after the `@`.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest[..authority(rest)].rfind('@')?;
    Some((scheme, &rest[..at], &rest[at + 1..]))
}

fn server(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    &url[..start + authority(&url[start..])]
}

/// How long the authority is that a text begins with.
fn authority(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use libprocess::http::header;

    use super::*;

    fn authorization(login: Option<&Login>, url: &str) -> Option<String> {
        let request = Login::shown(login, url, Request::get(url));
        request.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn who_asks_is_told_to_the_server_that_it_was_meant_for() {
        let (url, login) = split("http://me:p%40ss@host:80/file?to=a@b", None);
        assert_eq!(url, "http://host:80/file?to=a@b");
        // me:p@ss
        assert_eq!(authorization(login.as_ref(), &url).as_deref(), Some("Basic bWU6cEBzcw=="));
        assert!(authorization(login.as_ref(), "http://host:80/other").is_some());
        for other in ["http://host:81/file", "http://elsewhere:80/file", "https://host:80/file"] {
            assert_eq!(authorization(login.as_ref(), other), None, "{other}");
        }
    }

    #[test]
    fn a_url_that_names_nobody_is_asked_for_by_whoever_asked_before() {
        let (_, login) = split("http://me@host/", None);
        let (url, login) = split("http://host/a@b", login);
        assert_eq!(
            (&*url, authorization(login.as_ref(), &url).as_deref()),
            ("http://host/a@b", Some("Basic bWU6"))
        );
        assert!(split("http://host/a@b", None).1.is_none());
    }

    #[test]
    fn nobody_reads_a_password() {
        assert_eq!(spoken("http://me:secret@host/file"), "http://***@host/file");
        assert_eq!(spoken("https://token@host"), "https://***@host");
        for plain in ["http://host/a:b@c", "/opt/a@b", "file:///a@b", "relative@x"] {
            assert_eq!(spoken(plain), plain);
        }
    }
}
