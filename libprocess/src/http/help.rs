//! `/help`: what can be asked of this node, from the routes' own descriptions.
//!
//! | path | shows |
//! |---|---|
//! | `/help` | every process and its paths; `format=json` for programs |
//! | `/help/<id>` | the paths of one process |
//! | `/help/<id>/<path>` | all that is said of one |
//!
//! Markdown for curl, HTTPie and whoever does not accept HTML; a page of links for browsers.

use ::http::header;
use libprocess_wire::brief;
use serde_json::json;

use super::request::Request;
use super::response::Response;
use super::route::Route;

/// A process, and its routes in order of their paths.
pub(super) type Section<'a> = (&'a str, Vec<&'a Route>);

/// Answers a request for `wanted`, what follows `/help/`.
pub(super) fn page(wanted: &str, request: &Request, all: &[Section<'_>]) -> Response {
    let (id, path) = wanted.split_once('/').unwrap_or((wanted, ""));
    let sections: Vec<Section<'_>> = match (id, path) {
        ("", _) => all.to_vec(),
        (_, "") => all.iter().filter(|(known, _)| *known == id).cloned().collect(),
        _ => all
            .iter()
            .filter(|(known, _)| *known == id)
            .map(|(known, routes)| (*known, routes.iter().copied().filter(|r| r.path == path).collect()))
            .filter(|(_, routes): &Section<'_>| !routes.is_empty())
            .collect(),
    };
    if sections.is_empty() {
        return Response::bad_request(format!("No help available for '/{}'.\n", brief(wanted)));
    }
    if wanted.is_empty() && request.query.get("format") == Some("json") {
        return Response::json(as_json(&sections));
    }
    let text = match path {
        "" => list(&sections),
        _ => sections.iter().flat_map(|(id, routes)| routes.iter().map(|route| whole(id, route))).collect(),
    };
    match wants_html(request) {
        true => Response::ok().header(header::CONTENT_TYPE, "text/html; charset=utf-8").body(as_html(&text)),
        false => Response::ok().header(header::CONTENT_TYPE, "text/x-markdown").body(text),
    }
}

fn wants_html(request: &Request) -> bool {
    let agent = request.text_of(header::USER_AGENT).unwrap_or("");
    !agent.starts_with("curl") && !agent.starts_with("HTTPie") && request.accepts("text/html")
}

/// Shape: `{"processes":[{"id","endpoints":[{"name","text"}]}]}`.
fn as_json(sections: &[Section<'_>]) -> String {
    let processes = sections.iter().map(|(id, routes)| {
        let endpoints = routes
            .iter()
            .map(|route| json!({ "name": format!("/{}", route.path), "text": whole(id, route) }));
        json!({ "id": id, "endpoints": endpoints.collect::<Vec<_>>() })
    });
    json!({ "processes": processes.collect::<Vec<_>>() }).to_string()
}

/// One line for each path.
fn list(sections: &[Section<'_>]) -> String {
    let mut text = String::new();
    for (id, routes) in sections {
        text += &format!("# {id}\n\n");
        for route in routes {
            text += &format!("* `{}` {}\n", full(id, route), route.help);
        }
        text.push('\n');
    }
    text
}

/// All that is said of one route.
fn whole(id: &str, route: &Route) -> String {
    let mut text = format!("# {}\n\n{}\n", full(id, route), route.help);
    let methods: Vec<&str> = route.methods.iter().map(|method| method.as_str()).collect();
    let methods = if methods.is_empty() { "any".to_owned() } else { methods.join(", ") };
    text += &format!("\n## Methods\n\n{methods}\n");
    if !route.parameters.is_empty() {
        text += "\n## Parameters\n\n";
        for (name, meaning) in &route.parameters {
            text += &format!("* `{name}` {meaning}\n");
        }
    }
    let authentication = match &route.realm {
        Some(realm) => format!("Required if the realm `{realm}` has an authenticator."),
        None => "None.".to_owned(),
    };
    text + &format!("\n## Authentication\n\n{authentication}\n\n")
}

fn full(id: &str, route: &Route) -> String {
    match route.path.as_str() {
        "" => format!("/{id}"),
        path => format!("/{id}/{path}"),
    }
}

/// The few marks these texts use, as a page; paths in a list lead to their own page.
fn as_html(markdown: &str) -> String {
    let mut html =
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Help</title></head><body>\n".to_owned();
    let mut in_list = false;
    for line in markdown.lines() {
        let item = line.strip_prefix("* ");
        if item.is_some() != in_list {
            html += if in_list { "</ul>\n" } else { "<ul>\n" };
            in_list = !in_list;
        }
        html += &match (item, line.strip_prefix("## "), line.strip_prefix("# ")) {
            (Some(item), ..) => format!("<li>{}</li>\n", spans(item)),
            (_, Some(title), _) => format!("<h2>{}</h2>\n", escaped(title)),
            (.., Some(title)) => format!("<h1>{}</h1>\n", escaped(title)),
            _ if line.is_empty() => String::new(),
            _ => format!("<p>{}</p>\n", spans(line)),
        };
    }
    html + if in_list { "</ul>\n</body></html>\n" } else { "</body></html>\n" }
}

/// What stands between backticks is code, and a link if it is a path.
fn spans(line: &str) -> String {
    let mut html = String::new();
    for (at, part) in line.split('`').enumerate() {
        let part = escaped(part);
        html += &match (at % 2, part.starts_with('/')) {
            (0, _) => part,
            (_, true) => format!("<a href=\"/help{part}\"><code>{part}</code></a>"),
            (_, false) => format!("<code>{part}</code>"),
        };
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn routes() -> Vec<Route> {
        vec![
            Route::any("/").help("The front page."),
            Route::post("/api/v1").help("Calls & answers.").realm("fields"),
            Route::get("/tasks").help("Tasks.").parameter("limit", "How many at most, `100` if not said."),
        ]
    }

    fn ask(wanted: &str, request: Request) -> (u16, String, String) {
        let routes = routes();
        let all = [("master", routes.iter().collect()), ("slave(1)", vec![&routes[0]])];
        let mut answer = page(wanted, &request, &all);
        let kind = answer.text_of(header::CONTENT_TYPE).unwrap_or("").to_owned();
        let body = answer.bytes(1 << 20).now_or_never().unwrap().unwrap();
        (answer.status.as_u16(), kind, String::from_utf8(body.to_vec()).unwrap())
    }

    fn curl() -> Request {
        Request::get("/").header("user-agent", "curl/8.5.0")
    }

    #[test]
    fn every_process_is_listed_with_its_paths() {
        let (_, kind, text) = ask("", curl());
        assert_eq!(kind, "text/x-markdown");
        assert_eq!(
            text,
            "# master\n\n* `/master` The front page.\n* `/master/api/v1` Calls & answers.\n\
             * `/master/tasks` Tasks.\n\n# slave(1)\n\n* `/slave(1)` The front page.\n\n"
        );
        assert!(!ask("master", curl()).2.contains("slave"));
    }

    #[test]
    fn one_path_says_all_of_itself() {
        assert_eq!(
            ask("master/tasks", curl()).2,
            "# /master/tasks\n\nTasks.\n\n## Methods\n\nGET\n\n## Parameters\n\n\
             * `limit` How many at most, `100` if not said.\n\n## Authentication\n\nNone.\n\n"
        );
        assert!(ask("master/api/v1", curl()).2.contains("the realm `fields` has"));
    }

    #[test]
    fn who_is_unknown_is_a_bad_request() {
        for wanted in ["nobody", "master/nothing", "nobody/nothing"] {
            let (status, _, text) = ask(wanted, curl());
            assert_eq!((status, text), (400, format!("No help available for '/{wanted}'.\n")));
        }
    }

    #[test]
    fn programs_read_json() {
        let (_, kind, text) = ask("", Request::get("/help?format=json"));
        assert_eq!(kind, "application/json");
        let help: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(help["processes"][0]["id"], "master");
        assert_eq!(help["processes"][0]["endpoints"][1]["name"], "/api/v1");
    }

    #[test]
    fn browsers_read_a_page_of_links() {
        let (_, kind, text) = ask("", Request::get("/").header("user-agent", "Mozilla/5.0"));
        assert_eq!(kind, "text/html; charset=utf-8");
        assert!(
            text.contains(
                "<li><a href=\"/help/master/api/v1\"><code>/master/api/v1</code></a> Calls &amp; answers.</li>"
            ),
            "{text}"
        );
        let (_, kind, _) = ask("", Request::get("/").header("accept", "text/plain"));
        assert_eq!(kind, "text/x-markdown");
    }
}
