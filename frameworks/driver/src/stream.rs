//! The two ends of a subscription: opening it and reading events, and sending calls beside it.

use api::content::{self, MediaType};
use api::{recordio, v1};
use libprocess::Credential;
use libprocess::http::{Body, Client, Request, Response, StatusCode, header};
use model::call::Call;
use model::event::Event;

/// The longest event that is read. An OFFERS of ten thousand agents is a few megabytes.
const EVENT_MAX: usize = 64 << 20;
/// The most of an error's text that is repeated.
const WHY_MAX: usize = 64 << 10;
const STREAM_ID: &str = "mesos-stream-id";

/// An open stream of events.
pub(crate) struct Events {
    body: Body,
    records: recordio::Decoder,
    media: MediaType,
}

/// Why there is no stream.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// Another master leads, at `host:port`, or at `https://host:port`.
    Elsewhere(String),
    /// Worth trying again.
    Failed(String),
    /// Trying again would not help.
    Refused(String),
}

/// How calls are sent: by what, spelled how, and as whom.
#[derive(Clone)]
pub(crate) struct Voice {
    pub(crate) client: Client,
    pub(crate) media: MediaType,
    pub(crate) credential: Option<Credential>,
}

/// Subscribes at `master`. Gives the stream and its id, which every later call must bear.
pub(crate) async fn open(
    voice: Voice,
    master: String,
    subscribe: Call,
) -> Result<(Events, String), NotOpened> {
    let media = voice.media;
    let mut response = voice.client.send(voice.request(&master, &subscribe)).await.map_err(|error| {
        NotOpened::Failed(format!("no answer from the master at {master}: {}", with_source(&error)))
    })?;
    match response.status {
        StatusCode::OK => {
            let stream =
                response.text_of(header::HeaderName::from_static(STREAM_ID)).unwrap_or_default().to_owned();
            let records = recordio::Decoder::new(EVENT_MAX);
            Ok((Events { body: response.body, records, media }, stream))
        }
        StatusCode::TEMPORARY_REDIRECT => match leader(&master, &response) {
            Some(leader) => Err(NotOpened::Elsewhere(leader)),
            None => Err(NotOpened::Failed(format!("the master at {master} points to no leader"))),
        },
        // Something else listens there, or a master that is not up yet.
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::NOT_FOUND => {
            let why = why(&mut response).await;
            Err(NotOpened::Failed(format!("the master at {master} is not ready: {why}")))
        }
        status => {
            let why = why(&mut response).await;
            Err(NotOpened::Refused(format!("{status}: {why}")))
        }
    }
}

/// Sends one call of a subscription.
///
/// Errors: the master's words, or why it may not have arrived.
pub(crate) async fn send(
    voice: Voice,
    master: String,
    call: Call,
    stream: String,
) -> Result<(), (Call, String)> {
    let request = voice.request(&master, &call).header(STREAM_ID, stream);
    match voice.client.send(request).await {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(mut response) => {
            let why = why(&mut response).await;
            Err((call, format!("{}: {why}", response.status)))
        }
        Err(error) => Err((call, error.to_string())),
    }
}

impl Events {
    /// The next events, one at least.
    ///
    /// Errors: why there will be no more.
    pub(crate) async fn next(&mut self) -> Result<Vec<Event>, String> {
        loop {
            let mut events = Vec::new();
            while let Some(record) = self.records.next().map_err(|error| error.to_string())? {
                events.extend(self.event(&record)?);
            }
            if !events.is_empty() {
                return Ok(events);
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.records.push(bytes),
                Some(Err(error)) => return Err(format!("the stream broke: {error}")),
                None => return Err("the master closed the stream".to_owned()),
            }
        }
    }

    /// An event of a kind we do not know is passed over: masters may be newer than we are.
    fn event(&self, record: &[u8]) -> Result<Option<Event>, String> {
        let event: v1::scheduler::Event =
            content::decode_call(record, self.media).map_err(|error| error.to_string())?;
        if event.r#type.is_none() {
            return Ok(None);
        }
        Event::try_from(event).map(Some).map_err(|error| error.to_string())
    }
}

impl Voice {
    fn request(&self, master: &str, call: &Call) -> Request {
        let call = v1::scheduler::Call::from(call);
        let request = Request::post(&self.client.url(master, "/api/v1/scheduler"))
            .header(header::CONTENT_TYPE, self.media.as_str())
            .header(header::ACCEPT, self.media.as_str())
            .body(content::encode(&call, self.media));
        match &self.credential {
            Some(credential) => request.credential(credential),
            None => request,
        }
    }
}

/// An error with what caused it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}

async fn why(response: &mut Response) -> String {
    let text = response.bytes(WHY_MAX).await.unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// The master in a scheme-relative `Location`: it is spoken to as the one that named it.
fn leader(master: &str, response: &Response) -> Option<String> {
    let (_, behind) = response.text_of(header::LOCATION)?.split_once("//")?;
    let host = behind.split('/').next().unwrap_or(behind);
    Some(match master.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    })
}
