//! Names and secrets, as files hold them.
//!
//! | file | holds |
//! |---|---|
//! | of many | `{"credentials": [{"principal": "ann", "secret": "s"}]}`, or a line `ann s` for each |
//! | of one | `{"principal": "ann", "secret": "s"}`, or one line `ann s` |
//!
//! A file of one is also one of many, with one in it. Source: Mesos authentication; the form in lines is that of its older versions.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libprocess::Secret;
use serde_json::Value;

/// A name, and what proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub principal: String,
    pub secret: String,
}

/// Names, and what proves each. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, String>);

/// Why a file holds no credentials. Says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error(
        "{path} is empty; it should hold {{\"credentials\": [{{\"principal\": \"…\", \"secret\": \"…\"}}]}}"
    )]
    Empty { path: String },
    #[error("{path}: {at}: {why}")]
    Field { path: String, at: String, why: &'static str },
}

impl Credentials {
    /// Reads a file of many. One that everybody may read is used, with a warning.
    ///
    /// Errors: it cannot be read, is empty, or is in neither form.
    pub fn read(path: &Path) -> Result<Credentials, CredentialsError> {
        let text = text(path)?;
        Credentials::parse(&text).map_err(|(at, why)| named(path, at, why))
    }

    fn parse(text: &str) -> Result<Credentials, (String, &'static str)> {
        let list = match serde_json::from_str::<Value>(text) {
            Ok(one @ Value::Object(_)) if !one["principal"].is_null() => vec![of_json("the file", &one)?],
            Ok(Value::Object(fields)) => match fields.get("credentials") {
                Some(Value::Array(list)) => {
                    let one = |(at, value): (usize, &Value)| of_json(&format!("credentials[{at}]"), value);
                    list.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?
                }
                _ => return Err(("credentials".to_owned(), "must be a list")),
            },
            Ok(_) => {
                return Err(("the file".to_owned(), "must hold a JSON object or lines `principal secret`"));
            }
            Err(_) if text.trim_start().starts_with(['{', '[']) => {
                return Err(("the file".to_owned(), "is no JSON"));
            }
            Err(_) => of_lines(text)?,
        };
        let mut all = BTreeMap::new();
        for (at, credential) in list.into_iter().enumerate() {
            if all.insert(credential.principal, credential.secret).is_some() {
                return Err((format!("credentials[{at}].principal"), "is there twice"));
            }
        }
        match all.is_empty() {
            true => Err(("credentials".to_owned(), "are none")),
            false => Ok(Credentials(all)),
        }
    }

    /// Whether somebody of this name is among them.
    pub fn know(&self, principal: &str) -> bool {
        self.0.contains_key(principal)
    }

    /// What proves this name.
    pub(crate) fn secret(&self, principal: &str) -> Option<&str> {
        self.0.get(principal).map(String::as_str)
    }

    /// Each name with its secret.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.0.clone().into_iter()
    }

    /// Those that links may prove themselves by.
    pub fn secrets(&self) -> BTreeMap<libprocess::Principal, Secret> {
        let one = |(name, secret): (&String, &String)| {
            (libprocess::Principal::new(name.as_str()), Secret::new(secret.as_bytes()))
        };
        self.0.iter().map(one).collect()
    }
}

impl FromIterator<Credential> for Credentials {
    fn from_iter<T: IntoIterator<Item = Credential>>(several: T) -> Credentials {
        Credentials(several.into_iter().map(|one| (one.principal, one.secret)).collect())
    }
}

impl Credential {
    /// Reads a file of one.
    ///
    /// Errors: as for [`Credentials::read`], and when it holds several.
    pub fn read(path: &Path) -> Result<Credential, CredentialsError> {
        let text = text(path)?;
        let one = match serde_json::from_str::<Value>(&text) {
            Ok(value @ Value::Object(_)) => of_json("the file", &value),
            _ => match of_lines(&text) {
                Ok(mut lines) if lines.len() == 1 => Ok(lines.remove(0)),
                Ok(_) => Err(("the file".to_owned(), "must hold one credential")),
                Err(wrong) => Err(wrong),
            },
        };
        one.map_err(|(at, why)| named(path, at, why))
    }

    /// As whom links of ours introduce themselves.
    pub fn for_links(&self) -> libprocess::Credential {
        libprocess::Credential {
            principal: libprocess::Principal::new(self.principal.as_str()),
            secret: Secret::new(self.secret.as_bytes()),
        }
    }
}

fn text(path: &Path) -> Result<String, CredentialsError> {
    let name = || path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| CredentialsError::Read { path: name(), source })?;
    let open = std::fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o007 != 0);
    if open {
        tracing::warn!(path = name(), "everybody may read these credentials; chmod 600 keeps them secret");
    }
    match text.trim().is_empty() {
        true => Err(CredentialsError::Empty { path: name() }),
        false => Ok(text),
    }
}

fn named(path: &Path, at: String, why: &'static str) -> CredentialsError {
    CredentialsError::Field { path: path.display().to_string(), at, why }
}

fn of_json(at: &str, value: &Value) -> Result<Credential, (String, &'static str)> {
    let field = |name: &str| match &value[name] {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Null => Err((format!("{at}.{name}"), "is missing")),
        _ => Err((format!("{at}.{name}"), "must be a text that is not empty")),
    };
    checked(at, Credential { principal: field("principal")?, secret: field("secret")? })
}

fn of_lines(text: &str) -> Result<Vec<Credential>, (String, &'static str)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let one = |(at, line): (usize, &str)| {
        let at = format!("line {}", at + 1);
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(principal), Some(secret), None) => {
                checked(&at, Credential { principal: principal.to_owned(), secret: secret.to_owned() })
            }
            _ => Err((at, "must be a principal and a secret with a space between")),
        }
    };
    lines.map(one).collect()
}

/// HTTP puts a colon between the two. Source: RFC 7617.
fn checked(at: &str, credential: Credential) -> Result<Credential, (String, &'static str)> {
    match credential.principal.contains(':') {
        true => Err((format!("{at}.principal"), "must not contain ':'")),
        false => Ok(credential),
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.principal)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({} principals)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let (at, why) = Credentials::parse(text).expect_err(text);
        format!("{at}: {why}")
    }

    #[test]
    fn a_file_in_either_form_holds_the_same() {
        let json = r#"{"credentials": [{"principal": "ann", "secret": "s:1"}, {"principal": "bob", "secret": "t"}]}"#;
        let lines = "ann s:1\n\n  bob\tt  \n";
        let all = Credentials::parse(json).unwrap();
        assert_eq!(all, Credentials::parse(lines).unwrap());
        let one = Credentials::parse(r#"{"principal": "bob", "secret": "t"}"#).unwrap();
        assert_eq!(one, Credentials::parse("bob t").unwrap());
        assert!(all.know("ann") && !all.know("eve"));
        assert_eq!(format!("{all:?}"), "Credentials(2 principals)");
        assert_eq!(all.secrets().len(), 2);
    }

    #[test]
    fn what_is_no_credential_is_refused_by_its_place_and_without_its_secret() {
        for (text, said) in [
            (r#"{"credentials": 7}"#, "credentials: must be a list"),
            (r#"{"credentials": []}"#, "credentials: are none"),
            ("[]", "the file: must hold a JSON object"),
            ("{", "the file: is no JSON"),
            (r#"{"credentials": [{"secret": "x"}]}"#, "credentials[0].principal: is missing"),
            (r#"{"credentials": [{"principal": "a"}]}"#, "credentials[0].secret: is missing"),
            (
                r#"{"credentials": [{"principal": "a", "secret": 7}]}"#,
                "credentials[0].secret: must be a text",
            ),
            (
                r#"{"credentials": [{"principal": "a:b", "secret": "x"}]}"#,
                "credentials[0].principal: must not contain ':'",
            ),
            ("a b\na c", "credentials[1].principal: is there twice"),
            ("a b c", "line 1: must be a principal and a secret"),
        ] {
            assert!(refused(text).starts_with(said), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn files_are_read_from_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        for text in ["ann s", r#"{"principal": "ann", "secret": "s"}"#] {
            std::fs::write(&path, text).unwrap();
            let one = Credential::read(&path).unwrap();
            assert_eq!((one.principal.as_str(), one.secret.as_str()), ("ann", "s"));
        }
        std::fs::write(&path, "ann s\nbob t").unwrap();
        assert!(Credential::read(&path).unwrap_err().to_string().ends_with("must hold one credential"));
        std::fs::write(&path, "\n").unwrap();
        assert!(Credentials::read(&path).unwrap_err().to_string().contains("one is empty; it should hold"));
        let nowhere = Credentials::read(&dir.path().join("two")).unwrap_err().to_string();
        assert!(nowhere.starts_with("cannot read "), "{nowhere}");
    }
}
