//! A cluster on TLS alone: masters, agents, executors, drivers and commands, none of which says anything in plain text.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use support::{HECTARE, Running, try_request};

/// Files of an authority, and of what it says of nodes.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The file of its own certificate.
    file: String,
}

impl Authority {
    fn new(dir: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let file = dir.join(name);
        std::fs::write(&file, issuer.pem()).expect("a file");
        Authority { issuer, file: file.display().to_string() }
    }

    /// The variables of a node on loopback.
    fn node(&self, dir: &Path, name: &str) -> Vec<(&'static str, String)> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let write = |kind: &str, text: String| {
            let path = dir.join(format!("{name}.{kind}"));
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        vec![
            ("LIBPROCESS_SSL_ENABLED", "true".to_owned()),
            ("LIBPROCESS_SSL_CERT_FILE", write("crt", certificate.pem())),
            ("LIBPROCESS_SSL_KEY_FILE", write("key", key.serialize_pem())),
            ("LIBPROCESS_SSL_CA_FILE", self.file.clone()),
        ]
    }
}

fn hectare(arguments: &[&str], variables: &[(&str, String)]) -> Output {
    let variables = variables.iter().map(|(name, value)| (name, value));
    Command::new(HECTARE).args(arguments).envs(variables).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_cluster_on_tls_runs_tasks_for_those_who_believe_its_authority() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let authority = Authority::new(dir.path(), "ca.crt");
    let other = Authority::new(dir.path(), "other.crt");
    let master = Running::started(
        &["master", "--port=0", "--registry=in_memory"],
        &authority.node(dir.path(), "master.example"),
    );
    let at = master.address();
    let agent = Running::started(
        &[
            "agent",
            "--port=0",
            &format!("--master={at}"),
            &format!("--work_dir={}", dir.path().join("agent").display()),
            &format!("--runtime_dir={}", dir.path().join("agent/run").display()),
            "--resources=cpus:2;mem:1024;disk:100",
        ],
        &authority.node(dir.path(), "agent.example"),
    );
    for address in [&at, &agent.address()] {
        let plain = try_request(address, "GET", "/health", "");
        assert!(!matches!(plain, Ok((200, _))), "plain text is not understood: {plain:?}");
    }

    let master = format!("--master=https://{at}");
    let ca = format!("--ca_file={}", authority.file);
    let run = hectare(&["run", &master, &ca, "--command=env; echo done"], &[]);
    assert_eq!(run.status.code(), Some(0), "{}\n{}", out(&run), err(&run));
    assert!(out(&run).contains("done") && !out(&run).contains("LIBPROCESS_SSL"), "{}", out(&run));
    let tasks = hectare(&["ps", &master, &ca, "--all", "--output=json"], &[]);
    assert!(out(&tasks).contains("TASK_FINISHED"), "{}", err(&tasks));

    let said =
        [("LIBPROCESS_SSL_ENABLED", "true".to_owned()), ("LIBPROCESS_SSL_CA_FILE", authority.file.clone())];
    let by_variables = hectare(&["run", &format!("--master={at}"), "--command=echo again"], &said);
    assert!(out(&by_variables).contains("again"), "{}\n{}", out(&by_variables), err(&by_variables));

    let unknown = hectare(&["ps", &master], &[]);
    assert!(!unknown.status.success() && err(&unknown).contains("certificate"), "{}", err(&unknown));
    let wrong = hectare(&["ps", &master, &format!("--ca_file={}", other.file)], &[]);
    assert!(!wrong.status.success() && err(&wrong).contains("certificate"), "{}", err(&wrong));
    let none = hectare(&["ps", &master, "--ca_file=/no/such/file"], &[]);
    assert!(err(&none).contains("--ca_file"), "{}", err(&none));
}
