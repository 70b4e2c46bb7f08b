//! The authorizer that follows ACLs, and the file they stand in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use libprocess::http::Principal;
use libprocess::{Actor, Context, Handler, Message, Process, Runtime, Spawn, SpawnError};

use crate::acls::Acls;
use crate::action::{Action, Object};
use crate::authorizer::Authorizer;
use crate::decide::decide;
use crate::read::AclsError;

/// How often the file is looked at.
const REREAD: Duration = Duration::from_secs(5);

/// The claim of an executor's token that names its container. Source: Mesos executor authentication.
const CONTAINER: &str = "cid";

/// Allows what ACLs allow; what their file says next is taken into use without a restart.
///
/// Executors prove no name but a container. What runs nested in it is theirs to launch, watch and end, whatever the ACLs
/// say, and nobody else's containers are. Source: Mesos implicit executor authorization.
pub struct Local {
    acls: ArcSwap<Acls>,
    file: Option<PathBuf>,
}

impl Local {
    /// Rules that stay as they are.
    pub fn new(acls: Acls) -> Local {
        Local { acls: ArcSwap::from_pointee(acls), file: None }
    }

    /// What `--acls` says: the rules themselves, or where they stand, as `file:///path` or a path from the root.
    ///
    /// Errors: the file cannot be read, or the text is no ACLs.
    pub fn of_flag(text: &str) -> Result<Local, String> {
        let file = text.strip_prefix("file://").or(text.starts_with('/').then_some(text)).map(PathBuf::from);
        let text = match &file {
            Some(path) => read(path)?,
            None => text.to_owned(),
        };
        let acls = understood(&text).map_err(|error| match &file {
            Some(path) => format!("{} {error}", path.display()),
            None => error.to_string(),
        })?;
        Ok(Local { acls: ArcSwap::from_pointee(acls), file })
    }

    /// The rules of this moment.
    pub fn acls(&self) -> Arc<Acls> {
        self.acls.load_full()
    }

    /// Takes other rules into use.
    pub fn replace(&self, acls: Acls) {
        self.acls.store(Arc::new(acls));
    }

    /// Takes what was read of the file into use; says whether that changes anything.
    ///
    /// Errors: it was not read, or cannot be understood. The rules before stay in force.
    fn hear(&self, read: Result<&str, &str>) -> Result<bool, String> {
        let acls = understood(read?).map_err(|error| error.to_string())?;
        let changes = *self.acls() != acls;
        if changes {
            self.replace(acls);
        }
        Ok(changes)
    }

    /// Looks at the file again and again, if there is one. Rules that cannot be understood leave those before in force, and
    /// an error in the log.
    ///
    /// Errors: the runtime is shutting down.
    pub fn follow(self: &Arc<Self>, runtime: &Runtime) -> Result<(), SpawnError> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        let local = self.clone();
        runtime.spawn(Spawn::prefixed("acls"), move || Follower { local, path, seen: None }).map(|_| ())
    }
}

impl Authorizer for Local {
    fn may(&self, principal: Option<&Principal>, action: Action, object: &Object<'_>) -> bool {
        let name = principal.and_then(|principal| principal.value.as_deref());
        let container = principal.and_then(|principal| principal.claims.get(CONTAINER));
        match (name, container) {
            (None, Some(container)) if is_nested(action) => object.root == Some(container),
            _ => decide(&self.acls.load(), name, action, object).allowed,
        }
    }
}

/// Whether an action is about containers within others.
fn is_nested(action: Action) -> bool {
    matches!(
        action,
        Action::LaunchNestedContainer
            | Action::LaunchNestedContainerSession
            | Action::KillNestedContainer
            | Action::WaitNestedContainer
            | Action::RemoveNestedContainer
            | Action::AttachContainerInput
            | Action::AttachContainerOutput
    )
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The rules in a text; what is doubtful of them goes to the log.
fn understood(text: &str) -> Result<Acls, AclsError> {
    let read = Acls::parse(text)?;
    for doubt in &read.doubts {
        tracing::warn!(doubt, "rules that mean nothing");
    }
    Ok(read.acls)
}

/// Looks at the file.
struct Follower {
    local: Arc<Local>,
    path: PathBuf,
    /// What was read last, good or bad; the same is not said twice.
    seen: Option<Result<String, String>>,
}

enum Look {
    Now,
    Seen(Result<String, String>),
}

impl Message for Look {
    type Result = ();
}

impl Actor for Follower {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.every(REREAD, || Look::Now);
    }
}

impl Process for Follower {
    const KIND: &'static str = "acls";
    type Input = Look;
}

impl Handler<Look> for Follower {
    type Result = ();

    fn handle(&mut self, look: Look, ctx: &mut Context<Self>) {
        match look {
            Look::Now => {
                let path = self.path.clone();
                ctx.blocking(move || read(&path), Look::Seen);
            }
            Look::Seen(seen) if self.seen.as_ref() == Some(&seen) => {}
            Look::Seen(seen) => {
                let path = self.path.display();
                match self.local.hear(seen.as_deref().map_err(String::as_str)) {
                    Ok(true) => tracing::info!(%path, "rules have changed and are in force"),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%path, error, "rules cannot be understood; those before stay in force");
                    }
                }
                self.seen = Some(seen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use libprocess::Config;

    use super::*;

    const OPEN: &str = r#"{"permissive": true}"#;
    const SHUT: &str = r#"{"permissive": false}"#;

    #[test]
    fn an_executor_may_do_what_it_likes_within_its_own_container_and_nowhere_else() {
        let local = Local::new(Acls { permissive: false, ..Acls::default() });
        let executor = Principal { value: None, claims: [("cid".to_owned(), "c1".to_owned())].into() };
        let may = |action, object: Object<'_>| local.may(Some(&executor), action, &object);
        assert!(may(Action::LaunchNestedContainer, Object::of("root").within("c1")));
        assert!(!may(Action::LaunchNestedContainer, Object::of("root").within("c2")));
        assert!(!may(Action::ViewFlags, Object::ANY), "all else is for the rules to say");
    }

    #[test]
    fn rules_come_from_the_flag_or_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acls.json");
        std::fs::write(&path, SHUT).unwrap();
        for flag in [SHUT.to_owned(), path.display().to_string(), format!("file://{}", path.display())] {
            assert!(!Local::of_flag(&flag).unwrap().acls().permissive, "{flag}");
        }
        let missing = Local::of_flag("/nowhere/acls.json").err().unwrap();
        assert!(missing.starts_with("cannot read /nowhere/acls.json"), "{missing}");
        std::fs::write(&path, "{").unwrap();
        let bad = Local::of_flag(&path.display().to_string()).err().unwrap();
        assert!(bad.contains("acls.json is no JSON"), "{bad}");
    }

    #[test]
    fn what_cannot_be_read_or_understood_leaves_the_rules_as_they_were() {
        let local = Local::new(Acls { permissive: false, ..Acls::default() });
        for bad in [Err("cannot read it"), Ok("{"), Ok("{\"permissive\": 7}"), Ok("")] {
            assert!(local.hear(bad).is_err(), "{bad:?}");
            assert!(!local.acls().permissive);
        }
        assert_eq!(local.hear(Ok(SHUT)), Ok(false));
        assert_eq!(local.hear(Ok(OPEN)), Ok(true));
        assert!(local.acls().permissive);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a bound for a test that waits for a real file")]
    fn a_changed_file_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acls.json");
        std::fs::write(&path, OPEN).unwrap();
        let local = Arc::new(Local::of_flag(&path.display().to_string()).unwrap());
        let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() }).unwrap();
        let follower = Follower { local: local.clone(), path: path.clone(), seen: None };
        let follower = node.spawn(Spawn::prefixed("acls"), move || follower).unwrap();
        let look = |until: &dyn Fn() -> bool| {
            let began = Instant::now();
            while !until() && began.elapsed() < Duration::from_secs(20) {
                follower.tell(Look::Now).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        std::fs::write(&path, SHUT).unwrap();
        look(&|| !local.acls().permissive);
        assert!(!local.acls().permissive);
        std::fs::write(&path, OPEN).unwrap();
        look(&|| local.acls().permissive);
        assert!(local.acls().permissive);
        node.shutdown();
    }
}
