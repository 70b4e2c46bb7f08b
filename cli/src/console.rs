//! The person at a terminal, or whatever stands in for them: what they type, how large their window is.

use std::io::{IsTerminal, Read, stdin, stdout};
use std::time::Duration;

use agent_linux::terminal;
use anyhow::Context;
use api::content::{self, MediaType};
use api::recordio;
use api::v1::agent::{Call, ProcessIo, call, process_io};
use api::v1::tty_info::WindowSize;
use api::v1::{ContainerId, TtyInfo};
use libprocess::Runtime;
use libprocess::http::{StreamError, StreamSender};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// How often whoever types nothing shows that they are there.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Ctrl-P Ctrl-Q: leave without ending what one is attached to.
const DETACH: [u8; 2] = [0x10, 0x11];

/// A terminal that passes every key on; as it was once this is dropped.
pub(crate) struct Raw(Termios);

impl Raw {
    /// Errors: standard input is no terminal.
    pub(crate) fn enter() -> anyhow::Result<Raw> {
        let before = tcgetattr(stdin()).context("standard input is no terminal")?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).context("the terminal cannot be made raw")?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// How large the terminal is that is read from, or else written to.
pub(crate) fn window() -> Option<WindowSize> {
    let window = terminal::size(stdin()).or_else(|_| terminal::size(stdout())).ok()?;
    Some(WindowSize { rows: window.rows.into(), columns: window.columns.into() })
}

/// What is said to a container's input, record by record.
#[derive(Clone)]
pub(crate) struct Typing(StreamSender);

impl Typing {
    /// Begins by naming the container.
    pub(crate) fn begin(sender: StreamSender, container: &ContainerId) -> Typing {
        let typing = Typing(sender);
        let _ = typing.say(call::AttachContainerInput {
            r#type: Some(call::attach_container_input::Type::ContainerId.into()),
            container_id: Some(container.clone()),
            process_io: None,
        });
        typing
    }

    fn say(&self, attach: call::AttachContainerInput) -> Result<(), StreamError> {
        let call = Call {
            r#type: Some(call::Type::AttachContainerInput.into()),
            attach_container_input: Some(attach),
            ..Call::default()
        };
        self.0.send(recordio::encode(&content::encode(&call, MediaType::Protobuf)))
    }

    fn io(&self, io: ProcessIo) -> Result<(), StreamError> {
        self.say(call::AttachContainerInput {
            r#type: Some(call::attach_container_input::Type::ProcessIo.into()),
            container_id: None,
            process_io: Some(io),
        })
    }

    fn keys(&self, data: &[u8]) -> Result<(), StreamError> {
        use process_io::data::Type;
        self.io(ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(process_io::Data { r#type: Some(Type::Stdin.into()), data: Some(data.to_vec()) }),
            control: None,
        })
    }

    fn control(&self, ty: process_io::control::Type, tty_info: Option<TtyInfo>) -> Result<(), StreamError> {
        let heartbeat = tty_info.is_none().then(process_io::control::Heartbeat::default);
        self.io(ProcessIo {
            r#type: Some(process_io::Type::Control.into()),
            data: None,
            control: Some(process_io::Control { r#type: Some(ty.into()), tty_info, heartbeat }),
        })
    }

    /// Reads standard input on a thread of its own, which cannot be told to stop, until its end or the detach keys.
    pub(crate) fn read_input(&self, detach: bool, told: impl FnOnce(Left) + Send + 'static) {
        let typing = self.clone();
        std::thread::spawn(move || {
            let mut keys = Keys { detach, held: false };
            let mut buffer = [0; 4096];
            let left = loop {
                let length = match stdin().lock().read(&mut buffer) {
                    Ok(0) => break Left::Ended,
                    Ok(length) => length,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => break Left::Ended,
                };
                let (data, detached) = keys.pass(&buffer[..length]);
                if !data.is_empty() && !typing.patiently(|typing| typing.keys(&data)) {
                    break Left::Ended;
                }
                if detached {
                    break Left::Detached;
                }
            };
            if left == Left::Ended {
                typing.patiently(|typing| typing.keys(&[]));
            }
            told(left);
        });
    }

    /// Says something as soon as there is room; false if nobody listens any more.
    fn patiently(&self, say: impl Fn(&Typing) -> Result<(), StreamError>) -> bool {
        loop {
            match say(self) {
                Ok(()) => return true,
                Err(StreamError::Full) => std::thread::sleep(Duration::from_millis(2)),
                Err(StreamError::Closed) => return false,
            }
        }
    }

    /// Tells the window's size, now and whenever it changes, and that somebody is there. Never completes.
    pub(crate) async fn keep_up(&self, runtime: &Runtime, terminal: bool) {
        let Ok(mut resized) = signal(SignalKind::window_change()) else {
            return std::future::pending().await;
        };
        loop {
            if let (true, Some(size)) = (terminal, window()) {
                let info = TtyInfo { window_size: Some(size) };
                let _ = self.control(process_io::control::Type::TtyInfo, Some(info));
            }
            let (changed, quiet) = (std::pin::pin!(resized.recv()), std::pin::pin!(runtime.sleep(HEARTBEAT)));
            futures_util::future::select(changed, quiet).await;
            let _ = self.control(process_io::control::Type::Heartbeat, None);
        }
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Why nothing more is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Ended,
    Detached,
}

/// Looks for the keys that detach; the first of them is kept back until it is known what follows.
struct Keys {
    detach: bool,
    held: bool,
}

impl Keys {
    /// What is passed on, and whether the rest was a farewell.
    fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len() + 1);
        for key in typed {
            if std::mem::take(&mut self.held) {
                if *key == DETACH[1] {
                    return (passed, true);
                }
                passed.push(DETACH[0]);
            }
            match *key == DETACH[0] && self.detach {
                true => self.held = true,
                false => passed.push(*key),
            }
        }
        (passed, false)
    }
}

/// Whether somebody sits in front of it.
pub(crate) fn is_terminal() -> bool {
    stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_detach_are_found_across_reads_and_nothing_else_is_lost() {
        let mut keys = Keys { detach: true, held: false };
        assert_eq!(keys.pass(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(keys.pass(b"c\x10\x10"), (b"\x10c\x10".to_vec(), false));
        assert_eq!(keys.pass(b"\x11rest"), (Vec::new(), true));
        let mut keys = Keys { detach: false, held: false };
        assert_eq!(keys.pass(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
    }
}
