//! The flags of who may come in, what they may do, and as whom the agent itself comes.

use std::path::PathBuf;
use std::time::Duration;

use ::security::flags::{plain_path, token_key};
use ::security::{Access, Credential, Credentials, Proofs, Realm, SecurityFlags, Ways};
use libprocess::{Secret, Security};
use model::format_duration;

use super::{FlagError, duration, invalid};
use crate::http::realms;

/// Flags about security that only agents have.
#[derive(Clone, Debug, clap::Args)]
pub struct AccessFlags {
    #[command(flatten)]
    pub common: SecurityFlags,

    /// A file with the name and secret by which this agent and its masters prove themselves to each other:
    /// `{"principal": "agent", "secret": "…"}`.
    #[arg(long = "credential", env = "HECTARE_CREDENTIAL")]
    pub credential: Option<PathBuf>,

    /// A file with the names and secrets of those who come over HTTP:
    /// `{"credentials": [{"principal": "ann", "secret": "…"}]}`.
    #[arg(long = "http_credentials", env = "HECTARE_HTTP_CREDENTIALS")]
    pub http_credentials: Option<PathBuf>,

    /// A file whose content signs the tokens that executors are given.
    #[arg(long = "jwt_secret_key", alias = "executor_secret_key", env = "HECTARE_JWT_SECRET_KEY")]
    pub jwt_secret_key: Option<PathBuf>,

    /// Whether executors have to show their token; needs --jwt_secret_key.
    #[arg(long = "authenticate_http_executors", env = "HECTARE_AUTHENTICATE_HTTP_EXECUTORS", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub authenticate_http_executors: bool,

    /// How this agent proves itself. The name is Mesos'; links do it their own way.
    #[arg(long = "authenticatee", env = "HECTARE_AUTHENTICATEE", default_value = "crammd5", value_parser = ["crammd5"])]
    pub authenticatee: String,

    /// Who decides what is allowed: local follows --acls.
    #[arg(long = "authorizer", env = "HECTARE_AUTHORIZER", default_value = "local", value_parser = ["local"])]
    pub authorizer: String,

    /// Understood, and without a meaning: links are tried again by themselves.
    #[arg(long = "authentication_backoff_factor", env = "HECTARE_AUTHENTICATION_BACKOFF_FACTOR", default_value = "1secs", value_parser = duration)]
    pub authentication_backoff_factor: Duration,

    /// Understood, and without a meaning: links have a bound of their own.
    #[arg(long = "authentication_timeout_min", env = "HECTARE_AUTHENTICATION_TIMEOUT_MIN", default_value = "5secs", value_parser = duration)]
    pub authentication_timeout_min: Duration,

    /// Understood, and without a meaning: links have a bound of their own.
    #[arg(long = "authentication_timeout_max", env = "HECTARE_AUTHENTICATION_TIMEOUT_MAX", default_value = "1mins", value_parser = duration)]
    pub authentication_timeout_max: Duration,
}

impl AccessFlags {
    /// Who may come in over HTTP, and the key of executors' tokens.
    ///
    /// Errors: a file cannot be read or understood, an authenticator lacks what it needs.
    pub(super) fn access(&self) -> Result<(Access, Option<Secret>), FlagError> {
        let key = self.jwt_secret_key.as_ref().map(|path| token_key(&plain_path(path)));
        let key = key.transpose().map_err(|why| invalid("jwt_secret_key", why))?;
        let read = |path: &PathBuf| Credentials::read(&plain_path(path));
        let credentials = self.http_credentials.as_ref().map(read).transpose();
        let credentials = credentials.map_err(|why| invalid("http_credentials", why))?;
        let proofs = Proofs { credentials, token_key: key.clone() };
        // Executors launch and watch containers as operators do, with their token.
        let usual = match (&proofs.credentials, &key) {
            (_, None) => "basic",
            (Some(_), Some(_)) => "basic,jwt",
            (None, Some(_)) => "jwt",
        };
        let common = &self.common;
        let (reads, changes) = (common.authenticate_http_readonly, common.authenticate_http_readwrite);
        let read_only = common.realm(realms::READ_ONLY, reads, usual, &proofs, "http_credentials")?;
        let read_write = common.realm(realms::READ_WRITE, changes, usual, &proofs, "http_credentials")?;
        let nameless = |realm: Realm| Realm { ways: realm.ways.with_nameless(), ..realm };
        let realms = [read_only.map(nameless), read_write.map(nameless), self.executors(&proofs)?];
        let access = common.access(realms.into_iter().flatten().collect(), key.is_some())?;
        Ok((access, key))
    }

    fn executors(&self, proofs: &Proofs) -> Result<Option<Realm>, FlagError> {
        if !self.authenticate_http_executors {
            return Ok(None);
        }
        let needs = "needs --jwt_secret_key, a file whose content signs their tokens";
        let ways = Ways::named("jwt", proofs, "http_credentials");
        let ways = ways.map_err(|_| invalid("authenticate_http_executors", needs))?;
        Ok(Some(Realm { name: realms::EXECUTOR, ways: ways.with_nameless() }))
    }

    /// How this agent proves itself to masters, and whom it lets in: with a credential, those who know it; the rest of
    /// `before` stays.
    ///
    /// Errors: the file cannot be read or understood.
    pub fn links(&self, before: Security) -> Result<Security, FlagError> {
        let Some(path) = &self.credential else { return Ok(before) };
        let own = Credential::read(&plain_path(path)).map_err(|why| invalid("credential", why))?.for_links();
        let secrets = [(own.principal.clone(), own.secret.clone())].into();
        Ok(Security { credential: Some(own), secrets, anonymous: false, ..before })
    }

    /// Flags that would have to be on for nobody to come in unknown.
    pub fn open(&self) -> Vec<&'static str> {
        [
            ("authenticate_http_readonly", self.common.authenticate_http_readonly),
            ("authenticate_http_readwrite", self.common.authenticate_http_readwrite),
            ("authenticate_http_executors", self.authenticate_http_executors),
        ]
        .into_iter()
        .filter_map(|(name, on)| (!on).then_some(name))
        .collect()
    }

    /// What `/flags` shows of them.
    pub(super) fn listed(&self) -> Vec<(&'static str, String)> {
        let mut listed = self.common.listed();
        listed.extend([
            ("authenticatee", self.authenticatee.clone()),
            ("authorizer", self.authorizer.clone()),
            ("authentication_backoff_factor", format_duration(self.authentication_backoff_factor)),
            ("authentication_timeout_min", format_duration(self.authentication_timeout_min)),
            ("authentication_timeout_max", format_duration(self.authentication_timeout_max)),
        ]);
        if self.authenticate_http_executors {
            listed.push(("authenticate_http_executors", true.to_string()));
        }
        for (name, path) in [
            ("credential", &self.credential),
            ("http_credentials", &self.http_credentials),
            ("jwt_secret_key", &self.jwt_secret_key),
        ] {
            listed.extend(path.as_ref().map(|path| (name, path.display().to_string())));
        }
        listed
    }
}
