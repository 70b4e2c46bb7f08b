//! The flags of who may come in, and what they may do.

use std::path::PathBuf;
use std::time::Duration;

use ::security::flags::{contents, plain_path};
use ::security::{Access, Credential, Credentials, Proofs, RateLimits, Realm, SecurityFlags, Ways};
use libprocess::Security;
use model::format_duration;

use super::forms::duration;
use super::{FlagError, invalid};
use crate::config::Drivers;
use crate::http::realms;

/// Flags about security that only masters have.
#[derive(Clone, Debug, clap::Args)]
pub struct AccessFlags {
    #[command(flatten)]
    pub common: SecurityFlags,

    /// A file with the names and secrets of frameworks, operators and agents:
    /// `{"credentials": [{"principal": "ann", "secret": "…"}]}`.
    #[arg(long = "credentials", env = "HECTARE_CREDENTIALS")]
    pub credentials: Option<PathBuf>,

    /// A file with the name and secret by which this master proves itself to the others, where links have to be proved and
    /// are not on TLS: `{"principal": "master", "secret": "…"}`.
    #[arg(long = "credential", env = "HECTARE_CREDENTIAL")]
    pub credential: Option<PathBuf>,

    /// Whether old drivers have to prove who they are, by a secret of --credentials; they also have to where other frameworks do.
    #[arg(long = "authenticate_frameworks", alias = "authenticate", env = "HECTARE_AUTHENTICATE_FRAMEWORKS",
          default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          action = clap::ArgAction::Set)]
    pub authenticate_frameworks: bool,

    /// Whether frameworks have to prove who they are; needs --http_framework_authenticators.
    #[arg(long = "authenticate_http_frameworks", env = "HECTARE_AUTHENTICATE_HTTP_FRAMEWORKS", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub authenticate_http_frameworks: bool,

    /// How frameworks prove it: basic, certificate.
    #[arg(long = "http_framework_authenticators", env = "HECTARE_HTTP_FRAMEWORK_AUTHENTICATORS")]
    pub http_framework_authenticators: Option<String>,

    /// Whether agents have to prove who they are: by a secret of --credentials, or by their certificate.
    #[arg(long = "authenticate_agents", alias = "authenticate_slaves", env = "HECTARE_AUTHENTICATE_AGENTS",
          default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          action = clap::ArgAction::Set)]
    pub authenticate_agents: bool,

    /// How old drivers prove it. Agents do it in the way of their links.
    #[arg(long = "authenticators", env = "HECTARE_AUTHENTICATORS", default_value = "crammd5", value_parser = ["crammd5"])]
    pub authenticators: String,

    /// Who decides what is allowed: local follows --acls.
    #[arg(long = "authorizers", env = "HECTARE_AUTHORIZERS", default_value = "local", value_parser = ["local"])]
    pub authorizers: String,

    /// How long a link may take to prove itself; links have a bound of their own, so this is only understood.
    #[arg(long = "authentication_v0_timeout", env = "HECTARE_AUTHENTICATION_V0_TIMEOUT", default_value = "15secs", value_parser = duration)]
    pub authentication_v0_timeout: Duration,

    /// How often each principal may call as a framework: `{"limits": [{"principal": "ann", "qps": 10, "capacity": 100}]}`, or
    /// `file:///path`.
    #[arg(long = "rate_limits", env = "HECTARE_RATE_LIMITS", value_parser = contents)]
    pub rate_limits: Option<String>,
}

impl AccessFlags {
    /// Who may come in over HTTP.
    ///
    /// Errors: a file cannot be read or understood, an authenticator lacks what it needs.
    pub(super) fn access(&self) -> Result<Access, FlagError> {
        let proofs = self.proofs()?;
        let common = &self.common;
        let readers = common.authenticate_http_readonly;
        let read_only = common.realm(realms::READ_ONLY, readers, "basic", &proofs, "credentials")?;
        let changers = common.authenticate_http_readwrite;
        let read_write = common.realm(realms::READ_WRITE, changers, "basic", &proofs, "credentials")?;
        let scheduler = self.scheduler(&proofs)?;
        let realms = [read_only, read_write, scheduler].into_iter().flatten().collect();
        Ok(common.access(realms, false)?)
    }

    fn scheduler(&self, proofs: &Proofs) -> Result<Option<Realm>, FlagError> {
        if !self.authenticate_http_frameworks {
            return Ok(None);
        }
        let Some(names) = &self.http_framework_authenticators else {
            return Err(invalid(
                "authenticate_http_frameworks",
                "needs --http_framework_authenticators, as in --http_framework_authenticators=basic",
            ));
        };
        let ways = Ways::named(names, proofs, "credentials")
            .map_err(|why| invalid("http_framework_authenticators", why))?;
        Ok(Some(Realm { name: realms::SCHEDULER, ways }))
    }

    fn proofs(&self) -> Result<Proofs, FlagError> {
        Ok(Proofs { credentials: self.known()?, token_key: None })
    }

    fn known(&self) -> Result<Option<Credentials>, FlagError> {
        let read = |path: &PathBuf| Credentials::read(&plain_path(path));
        self.credentials.as_ref().map(read).transpose().map_err(|why| invalid("credentials", why))
    }

    /// Whether old drivers have to prove who they are: also where only other schedulers were asked to, since it would be for
    /// nothing if there were a way round it.
    ///
    /// Errors: the file cannot be read or understood, or is missing where drivers alone are asked.
    pub(super) fn drivers(&self) -> Result<Drivers, FlagError> {
        let known = self.known()?;
        if self.authenticate_frameworks && known.is_none() {
            let why = "needs --credentials with the names and secrets of frameworks";
            return Err(invalid("authenticate_frameworks", why));
        }
        Ok(Drivers { prove: self.authenticate_frameworks || self.authenticate_http_frameworks, known })
    }

    /// How often each may call.
    pub(super) fn rate_limits(&self) -> Result<RateLimits, FlagError> {
        let parse = |text: &String| RateLimits::parse(text).map_err(|why| invalid("rate_limits", why));
        Ok(self.rate_limits.as_ref().map(parse).transpose()?.unwrap_or_default())
    }

    /// Which links are let in, and how this master proves itself on those it dials; the rest of `before` stays.
    ///
    /// Errors: a file cannot be read or understood; agents, or masters among each other, could not prove themselves.
    pub fn links(&self, before: Security, several_masters: bool) -> Result<Security, FlagError> {
        let read = |path: &PathBuf| Credential::read(&plain_path(path));
        let own = self.credential.as_ref().map(read).transpose().map_err(|why| invalid("credential", why))?;
        let known = self.known()?;
        let plain = before.tls.is_none();
        if self.authenticate_agents && plain {
            if known.is_none() {
                let why = "needs --credentials with the names and secrets of agents, or TLS";
                return Err(invalid("authenticate_agents", why));
            }
            if several_masters && own.is_none() {
                let why = "with several masters needs --credential, by which they prove themselves to each other, or TLS";
                return Err(invalid("authenticate_agents", why));
            }
        }
        let own = own.map(|own| own.for_links());
        let mut secrets = known.map(|known| known.secrets()).unwrap_or_default();
        secrets.extend(own.clone().map(|own| (own.principal, own.secret)));
        let anonymous = !self.authenticate_agents;
        Ok(Security { credential: own, secrets, by_their_secret: true, anonymous, ..before })
    }

    /// Flags that would have to be on for nobody to come in unknown.
    pub fn open(&self) -> Vec<&'static str> {
        [
            ("authenticate_http_readonly", self.common.authenticate_http_readonly),
            ("authenticate_http_readwrite", self.common.authenticate_http_readwrite),
            ("authenticate_http_frameworks", self.authenticate_http_frameworks),
        ]
        .into_iter()
        .filter_map(|(name, on)| (!on).then_some(name))
        .collect()
    }

    /// What `/flags` shows of them.
    pub(super) fn listed(&self) -> Vec<(&'static str, String)> {
        let mut listed = self.common.listed();
        if self.common.http_authenticators.is_none() {
            listed.push(("http_authenticators", "basic".to_owned()));
        }
        listed.extend([
            ("authenticate_frameworks", self.authenticate_frameworks.to_string()),
            ("authenticate_http_frameworks", self.authenticate_http_frameworks.to_string()),
            ("authenticate_agents", self.authenticate_agents.to_string()),
            ("authenticators", self.authenticators.clone()),
            ("authorizers", self.authorizers.clone()),
            ("authentication_v0_timeout", format_duration(self.authentication_v0_timeout)),
        ]);
        let path = |path: &PathBuf| path.display().to_string();
        let given = [
            ("credentials", self.credentials.as_ref().map(path)),
            ("credential", self.credential.as_ref().map(path)),
            ("http_framework_authenticators", self.http_framework_authenticators.clone()),
            ("rate_limits", self.rate_limits.clone()),
        ];
        listed.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        listed
    }
}
