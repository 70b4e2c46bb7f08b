//! Tasks in images, with the real binary: what they see, how they are looked into, and that they outlive their agent.

#[path = "../../agent/tests/containers/image.rs"]
mod image;
mod support;

use std::process::{Child, Command, Output, Stdio};

use image::{Layer, save, shell};
use support::{HECTARE, Running, free_port, get, request, wait_for};

struct Cluster {
    master: Running,
    agent: Option<Running>,
    flags: Vec<String>,
    scratch: tempfile::TempDir,
}

impl Cluster {
    /// `None`, with a word on why, where there are no namespaces for us.
    fn start() -> Option<Cluster> {
        if agent_linux::user::effective() != 0 {
            let why = "only root may mount a root file system";
            assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: {why}");
            eprintln!("skipped: {why}");
            return None;
        }
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = |name: &str| scratch.path().join(name).display().to_string();
        std::fs::create_dir(path("images")).expect("a directory");
        let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
        let flags = vec![
            "agent".to_owned(),
            format!("--port={}", free_port()),
            format!("--master={}", master.address()),
            format!("--work_dir={}", path("work")),
            "--resources=cpus:8;mem:4096;disk:1024;ports:[31000-31100]".to_owned(),
            "--isolation=filesystem/linux,docker/runtime,namespaces/pid,linux/capabilities".to_owned(),
            "--image_providers=docker".to_owned(),
            format!("--docker_registry={}", path("images")),
            format!("--docker_store_dir={}", path("store")),
            "--executor_reregistration_timeout=10secs".to_owned(),
        ];
        let mut cluster = Cluster { master, agent: None, flags, scratch };
        cluster.start_agent();
        Some(cluster)
    }

    fn start_agent(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        self.agent = Some(Running::start(&flags));
    }

    fn hectare(&self, words: &[&str]) -> Command {
        let mut command = Command::new(HECTARE);
        command.arg(words[0]).arg(format!("--master={}", self.master.address())).args(&words[1..]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.hectare(&[&["run"], words].concat()).output().expect("the binary starts")
    }

    fn begin(&self, words: &[&str]) -> Child {
        self.hectare(&[&["run"], words].concat()).spawn().expect("the binary starts")
    }

    fn roots(&self) -> usize {
        fn below(dir: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(dir.join("containers")).into_iter().flatten().flatten();
            entries.map(|entry| usize::from(entry.path().join("root").exists()) + below(&entry.path())).sum()
        }
        below(&self.scratch.path().join("work/provisioner"))
    }

    /// The ids of running tasks.
    fn running(&self) -> Vec<String> {
        let state = get(&self.master.address(), "/state");
        let tasks =
            state["frameworks"].as_array().into_iter().flatten().flat_map(|one| one["tasks"].as_array());
        let running = tasks.flatten().filter(|task| task["state"] == "TASK_RUNNING");
        running.map(|task| task["id"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_task_runs_in_its_image_and_is_looked_into_there() {
    let Some(mut cluster) = Cluster::start() else { return };
    let images = cluster.scratch.path().join("images");
    let own = Layer::new().file("plot", "four");
    let config =
        r#"{"Entrypoint": ["sh", "-c"], "Cmd": ["echo own $A"], "Env": ["PATH=/bin:/usr/bin", "A=image"]}"#;
    save(&images, "shell", vec![shell().bytes(), own.bytes()], config);

    let said = cluster.run(&[
        "--docker_image=shell",
        "--env=B=task",
        "--command=cat /plot; echo; pwd; echo $A $B $MESOS_SANDBOX; exit 3",
    ]);
    let expected = "four\n/mnt/mesos/sandbox\nimage task /mnt/mesos/sandbox\n";
    assert_eq!(
        (text(&said.stdout).as_str(), said.status.code()),
        (expected, Some(3)),
        "{}",
        text(&said.stderr)
    );
    let said = cluster.run(&["--docker_image=shell"]);
    assert_eq!(text(&said.stdout), "own image\n", "{}", text(&said.stderr));
    let said = cluster.run(&["--docker_image=none", "--command=true"]);
    let why = text(&said.stderr);
    assert!(!said.status.success() && why.contains("failed to pull the image 'none'"), "{why}");

    // Its terminal is that of its container, whichever one is named.
    let task = cluster.begin(&[
        "--docker_image=shell",
        "--tty",
        "--no-follow",
        "--command=while ! cat /go 2>/dev/null; do sleep 0.1; done; echo seen",
    ]);
    let id = wait_for("the task to run", || cluster.running().pop());
    let agent = cluster.agent.as_ref().expect("an agent runs").address();
    let listed = get(&agent, "/containers");
    let executor = listed[0]["container_id"].as_str().expect("a container has an id").to_owned();
    let attach = format!(
        r#"{{"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {{"container_id": {{"value": "{executor}"}}}}}}"#
    );
    let reader = std::thread::spawn(move || request(&agent, "POST", "/api/v1", &attach));
    let go = cluster.hectare(&["exec", &id, "--", "touch", "/go"]).output().expect("the binary starts");
    assert!(go.status.success(), "{}", text(&go.stderr));
    let (status, said) = reader.join().expect("it is read");
    // `seen`, spelled in JSON.
    assert!(status == 200 && said.contains("c2Vlb"), "{status} {said}");
    assert!(task.wait_with_output().expect("it ends").status.success());

    // One that lives longer than its agent.
    let task = cluster.begin(&[
        "--docker_image=shell",
        "--health_command=cat /plot",
        "--command=echo up; while ! cat /go 2>/dev/null; do sleep 0.1; done",
    ]);
    let id = wait_for("the task to run", || cluster.running().pop());
    let look = |cluster: &Cluster, line: &str| {
        let said =
            cluster.hectare(&["exec", &id, "--", "sh", "-c", line]).output().expect("the binary starts");
        (text(&said.stdout), text(&said.stderr))
    };
    let (said, wrong) = look(&cluster, "cat /plot; echo $A");
    assert_eq!(said, "fourimage\n", "{wrong}");
    cluster.agent.take().expect("an agent runs").kill();
    cluster.start_agent();
    wait_for("the agent to be back", || look(&cluster, "touch /go").1.is_empty().then_some(()));
    let said = task.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert_eq!(text(&said.stdout), "up\n");
    wait_for("roots to go", || (cluster.roots() == 0).then_some(()));
    let table = std::fs::read_to_string("/proc/self/mountinfo").expect("a table of mounts");
    assert!(!table.contains(&cluster.scratch.path().display().to_string()), "mounts are left: {table}");
}
