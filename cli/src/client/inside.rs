//! The container of a task: what is asked of its agent about it, what it writes and what is typed into it.

use anyhow::{Context, bail};
use api::content::{self, MediaType};
use api::recordio;
use api::v1;
use api::v1::agent::response::WaitContainer;
use api::v1::agent::{Call, ProcessIo, Response as Answer, call};
use libprocess::http::{Body, Request, Response};

use super::{ANSWER_MAX, Voice};

/// The container of a task, on its agent.
pub(crate) struct Inside {
    pub(super) voice: Voice,
    pub(super) agent: String,
    pub(super) container: v1::ContainerId,
}

impl Inside {
    pub(crate) fn container(&self) -> &v1::ContainerId {
        &self.container
    }

    /// A name nobody has, in this container.
    pub(crate) fn child(&self) -> v1::ContainerId {
        v1::ContainerId {
            value: uuid::Uuid::new_v4().to_string(),
            parent: Some(Box::new(self.container.clone())),
        }
    }

    fn request(&self, content_type: &str) -> Request {
        Request::post(&self.voice.client.url(&self.agent, "/api/v1"))
            .header("content-type", content_type)
            .header("accept", MediaType::Protobuf.as_str())
    }

    async fn send(&self, request: Request) -> anyhow::Result<Response> {
        let sent = self.voice.send(request).await;
        let mut response = sent.with_context(|| format!("cannot reach the agent at {}", self.agent))?;
        if response.status.is_success() {
            return Ok(response);
        }
        let text = response.bytes(ANSWER_MAX).await.unwrap_or_default();
        bail!("the agent at {} answered {}: {}", self.agent, response.status, String::from_utf8_lossy(&text))
    }

    async fn call(&self, call: &Call) -> anyhow::Result<Response> {
        self.send(self.request(MediaType::Protobuf.as_str()).body(content::encode(call, MediaType::Protobuf)))
            .await
    }

    /// Reads the stream that answers a call.
    pub(crate) async fn read(&self, call: &Call) -> anyhow::Result<Reading> {
        let request = Request::post(&self.voice.client.url(&self.agent, "/api/v1"))
            .header("content-type", MediaType::Protobuf.as_str())
            .header("accept", MediaType::RecordIo.as_str())
            .header("message-accept", MediaType::Protobuf.as_str())
            .body(content::encode(call, MediaType::Protobuf));
        let response = self.send(request).await?;
        Ok(Reading { response, records: recordio::Decoder::new(RECORD_MAX) })
    }

    /// Writes a stream of calls; completes when the agent has heard enough.
    pub(crate) async fn write(&self, body: Body) -> anyhow::Result<()> {
        let request = self
            .request(MediaType::RecordIo.as_str())
            .header("message-content-type", MediaType::Protobuf.as_str())
            .body(body);
        self.send(request).await?;
        Ok(())
    }

    /// How a container ended that was launched in this one.
    pub(crate) async fn wait(&self, id: &v1::ContainerId) -> anyhow::Result<WaitContainer> {
        let wait = call::WaitContainer { container_id: id.clone() };
        let call = Call {
            r#type: Some(call::Type::WaitContainer.into()),
            wait_container: Some(wait),
            ..Call::default()
        };
        let mut response = self.call(&call).await?;
        let body = response.bytes(ANSWER_MAX).await?;
        let answer: Answer = content::decode_call(&body, MediaType::Protobuf)?;
        Ok(answer.wait_container.unwrap_or_default())
    }

    /// Has the agent forget it.
    pub(crate) async fn remove(&self, id: &v1::ContainerId) -> anyhow::Result<()> {
        let remove = call::RemoveContainer { container_id: id.clone() };
        let call = Call {
            r#type: Some(call::Type::RemoveContainer.into()),
            remove_container: Some(remove),
            ..Call::default()
        };
        self.call(&call).await?;
        Ok(())
    }
}

/// What a container writes.
pub(crate) struct Reading {
    response: Response,
    records: recordio::Decoder,
}

/// The largest record an agent sends. Unit: bytes.
const RECORD_MAX: usize = 1024 * 1024;

impl Reading {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<ProcessIo>> {
        loop {
            if let Some(record) = self.records.next()? {
                return Ok(Some(content::decode_call(&record, MediaType::Protobuf)?));
            }
            let Some(piece) = self.response.body.next().await else { return Ok(None) };
            self.records.push(piece.context("the agent broke off")?);
        }
    }
}
