//! What a URI names, and what becomes of it in the sandbox.

use std::path::{Component, Path, PathBuf};

use super::FetchError;

/// Where the bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of this machine.
    Local(PathBuf),
    /// The whole URL.
    Http(String),
    /// The whole URL, of a scheme we do not speak ourselves and the machine's curl does.
    Other(String),
}

/// What is done with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing.
    Keep,
    /// They may be executed.
    Executable,
    /// They are opened as this format, beside themselves.
    Unpack(&'static str),
}

/// One URI, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) source: Source,
    /// Where it is put, beneath the sandbox.
    pub(crate) name: PathBuf,
    pub(crate) then: Then,
    /// Whether a copy is kept for others who ask for the same.
    pub(crate) cache: bool,
    /// What the bytes must add up to, in hexadecimal digits.
    pub(crate) sha256: Option<String>,
}

/// Ends a URI that says what its bytes add up to. No server is ever told of what follows a `#`, so that agents which do not know
/// this fetch the same.
const SHA256: &str = "#sha256=";

/// Suffix → format, the longer first.
///
/// Source: agent semantics, fetcher.
const ARCHIVES: [(&str, &str); 9] = [
    (".tar.gz", "tgz"),
    (".tar.bz2", "tbz2"),
    (".tar.xz", "txz"),
    (".tar", "tar"),
    (".tgz", "tgz"),
    (".tbz2", "tbz2"),
    (".txz", "txz"),
    (".zip", "zip"),
    (".gz", "gz"),
];

impl Item {
    /// Understands a URI.
    ///
    /// Errors: its scheme is not one we fetch, it names nothing, its output file would lie outside the sandbox, or its sum is
    /// none.
    pub(crate) fn of(uri: &model::Uri, frameworks_home: Option<&Path>) -> Result<Self, FetchError> {
        let value = uri.value.trim();
        let failed = |why: String| FetchError::Refused { uri: uri.value.clone(), why };
        let (value, sha256) = match value.split_once(SHA256) {
            Some((value, sum)) if sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                (value, Some(sum.to_ascii_lowercase()))
            }
            Some((_, sum)) => {
                return Err(failed(format!("'{sum}' is no sha256, which is 64 hexadecimal digits")));
            }
            None => (value, None),
        };
        let source = match value.split_once("://") {
            Some(("http", _)) => Source::Http(value.to_owned()),
            Some(("https" | "ftp" | "ftps", _)) => Source::Other(value.to_owned()),
            // `file://localhost/path` is the same file as `file:///path`.
            Some(("file", rest)) => {
                let path =
                    rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(failed("a file URI names an absolute path of this machine".into()));
                }
                Source::Local(path.into())
            }
            Some((scheme, _)) => return Err(failed(format!("the scheme '{scheme}' is not supported"))),
            None if value.is_empty() => return Err(failed("it is empty".into())),
            None if value.starts_with('/') => Source::Local(value.into()),
            None => match frameworks_home {
                Some(home) => Source::Local(home.join(value)),
                None => return Err(failed("it is a relative path and no frameworks_home is set".into())),
            },
        };
        let base = base_name(value);
        let name = match &uri.output_file {
            Some(name) => beneath(name)
                .ok_or_else(|| failed(format!("the output file '{name}' would lie outside the sandbox")))?,
            None => match base {
                "" | "." | ".." => return Err(failed("it names no file".into())),
                base => PathBuf::from(base),
            },
        };
        let then = match ARCHIVES.iter().find(|(suffix, _)| base.ends_with(suffix)) {
            _ if uri.executable => Then::Executable,
            Some((_, format)) if uri.extract => Then::Unpack(format),
            _ => Then::Keep,
        };
        let cache = uri.cache && !value.starts_with("ftp");
        Ok(Self { source, name, then, cache, sha256 })
    }
}

/// What follows the last slash, a query included.
fn base_name(uri: &str) -> &str {
    let path =
        uri.split_once("://").map_or(uri, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    path.rsplit('/').next().unwrap_or_default()
}

/// A relative path without a way up.
fn beneath(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let clean = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let names_something = path.components().any(|part| matches!(part, Component::Normal(_)));
    (clean && names_something && !name.contains('\0')).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(value: &str) -> model::Uri {
        model::Uri::new(value)
    }

    #[test]
    fn a_uri_is_called_by_its_last_part_and_opened_by_its_suffix() {
        let name_and_then = |value: &str| {
            let item = Item::of(&uri(value), Some(Path::new("/home/frameworks"))).unwrap();
            (item.name.to_str().unwrap().to_owned(), item.then)
        };
        assert_eq!(name_and_then("http://host/a/b.tgz"), ("b.tgz".into(), Then::Unpack("tgz")));
        assert_eq!(name_and_then("http://host/b.tgz?v=1"), ("b.tgz?v=1".into(), Then::Keep));
        assert_eq!(name_and_then("file:///opt/app.tar.xz"), ("app.tar.xz".into(), Then::Unpack("txz")));
        assert_eq!(name_and_then("/opt/app"), ("app".into(), Then::Keep));
        assert_eq!(name_and_then("relative/data.gz"), ("data.gz".into(), Then::Unpack("gz")));
    }

    #[test]
    fn a_sum_is_no_part_of_what_is_asked_for() {
        let item = Item::of(&uri(&format!("http://host/b.tgz#sha256={}", "Ab".repeat(32))), None).unwrap();
        assert_eq!((item.source, item.then), (Source::Http("http://host/b.tgz".into()), Then::Unpack("tgz")));
        assert_eq!((item.name, item.sha256), ("b.tgz".into(), Some("ab".repeat(32))));
    }

    #[test]
    fn an_executable_is_not_opened_and_extraction_can_be_declined() {
        let executable = model::Uri { executable: true, ..uri("/opt/run.tar") };
        assert_eq!(Item::of(&executable, None).unwrap().then, Then::Executable);
        let kept = model::Uri { extract: false, ..uri("/opt/run.tar") };
        assert_eq!(Item::of(&kept, None).unwrap().then, Then::Keep);
    }

    #[test]
    fn what_cannot_be_fetched_is_refused_with_the_uri_and_the_reason() {
        for (value, why) in [
            ("hdfs://name/x", "the scheme 'hdfs' is not supported"),
            ("s3://bucket/x", "the scheme 's3' is not supported"),
            ("relative", "no frameworks_home"),
            ("http://host/", "names no file"),
            ("http://host", "names no file"),
            ("file://other/x", "absolute path of this machine"),
            ("/opt/..", "names no file"),
            ("", "empty"),
            ("http://host/x#sha256=12", "'12' is no sha256"),
        ] {
            let error = Item::of(&uri(value), None).unwrap_err().to_string();
            assert!(error.contains(&format!("'{value}'")) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn an_output_file_stays_in_the_sandbox() {
        let with = |name: &str| model::Uri { output_file: Some(name.into()), ..uri("/opt/x") };
        assert_eq!(Item::of(&with("lib/x.so"), None).unwrap().name, Path::new("lib/x.so"));
        for name in ["../x", "/etc/x", "a/../../x", "", "."] {
            assert!(Item::of(&with(name), None).is_err(), "{name}");
        }
    }
}
