//! What `--master` says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Ensemble;

/// Where masters are to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masters {
    /// At these, each `host:port`, or `https://host:port` where that was said.
    Named(Vec<String>),
    /// At those a file names, separated by commas or lines.
    File(PathBuf),
    /// Where ZooKeeper says.
    ZooKeeper(Ensemble),
}

/// Why a text does not say where masters are.
#[derive(Debug, thiserror::Error)]
#[error("'{text}' {why}")]
pub struct ParseError {
    text: String,
    why: String,
}

impl ParseError {
    pub(crate) fn new(text: &str, why: impl ToString) -> ParseError {
        ParseError { text: text.to_owned(), why: why.to_string() }
    }
}

impl FromStr for Masters {
    type Err = ParseError;

    /// Reads the file, if it is one, so that a mistake in it is noticed at once. One that holds `zk://…` stands for that.
    fn from_str(text: &str) -> Result<Masters, ParseError> {
        let text = text.trim();
        if text.starts_with("zk://") {
            return text.parse().map(Masters::ZooKeeper);
        }
        let Some(path) = text.strip_prefix("file://") else { return names(text).map(Masters::Named) };
        let content = read(Path::new(path)).map_err(|why| ParseError::new(text, why))?;
        if content.trim().starts_with("zk://") {
            return content.trim().parse().map(Masters::ZooKeeper);
        }
        names(&content).map(|_| Masters::File(PathBuf::from(path)))
    }
}

impl From<Vec<SocketAddr>> for Masters {
    fn from(masters: Vec<SocketAddr>) -> Masters {
        Masters::Named(masters.iter().map(SocketAddr::to_string).collect())
    }
}

impl Masters {
    /// Each of them, as they are named now; `None` where ZooKeeper has to be asked.
    ///
    /// Errors: the file cannot be read any more, or says nothing of the kind.
    pub fn names(&self) -> Option<Result<Vec<String>, ParseError>> {
        match self {
            Masters::Named(masters) => Some(Ok(masters.clone())),
            Masters::File(path) => {
                let content = read(path).map_err(|why| ParseError::new(&path.display().to_string(), why));
                Some(content.and_then(|content| names(&content)))
            }
            Masters::ZooKeeper(_) => None,
        }
    }

    /// The addresses that need no looking up.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let Masters::Named(names) = self else { return Vec::new() };
        names.iter().filter_map(|name| bare(name).parse().ok()).collect()
    }

    /// Whether TLS is spoken with one of them, as it was said.
    pub fn are_secure(&self) -> bool {
        self.names()
            .and_then(Result::ok)
            .is_some_and(|names| names.iter().any(|name| name.starts_with(SECURE)))
    }

    /// Whether there may be others than the one that leads.
    pub fn are_several(&self) -> bool {
        !matches!(self, Masters::Named(names) if names.len() < 2)
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

/// Each of those separated by commas or lines.
fn names(text: &str) -> Result<Vec<String>, ParseError> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let names: Vec<String> = parts.map(name).collect::<Result<_, _>>()?;
    if names.is_empty() { Err(ParseError::new(text.trim(), "names no master")) } else { Ok(names) }
}

/// One of them. Mesos prints them as `master@host:port`, and people paste URLs.
fn name(text: &str) -> Result<String, ParseError> {
    let bare = bare(text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/'));
    let bare = bare.trim_start_matches("master@");
    let wrong = |why: &str| ParseError::new(text, why);
    let (host, port) = bare.rsplit_once(':').ok_or_else(|| wrong("has no port: a master is host:port"))?;
    port.parse::<u16>().map_err(|_| wrong("has no port: a master is host:port"))?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || host.contains(['/', '@', ' ']) || (host.contains(':') && !bracketed) {
        return Err(wrong("names no host; an IPv6 address stands in brackets, as in [::1]:5050"));
    }
    Ok(if text.starts_with(SECURE) { format!("{SECURE}{bare}") } else { bare.to_owned() })
}

/// What says that TLS is spoken.
const SECURE: &str = "https://";

/// `host:port` of a master, however it is spoken to.
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix(SECURE).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        match text.parse::<Masters>() {
            Ok(Masters::Named(names)) => names,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn masters_are_named_the_way_people_write_them() {
        assert_eq!(named("a:1, http://b:2/,master@c:3,[::1]:4"), ["a:1", "b:2", "c:3", "[::1]:4"]);
        assert_eq!(named("https://a:1/,https://127.0.0.1:2"), ["https://a:1", "https://127.0.0.1:2"]);
        let secure: Masters = "https://127.0.0.1:2".parse().unwrap();
        assert_eq!(secure.addresses(), ["127.0.0.1:2".parse().unwrap()]);
        assert!(secure.are_secure() && !"http://a:1".parse::<Masters>().unwrap().are_secure());
    }

    #[test]
    fn what_names_no_master_says_why() {
        for (text, why) in [
            ("", "names no master"),
            ("a", "'a' has no port"),
            ("a:1,b:x", "'b:x' has no port"),
            ("::1:5050", "in brackets"),
            (":5050", "names no host"),
            ("https://:5050", "names no host"),
            ("https://a", "'https://a' has no port"),
            ("file:///no/such/file", "cannot be read"),
            ("zk://a:1", "names no path"),
        ] {
            let said = text.parse::<Masters>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_file_is_read_anew_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("masters");
        let text = format!("file://{}", path.display());
        std::fs::write(&path, "a:1\nb:2\n").unwrap();
        let masters: Masters = text.parse().unwrap();
        assert_eq!(masters.names().unwrap().unwrap(), ["a:1", "b:2"]);
        std::fs::write(&path, "c:3").unwrap();
        assert_eq!(masters.names().unwrap().unwrap(), ["c:3"]);
        std::fs::remove_file(&path).unwrap();
        assert!(masters.names().unwrap().unwrap_err().to_string().contains("cannot be read"));

        std::fs::write(&path, "zk://u:p@a:1/mesos\n").unwrap();
        let masters: Masters = text.parse().unwrap();
        assert!(
            matches!(&masters, Masters::ZooKeeper(ensemble) if ensemble.to_string() == "zk://u:***@a:1/mesos")
        );
        assert!(masters.names().is_none());
    }
}
