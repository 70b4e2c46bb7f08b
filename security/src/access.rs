//! Everything that stands between a request and its handler, put in place at a start.

use std::fmt;
use std::sync::Arc;

use libprocess::http::{self, Guard};
use libprocess::{Runtime, SpawnError};

use crate::action::{Action, Object};
use crate::authenticators::Ways;
use crate::authorizer::Policy;
use crate::local::Local;

/// A realm whose visitors have to prove who they are.
#[derive(Clone, Debug)]
pub struct Realm {
    /// As its visitors are told.
    pub name: &'static str,
    pub ways: Ways,
}

/// Who may come in, and what they may do, of one master or agent.
#[derive(Clone, Default)]
pub struct Access {
    /// Realms that are not open to everybody.
    pub realms: Vec<Realm>,
    /// What is allowed.
    pub policy: Policy,
    /// The rules that are to be followed when their file changes.
    pub rules: Option<Arc<Local>>,
    /// Paths that answer nobody.
    pub disabled: Vec<String>,
}

impl Access {
    /// Puts it in place. What the runtime itself shows is in the realms `read_only` and `read_write`.
    ///
    /// Errors: the runtime is shutting down.
    pub fn apply(&self, runtime: &Runtime, read_only: &str, read_write: &str) -> Result<(), SpawnError> {
        let (router, clock) = (runtime.router(), &runtime.environment().clock);
        for Realm { name, ways } in &self.realms {
            let authenticator = ways.authenticator(name, clock);
            if *name == read_only {
                router.authenticate(http::READ_ONLY, authenticator.clone());
            }
            if *name == read_write {
                router.authenticate(http::READ_WRITE, authenticator.clone());
            }
            router.authenticate(name, authenticator);
        }
        for path in &self.disabled {
            router.disable(path);
        }
        if !self.policy.allows_everything() {
            for path in ["/metrics/snapshot", "/logging/toggle"] {
                router.guard(path, self.guard(path));
            }
        }
        self.rules.as_ref().map_or(Ok(()), |rules| rules.follow(runtime))
    }

    /// Source: Mesos authorization, GET_ENDPOINT_WITH_PATH.
    fn guard(&self, path: &'static str) -> Guard {
        let policy = self.policy.clone();
        Arc::new(move |request| {
            let rights = policy.rights(request.principal.as_ref());
            let may = rights.may(Action::GetEndpoint, Object::of(path));
            Box::pin(std::future::ready(may))
        })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("realms", &self.realms)
            .field("policy", &self.policy)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}
