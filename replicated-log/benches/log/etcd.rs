//! Three etcd processes on loopback, spoken to by their own HTTP API (`/v2/keys`), without a gateway between.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use libprocess::Runtime;
use libprocess::http::{Method, Request};

use crate::{Rate, rate};

pub(crate) struct Cluster {
    processes: Vec<Child>,
    client: Runtime,
    leader: String,
}

impl Cluster {
    /// None: it is not installed.
    pub(crate) fn start(dir: &Path) -> Option<Cluster> {
        let binary = std::env::var("HECTARE_ETCD").unwrap_or_else(|_| "etcd".to_owned());
        Command::new(&binary).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        let ports: Vec<u16> = free_ports(6);
        let name = |number: usize| format!("n{number}");
        let peer = |number: usize| format!("http://127.0.0.1:{}", ports[number + 3]);
        let members: Vec<String> =
            (0..3).map(|number| format!("{}={}", name(number), peer(number))).collect();
        let processes = (0..3).map(|number| {
            let address = format!("http://127.0.0.1:{}", ports[number]);
            Command::new(&binary)
                .args([
                    "--name",
                    &name(number),
                    "--enable-v2=true",
                    "--logger",
                    "zap",
                    "--log-level",
                    "error",
                ])
                .args(["--listen-client-urls", &address, "--advertise-client-urls", &address])
                .args(["--listen-peer-urls", &peer(number), "--initial-advertise-peer-urls", &peer(number)])
                .args(["--initial-cluster", &members.join(","), "--initial-cluster-state", "new"])
                .arg("--data-dir")
                .arg(dir.join(number.to_string()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        });
        let processes: Vec<Child> = processes.collect::<Result<_, _>>().ok()?;
        let client =
            Runtime::start(libprocess::Config { listen: None, ..libprocess::Config::default() }).ok()?;
        let mut cluster = Cluster { processes, client, leader: String::new() };
        for _ in 0..600 {
            for port in &ports[..3] {
                let address = format!("http://127.0.0.1:{port}");
                if cluster.client.block_on(leads(&cluster.client, &address)) {
                    cluster.leader = address;
                    return Some(cluster);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("etcd does not start");
        None
    }

    pub(crate) fn writes(&self, clients: usize, slice: Duration) -> Rate {
        let body = format!("value={}", "v".repeat(256));
        self.load(clients, slice, move |leader, client| {
            Request::new(Method::PUT, &format!("{leader}/v2/keys/k{client}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.clone())
        })
    }

    pub(crate) fn reads(&self, clients: usize, slice: Duration) -> Rate {
        self.load(clients, slice, |leader, client| {
            Request::get(&format!("{leader}/v2/keys/k{client}?quorum=true"))
        })
    }

    fn load(&self, clients: usize, slice: Duration, request: impl Fn(&str, usize) -> Request) -> Rate {
        let until = self.client.elapsed() + slice;
        let request = &request;
        let client = |number: usize| async move {
            let (http, mut took) = (self.client.client(), Vec::new());
            while self.client.elapsed() < until {
                let began = self.client.elapsed();
                if http
                    .send(request(&self.leader, number))
                    .await
                    .is_ok_and(|answer| answer.status.is_success())
                {
                    took.push(self.client.elapsed() - began);
                }
            }
            took
        };
        rate(self.client.block_on(join_all((0..clients).map(client))), slice)
    }
}

async fn leads(client: &Runtime, address: &str) -> bool {
    let asked = client.client().send(Request::get(&format!("{address}/v2/stats/self"))).await;
    let Ok(mut answer) = asked else { return false };
    let Ok(body) = answer.bytes(1 << 20).await else { return false };
    String::from_utf8_lossy(&body).contains("StateLeader")
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        self.client.shutdown();
    }
}
