//! An old driver, played with bare sockets: what it says, and what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use api::content::{self, MediaType};
use api::json::Message;
use api::v0;
use api::v1;

const PATIENCE: Duration = Duration::from_secs(60);

/// A scheduler's driver: a port where it is told, and a connection by which it says.
pub(crate) struct Driver {
    pub(crate) pid: String,
    to_master: TcpStream,
    told: Receiver<(String, Vec<u8>)>,
    /// Closing it breaks what the master has dialled.
    dialled: Receiver<TcpStream>,
}

impl Driver {
    /// A driver that has said nothing yet.
    pub(crate) fn new(master: SocketAddr) -> Driver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let pid = format!("scheduler(1)@{}", listener.local_addr().expect("it listens"));
        let ((tell, told), (dial, dialled)) = (channel(), channel());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                dial.send(socket.try_clone().expect("a second handle")).unwrap_or_default();
                let tell = tell.clone();
                std::thread::spawn(move || hear(socket, &tell));
            }
        });
        let to_master = TcpStream::connect(master).expect("the master listens");
        Driver { pid, to_master, told, dialled }
    }

    /// Says something to the master.
    pub(crate) fn say(&mut self, name: &str, message: &impl Message) {
        self.say_bytes(name, &content::encode(message, MediaType::Protobuf));
    }

    fn say_bytes(&mut self, name: &str, body: &[u8]) {
        let pid = &self.pid;
        let mut request = format!(
            "POST /master/{name} HTTP/1.1\r\nUser-Agent: libprocess/{pid}\r\nLibprocess-From: {pid}\r\n\
             Connection: Keep-Alive\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        request.extend_from_slice(b"\r\n0\r\n\r\n");
        self.to_master.write_all(&request).expect("the master reads");
    }

    /// Calls as newer drivers do.
    pub(crate) fn call(&mut self, call: v0::Call) {
        self.say("mesos.scheduler.Call", &call);
    }

    /// The next message of a name; others are passed over.
    pub(crate) fn until<M: Message>(&self, name: &str) -> M {
        loop {
            let (told, body) = self.told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {name} came"));
            if told == format!("mesos.internal.{name}") {
                return content::decode_call(&body, MediaType::Protobuf).expect("all of it is there");
            }
        }
    }

    /// Registers, and hears its id.
    pub(crate) fn register(&mut self, framework: &v1::FrameworkInfo) -> v1::FrameworkId {
        let framework = framework.clone();
        self.say("mesos.internal.RegisterFrameworkMessage", &v0::RegisterFrameworkMessage { framework });
        self.until::<v0::FrameworkRegisteredMessage>("FrameworkRegisteredMessage").framework_id
    }

    /// Dies: whatever the master has dialled is closed.
    pub(crate) fn die(self) {
        for socket in self.dialled.try_iter() {
            socket.shutdown(std::net::Shutdown::Both).unwrap_or_default();
        }
    }
}

/// Reads messages until the connection ends; each is answered, as libprocess does.
fn hear(socket: TcpStream, tell: &Sender<(String, Vec<u8>)>) {
    let mut answers = socket.try_clone().expect("a second handle");
    let mut lines = BufReader::new(socket);
    let line = |lines: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
    };
    while let Some(first) = line(&mut lines) {
        let path = first.split(' ').nth(1).expect("a request line");
        let name = path.strip_prefix("/scheduler(1)/").expect("a message for this process").to_owned();
        let (mut chunked, mut body) = (false, Vec::new());
        while let Some(field) = line(&mut lines).filter(|field| !field.is_empty()) {
            chunked |= field == "Transfer-Encoding: chunked";
        }
        while chunked {
            let size = line(&mut lines).and_then(|size| usize::from_str_radix(&size, 16).ok());
            let mut chunk = vec![0; size.expect("a size") + 2];
            lines.read_exact(&mut chunk).expect("a chunk and the end of its line");
            chunk.truncate(chunk.len() - 2);
            chunked = !chunk.is_empty();
            body.extend_from_slice(&chunk);
        }
        answers.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap_or_default();
        tell.send((name, body)).unwrap_or_default();
    }
}
