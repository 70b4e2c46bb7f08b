//! Which handler answers a path.
//!
//! | step | rule |
//! |---|---|
//! | id | the first part of the path, decoded, if a process of that id has routes; else the delegate |
//! | ready | the delegate has no routes, as while it starts: 503, come again |
//! | route | the rest without slashes around it; not found, then its parent, and so on (`/state/x` is `/state`) |
//! | alias | not found and the path ends in `.json`: once more without (spellings older than 1.8) |
//! | method | several routes may share a path; none takes the method: 405 naming all |
//!
//! Source: libprocess' HTTP dispatch, and what clients in the wild rely on.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::{Method, StatusCode, header};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use parking_lot::RwLock;

use super::dress;
use super::request::Request;
use super::response::Response;
use super::route::Route;
use crate::metrics::{self, Metrics};

/// What answers a request: runs on an HTTP arbiter, so its future may stay on one thread.
pub type Handler = Arc<dyn Fn(Request) -> LocalBoxFuture<'static, Response> + Send + Sync>;

/// All routes of a runtime. Cheap to clone; clones share the routes.
#[derive(Clone, Default)]
pub struct Router {
    table: Arc<RwLock<Table>>,
}

#[derive(Default)]
struct Table {
    delegate: Option<String>,
    processes: BTreeMap<String, Routes>,
}

/// Shape: path without slashes around it → its routes, in order of addition.
type Routes = BTreeMap<String, Vec<Entry>>;

struct Entry {
    route: Route,
    handler: Handler,
}

/// What a path and a method lead to.
enum Found {
    Handler {
        handler: Handler,
        rest: String,
    },
    WrongMethod {
        expected: Vec<Method>,
    },
    /// It may be the delegate's, which has no routes yet, or none any more.
    NotReady,
    Nothing,
}

impl Router {
    /// A router with what every runtime serves: its metrics and those of its machine.
    pub fn new(metrics: Metrics) -> Router {
        let router = Router::default();
        router.mount("metrics", metrics::routes(&metrics));
        router.mount("system", metrics::system::routes());
        router
    }

    /// Adds the routes of the process `id`, which has started.
    pub fn mount(&self, id: &str, routes: Vec<(Route, Handler)>) {
        if routes.is_empty() {
            return;
        }
        let mut table = self.table.write();
        let mounted = table.processes.entry(id.to_owned()).or_default();
        for (route, handler) in routes {
            mounted.entry(route.path.clone()).or_default().push(Entry { route, handler });
        }
    }

    /// Forgets all routes of the process `id`, which has ended.
    pub fn unmount(&self, id: &str) {
        self.table.write().processes.remove(id);
    }

    /// Makes paths that name no process those of `id`: `/state` is `/master/state`.
    pub fn delegate(&self, id: &str) {
        self.table.write().delegate = Some(id.to_owned());
    }

    /// Answers a request by these rules. A handler that panics is answered 500.
    pub fn handle(&self, mut request: Request) -> LocalBoxFuture<'static, Response> {
        if !request.path.starts_with('/') {
            return answer(Response::bad_request("400 Bad Request."));
        }
        if request.path.contains("/..") {
            return answer(Response::not_found());
        }
        if let Some(wanted) = request.path.strip_prefix("/help") {
            return answer(self.table.read().help(wanted));
        }
        let found = self.table.read().find(&request.path, &request.method);
        match found {
            Found::Handler { handler, rest } => {
                request.set_rest(&rest);
                let wishes = dress::Wishes::of(&request);
                let work = AssertUnwindSafe(async move { handler(request).await }).catch_unwind();
                work.map(move |done| match done {
                    Ok(response) => dress::dress(response, wishes),
                    Err(_) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error."),
                })
                .boxed_local()
            }
            Found::WrongMethod { expected } => {
                answer(Response::method_not_allowed(&expected, &request.method))
            }
            Found::NotReady => {
                answer(Response::text(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable."))
            }
            Found::Nothing => answer(Response::not_found()),
        }
    }
}

fn answer(response: Response) -> LocalBoxFuture<'static, Response> {
    std::future::ready(response).boxed_local()
}

impl Table {
    /// Markdown that lists every path below `wanted` with its help.
    fn help(&self, wanted: &str) -> Response {
        let mut page = String::new();
        for (id, routes) in &self.processes {
            for (path, entries) in routes {
                let full = format!("/{id}/{path}");
                let full = full.trim_end_matches('/');
                if full.starts_with(wanted.trim_end_matches('/')) {
                    let texts = entries.iter().map(|entry| entry.route.help.as_str());
                    page += &format!("* `{full}` {}\n", texts.collect::<Vec<_>>().join(" "));
                }
            }
        }
        match page.is_empty() {
            true => Response::bad_request("No help available for this path.\n"),
            false => Response::ok().header(header::CONTENT_TYPE, "text/x-markdown").body(page),
        }
    }

    fn find(&self, path: &str, method: &Method) -> Found {
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
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Some(routes) = self.processes.get(first) {
            return find_route(routes, rest.trim_matches('/'), method);
        }
        match self.delegate.as_ref().map(|id| self.processes.get(id)) {
            Some(Some(routes)) => find_route(routes, path, method),
            Some(None) => Found::NotReady,
            None => Found::Nothing,
        }
    }
}

/// The longest parent of `path` that has a route. The empty path is a route only for itself.
fn find_route(routes: &Routes, path: &str, method: &Method) -> Found {
    let mut prefix = path;
    loop {
        if let Some(entries) = routes.get(prefix) {
            let rest = path[prefix.len()..].trim_matches('/').to_owned();
            return match entries.iter().find(|entry| entry.route.takes(method)) {
                Some(entry) => Found::Handler { handler: entry.handler.clone(), rest },
                None => Found::WrongMethod {
                    expected: entries.iter().flat_map(|entry| entry.route.methods.clone()).collect(),
                },
            };
        }
        match prefix.rsplit_once('/') {
            Some((parent, _)) => prefix = parent.trim_end_matches('/'),
            None => return Found::Nothing,
        }
        if prefix.is_empty() {
            return Found::Nothing;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A master-like router whose handlers answer with their own name and the rest of the path.
    fn router() -> Router {
        let router = Router::new(Metrics::new());
        let routes = [
            ("master", Route::any("/state")),
            ("master", Route::post("/api/v1")),
            ("master", Route::post("/api/v1/scheduler")),
            ("master", Route::get("/weights")),
            ("master", Route::of(&[Method::PUT], "/weights")),
            ("master", Route::any("/")),
            ("slave(1)", Route::any("/state")),
            ("files", Route::any("/read")),
        ];
        for (id, route) in routes {
            let name = format!("{id}:{}", route.path);
            let handler: Handler =
                Arc::new(move |request| answer(Response::ok().body(format!("{name}|{}", request.rest()))));
            router.mount(id, vec![(route, handler)]);
        }
        router.delegate("master");
        router
    }

    fn ask(router: &Router, request: Request) -> (u16, String) {
        let mut response = router.handle(request).now_or_never().unwrap();
        let body = response.bytes(1 << 20).now_or_never().unwrap().unwrap();
        (response.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    fn get(path: &str) -> String {
        ask(&router(), Request::get(path)).1
    }

    #[test]
    fn a_path_names_its_process_or_falls_to_the_delegate() {
        assert_eq!(get("/master/state"), "master:state|");
        assert_eq!(get("/state"), "master:state|");
        assert_eq!(get("/slave(1)/state"), "slave(1):state|");
        assert_eq!(get("/slave%281%29/state"), "slave(1):state|");
        assert_eq!(get("/"), "master:|");
        assert_eq!(get("/master"), "master:|");
    }

    #[test]
    fn who_comes_before_the_delegate_is_told_to_come_again() {
        let router = router();
        router.unmount("master");
        assert_eq!(ask(&router, Request::get("/state")).0, 503);
        router.delegate("slave(1)");
        assert_eq!(ask(&router, Request::get("/state")).0, 200);
    }

    #[test]
    fn the_longest_parent_answers() {
        assert_eq!(get("/state/a/b/"), "master:state|a/b");
        assert_eq!(get("/master/state/"), "master:state|");
        let post = |path| ask(&router(), Request::post(path)).1;
        assert_eq!(post("/api/v1/operator"), "master:api/v1|operator");
        assert_eq!(post("/api/v1/scheduler"), "master:api/v1/scheduler|");
    }

    #[test]
    fn spellings_with_json_are_aliases() {
        assert_eq!(get("/master/state.json"), "master:state|");
        assert_eq!(get("/files/read.json?path=/a"), "files:read|");
    }

    #[test]
    fn what_nobody_serves_is_not_found() {
        for path in ["/nonexistent", "/master/nonexistent", "/files/nothing", "/state/../api", "/.."] {
            assert_eq!(ask(&router(), Request::get(path)), (404, "404 Not Found.".to_owned()), "{path}");
        }
    }

    #[test]
    fn a_path_without_a_slash_is_a_bad_request() {
        assert_eq!(ask(&router(), Request::get("state")).0, 400);
    }

    #[test]
    fn a_wrong_method_names_all_that_share_the_path() {
        let response = router().handle(Request::post("/weights")).now_or_never().unwrap();
        assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.text_of(header::ALLOW), Some("GET, PUT"));
        assert_eq!(
            ask(&router(), Request::get("/api/v1")).1,
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
        );
    }

    #[test]
    fn a_process_that_ended_has_no_routes() {
        let router = router();
        router.unmount("slave(1)");
        assert_eq!(ask(&router, Request::get("/slave(1)/state")).0, 404);
    }

    #[test]
    fn every_path_is_listed_with_its_help() {
        let help = get("/help");
        assert!(help.contains("* `/master/api/v1` \n"), "{help}");
        assert!(help.contains("* `/metrics/snapshot` "), "{help}");
        assert!(!get("/help/master").contains("slave(1)"));
        assert_eq!(ask(&router(), Request::get("/help/nobody")).0, 400);
    }

    #[test]
    fn a_handler_that_panics_is_answered_500() {
        let router = Router::new(Metrics::new());
        let bad: Handler = Arc::new(|_| async { panic!("on purpose") }.boxed_local());
        router.mount("bad", vec![(Route::any("/"), bad)]);
        assert_eq!(ask(&router, Request::get("/bad")).0, 500);
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "[/a-z.%()0-9]{0,40}") {
            let (status, _) = ask(&router(), Request::get(&path));
            prop_assert!([200, 400, 404, 405].contains(&status));
        }

        #[test]
        fn slashes_at_the_end_change_nothing(count in 0usize..5, below in "[a-z]{0,5}") {
            let path = format!("/state/{below}{}", "/".repeat(count));
            prop_assert_eq!(get(&path), format!("master:state|{below}"));
        }
    }
}
