//! An old driver, played with bare sockets: what it says, and what it is told. Of schedulers and, in the agent's tests, of
//! executors.

#![allow(dead_code, reason = "each test uses its own part of this module")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use api::content::{self, MediaType};
use api::json::Message;

const PATIENCE: Duration = Duration::from_secs(60);

/// A driver: a port where it is told, and a connection by which it says.
pub(crate) struct Driver {
    pub(crate) pid: String,
    /// The process it speaks to.
    peer: &'static str,
    out: TcpStream,
    told: Receiver<(String, Vec<u8>)>,
    /// Closing them breaks what the process has dialled.
    dialled: Receiver<TcpStream>,
}

impl Driver {
    /// A driver that has said nothing yet, named `id`, of the process `peer` at `node`.
    pub(crate) fn new(id: &'static str, peer: &'static str, node: SocketAddr) -> Driver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let pid = format!("{id}@{}", listener.local_addr().expect("it listens"));
        let ((tell, told), (dial, dialled)) = (channel(), channel());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                dial.send(socket.try_clone().expect("a second handle")).unwrap_or_default();
                let tell = tell.clone();
                std::thread::spawn(move || hear(socket, id, &tell));
            }
        });
        let out = TcpStream::connect(node).expect("it listens");
        Driver { pid, peer, out, told, dialled }
    }

    /// Speaks to the same process at another address from now on.
    pub(crate) fn follow(&mut self, node: SocketAddr) {
        self.out = TcpStream::connect(node).expect("it listens");
    }

    /// Says something.
    pub(crate) fn say(&mut self, name: &str, message: &impl Message) {
        self.say_bytes(name, &content::encode(message, MediaType::Protobuf));
    }

    fn say_bytes(&mut self, name: &str, body: &[u8]) {
        let (pid, peer) = (&self.pid, self.peer);
        let mut request = format!(
            "POST /{peer}/{name} HTTP/1.1\r\nUser-Agent: libprocess/{pid}\r\nLibprocess-From: {pid}\r\n\
             Connection: Keep-Alive\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        request.extend_from_slice(b"\r\n0\r\n\r\n");
        self.out.write_all(&request).expect("it reads");
    }

    /// The next message: its name, and what it says.
    pub(crate) fn next(&self) -> (String, Vec<u8>) {
        self.told.recv_timeout(PATIENCE).expect("something is said")
    }

    /// The next message of a name; others are passed over.
    pub(crate) fn until<M: Message>(&self, name: &str) -> M {
        loop {
            let (told, body) = self.next();
            if told == format!("mesos.internal.{name}") {
                return content::decode_call(&body, MediaType::Protobuf).expect("all of it is there");
            }
        }
    }

    /// Dies: whatever was dialled to it is closed.
    pub(crate) fn die(self) {
        for socket in self.dialled.try_iter() {
            socket.shutdown(std::net::Shutdown::Both).unwrap_or_default();
        }
    }
}

/// Reads messages until the connection ends; each is answered, as libprocess does.
fn hear(socket: TcpStream, id: &str, tell: &Sender<(String, Vec<u8>)>) {
    let mut answers = socket.try_clone().expect("a second handle");
    let mut lines = BufReader::new(socket);
    let line = |lines: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
    };
    while let Some(first) = line(&mut lines) {
        let path = first.split(' ').nth(1).expect("a request line");
        let name = path.strip_prefix(&format!("/{id}/")).expect("a message for this process").to_owned();
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
