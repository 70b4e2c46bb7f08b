//! URIs in the sandbox, before the program runs.

use std::fs;
use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use agent::containerizer::{Input, LaunchStep};
use model::{ContainerId, Uri};

use crate::machine::{Machine, open_to_all};

#[test]
fn uris_are_in_the_sandbox_before_the_program_runs() {
    let machine = Machine::new();
    let source = machine.dir.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("run.sh"), "#!/bin/sh\necho ran $1\n").unwrap();
    fs::write(source.join("data.txt"), "data\n").unwrap();
    let made = std::process::Command::new("tar")
        .args(["-C", source.to_str().unwrap(), "-czf", source.join("data.tgz").to_str().unwrap(), "data.txt"])
        .status()
        .unwrap();
    assert!(made.success());
    machine.launch_with("c1", "./bin/run.sh well; cat data.txt", |config| {
        let uri = |name: &str| Uri::new(source.join(name).to_str().unwrap());
        config.uris = vec![
            Uri { executable: true, output_file: Some("bin/run.sh".into()), ..uri("run.sh") },
            uri("data.tgz"),
        ];
    });
    machine.held();
    machine.say(Input::Go { id: ContainerId::new("c1") });
    machine.hear();
    assert_eq!(machine.terminated().message, "exited with status 0");
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap(), "ran well\ndata\n");
}

/// A server that answers every connection with what `answer` makes of the path.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or("").to_owned();
            // Who has heard enough hangs up.
            let _ = stream.write_all(&answer(&path));
        }
    });
    address
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn a_file_comes_over_http_by_way_of_redirects() {
    let address = serve(move |path| match path {
        "/start" => answer("302 Found", "Location: /there/file.txt\r\nContent-Length: 0\r\n", b""),
        "/there/file.txt" => answer("200 OK", "Content-Length: 1000000\r\n", &[b'x'; 1_000_000]),
        "/loop" => answer("302 Found", "Location: /loop\r\nContent-Length: 0\r\n", b""),
        "/away" => answer("302 Found", "Location: file:///etc/passwd\r\nContent-Length: 0\r\n", b""),
        "/cut" => answer("200 OK", "Content-Length: 1000\r\n", b"too short"),
        "/long" => answer("200 OK", "Content-Length: 99999999999999\r\n", b""),
        _ => answer("404 Not Found", "Content-Length: 0\r\n", b""),
    });
    let machine = Machine::new();
    let fetch = |id: &str, path: &str| {
        machine.launch_with(id, "wc -c < start", |config| {
            config.uris = vec![Uri::new(format!("http://{address}{path}"))]
        });
    };
    fetch("c1", "/start");
    machine.held();
    machine.say(Input::Go { id: ContainerId::new("c1") });
    machine.hear();
    machine.terminated();
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap(), "1000000\n");

    for (path, why) in [
        ("/gone", "the server answered 404 Not Found"),
        ("/loop", "there are more than 10 redirects"),
        ("/away", "it redirects to the scheme 'file', which is not followed"),
        ("/cut", "body ended early"),
        ("/long", "it is 99999999999999 bytes long"),
    ] {
        let id = path.trim_start_matches('/');
        fetch(id, path);
        let failure = machine.failed();
        assert_eq!(failure.step, LaunchStep::Fetch);
        let start = format!(
            "Failed to fetch all URIs for container '{id}': failed to fetch 'http://{address}{path}': {why}"
        );
        assert!(failure.message.starts_with(&start), "{}", failure.message);
        assert!(
            !machine.sandbox(id).join(id).exists(),
            "{path} left something that could be taken for whole"
        );
    }
}

#[test]
fn who_a_url_says_asks_is_told_to_its_server_and_to_nobody_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut lines = std::io::BufReader::new(&stream);
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).unwrap_or(0) > 0 {}
            let known = head.to_lowercase().contains("authorization: basic dtpwqa==\r\n");
            let _ = stream.write_all(&match known {
                true => answer("200 OK", "Content-Length: 2\r\n", b"ok"),
                false => answer("401 Unauthorized", "Content-Length: 0\r\n", b""),
            });
            tell.send(head).unwrap();
        }
    });
    let machine = Machine::new();
    let fetch = |id: &str, user: &str| {
        machine.launch_with(id, "cat file", |config| {
            config.uris = vec![Uri::new(format!("http://{user}@{address}/file"))];
        });
    };
    fetch("c1", "u:p%40");
    machine.held();
    let head = asked.recv().unwrap();
    assert!(head.starts_with("GET /file HTTP/1.1\r\n") && !head.contains('@'), "{head}");
    machine.say(Input::Go { id: ContainerId::new("c1") });
    machine.hear();
    machine.terminated();
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap(), "ok");

    fetch("c2", "u:wrong");
    let why = machine.failed().message;
    assert!(
        why.ends_with(&format!("'http://***@{address}/file': the server answered 401 Unauthorized")),
        "{why}"
    );
}

#[test]
fn a_download_that_stands_still_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let machine = Machine::with(|config| config.fetch.stall = Duration::from_millis(200));
    machine.launch_with("c1", "", |config| config.uris = vec![Uri::new(format!("http://{address}/x"))]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").unwrap();
    let failure = machine.failed();
    assert!(failure.message.ends_with("nothing came for 200ms"), "{}", failure.message);
}

#[test]
fn a_fetched_file_is_read_with_the_rights_of_the_task() {
    if agent_linux::user::effective() != 0 || agent_linux::user::find("nobody").unwrap().is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "this must run in CI, which needs root and a user `nobody`"
        );
        eprintln!("skipped: only root may run tasks as somebody else");
        return;
    }
    let machine = Machine::new();
    open_to_all(machine.dir.path());
    let secret = machine.dir.path().join("secret");
    fs::write(&secret, "for root alone").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    machine.launch_with("c1", "cat secret", |config| {
        config.user = Some("nobody".into());
        config.uris = vec![Uri::new(secret.to_str().unwrap())];
    });
    let failure = machine.failed();
    assert!(failure.message.contains("Permission denied"), "{}", failure.message);
}

#[test]
fn a_destroy_does_not_wait_for_a_download() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let machine = Machine::new();
    machine.launch_with("c1", "", |config| config.uris = vec![Uri::new(format!("http://{address}/x"))]);
    let _stream = listener.accept().unwrap();
    machine.say(Input::Destroy { id: ContainerId::new("c1") });
    assert_eq!(machine.failed().step, LaunchStep::Destroyed);
}

#[test]
fn https_is_fetched_by_the_machines_curl_and_trusts_no_stranger() {
    // Speaks no TLS at all, which is as untrusted as it gets.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let machine = Machine::new();
    machine.launch_with("c1", "", |config| config.uris = vec![Uri::new(format!("https://{address}/x"))]);
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Fetch);
    assert!(
        failure.message.contains(&format!("failed to fetch 'https://{address}/x': ")),
        "{}",
        failure.message
    );
    assert!(!machine.sandbox("c1").join("x").exists());
}

#[test]
fn a_redirect_to_https_goes_the_same_way() {
    let address =
        serve(|_| answer("301 Moved", "Location: https://127.0.0.1:1/x\r\nContent-Length: 0\r\n", b""));
    let machine = Machine::new();
    machine.launch_with("c1", "", |config| config.uris = vec![Uri::new(format!("http://{address}/x"))]);
    let failure = machine.failed();
    // Whatever curl says of a port where nobody listens, or of its own absence.
    assert!(
        failure.message.contains("127.0.0.1") && !failure.message.contains("redirects"),
        "{}",
        failure.message
    );
}

#[test]
fn what_is_to_be_cached_is_fetched_once_however_many_ask_for_it() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let fetched = Arc::new(AtomicUsize::new(0));
    let counted = fetched.clone();
    let archive = tempfile::tempdir().unwrap();
    fs::write(archive.path().join("content"), "content\n").unwrap();
    let packed = archive.path().join("app.tgz");
    let made = std::process::Command::new("tar")
        .args(["-C", archive.path().to_str().unwrap(), "-czf", packed.to_str().unwrap(), "content"])
        .status()
        .unwrap();
    assert!(made.success());
    let bytes = fs::read(&packed).unwrap();
    let address = serve_heads(move |method, path| {
        if method == "GET" {
            counted.fetch_add(1, Ordering::SeqCst);
            // Long enough for the others to come.
            thread::sleep(Duration::from_millis(200));
        }
        match path {
            "/app.tgz" => answer("200 OK", &format!("Content-Length: {}\r\n", bytes.len()), &bytes),
            "/endless" => answer("200 OK", "", b"no length\n"),
            _ => answer("404 Not Found", "Content-Length: 0\r\n", b""),
        }
    });
    let machine = Machine::with(|config| config.cache_bytes = 1 << 20);
    let cached = |path: &str| Uri { cache: true, ..Uri::new(format!("http://{address}{path}")) };
    let end_all = |ids: &[String]| {
        for _ in ids {
            machine.held();
        }
        for id in ids {
            machine.say(Input::Go { id: ContainerId::new(id.as_str()) });
        }
        for _ in 0..2 * ids.len() {
            machine.hear();
        }
    };
    let ids: Vec<String> = (0..4).map(|number| format!("c{number}")).collect();
    for id in &ids {
        machine.launch_with(id, "cat content; ls", |config| config.uris = vec![cached("/app.tgz")]);
    }
    end_all(&ids);
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
    for id in &ids {
        let said = fs::read_to_string(machine.sandbox(id).join("stdout")).unwrap();
        assert_eq!(said, "content\ncontent\nstderr\nstdout\n", "the archive itself stays in the cache");
    }

    // Whose size is not known beforehand is fetched every time; what fails, fails for each.
    let ids = ["e0", "e1"].map(str::to_owned);
    for id in &ids {
        machine.launch_with(id, "cat endless", |config| config.uris = vec![cached("/endless")]);
    }
    end_all(&ids);
    assert_eq!(fetched.load(Ordering::SeqCst), 3);
    machine.launch_with("gone", "", |config| config.uris = vec![cached("/gone")]);
    assert!(machine.failed().message.contains("404 Not Found"));
}

/// Like [`serve`], for those who tell GET from HEAD, each connection on a thread of its own.
fn serve_heads(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let mut words = head.split(' ');
                let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let mut bytes = answer(method, path);
                if method == "HEAD" {
                    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
                    bytes.truncate(end + 4);
                }
                let _ = stream.write_all(&bytes);
            });
        }
    });
    address
}

#[test]
fn what_does_not_add_up_is_not_fetched() {
    let machine = Machine::new();
    let file = machine.dir.path().join("file");
    fs::write(&file, "abc").unwrap();
    // Of "abc". Source: FIPS 180-2.
    let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let fetch = |id: &str, sum: &str, cache: bool| {
        machine.launch_with(id, "cat file", |config| {
            let uri = Uri::new(format!("{}#sha256={sum}", file.display()));
            config.uris = vec![Uri { cache, ..uri }];
        });
    };
    for cache in [false, true] {
        fetch(&format!("right-{cache}"), right, cache);
        machine.held();
        machine.say(Input::Destroy { id: ContainerId::new(format!("right-{cache}")) });
        assert_eq!(machine.failed().step, LaunchStep::Destroyed);
        assert_eq!(fs::read(machine.sandbox(&format!("right-{cache}")).join("file")).unwrap(), b"abc");

        let (id, wrong) = (format!("wrong-{cache}"), "0".repeat(64));
        fetch(&id, &wrong, cache);
        let failure = machine.failed();
        assert_eq!(failure.step, LaunchStep::Fetch);
        assert!(failure.message.ends_with(&format!("its sha256 is {right}, not {wrong}")), "{failure}");
        assert!(!machine.sandbox(&id).join("file").exists(), "it is not there to be taken for good");
    }
}
