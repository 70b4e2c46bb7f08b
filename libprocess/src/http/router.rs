//! Which handler answers a path.
//!
//! | step | rule |
//! |---|---|
//! | message | an old driver's, by its headers: to the [door](legacy) of its name |
//! | id | the first part of the path, decoded, if a process of that id has routes; else the delegate |
//! | ready | the delegate has no routes, as while it starts: 503, come again |
//! | firewall | the path was [disabled](Router::disable): 403 |
//! | route | the rest without slashes around it; not found, then its parent, and so on (`/state/x` is `/state`) |
//! | alias | not found and the path ends in `.json`: once more without (spellings older than 1.8) |
//! | fallback | not found with the delegate, but every node answers it: `/help`, `/health`, `/version` |
//! | realm | its authenticator does not know who asks: 401 or 403; a guard of the path refuses: 403 |
//! | method | several routes may share a path; none takes the method: 405 naming all |
//!
//! Source: libprocess' HTTP dispatch, and what clients in the wild rely on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::{StatusCode, header};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use libprocess_wire::brief;
use parking_lot::RwLock;

use super::auth::Authenticator;
use super::counts::Counts;
use super::request::Request;
use super::response::Response;
use super::route::Route;
use super::table::{Found, Routes, Table, add};
use super::{dress, help};
use crate::metrics::Metrics;
use crate::testing::Filters;
use crate::transport::legacy;

/// What answers a request: runs on an HTTP arbiter, so its future may stay on one thread.
pub type Handler = Arc<dyn Fn(Request) -> LocalBoxFuture<'static, Response> + Send + Sync>;

/// Whether who asks may, once it is known who it is; sees the principal in the request.
pub type Guard = Arc<dyn Fn(&Request) -> LocalBoxFuture<'static, bool> + Send + Sync>;

/// All routes of a runtime. Cheap to clone; clones share the routes.
#[derive(Clone)]
pub struct Router {
    table: Arc<RwLock<Table>>,
    legacy: Arc<RwLock<legacy::Book>>,
    counts: Arc<Counts>,
    filters: Filters,
}

impl Router {
    /// A router without a route, which counts in `metrics`.
    pub fn new(metrics: Metrics) -> Router {
        Router {
            table: Arc::default(),
            legacy: Arc::default(),
            counts: Arc::new(Counts::new(&metrics)),
            filters: Filters::default(),
        }
    }

    /// Adds the routes of the process `id`, which has started.
    pub fn mount(&self, id: &str, routes: Vec<(Route, Handler)>) {
        if routes.is_empty() {
            return;
        }
        add(self.table.write().processes.entry(id.to_owned()).or_default(), routes);
    }

    /// Lets the process `id`, which has started, hear messages of old drivers.
    pub(crate) fn listen(&self, id: &str, doors: Vec<(&'static str, legacy::Handler)>) {
        self.legacy.write().open(id, doors);
    }

    /// Hears messages of old drivers only from the address they say they come from.
    pub(crate) fn require_peer_address(&self) {
        self.legacy.write().same_ip = true;
    }

    /// Adds what is answered at the root where neither a process nor the delegate does.
    pub(crate) fn fall_back(&self, routes: Vec<(Route, Handler)>) {
        add(&mut self.table.write().fallback, routes);
    }

    /// Forgets all routes of the process `id`, which has ended.
    pub fn unmount(&self, id: &str) {
        self.table.write().processes.remove(id);
        self.legacy.write().close(id);
    }

    /// Makes paths that name no process those of `id`: `/state` is `/master/state`.
    pub fn delegate(&self, id: &str) {
        self.table.write().delegate = Some(id.to_owned());
    }

    /// Lets `authenticator` decide who asks in a realm. Until one is set, everybody is anonymous.
    pub fn authenticate(&self, realm: &str, authenticator: Arc<dyn Authenticator>) {
        self.table.write().realms.insert(realm.to_owned(), authenticator);
    }

    /// Asks `guard` before a path is answered, as in `/metrics/snapshot`.
    pub fn guard(&self, path: &str, guard: Guard) {
        self.table.write().guards.insert(path.trim_matches('/').to_owned(), guard);
    }

    /// Answers 403 from here on at exactly this path, as in `/master/teardown`.
    pub fn disable(&self, path: &str) {
        let mut table = self.table.write();
        let path = table.absolute(path.trim_matches('/'));
        table.disabled.insert(path);
    }

    /// What tests let requests wait for.
    pub(crate) fn filters(&self) -> &Filters {
        &self.filters
    }

    /// Gives the process `id` other routes, and hands out those it had.
    #[cfg(feature = "testing")]
    pub(crate) fn swap(&self, id: &str, routes: Option<Routes>) -> Option<Routes> {
        let mut table = self.table.write();
        match routes {
            Some(routes) => table.processes.insert(id.to_owned(), routes),
            None => table.processes.remove(id),
        }
    }

    /// Answers a request by these rules. A handler that panics is answered 500.
    pub fn handle(&self, request: Request) -> LocalBoxFuture<'static, Response> {
        self.counts.requests.increment(1);
        let Some(held) = self.filters.request(&request) else { return self.dispatch(request) };
        let router = self.clone();
        Box::pin(async move {
            held.await;
            router.dispatch(request).await
        })
    }

    fn dispatch(&self, mut request: Request) -> LocalBoxFuture<'static, Response> {
        if !request.path.starts_with('/') {
            return answer(Response::bad_request("400 Bad Request."));
        }
        if request.path.contains("/..") {
            return answer(Response::not_found());
        }
        if legacy::is_message(&request) {
            return legacy::hear(request, &self.legacy.read());
        }
        if let Some(wanted) = asks_for_help(&request.path) {
            return answer(self.help(wanted, &request));
        }
        let found = self.table.read().find(&request.path, &request.method);
        match found {
            Found::Path(way) => {
                request.set_rest(&way.rest);
                let wishes = dress::Wishes::of(&request);
                let counts = self.counts.clone();
                let work = AssertUnwindSafe(way.go(request, counts.clone())).catch_unwind();
                work.map(move |done| match done {
                    Ok(response) => dress::dress(response, wishes),
                    Err(_) => {
                        counts.panicked.increment(1);
                        Response::text(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error.")
                    }
                })
                .boxed_local()
            }
            Found::Disabled => {
                answer(Response::forbidden(format!("Endpoint '{}' is disabled", brief(&request.path))))
            }
            Found::NotReady => {
                answer(Response::text(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable."))
            }
            Found::Nothing => answer(Response::not_found()),
        }
    }

    /// Whether a request's body may take its time: its route streams.
    pub(super) fn streams(&self, request: &Request) -> bool {
        match self.table.read().find(&request.path, &request.method) {
            Found::Path(way) => way.streams.takes(request.text_of(header::CONTENT_TYPE)),
            _ => false,
        }
    }

    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    fn help(&self, wanted: &str, request: &Request) -> Response {
        let table = self.table.read();
        let of = |routes: &'_ Routes| routes.values().flatten().map(|entry| entry.route.clone()).collect();
        let all: Vec<(&str, Vec<Route>)> =
            table.processes.iter().map(|(id, routes)| (id.as_str(), of(routes))).collect();
        let all: Vec<help::Section<'_>> =
            all.iter().map(|(id, routes)| (*id, routes.iter().collect())).collect();
        help::page(wanted, request, &all)
    }
}

fn answer(response: Response) -> LocalBoxFuture<'static, Response> {
    std::future::ready(response).boxed_local()
}

/// What follows `/help`, without slashes around it.
fn asks_for_help(path: &str) -> Option<&str> {
    let wanted = path.strip_prefix("/help")?;
    (wanted.is_empty() || wanted.starts_with('/')).then(|| wanted.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use ::http::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::http::auth::{Principal, Verdict};

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
    fn help_is_answered_for_who_has_routes() {
        assert!(get("/help").contains("/master/api/v1"));
        assert!(get("/help/slave%281%29/").contains("/slave(1)/state"));
        assert_eq!(ask(&router(), Request::get("/help/nobody")).0, 400);
        assert_eq!(ask(&router(), Request::get("/helpless")).0, 404);
    }

    /// Knows everybody by the header `x-name`.
    struct ByName;

    impl Authenticator for ByName {
        fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
            let verdict = match request.headers.get("x-name").and_then(|name| name.to_str().ok()) {
                Some("nobody") => Verdict::Forbidden,
                Some(name) => Verdict::Known(Principal::named(name)),
                None => Verdict::Unknown { challenges: vec!["Name".to_owned(), "Face".to_owned()] },
            };
            std::future::ready(verdict).boxed_local()
        }
    }

    fn guarded() -> Router {
        let router = router();
        let who: Handler = Arc::new(|request| {
            answer(
                Response::ok().body(request.principal.map_or("anonymous".to_owned(), |who| who.to_string())),
            )
        });
        router.mount("master", vec![(Route::post("/who").realm("fields"), who)]);
        router
    }

    fn who(router: &Router, path: &str, name: &str) -> (u16, String) {
        ask(router, Request::post(path).header("x-name", name))
    }

    #[test]
    fn a_realm_without_an_authenticator_takes_everybody() {
        assert_eq!(who(&guarded(), "/who", "ann"), (200, "anonymous".to_owned()));
    }

    #[test]
    fn a_realm_is_for_those_its_authenticator_knows() {
        let router = guarded();
        router.authenticate("fields", Arc::new(ByName));
        assert_eq!(who(&router, "/master/who", "ann"), (200, "ann".to_owned()));
        assert_eq!(who(&router, "/who", "nobody"), (403, "403 Forbidden.".to_owned()));
        let response = router.handle(Request::get("/who")).now_or_never().unwrap();
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "before anything is said of its method");
        assert_eq!(response.text_of(header::WWW_AUTHENTICATE), Some("Name, Face"));
        assert_eq!(ask(&router, Request::get("/who").header("x-name", "ann")).0, 405);
        assert_eq!(get("/state"), "master:state|", "other routes are as they were");
    }

    #[test]
    fn a_guard_is_asked_who_may() {
        let router = guarded();
        router.authenticate("fields", Arc::new(ByName));
        let guard: Guard = Arc::new(|request| {
            let may = request.principal.as_ref().is_some_and(|who| who.to_string() == "ann");
            std::future::ready(may).boxed_local()
        });
        router.guard("/master/who", guard);
        assert_eq!(who(&router, "/who", "ann"), (200, "ann".to_owned()));
        assert_eq!(who(&router, "/who/what", "bob").0, 403);
        assert_eq!(ask(&router, Request::get("/state")).0, 200);
    }

    #[test]
    fn a_disabled_path_is_forbidden_however_it_is_spelled() {
        let router = guarded();
        router.disable("/weights");
        router.disable("/slave(1)/state");
        for path in ["/weights", "/master/weights", "/master/weights/", "/slave(1)/state"] {
            assert_eq!(ask(&router, Request::get(path)), (403, format!("Endpoint '{path}' is disabled")));
        }
        assert_eq!(ask(&router, Request::get("/state")).0, 200);
    }

    #[test]
    fn what_every_node_answers_gives_way_to_the_delegate() {
        let router = router();
        let health: Handler = Arc::new(|_| answer(Response::ok().body("by the node")));
        router.fall_back(vec![(Route::any("/health"), health.clone()), (Route::any("/state"), health)]);
        assert_eq!(ask(&router, Request::get("/health")), (200, "by the node".to_owned()));
        assert_eq!(ask(&router, Request::get("/state")), (200, "master:state|".to_owned()));
        router.unmount("master");
        assert_eq!(ask(&router, Request::get("/health")).0, 503, "it is not whole yet");
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
