//! Questions that checks ask over the network.

use libprocess::http::{Client, Request, Response, header};

use crate::checks::Finding;

/// How often a redirect is followed.
const REDIRECTS: usize = 50;

/// Follows redirects to whatever answers.
pub(crate) async fn ask_http(client: Client, mut url: String) -> Finding {
    for _ in 0..=REDIRECTS {
        let Ok(response) = client.send(Request::get(&url)).await else {
            return Finding::Nothing;
        };
        match redirected(&url, &response) {
            Some(next) => url = next,
            None => return Finding::Status(response.status.as_u16()),
        }
    }
    Finding::Nothing
}

fn redirected(url: &str, response: &Response) -> Option<String> {
    let location = response.status.is_redirection().then(|| response.text_of(header::LOCATION)).flatten()?;
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next().unwrap_or(rest);
    Some(match location {
        other if other.contains("://") => other.to_owned(),
        other if other.starts_with("//") => format!("{scheme}:{other}"),
        path => format!("{scheme}://{host}/{}", path.trim_start_matches('/')),
    })
}

/// Whether somebody takes a connection.
pub(crate) async fn ask_tcp(host: &'static str, port: u32) -> Finding {
    let Ok(port) = u16::try_from(port) else {
        return Finding::Nothing;
    };
    Finding::Connected(tokio::net::TcpStream::connect((host, port)).await.is_ok())
}
