//! The flags that master and agent have in common, with Mesos' names and forms.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::Secret;
use serde_json::Value;

use crate::access::{Access, Realm};
use crate::acls::Acls;
use crate::authenticators::{Proofs, Ways};
use crate::authorizer::Policy;
use crate::local::Local;

/// What both understand of security.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SecurityFlags {
    /// Who may do what: JSON, or `file:///path` of a file that holds it; the file is read again when it changes. Unset:
    /// everybody may do everything.
    #[arg(long = "acls", env = "HECTARE_ACLS")]
    pub acls: Option<String>,

    /// Whether those who read have to prove who they are.
    #[arg(long = "authenticate_http_readonly", env = "HECTARE_AUTHENTICATE_HTTP_READONLY", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub authenticate_http_readonly: bool,

    /// Whether those who change something have to prove who they are.
    #[arg(long = "authenticate_http_readwrite", alias = "authenticate_http", env = "HECTARE_AUTHENTICATE_HTTP_READWRITE",
          default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          action = clap::ArgAction::Set)]
    pub authenticate_http_readwrite: bool,

    /// How those who read or change something prove it, any of several with commas between: basic, jwt, certificate.
    #[arg(long = "http_authenticators", env = "HECTARE_HTTP_AUTHENTICATORS")]
    pub http_authenticators: Option<String>,

    /// Paths that answer nobody, as in `{"disabled_endpoints": {"paths": ["/files/browse"]}}`, or `file:///path`.
    #[arg(long = "firewall_rules", env = "HECTARE_FIREWALL_RULES")]
    pub firewall_rules: Option<String>,

    /// Listen on an address of a network although neither TLS nor authentication protect it, because everybody there is
    /// trusted.
    #[arg(long = "allow_insecure", env = "HECTARE_ALLOW_INSECURE", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub allow_insecure: bool,
}

/// A flag that makes no sense, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{flag}: {why}")]
pub struct FlagError {
    pub flag: &'static str,
    pub why: String,
}

impl FlagError {
    pub fn new(flag: &'static str, why: impl ToString) -> FlagError {
        FlagError { flag, why: why.to_string() }
    }
}

impl SecurityFlags {
    /// What these describe, with the realms of `realms`. With `implicit` there is an authorizer even without rules, so that
    /// executors keep to their own containers.
    ///
    /// Errors: `--acls` or `--firewall_rules` cannot be read or understood.
    pub fn access(&self, realms: Vec<Realm>, implicit: bool) -> Result<Access, FlagError> {
        let rules = match &self.acls {
            Some(text) => Some(Local::of_flag(text.trim()).map_err(|why| FlagError::new("acls", why))?),
            None => implicit.then(|| Local::new(Acls::default())),
        };
        let rules = rules.map(Arc::new);
        let policy = rules.clone().map_or_else(Policy::default, |rules| Policy::of(rules));
        Ok(Access { realms, policy, rules, disabled: self.disabled()? })
    }

    /// The realm of this name, if `on`; `usual` are its authenticators if `--http_authenticators` names none, and `file` is
    /// the flag that would bring credentials.
    ///
    /// Errors: they are not there, or lack what they need.
    pub fn realm(
        &self,
        name: &'static str,
        on: bool,
        usual: &str,
        proofs: &Proofs,
        file: &'static str,
    ) -> Result<Option<Realm>, FlagError> {
        if !on {
            return Ok(None);
        }
        let names = self.http_authenticators.as_deref().unwrap_or(usual);
        let ways =
            Ways::named(names, proofs, file).map_err(|why| FlagError::new("http_authenticators", why))?;
        Ok(Some(Realm { name, ways }))
    }

    /// Paths that `--firewall_rules` closes.
    ///
    /// Errors: it is no JSON of that form.
    fn disabled(&self) -> Result<Vec<String>, FlagError> {
        let Some(text) = &self.firewall_rules else { return Ok(Vec::new()) };
        let wrong = |why: &str| FlagError::new("firewall_rules", why);
        let text = contents(text).map_err(|why| wrong(&why))?;
        let rules: Value =
            serde_json::from_str(&text).map_err(|error| wrong(&format!("is no JSON: {error}")))?;
        let paths = &rules["disabled_endpoints"]["paths"];
        let paths = paths.as_array().ok_or_else(|| wrong("disabled_endpoints.paths: must be a list"))?;
        let path = |path: &Value| {
            let path = path.as_str().filter(|path| path.starts_with('/'));
            path.map(str::to_owned)
                .ok_or_else(|| wrong("disabled_endpoints.paths: each must be a path, as in /files/browse"))
        };
        paths.iter().map(path).collect()
    }

    /// What `/flags` shows of them.
    pub fn listed(&self) -> Vec<(&'static str, String)> {
        let mut listed = vec![
            ("authenticate_http_readonly", self.authenticate_http_readonly.to_string()),
            ("authenticate_http_readwrite", self.authenticate_http_readwrite.to_string()),
        ];
        let given = [
            ("acls", &self.acls),
            ("http_authenticators", &self.http_authenticators),
            ("firewall_rules", &self.firewall_rules),
        ];
        listed.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        if self.allow_insecure {
            listed.push(("allow_insecure", true.to_string()));
        }
        listed
    }
}

/// What a flag says, or what the file `file:///path` holds.
///
/// Errors: the file cannot be read.
pub fn contents(text: &str) -> Result<String, String> {
    match text.strip_prefix("file://") {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}")),
        None => Ok(text.to_owned()),
    }
}

/// The key that tokens are signed with: all that the file holds.
///
/// Errors: it cannot be read, or is empty.
pub fn token_key(path: &Path) -> Result<Secret, String> {
    let key = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    match key.is_empty() {
        true => Err(format!("{} is empty; it should hold a long random secret", path.display())),
        false => Ok(Secret::new(key)),
    }
}

/// `path` of a flag that may be spelled `file:///path`.
pub fn plain_path(path: &Path) -> PathBuf {
    path.strip_prefix("file://").map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firewall(text: &str) -> Result<Vec<String>, String> {
        let flags = SecurityFlags { firewall_rules: Some(text.to_owned()), ..SecurityFlags::default() };
        flags.disabled().map_err(|error| error.to_string())
    }

    #[test]
    fn a_firewall_names_paths() {
        assert_eq!(
            firewall(r#"{"disabled_endpoints": {"paths": ["/files/browse", "/state"]}}"#).unwrap(),
            ["/files/browse", "/state"]
        );
        for (text, said) in [
            ("x", "--firewall_rules: is no JSON"),
            ("{}", "--firewall_rules: disabled_endpoints.paths: must be a list"),
            (
                r#"{"disabled_endpoints": {"paths": ["x"]}}"#,
                "--firewall_rules: disabled_endpoints.paths: each",
            ),
        ] {
            assert!(firewall(text).unwrap_err().starts_with(said), "{text}");
        }
    }

    #[test]
    fn a_key_is_what_its_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "").unwrap();
        assert!(token_key(&path).unwrap_err().contains("is empty"));
        std::fs::write(&path, "k\n").unwrap();
        assert_eq!(token_key(&path).unwrap(), Secret::new(*b"k\n"));
        assert_eq!(plain_path(Path::new("file:///a/b")), Path::new("/a/b"));
        assert_eq!(plain_path(Path::new("a/b")), Path::new("a/b"));
    }

    #[test]
    fn rules_that_cannot_be_understood_name_their_flag() {
        let flags = SecurityFlags { acls: Some("{".to_owned()), ..SecurityFlags::default() };
        assert!(flags.access(Vec::new(), false).unwrap_err().to_string().starts_with("--acls: is no JSON"));
        let open = |implicit| {
            SecurityFlags::default().access(Vec::new(), implicit).unwrap().policy.allows_everything()
        };
        assert!(open(false) && !open(true));
    }
}
