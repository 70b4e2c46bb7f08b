//! The child between its birth and its program: it waits at the gate, becomes who it must be, and execs.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use agent_launch::LaunchSpec;
use agent_launch::isolation::Place;
use agent_linux::beneath::Directory;
use agent_linux::{child, terminal, user};

use crate::isolate::{self, Inside};
use crate::stdio::Theirs;

/// Never returns: execs, or says on `report` why not. The report is closed by a successful exec, which is how the
/// supervisor learns of it.
pub(crate) fn run(
    spec: &LaunchSpec,
    mut gate: PipeReader,
    mut report: PipeWriter,
    stdio: Option<Theirs>,
    inside: Inside,
) -> ! {
    if let Err(message) = isolate::enter_groups(&inside) {
        let _ = report.write_all(message.as_bytes());
        std::process::exit(127);
    }
    let mut go = [0];
    // Anything else than one byte: the supervisor is gone, and with it the launch.
    if let Ok(1) = gate.read(&mut go) {
        let message = become_task(spec, stdio, inside);
        // Nobody is left to tell if this fails.
        let _ = report.write_all(message.as_bytes());
    }
    std::process::exit(127)
}

/// The order matters: rights are dropped before anything named by the task is opened.
fn become_task(spec: &LaunchSpec, stdio: Option<Theirs>, inside: Inside) -> String {
    if let Err(message) = isolate::enter(spec, inside) {
        return message;
    }
    let step = |what: &str, done: io::Result<()>| done.map_err(|error| format!("failed to {what}: {error}"));
    let prepared = (|| {
        step("begin a session", child::lead_session())?;
        step("unblock signals", child::ChildEnds::unblock())?;
        isolate::bound(&spec.isolation)?;
        if let Some(who) = &spec.credentials {
            let who = user::Credentials { uid: who.uid, gid: who.gid, groups: who.groups.clone() };
            step(&format!("become user {}", who.uid), user::become_user(&who))?;
        }
        child::set_umask(0o022);
        step(&format!("enter '{}'", spec.working_dir), std::env::set_current_dir(&spec.working_dir))?;
        step("open the output", stdio.map_or_else(|| set_stdio(spec), take_stdio))?;
        isolate::hold(&spec.isolation)
    })();
    if let Err(message) = prepared {
        return message;
    }

    let mut command = Command::new(&spec.program);
    if let Some((name, words)) = spec.argv.split_first() {
        command.arg0(name).args(words);
    }
    command.env_clear().envs(spec.environment.iter().map(|(name, value)| (name, value)));
    let error = command.exec();
    format!("failed to execute '{}': {error}", spec.program)
}

/// What the supervisor keeps the other ends of.
fn take_stdio(theirs: Theirs) -> io::Result<()> {
    let [input, output, errors] = theirs.ends;
    if theirs.terminal {
        terminal::control(&input)?;
    }
    child::set_stdio(input, output, errors)
}

fn set_stdio(spec: &LaunchSpec) -> io::Result<()> {
    let append = |place: &Place| {
        let opened = match place {
            Place::Trusted(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o644)
                // A link in the sandbox would let a task have its output written elsewhere, by whomever it runs as next.
                .custom_flags(libc::O_NOFOLLOW)
                .open(path),
            Place::Beneath { within, path } => {
                Directory::open(Path::new(within)).and_then(|within| within.append(Path::new(path)))
            }
        };
        opened.map_err(|error| io::Error::new(error.kind(), format!("{place}: {error}")))
    };
    let input = File::open("/dev/null")?;
    let output = append(&spec.stdout)?;
    let errors = append(&spec.stderr)?;
    child::set_stdio(input, output, errors)
}
