//! Containers within the executor's own, by the agent's API: launched, waited for, signalled; checks in those of tasks.
//!
//! Every call is made again while the agent is away: what it was asked before is known to it by the container's name.
//! Source: Mesos agent operator API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::v1;
use api::v1::agent::{Call, Response as Answer, call};
use libprocess::Runtime;
use libprocess::http::{Client, ClientError, Request, Response, StatusCode, header};
use model::task::Ended;
use model::{CommandInfo, ContainerId, ContainerInfo, Limit, Resources, StatusReason, TaskState};

use crate::checks::Finding;

/// Between two attempts to reach an agent.
const RETRY: Duration = Duration::from_millis(250);

/// The largest answer. Unit: bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// The agent, as one asks it for containers.
#[derive(Clone)]
pub(crate) struct Containers {
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    /// `host:port`.
    pub(crate) agent: String,
    /// Shown with every call, when the agent asks for that.
    pub(crate) token: Option<String>,
}

/// A container that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: ContainerId,
    pub(crate) command: CommandInfo,
    pub(crate) container: Option<ContainerInfo>,
    pub(crate) resources: Resources,
    /// How far it may exceed those.
    pub(crate) limits: BTreeMap<Arc<str>, Limit>,
}

/// How a container ended. What the agent says of that counts more than how the process exited.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Waited {
    pub(crate) ended: Option<Ended>,
    pub(crate) state: Option<TaskState>,
    pub(crate) reason: Option<StatusReason>,
    pub(crate) message: Option<String>,
    /// What it used of what it broke a limit of.
    pub(crate) limitation: Option<Resources>,
}

impl Containers {
    /// Launches a container; returns once its program runs.
    ///
    /// Errors: it will not run; why, for people.
    pub(crate) async fn launch(&self, wanted: &Wanted) -> Result<(), String> {
        let launch = call::LaunchContainer {
            container_id: (&wanted.id).into(),
            command: Some((&wanted.command).into()),
            resources: wanted.resources.iter().map(spelled).collect(),
            container: wanted.container.as_ref().map(Into::into),
            limits: api::convert::limits_out(&wanted.limits),
        };
        let call = Call {
            r#type: Some(call::Type::LaunchContainer.into()),
            launch_container: Some(launch),
            ..Call::default()
        };
        let mut response = self.ask(&call).await;
        match response.status.is_success() {
            true => Ok(()),
            false => Err(text(&mut response).await),
        }
    }

    /// Returns once a container has ended.
    pub(crate) async fn wait(&self, id: &ContainerId) -> Waited {
        let wait = call::WaitContainer { container_id: id.into() };
        let call = Call {
            r#type: Some(call::Type::WaitContainer.into()),
            wait_container: Some(wait),
            ..Call::default()
        };
        let gone = |message: String| Waited { message: Some(message), ..Waited::default() };
        loop {
            let mut response = self.ask(&call).await;
            if !response.status.is_success() {
                return gone(text(&mut response).await);
            }
            // An answer that breaks off is the agent's end, not the container's.
            let Ok(body) = response.bytes(ANSWER_MAX).await else { continue };
            let answer: Result<Answer, _> = content::decode_call(&body, MediaType::Protobuf);
            return match answer.map(|answer| answer.wait_container) {
                Ok(Some(wait)) => waited(&wait),
                Ok(None) => gone("The agent's answer says nothing of the container's end".to_owned()),
                Err(error) => gone(format!("The agent's answer is not understood: {error}")),
            };
        }
    }

    /// Sends a signal to the first process of a container; one that is gone needs none.
    pub(crate) async fn signal(&self, id: &ContainerId, signal: i32) {
        let kill = call::KillContainer { container_id: id.into(), signal: Some(signal) };
        let call = Call {
            r#type: Some(call::Type::KillContainer.into()),
            kill_container: Some(kill),
            ..Call::default()
        };
        self.ask(&call).await;
    }

    /// Runs a command in the surroundings of a container until it ends; dropping the future ends it.
    pub(crate) async fn check(&self, id: &ContainerId, command: &CommandInfo) -> Finding {
        let session = call::LaunchNestedContainerSession {
            container_id: id.into(),
            command: Some(command.into()),
            container: None,
        };
        let call = Call {
            r#type: Some(call::Type::LaunchNestedContainerSession.into()),
            launch_nested_container_session: Some(session),
            ..Call::default()
        };
        // Not asked again: a later question will do as well.
        let Ok(mut response) = self.client.send(self.request(&call)).await else { return Finding::Nothing };
        if !response.status.is_success() {
            return Finding::Nothing;
        }
        // What it says is nobody's concern; that it has said all is its end.
        while let Some(piece) = response.body.next().await {
            if piece.is_err() {
                return Finding::Nothing;
            }
        }
        let finding = match self.wait(id).await.ended {
            Some(Ended::Exited(code)) => Finding::Exited(code),
            Some(Ended::Killed { .. }) | None => Finding::Nothing,
        };
        self.remove(id).await;
        finding
    }

    async fn remove(&self, id: &ContainerId) {
        let remove = call::RemoveContainer { container_id: id.into() };
        let call = Call {
            r#type: Some(call::Type::RemoveContainer.into()),
            remove_container: Some(remove),
            ..Call::default()
        };
        // What is left of it goes with its parent.
        let _ = self.client.send(self.request(&call)).await;
    }

    /// Asks until the agent answers.
    async fn ask(&self, call: &Call) -> Response {
        loop {
            let answer: Result<Response, ClientError> = self.client.send(self.request(call)).await;
            match answer {
                Ok(response) if response.status != StatusCode::SERVICE_UNAVAILABLE => return response,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the agent does not answer"),
            }
            self.runtime.sleep(RETRY).await;
        }
    }

    fn request(&self, call: &Call) -> Request {
        let media = MediaType::Protobuf;
        let request = Request::post(&self.client.url(&self.agent, "/api/v1"))
            .header(header::CONTENT_TYPE, media.as_str())
            .header(header::ACCEPT, media.as_str())
            .body(content::encode(call, media));
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }
}

fn spelled(resource: &model::Resource) -> v1::Resource {
    api::convert::resources::write_one(resource, api::convert::Spelling::FULL)
}

async fn text(response: &mut Response) -> String {
    let body = response.bytes(ANSWER_MAX).await.unwrap_or_default();
    String::from_utf8_lossy(&body).into_owned()
}

fn waited(wait: &v1::agent::response::WaitContainer) -> Waited {
    let state = wait.state.and_then(|state| v1::TaskState::try_from(state).ok());
    let limitation = wait.limitation.clone();
    Waited {
        ended: wait.exit_status.and_then(Ended::of_status),
        state: state.and_then(|state| TaskState::try_from(state).ok()),
        reason: wait.reason.and_then(StatusReason::from_number),
        message: wait.message.clone(),
        limitation: limitation.and_then(|broke| api::convert::resources::read(broke.resources).ok()),
    }
}
