//! How long nobody decides, measured on three real masters: `cargo bench -p cli --bench masters`.
//!
//! A writer sets the weight of a role again and again, at whoever leads, as fast as it is answered; a gap is the time between two
//! answers. `HECTARE_SECONDS=600` for a long look at elections nobody asked for.

#![allow(clippy::disallowed_methods, reason = "a stopwatch needs the real clock")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HECTARE: &str = env!("CARGO_BIN_EXE_hectare");
const HANDOVERS: usize = 20;
const KILLS: usize = 50;
/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    if cfg!(debug_assertions) {
        println!("skipped: figures are for release builds; run `cargo bench -p cli --bench masters`");
        return;
    }
    let mut masters = Masters::start();
    let mut writer = Writer { addresses: masters.addresses.clone(), at: masters.addresses[0], weight: 0 };
    writer.write_until_answered();
    let usual: Vec<Duration> = (0..500).map(|_| writer.write_until_answered()).collect();
    row("one write after another", "", &spread(usual));
    let handovers: Vec<Duration> = (0..HANDOVERS).map(|_| handover(&masters, &mut writer)).collect();
    row("planned handover, largest write gap", "≤ 100 ms", &spread(handovers));
    let kills: Vec<Duration> = (0..KILLS).map(|_| kill(&mut masters, &mut writer)).collect();
    row("leader kill -9 to first write", "p50 ≤ 700, p99 ≤ 1000 ms", &spread(kills));
    let seconds = std::env::var("HECTARE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let (elections, gap) = busy(&masters, &mut writer, Duration::from_secs(seconds));
    let what = format!("elections in {seconds} s, 8 threads at full load");
    row(&what, "0", &format!("{elections}, largest write gap {:.0} ms", gap.as_secs_f64() * 1e3));
}

fn row(what: &str, goal: &str, measured: &str) {
    println!("{what:<48} {goal:<26} {measured}");
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("p50 {:.1}, p99 {:.1}, max {:.1} ms of {}", at(50), at(99), at(100), times.len())
}

/// Hands the lead over while it is written; the longest time between two answers.
fn handover(masters: &Masters, writer: &mut Writer) -> Duration {
    let mut transfer = Command::new(HECTARE)
        .args(["log", "transfer", &format!("--master={}", masters.list())])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut largest = Duration::ZERO;
    let mut after = 0;
    while after < 100 {
        largest = largest.max(writer.write_until_answered());
        after += usize::from(matches!(transfer.try_wait(), Ok(Some(_))));
    }
    assert!(transfer.wait().expect("it is our child").success(), "the lead was not handed over");
    largest
}

/// Kills whoever leads, and starts it again; how long nothing was answered.
fn kill(masters: &mut Masters, writer: &mut Writer) -> Duration {
    writer.write_until_answered();
    let leader =
        masters.addresses.iter().position(|address| *address == writer.at).expect("it is one of them");
    masters.running[leader].kill().expect("it is our child");
    let gap = writer.write_until_answered();
    masters.running[leader].wait().expect("it is our child");
    masters.running[leader] = masters.start_one(leader);
    for _ in 0..100 {
        writer.write_until_answered();
    }
    gap
}

/// Keeps both processors busy many times over; how many elections there were, and the longest gap.
fn busy(masters: &Masters, writer: &mut Writer, time: Duration) -> (f64, Duration) {
    let before: f64 = masters.addresses.iter().map(|address| elections(*address)).sum();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            })
        })
        .collect();
    let until = Instant::now() + time;
    let mut largest = Duration::ZERO;
    while Instant::now() < until {
        largest = largest.max(writer.write_until_answered());
        std::thread::sleep(Duration::from_millis(20));
    }
    stop.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|thread| thread.join().expect("it spins"));
    let after: f64 = masters.addresses.iter().map(|address| elections(*address)).sum();
    (after - before, largest)
}

fn elections(address: SocketAddr) -> f64 {
    let (_, body) = exchange(address, "GET", "/metrics/snapshot", "").expect("it runs");
    let behind = body.split("\"raft/elections_won\":").nth(1).expect("it counts elections");
    let number: String = behind.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().expect("a number")
}

/// Writes at whoever leads.
struct Writer {
    addresses: Vec<SocketAddr>,
    at: SocketAddr,
    weight: u32,
}

impl Writer {
    /// How long it took until somebody answered that it is written.
    fn write_until_answered(&mut self) -> Duration {
        // Another weight each time: one that changes nothing is not written.
        self.weight = self.weight % 1000 + 1;
        let call = format!(
            r#"{{"type":"UPDATE_WEIGHTS","update_weights":{{"weight_infos":[{{"role":"r","weight":{}.5}}]}}}}"#,
            self.weight
        );
        let begun = Instant::now();
        loop {
            match exchange(self.at, "POST", "/api/v1", &call) {
                Some((200, _)) => return begun.elapsed(),
                Some((307, head)) => {
                    let leader =
                        head.split("//").nth(1).and_then(|behind| behind.split('/').next()?.parse().ok());
                    self.at = leader.expect("it says who leads");
                }
                _ => {
                    let next =
                        self.addresses.iter().position(|address| *address == self.at).map_or(0, |at| at + 1);
                    self.at = self.addresses[next % self.addresses.len()];
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            assert!(begun.elapsed() < PATIENCE, "nobody answers");
        }
    }
}

/// The status, and the body; of a redirect the address it leads to.
fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let location =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("location: ").map(str::to_owned));
    Some((status, location.unwrap_or_else(|| body.to_owned())))
}

struct Masters {
    addresses: Vec<SocketAddr>,
    scratch: tempfile::TempDir,
    running: Vec<Child>,
}

impl Masters {
    fn start() -> Masters {
        let listeners: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("loopback has ports")).collect();
        let addresses =
            listeners.iter().map(|listener| listener.local_addr().expect("it is bound")).collect();
        drop(listeners);
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let mut masters = Masters { addresses, scratch, running: Vec::new() };
        for number in 0..3 {
            let master = masters.start_one(number);
            masters.running.push(master);
        }
        masters
    }

    fn list(&self) -> String {
        self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    fn start_one(&self, number: usize) -> Child {
        let mut master = Command::new(HECTARE)
            .args([
                "master",
                "--output=json",
                "--quiet",
                &format!("--port={}", self.addresses[number].port()),
            ])
            .arg(format!("--masters={}", self.list()))
            .arg(format!("--work_dir={}", self.scratch.path().join(number.to_string()).display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(master.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says where it is");
        master
    }
}

impl Drop for Masters {
    fn drop(&mut self) {
        for master in &mut self.running {
            let _ = master.kill();
            let _ = master.wait();
        }
    }
}
