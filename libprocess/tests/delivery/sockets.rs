//! Random histories over loopback. Every node is reached through a door of its own that can be slammed.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use libprocess::{Config, Runtime};
use proptest::prelude::*;

use crate::history::{How, NODES, Step, Story, Trouble, cases, steps};
use crate::judge::broken;

/// Forwards connections, until told to break them.
struct Gate {
    address: SocketAddr,
    behind: Arc<Mutex<SocketAddr>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Gate {
    fn open() -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (behind, open) = (Arc::new(Mutex::new(address)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (to, streams) = (behind.clone(), open.clone());
        thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let to = *to.lock().unwrap();
                // A gate that leads to itself is closed for good.
                if to == address {
                    return;
                }
                let Ok(to) = TcpStream::connect(to) else { continue };
                streams.lock().unwrap().extend([&from, &to].map(|end| end.try_clone().unwrap()));
                forward(from.try_clone().unwrap(), to.try_clone().unwrap());
                forward(to, from);
            }
        });
        Gate { address, behind, open }
    }

    /// Breaks all that goes through.
    fn slam(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        *self.behind.lock().unwrap() = self.address;
        let _ = TcpStream::connect(self.address);
        self.slam();
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

/// A node behind a gate. The port it listens on is drawn until nobody else has taken it.
fn start(gate: &Gate) -> Runtime {
    loop {
        let behind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = Config {
            listen: Some(behind),
            advertise: Some(gate.address),
            http_workers: 0,
            ..Config::default()
        };
        if let Ok(node) = Runtime::start(config) {
            *gate.behind.lock().unwrap() = behind;
            return node;
        }
    }
}

/// Runs a history; returns what was broken.
fn run(steps: &[Step]) -> Vec<String> {
    let gates: Vec<Gate> = (0..NODES).map(|_| Gate::open()).collect();
    let mut story = Story::begin(gates.iter().map(start).collect());
    let mut found = Vec::new();
    for step in steps {
        story.take(step);
        match *step {
            // A gate breaks whatever goes through it, in both directions of each conversation.
            Step::Trouble(Trouble::Kill | Trouble::PowerOff, one, _) => {
                story.node(one).shutdown();
                gates[one].slam();
                let again = start(&gates[one]);
                story.reborn(one, again);
            }
            Step::Trouble(_, one, _) => {
                (0..NODES).for_each(|other| story.troubled(one, other));
                gates[one].slam();
            }
            Step::Settle => found.extend(broken(&story, false)),
            Step::Wait(time) => thread::sleep(Duration::from_millis(u64::from(time) / 300)),
            _ => {}
        }
    }
    found.extend(settled(&story));
    for place in story.everybody() {
        story.end(place, How::Stops);
    }
    // The last ends are told by whoever still lives to be told; all that was seen before was right.
    found.extend(broken(&story, false));
    (0..NODES).for_each(|node| story.node(node).shutdown());
    found
}

/// Waits until nobody waits for a word; what is broken after long patience is broken.
fn settled(story: &Story) -> Vec<String> {
    let mut left = Vec::new();
    for _ in 0..3_000 {
        left = broken(story, true);
        if left.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    left
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(8), max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn no_history_over_sockets_breaks_the_contract(steps in steps(1..60)) {
        let broken = run(&steps);
        prop_assert!(broken.is_empty(), "{}\n{steps:?}", broken.join("\n"));
    }
}
