//! Making a sandbox and starting a supervisor for it. All of this blocks, so it runs on the pool.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use agent_launch::isolation::Place;
use agent_launch::runtime_files::LOCK;
use agent_launch::sealed::{LONGEST, Sealed};
use agent_launch::{Credentials, Identity, LaunchSpec};
use agent_linux::lock::Lock;
use agent_linux::packet::Packets;
use agent_linux::{sandbox, user};
use model::ContainerId;

use super::done::Line;
use crate::containerizer::launcher::Launcher;
use crate::containerizer::{ContainerConfig, LaunchFailure, LaunchStep};
use crate::failpoint;
use crate::isolators::{Isolators, Plan, Subject};
use crate::provisioner::{PATH, Provisioned, Provisioner, Pulled};

/// Where a container's runtime files are: a nested one's lie within its parent's.
pub(crate) fn runtime_dir(root: &Path, id: &ContainerId) -> PathBuf {
    id.path().iter().fold(root.to_owned(), |dir, part| dir.join("containers").join(&**part))
}

/// Makes the sandbox if it is missing and finds out whom the container runs as; `None` is the agent's own user.
pub(crate) fn prepare(
    id: &ContainerId,
    config: &ContainerConfig,
) -> Result<Option<Credentials>, LaunchFailure> {
    let failed = |message: String| LaunchFailure { step: LaunchStep::Prepare, message };
    let who = match &config.user {
        None => None,
        Some(name) => match user::find(name) {
            Ok(Some(who)) if who.uid == user::effective() => None,
            Ok(Some(who)) => Some(who),
            Ok(None) => return Err(failed(format!("failed to run as user '{name}': there is no such user"))),
            Err(error) => return Err(failed(format!("failed to look up user '{name}': {error}"))),
        },
    };
    let owner = who.as_ref().map(|who| (who.uid, who.gid));
    let around = outermost(id, &config.sandbox);
    let made = match config.sandbox.strip_prefix(around) {
        Ok(name) if around != config.sandbox => sandbox::make_within(around, name, owner),
        _ => sandbox::make(&config.sandbox, owner),
    };
    made.map_err(|error| {
        failed(format!("failed to make the sandbox '{}': {error}", config.sandbox.display()))
    })?;
    Ok(who.map(|who| Credentials { uid: who.uid, gid: who.gid, groups: who.groups }))
}

/// The outermost sandbox a container's own lies in, as the host or a task sees it; what is between may be a task's doing. Its own
/// if it is in no other.
pub(crate) fn outermost<'a>(id: &ContainerId, sandbox: &'a Path) -> &'a Path {
    let mut outer = sandbox;
    for part in id.path().iter().skip(1).rev() {
        let inside = Path::new("containers").join(&**part);
        match outer.ancestors().nth(2) {
            Some(around) if outer.ends_with(&inside) => outer = around,
            _ => break,
        }
    }
    outer
}

/// A place in a container's sandbox, so that no link between the outermost one and its own leads elsewhere.
pub(crate) fn in_sandbox(id: &ContainerId, sandbox: &Path, path: &Path) -> io::Result<Place> {
    let around = outermost(id, sandbox);
    Ok(match path.strip_prefix(around) {
        Ok(path) if around != sandbox => Place::Beneath { within: text(around)?, path: text(path)? },
        _ => Place::Trusted(text(path)?),
    })
}

/// What containers are started with.
#[derive(Clone, Copy)]
pub(crate) struct With<'a> {
    pub launcher: &'a Launcher,
    /// Where runtime files are.
    pub root: &'a Path,
    pub isolators: &'a Isolators,
    pub provisioner: Option<&'a Provisioner>,
}

/// The root a container sees, if it is not the host's: its own, or that of a container around it.
fn provision(
    provisioner: Option<&Provisioner>,
    id: &ContainerId,
    config: &ContainerConfig,
    pulled: Option<&Pulled>,
) -> Result<Option<Provisioned>, LaunchFailure> {
    let Some(provisioner) = provisioner else { return Ok(None) };
    let Some(pulled) = pulled else { return Ok(provisioner.around(id, config)) };
    provisioner.provision(id, &config.sandbox, pulled).map(Some).map_err(|error| {
        provisioner.destroy(id);
        let message = format!("failed to make a root of the image '{}': {error}", pulled.image.name);
        LaunchFailure { step: LaunchStep::Provision, message }
    })
}

/// Starts the supervisor of a container that is prepared and fetched.
pub(crate) fn start(
    with: With<'_>,
    id: &ContainerId,
    config: ContainerConfig,
    pulled: Option<&Pulled>,
    around: Option<&Identity>,
) -> Result<Line, LaunchFailure> {
    let credentials = prepare(id, &config)?;
    let dir = runtime_dir(with.root, id);
    let image = provision(with.provisioner, id, &config, pulled)?;
    let undo = || {
        if let Some(provisioner) = with.provisioner {
            provisioner.destroy(id);
        }
    };
    let subject =
        Subject { id, config: &config, credentials: credentials.as_ref(), around, image: image.as_ref() };
    failpoint::reach("start", &"isolate");
    let plan = with.isolators.prepare(&subject).map_err(|message| {
        undo();
        LaunchFailure { step: LaunchStep::Prepare, message: format!("failed to isolate it: {message}") }
    })?;
    let started = describe(&dir, id, config, credentials, plan, image.as_ref())
        .and_then(|spec| spawn(with.launcher, &dir, &spec));
    let started = started.map(|line| Line { alarm: with.isolators.alarm(id), ..line });
    started.map_err(|error| {
        with.isolators.cleanup(id);
        undo();
        // Without a supervisor nobody needs what was made for it; the lock is free and there is no record.
        let _ = fs::remove_dir_all(&dir);
        LaunchFailure { step: LaunchStep::Start, message: format!("failed to start its supervisor: {error}") }
    })
}

fn describe(
    dir: &Path,
    id: &ContainerId,
    config: ContainerConfig,
    credentials: Option<Credentials>,
    plan: Plan,
    image: Option<&Provisioned>,
) -> io::Result<LaunchSpec> {
    let sandbox = &config.sandbox;
    let own = |name: &str, value: &str| image.map(|_| (name.to_owned(), value.to_owned()));
    let seen = image.map_or(sandbox.as_path(), |image| Path::new(&image.root.seen));
    // A later value of a name wins. Programs of an image are where its own search path says.
    let environment: BTreeMap<String, String> = config
        .environment
        .into_iter()
        .chain(own("PATH", PATH))
        .chain(plan.image_environment)
        .chain(config.variables)
        .chain(plan.environment)
        .chain(own("MESOS_SANDBOX", &text(seen)?))
        .collect();
    let inside =
        |path: PathBuf| path.strip_prefix(sandbox).map(|rest| seen.join(rest)).unwrap_or(path.clone());
    // Whoever opens it: the task within its root, or its supervisor outside.
    let output = |path: Option<PathBuf>, name: &str| {
        let path = path.unwrap_or_else(|| sandbox.join(name));
        match config.stdio {
            Some(_) => in_sandbox(id, sandbox, &path),
            None => in_sandbox(id, seen, &inside(path)),
        }
    };
    let (stdout, stderr) = (output(config.stdout, "stdout")?, output(config.stderr, "stderr")?);
    let (program, argv) = plan.command.unwrap_or((config.program, config.argv));
    let working_dir = match plan.working_dir {
        Some(dir) => dir,
        None => text(&inside(config.working_dir.unwrap_or_else(|| sandbox.clone())))?,
    };
    if let Some(name) = environment.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(io::Error::other(format!("'{name}' cannot be the name of a variable")));
    }
    let words = argv.iter().chain(environment.values()).chain([&program]);
    if words.into_iter().any(|word| word.contains('\0')) {
        return Err(io::Error::other("a word of the command or its environment holds a zero byte"));
    }
    Ok(LaunchSpec {
        container: id.to_string(),
        runtime_dir: text(dir)?,
        program,
        argv,
        environment: environment.into_iter().collect(),
        working_dir,
        credentials,
        stdout,
        stderr,
        stdio: config.stdio,
        isolation: plan.isolation,
    })
}

fn text(path: &Path) -> io::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("the path {} is not text", path.display())))
}

fn spawn(launcher: &Launcher, dir: &Path, spec: &LaunchSpec) -> io::Result<Line> {
    let bytes = spec.seal();
    if bytes.len() > LONGEST {
        return Err(io::Error::other("the command and its environment are too long"));
    }
    failpoint::reach("start", &"directory");
    if let Some(above) = dir.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(above)?;
    }
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    failpoint::reach("start", &"lock");
    let Some(lock) = Lock::take(&dir.join(LOCK))? else {
        return Err(io::Error::other("its lock is held by another"));
    };
    let (channel, theirs) = Packets::pair()?;
    let (read, mut write) = io::pipe()?;
    failpoint::reach("start", &"supervisor");
    let group = spec.isolation.supervisor_cgroup.as_deref();
    let started = launcher.supervise(&[lock.as_fd(), read.as_fd(), theirs.as_fd()], group)?;
    // From here on the supervisor alone holds lock and channel, so that its end frees the one and closes the other.
    drop((lock, theirs, read));
    failpoint::reach("start", &"description");
    write.write_all(&bytes)?;
    failpoint::reach("start", &"told");
    Ok(Line { channel, pidfd: started.pidfd, child: true, alarm: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_sandbox_lies_beneath_the_outermost_one_wherever_it_is_seen() {
        let id = ContainerId::new("a").child("b").child("c");
        let around = |sandbox: &str| outermost(&id, Path::new(sandbox)).display().to_string();
        assert_eq!(around("/w/runs/a/containers/b/containers/c"), "/w/runs/a");
        // Seen in the image of the one between; in its own; and not where sandboxes are.
        assert_eq!(around("/mnt/sandbox/containers/c"), "/mnt/sandbox");
        assert_eq!(around("/mnt/sandbox"), "/mnt/sandbox");
        assert_eq!(around("/w/containers/b"), "/w/containers/b");
        // One that stands alone is in nobody's, whatever its directory is called.
        let alone = ContainerId::new("a");
        assert_eq!(outermost(&alone, Path::new("/w/containers/a")), Path::new("/w/containers/a"));

        let sandbox = Path::new("/w/runs/a/containers/b/containers/c");
        let place = in_sandbox(&id, sandbox, &sandbox.join("stdout")).unwrap();
        let path = "containers/b/containers/c/stdout".to_owned();
        assert_eq!(place, Place::Beneath { within: "/w/runs/a".to_owned(), path });
        let elsewhere = Place::Trusted("/log".to_owned());
        assert_eq!(in_sandbox(&id, sandbox, Path::new("/log")).unwrap(), elsewhere);
    }
}
