//! `zk://…`: which servers, which path, who asks.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// A ZooKeeper ensemble, and the path below which masters are found.
///
/// Prints as it is given, without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Ensemble {
    /// `host:port` of each server.
    pub(crate) servers: Vec<String>,
    /// Where masters publish themselves; begins with `/`, and is more than that.
    pub(crate) path: String,
    /// `user:password`.
    pub(crate) credentials: Option<String>,
}

/// The port of a server that names none.
const PORT: u16 = 2181;

impl FromStr for Ensemble {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Ensemble, ParseError> {
        let wrong = |why: &str| ParseError::new(&masked(text), why);
        let rest = text.strip_prefix("zk://").ok_or_else(|| wrong("does not begin with zk://"))?;
        // A password may hold a slash or an @; hosts hold neither.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        if credentials
            .is_some_and(|credentials| credentials.split_once(':').is_none_or(|(user, _)| user.is_empty()))
        {
            return Err(wrong("has credentials that are not user:password"));
        }
        let (servers, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err(wrong(
                "names no path: masters publish themselves below one, as in zk://host:2181/mesos",
            ));
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
            return Err(wrong("has a path that ZooKeeper does not know how to take"));
        }
        let servers: Vec<String> =
            servers.split(',').map(str::trim).filter(|one| !one.is_empty()).map(with_port).collect();
        if servers.is_empty() {
            return Err(wrong("names no server"));
        }
        Ok(Ensemble { servers, path: format!("/{path}"), credentials: credentials.map(str::to_owned) })
    }
}

fn with_port(server: &str) -> String {
    let has_port = match server.rsplit_once(']') {
        Some((_, behind)) => behind.starts_with(':'),
        None => server.contains(':'),
    };
    if has_port { server.to_owned() } else { format!("{server}:{PORT}") }
}

/// The text without its password.
fn masked(text: &str) -> String {
    let hidden = text.strip_prefix("zk://").and_then(|rest| {
        let (credentials, rest) = rest.rsplit_once('@')?;
        let user = credentials.split(':').next().unwrap_or_default();
        Some(format!("zk://{user}:***@{rest}"))
    });
    hidden.unwrap_or_else(|| text.to_owned())
}

impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zk://")?;
        if let Some(credentials) = &self.credentials {
            write!(f, "{}:***@", credentials.split(':').next().unwrap_or_default())?;
        }
        write!(f, "{}{}", self.servers.join(","), self.path)
    }
}

impl fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_path_and_credentials_are_told_apart() {
        let ensemble: Ensemble = "zk://me:s/e@cret@a:1,b,[::1],[::2]:9/mesos/prod/".parse().unwrap();
        assert_eq!(ensemble.servers, ["a:1", "b:2181", "[::1]:2181", "[::2]:9"]);
        assert_eq!(ensemble.path, "/mesos/prod");
        assert_eq!(ensemble.credentials.as_deref(), Some("me:s/e@cret"));
    }

    #[test]
    fn a_password_is_never_printed() {
        let ensemble: Ensemble = "zk://me:secret@a:1/mesos".parse().unwrap();
        assert_eq!(ensemble.to_string(), "zk://me:***@a:1/mesos");
        assert_eq!(format!("{ensemble:?}"), "zk://me:***@a:1/mesos");
        let error = "zk://me:secret@a:1/".parse::<Ensemble>().unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("names no path"), "{error}");
    }

    #[test]
    fn what_is_no_ensemble_says_why() {
        for (text, why) in [
            ("zk://a:1", "names no path"),
            ("zk:///mesos", "names no server"),
            ("zk://me@a:1/mesos", "not user:password"),
            ("zk://a:1/mesos/../other", "a path that"),
            ("http://a:1/mesos", "does not begin with zk://"),
        ] {
            let said = text.parse::<Ensemble>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
