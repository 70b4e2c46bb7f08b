//! Asking a master or an agent: JSON and files, following whoever leads.

mod growing;
mod inside;

use std::sync::Mutex;

use anyhow::{Context, anyhow, bail};
use api::content::{self, MediaType};
use api::v1;
use api::v1::agent::{Call, Response as Answer, call};
use detector::{Detector, Masters};
use libprocess::http::{Client, ClientError, Request, Response, StatusCode};
use libprocess::{Credential, Runtime};
use serde_json::Value;
use std::time::Duration;

pub(crate) use growing::Growing;
pub(crate) use inside::{Inside, Reading};

/// The most an answer may hold; the state of a large cluster is tens of megabytes.
const ANSWER_MAX: usize = 1 << 30;
/// How long an answer may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one master of several may take to say how it does.
const ONE_PATIENCE: Duration = Duration::from_secs(3);
/// How often one question is sent on to another master.
const REDIRECTS_MAX: usize = 5;

/// How long masters that elect one of them are waited for.
const ELECTION: Duration = Duration::from_secs(5);
/// Between two questions whether they have.
const ELECTION_POLL: Duration = Duration::from_millis(50);

/// How long a session with ZooKeeper lives after this program has ended.
const SESSION: Duration = Duration::from_secs(10);

/// Who asks, and by what.
#[derive(Clone)]
struct Voice {
    client: Client,
    credential: Option<Credential>,
}

impl Voice {
    /// Sends a request as whoever asks.
    async fn send(&self, request: Request) -> Result<Response, ClientError> {
        self.client
            .send(match &self.credential {
                Some(credential) => request.credential(credential),
                None => request,
            })
            .await
    }
}

/// The cluster behind the address of one master, or of several, or behind a ZooKeeper.
pub(crate) struct Cluster {
    runtime: Runtime,
    voice: Voice,
    /// As they were named, without passwords.
    named: String,
    masters: Masters,
    /// The master that ZooKeeper named last.
    found: Mutex<Option<String>>,
}

impl Cluster {
    /// `masters` is what `--master` takes, `credential` as whom to come; nothing is sent yet.
    ///
    /// Errors: when it is nothing of the kind.
    pub(crate) fn new(
        runtime: &Runtime,
        masters: &str,
        credential: Option<Credential>,
    ) -> anyhow::Result<Cluster> {
        let masters: Masters = masters.parse().context("--master")?;
        let named = match &masters {
            Masters::Named(names) => names.join(", "),
            Masters::File(path) => path.display().to_string(),
            Masters::ZooKeeper(ensemble) => ensemble.to_string(),
        };
        let voice = Voice { client: runtime.client(), credential };
        Ok(Cluster { runtime: runtime.clone(), voice, named, masters, found: Mutex::new(None) })
    }

    /// `host:port` of those to ask, in turn. Where ZooKeeper has to be asked for them, `anew` says that the one it named
    /// is no good.
    ///
    /// Errors: the file is none, ZooKeeper does not answer, or names nobody.
    async fn candidates(&self, anew: bool) -> anyhow::Result<Vec<String>> {
        if let Some(names) = self.masters.names() {
            return Ok(names?);
        }
        let known = self.found.lock().expect("nobody panics with it").clone().filter(|_| !anew);
        if let Some(leader) = known {
            return Ok(vec![leader]);
        }
        let mut detector = Detector::new(&self.runtime, &self.masters, SESSION);
        let found = self.runtime.timeout(ELECTION, detector.next()).await;
        let found = found.map_err(|_| {
            anyhow!(
                "no leading master is found at {}: is ZooKeeper up, and do masters run with --zk?",
                self.named
            )
        })?;
        let found: Vec<String> = found.addresses().iter().map(ToString::to_string).collect();
        *self.found.lock().expect("nobody panics with it") = found.first().cloned();
        Ok(found)
    }

    /// Those that were named, or the one that ZooKeeper names.
    ///
    /// Errors: as for [`Cluster::get`].
    pub(crate) async fn masters(&self) -> anyhow::Result<Vec<String>> {
        self.candidates(false).await
    }

    /// The JSON behind a path of this one master, wherever it sends others.
    ///
    /// Errors: when it does not answer, or refuses.
    pub(crate) async fn get_from(&self, master: &str, path: &str) -> anyhow::Result<Value> {
        let url = self.voice.client.url(master, path);
        let request = Request::get(&url).within(ONE_PATIENCE);
        let mut response =
            self.voice.send(request).await.with_context(|| format!("cannot reach {master}"))?;
        if response.status == StatusCode::NOT_FOUND {
            bail!("the master at {master} keeps no log: it was started with --registry=in_memory");
        }
        let body = whole(&mut response, &url).await?;
        serde_json::from_slice(&body).with_context(|| format!("{url} is not JSON"))
    }

    /// What the log of the first master that answers says.
    ///
    /// Errors: as for [`Cluster::get`].
    pub(crate) async fn get_log(&self, path: &str) -> anyhow::Result<Value> {
        let mut failure = anyhow!("--master names no master");
        for master in &self.masters().await? {
            match self.get_from(master, path).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Has the log of the leading master do something.
    ///
    /// Errors: as for [`Cluster::get`].
    pub(crate) async fn post_log(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Value> {
        let form = form_of(form);
        let body = self.ask(|url| Request::post(url).body(form.clone()), path).await?;
        serde_json::from_slice(&body).with_context(|| format!("{path} answered no JSON"))
    }

    /// A backup of the log of the first master that answers, and up to which position it goes.
    ///
    /// Errors: none answers, or what it sends breaks off.
    pub(crate) async fn backup(&self) -> anyhow::Result<(Vec<u8>, String)> {
        let mut failure = anyhow!("--master names no master");
        for master in &self.masters().await? {
            let url = self.voice.client.url(master, "/log/backup");
            let got = async {
                let request = Request::get(&url).within(PATIENCE);
                let mut response =
                    self.voice.send(request).await.with_context(|| format!("cannot reach {master}"))?;
                let name = libprocess::http::HeaderName::from_static("x-log-position");
                let position = response.text_of(name).unwrap_or_default().to_owned();
                anyhow::Ok((whole(&mut response, &url).await?, position))
            };
            match got.await {
                Ok(got) => return Ok(got),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Waits before the next look.
    pub(crate) async fn pause(&self, time: Duration) {
        self.runtime.sleep(time).await;
    }

    /// The JSON behind a path of the leading master.
    ///
    /// Errors: when no master answers, or it refuses; the text says what to do.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let body = self.ask(Request::get, path).await?;
        serde_json::from_slice(&body).with_context(|| format!("{path} of {} is not JSON", self.named))
    }

    /// Sends a form to a path of the leading master.
    ///
    /// Errors: as for [`Cluster::get`].
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<()> {
        let form = form_of(form);
        self.ask(|url| Request::post(url).body(form.clone()), path).await?;
        Ok(())
    }

    /// A task by its id, whatever framework runs it.
    ///
    /// Errors: when there is none, or several frameworks have one of this id.
    pub(crate) async fn task(&self, id: &str) -> anyhow::Result<Value> {
        let answer = self.get(&format!("/tasks?limit=-1&task_id={}", escaped(id))).await?;
        let tasks = answer["tasks"].as_array().cloned().unwrap_or_default();
        let mut tasks: Vec<Value> = tasks.into_iter().filter(|task| task["id"] == id).collect();
        match tasks.len() {
            0 => bail!("no task {id:?} is known to {}; `hectare ps --all` lists those that are", self.named),
            1 => Ok(tasks.remove(0)),
            _ => {
                // A finished one may share its id with one that runs: ids can be used again.
                tasks.retain(|task| !is_terminal(text(&task["state"])));
                let mut left = tasks.into_iter();
                match (left.next(), left.next()) {
                    (Some(task), None) => Ok(task),
                    _ => bail!("several frameworks have a task {id:?}; name it to its own framework"),
                }
            }
        }
    }

    /// `host:port` of an agent.
    ///
    /// Errors: when it is not registered.
    pub(crate) async fn agent(&self, id: &str) -> anyhow::Result<String> {
        let answer = self.get(&format!("/slaves?slave_id={}", escaped(id))).await?;
        let agents = answer["slaves"].as_array().map(Vec::as_slice).unwrap_or_default();
        let agent = agents.iter().find(|agent| agent["id"] == id);
        let pid = agent.and_then(|agent| agent["pid"].as_str());
        let address = pid.and_then(|pid| pid.split_once('@')).map(|(_, address)| address.to_owned());
        address.ok_or_else(|| anyhow!("agent {id} is not registered now, so its files cannot be read"))
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The container of a task that runs.
    ///
    /// Errors: when it does not run, or its agent is not registered.
    pub(crate) async fn inside(&self, id: &str) -> anyhow::Result<Inside> {
        let task = self.task(id).await?;
        let state = text(&task["state"]);
        if is_terminal(state) {
            bail!("task {id} has ended ({state}); `hectare logs {id}` shows what it wrote");
        }
        let container = container_of(&task).ok_or_else(|| anyhow!("task {id} does not run yet ({state})"))?;
        let agent = self.agent(text(&task["slave_id"])).await?;
        Ok(Inside { voice: self.voice.clone(), agent, container })
    }

    /// The sandbox of a task, for reading.
    ///
    /// Errors: when its agent is not registered.
    pub(crate) async fn sandbox(&self, task: &Value) -> anyhow::Result<Sandbox> {
        let agent = self.agent(text(&task["slave_id"])).await?;
        // A command task's executor bears the task's id, and the master shows none.
        let (id, executor) = (text(&task["id"]), text(&task["executor_id"]));
        let executor = if executor.is_empty() { id } else { executor };
        let mut path =
            format!("/frameworks/{}/executors/{executor}/runs/latest", text(&task["framework_id"]));
        if container_of(task).is_some_and(|container| container.parent.is_some()) {
            path.push_str(&format!("/tasks/{id}"));
        }
        Ok(Sandbox { voice: self.voice.clone(), agent, path })
    }

    /// Asks the masters one after the other until one answers, and all of them again while they elect one.
    async fn ask(&self, request: impl Fn(&str) -> Request, path: &str) -> anyhow::Result<Vec<u8>> {
        let begun = self.runtime.elapsed();
        let mut anew = false;
        loop {
            let masters = self.candidates(anew).await?;
            let mut failure = anyhow!("--master names no master");
            for master in &masters {
                match self.ask_from(master, &request, path).await {
                    Ok(answer) => return Ok(answer),
                    Err(Unanswered::Refused(error)) => return Err(error),
                    Err(Unanswered::Absent(error)) => failure = error,
                }
            }
            anew = true;
            let alone = !self.masters.are_several();
            if alone || self.runtime.elapsed().saturating_sub(begun) > ELECTION {
                return Err(failure);
            }
            self.pause(ELECTION_POLL).await;
        }
    }

    async fn ask_from(
        &self,
        master: &str,
        request: impl Fn(&str) -> Request,
        path: &str,
    ) -> Result<Vec<u8>, Unanswered> {
        let mut at = master.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let url = self.voice.client.url(&at, path);
            let mut response = self.voice.send(request(&url).within(PATIENCE)).await.map_err(|error| {
                let why = format!("{:#}", anyhow::Error::from(error));
                Unanswered::Absent(anyhow!("cannot reach the master at {at}: {why}; is one running? `hectare local` starts a cluster, --master=HOST:PORT names another"))
            })?;
            if response.status == StatusCode::TEMPORARY_REDIRECT {
                let leader =
                    leader(&response).with_context(|| format!("the master at {at} points to no leader"));
                at = leader.map_err(Unanswered::Refused)?;
                continue;
            }
            let elects = response.status == StatusCode::SERVICE_UNAVAILABLE;
            return whole(&mut response, &url).await.map_err(|error| match elects {
                true => Unanswered::Absent(error),
                false => Unanswered::Refused(error),
            });
        }
        Err(Unanswered::Absent(anyhow!("the masters point to each other: {at} is still not the leader")))
    }
}

/// Why a master gave no answer.
enum Unanswered {
    /// It is not there, or leads no more; another may be asked.
    Absent(anyhow::Error),
    /// It is there and will not.
    Refused(anyhow::Error),
}

/// The container its last status names.
fn container_of(task: &Value) -> Option<v1::ContainerId> {
    fn read(value: &Value) -> Option<v1::ContainerId> {
        let name = value["value"].as_str()?.to_owned();
        let parent = read(&value["parent"]).map(Box::new);
        Some(v1::ContainerId { value: name, parent })
    }
    let statuses = task["statuses"].as_array()?;
    statuses.iter().rev().find_map(|status| read(&status["container_status"]["container_id"]))
}

/// The directory a task was run in.
pub(crate) struct Sandbox {
    voice: Voice,
    agent: String,
    path: String,
}

impl Sandbox {
    /// The bytes of a file from `offset` on, as many as fit one answer; `None` while there is no such file.
    ///
    /// Errors: when the agent cannot be reached or refuses.
    pub(crate) async fn read(&self, file: &str, offset: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let read = call::ReadFile { path: format!("{}/{file}", self.path), offset, length: None };
        let call =
            Call { r#type: Some(call::Type::ReadFile.into()), read_file: Some(read), ..Call::default() };
        let url = self.voice.client.url(&self.agent, "/api/v1");
        let media = MediaType::Protobuf.as_str();
        let request = Request::post(&url)
            .header("content-type", media)
            .header("accept", media)
            .body(content::encode(&call, MediaType::Protobuf));
        let mut response = self
            .voice
            .send(request.within(PATIENCE))
            .await
            .with_context(|| format!("cannot reach the agent at {}", self.agent))?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = whole(&mut response, &url).await?;
        let answer: Answer = content::decode_call(&body, MediaType::Protobuf)?;
        Ok(answer.read_file.map(|file| file.data))
    }
}

/// The body of a good answer.
async fn whole(response: &mut Response, url: &str) -> anyhow::Result<Vec<u8>> {
    let body = response.bytes(ANSWER_MAX).await.with_context(|| format!("{url} broke off"))?;
    if response.status == StatusCode::UNAUTHORIZED {
        bail!(
            "{url} does not know who asks; --credential=FILE, or HECTARE_CREDENTIAL, says where your name and secret are"
        );
    }
    if !response.status.is_success() {
        bail!("{url} answered {}: {}", response.status, String::from_utf8_lossy(&body).trim());
    }
    Ok(body.to_vec())
}

/// `host:port` in a scheme-relative `Location`.
fn leader(response: &Response) -> Option<String> {
    let location = response.text_of(libprocess::http::header::LOCATION)?;
    let (_, behind) = location.split_once("//")?;
    Some(behind.split('/').next().unwrap_or(behind).to_owned())
}

/// A JSON text, empty when it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether a task in this state will never change again.
pub(crate) fn is_terminal(state: &str) -> bool {
    !matches!(state, "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING" | "TASK_UNREACHABLE")
}

fn form_of(form: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// What may stand in a query or form.
/// The path that says why a `framework` or a `role` is offered no more.
pub(crate) fn why(what: &str, whom: &str, resources: &str) -> String {
    format!("/api/v1/why?{what}={}&resources={}", escaped(whom), escaped(resources))
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
