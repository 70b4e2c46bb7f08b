//! The table of a [`Router`](super::Router): what a path leads to, and what stands between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::http::{Method, header};

use super::auth::{Authenticator, Verdict, not_known};
use super::counts::Counts;
use super::request::Request;
use super::response::Response;
use super::route::{Route, Streams};
use super::router::{Guard, Handler};
use super::unpack::unpack;

#[derive(Default)]
pub(super) struct Table {
    pub(super) delegate: Option<String>,
    pub(super) processes: BTreeMap<String, Routes>,
    /// What every node answers where nobody else does.
    pub(super) fallback: Routes,
    pub(super) realms: BTreeMap<String, Arc<dyn Authenticator>>,
    /// Shape: path with its id, without slashes around it → who decides.
    pub(super) guards: BTreeMap<String, Guard>,
    pub(super) disabled: BTreeSet<String>,
}

/// Shape: path without slashes around it → its routes, in order of addition.
pub(crate) type Routes = BTreeMap<String, Vec<Entry>>;

pub(crate) struct Entry {
    pub(super) route: Route,
    handler: Handler,
}

/// What a path leads to.
pub(super) enum Found {
    Path(Way),
    Disabled,
    /// It may be the delegate's, which has no routes yet, or none any more.
    NotReady,
    Nothing,
}

/// What stands between a request and its answer.
pub(super) struct Way {
    authenticator: Option<Arc<dyn Authenticator>>,
    guard: Option<Guard>,
    /// Or, if none takes the method, those that are taken.
    handler: Result<Handler, Vec<Method>>,
    pub(super) streams: Streams,
    pub(super) rest: String,
}

impl Way {
    pub(super) async fn go(self, mut request: Request, counts: Arc<Counts>) -> Response {
        if let Some(authenticator) = self.authenticator {
            let refused = match authenticator.authenticate(&request).await {
                Verdict::Known(principal) => {
                    request.principal = Some(principal);
                    None
                }
                Verdict::Unknown { challenges } => Some(not_known(&challenges)),
                Verdict::Forbidden => Some(Response::forbidden("403 Forbidden.")),
            };
            if let Some(refused) = refused {
                counts.not_authenticated.increment(1);
                return refused;
            }
        }
        if let Some(guard) = self.guard
            && !guard(&request).await
        {
            counts.not_authorized.increment(1);
            return Response::forbidden("403 Forbidden.");
        }
        if !self.streams.takes(request.text_of(header::CONTENT_TYPE)) {
            let limit = request.body_limit;
            if let Err(unknown) = unpack(&mut request, limit) {
                return unknown.into();
            }
        }
        match self.handler {
            Ok(handler) => handler(request).await,
            Err(expected) => Response::method_not_allowed(&expected, &request.method),
        }
    }
}

pub(super) fn add(routes: &mut Routes, more: Vec<(Route, Handler)>) {
    for (route, handler) in more {
        let here = routes.entry(route.path.clone()).or_default();
        // Nearly always the only one.
        here.reserve_exact(1);
        here.push(Entry { route, handler });
    }
}

impl Table {
    pub(super) fn find(&self, path: &str, method: &Method) -> Found {
        let path = path.trim_matches('/');
        match self.find_exactly(path, method) {
            Found::Nothing => match path.strip_suffix(".json") {
                Some(stem) => self.find_exactly(stem, method),
                None => Found::Nothing,
            },
            found => found,
        }
    }

    fn find_exactly(&self, path: &str, method: &Method) -> Found {
        if !self.disabled.is_empty() && self.disabled.contains(&self.absolute(path)) {
            return Found::Disabled;
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Some(routes) = self.processes.get(first) {
            return self.way(first, routes, rest.trim_matches('/'), method);
        }
        let delegate = self.delegate.as_deref();
        let found = match delegate.map(|id| (id, self.processes.get(id))) {
            Some((id, Some(routes))) => self.way(id, routes, path, method),
            Some((_, None)) => return Found::NotReady,
            None => Found::Nothing,
        };
        match found {
            Found::Nothing => self.way("", &self.fallback, path, method),
            found => found,
        }
    }

    /// A path with its process' id in front.
    pub(super) fn absolute(&self, path: &str) -> String {
        let first = path.split('/').next().unwrap_or_default();
        match &self.delegate {
            Some(delegate) if !self.processes.contains_key(first) && first != delegate => {
                format!("{delegate}/{path}").trim_end_matches('/').to_owned()
            }
            _ => path.to_owned(),
        }
    }

    /// The longest parent of `path` that has a route. The empty path is a route only for itself.
    fn way(&self, id: &str, routes: &Routes, path: &str, method: &Method) -> Found {
        let mut prefix = path;
        let entries = loop {
            if let Some(entries) = routes.get(prefix) {
                break entries;
            }
            match prefix.rsplit_once('/') {
                Some((parent, _)) => prefix = parent.trim_end_matches('/'),
                None => return Found::Nothing,
            }
            if prefix.is_empty() {
                return Found::Nothing;
            }
        };
        let entry = entries.iter().find(|entry| entry.route.takes(method));
        let realm = entry.or(entries.first()).and_then(|entry| entry.route.realm.as_ref());
        let guard = match self.guards.is_empty() {
            true => None,
            false => self.guards.get(format!("{id}/{prefix}").trim_matches('/')).cloned(),
        };
        Found::Path(Way {
            authenticator: realm.and_then(|realm| self.realms.get(&**realm)).cloned(),
            guard,
            handler: match entry {
                Some(entry) => Ok(entry.handler.clone()),
                None => Err(entries.iter().flat_map(|entry| entry.route.methods.clone()).collect()),
            },
            streams: entry.map_or(Streams::None, |entry| entry.route.streams),
            rest: path[prefix.len()..].trim_matches('/').to_owned(),
        })
    }
}
