//! A program from start to end, with its input and its output.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use super::{Io, Program, SubprocessError};
use crate::Runtime;

/// What a program may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub within: Duration,
    /// How much of each of its outputs is kept; the rest is read and forgotten. Unit: bytes.
    pub output_max: usize,
}

/// What came of a program.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// It said more than is kept.
    pub truncated: bool,
}

impl Program {
    /// Starts it, gives it `input`, keeps what it says, and waits for its end. Dropping the future
    /// ends it.
    ///
    /// Errors: when it does not start, or is not done in time; it is ended then.
    pub async fn run(
        self,
        runtime: &Runtime,
        input: Vec<u8>,
        limits: Limits,
    ) -> Result<Finished, SubprocessError> {
        let piped = Program { stdin: Io::Pipe, stdout: Io::Pipe, stderr: Io::Pipe, ..self };
        let mut running = piped.start()?;
        let (stdin, stdout, stderr) = (running.stdin.take(), running.stdout.take(), running.stderr.take());
        let all = async {
            let (status, (), (stdout, more), (stderr, still_more)) = futures_util::join!(
                running.wait(),
                feed(stdin, &input),
                keep(stdout, limits.output_max),
                keep(stderr, limits.output_max)
            );
            Ok(Finished { status: status?, stdout, stderr, truncated: more || still_more })
        };
        match runtime.timeout(limits.within, all).await {
            Ok(finished) => finished,
            Err(_) => Err(SubprocessError::TimedOut(limits.within)),
        }
    }
}

async fn feed(pipe: Option<pipe::Sender>, input: &[u8]) {
    if let Some(mut pipe) = pipe {
        // Who does not read to the end need not.
        let _ = pipe.write_all(input).await;
    }
}

/// The first `max` bytes, and whether there were more.
async fn keep(pipe: Option<pipe::Receiver>, max: usize) -> (Vec<u8>, bool) {
    let (mut kept, mut more) = (Vec::new(), false);
    let Some(mut pipe) = pipe else { return (kept, more) };
    let mut buffer = [0; 8 << 10];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = (max - kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
        more |= room < read;
    }
    (kept, more)
}
