//! Where things lie below the work directory: Mesos' paths, since tools and people walk them.
//!
//! ```text
//! <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>   a sandbox
//!                                                                        runs/latest       link to the last
//! <work_dir>/slaves/…/runs/<container>/containers/<child>                                   a nested container's sandbox
//! <work_dir>/containers/<container>                                                        that of one standing alone
//! <work_dir>/volumes/roles/<role>/<id>                                                     a persistent volume
//! <work_dir>/volumes/.destroyed/                                                           what is left of destroyed ones
//! <work_dir>/meta/journal/                                                                 what the agent must not forget
//! ```

use std::path::{Component, Path, PathBuf};

use model::{AgentId, ContainerId, ExecutorId, FrameworkId, Role};

/// The paths of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    work_dir: PathBuf,
}

/// A virtual path, taken apart: the sandbox it lies in, and what lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    /// The sandbox itself.
    pub sandbox: PathBuf,
    /// Relative to the sandbox; empty for the sandbox itself.
    pub rest: PathBuf,
}

impl Layout {
    pub(crate) fn new(work_dir: PathBuf) -> Self {
        Self { work_dir }
    }

    pub(crate) fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.work_dir.join("meta/journal")
    }

    pub(crate) fn agents(&self) -> PathBuf {
        self.work_dir.join("slaves")
    }

    /// What there is of volumes on the disk whose directory is `root`.
    pub(crate) fn volumes(&self, root: &Path) -> PathBuf {
        root.join("volumes")
    }

    /// A persistent volume on the disk whose directory is `root`. Roles that lie below others lie below them here too.
    pub(crate) fn volume(&self, root: &Path, role: &Role, id: &str) -> PathBuf {
        self.volumes(root).join("roles").join(role.as_str()).join(id)
    }

    /// The directory of all runs of an executor.
    pub(crate) fn runs(&self, agent: &AgentId, framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
        let mut path = self.agents();
        path.extend([
            agent.as_str(),
            "frameworks",
            framework.as_str(),
            "executors",
            executor.as_str(),
            "runs",
        ]);
        path
    }

    /// The sandbox of one run.
    pub(crate) fn sandbox(
        &self,
        agent: &AgentId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> PathBuf {
        self.runs(agent, framework, executor).join(container.value())
    }

    /// The sandbox of a container that stands alone.
    pub(crate) fn standalone(&self, container: &ContainerId) -> PathBuf {
        self.work_dir.join("containers").join(container.value())
    }

    /// The virtual path under which an executor's sandbox is browsed.
    pub(crate) fn virtual_sandbox(framework: &FrameworkId, executor: &ExecutorId) -> String {
        format!("/frameworks/{framework}/executors/{executor}/runs/latest")
    }

    /// Takes a virtual path apart.
    ///
    /// Shape: `/frameworks/<f>/executors/<e>/runs/latest/…`, or the real path of a run. Nothing above a run can be
    /// named, and nothing that steps up.
    pub(crate) fn inside(&self, agent: Option<&AgentId>, path: &str) -> Option<Inside> {
        let path = Path::new(path.trim_end_matches('/'));
        if let Ok(real) = path.strip_prefix(&self.work_dir) {
            let parts = plain(real)?;
            let (run, rest) = parts.split_at_checked(8)?;
            let [slaves, _, frameworks, _, executors, _, runs, _] = run else { return None };
            let named =
                [*slaves, *frameworks, *executors, *runs] == ["slaves", "frameworks", "executors", "runs"];
            return named.then(|| Inside {
                sandbox: self.work_dir.join(run.iter().collect::<PathBuf>()),
                rest: rest.iter().collect(),
            });
        }
        let parts = plain(path.strip_prefix("/").ok()?)?;
        let (run, rest) = parts.split_at_checked(6)?;
        let [frameworks, framework, executors, executor, runs, latest] = run else { return None };
        if [*frameworks, *executors, *runs, *latest] != ["frameworks", "executors", "runs", "latest"] {
            return None;
        }
        let runs = self.runs(agent?, &FrameworkId::from(*framework), &ExecutorId::from(*executor));
        Some(Inside { sandbox: runs.join("latest"), rest: rest.iter().collect() })
    }
}

/// The components of a relative path that only goes down.
fn plain(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .map(|component| match component {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(path: &str) -> Option<(String, String)> {
        let layout = Layout::new("/w".into());
        let found = layout.inside(Some(&AgentId::from("S0")), path)?;
        Some((found.sandbox.display().to_string(), found.rest.display().to_string()))
    }

    #[test]
    fn a_sandbox_has_a_virtual_and_a_real_path() {
        let latest = "/w/slaves/S0/frameworks/f/executors/e/runs/latest";
        assert_eq!(inside("/frameworks/f/executors/e/runs/latest/a/b"), Some((latest.into(), "a/b".into())));
        assert_eq!(inside("/frameworks/f/executors/e/runs/latest/"), Some((latest.into(), String::new())));
        let run = "/w/slaves/S0/frameworks/f/executors/e/runs/c1";
        assert_eq!(inside(&format!("{run}/stdout")), Some((run.into(), "stdout".into())));
    }

    #[test]
    fn nothing_above_a_sandbox_can_be_named() {
        for path in [
            "",
            "/",
            "/frameworks",
            "/frameworks/f/executors/e/runs",
            "/frameworks/f/executors/e/runs/c1",
            "/frameworks/../executors/e/runs/latest",
            "/frameworks/f/executors/e/runs/latest/../../x",
            "/w",
            "/w/meta/journal",
            "/w/slaves/S0/frameworks/f/executors/e/runs",
            "/w/slaves/S0/frameworks/f/executors/../runs/latest",
            "/etc/passwd",
        ] {
            assert_eq!(inside(path), None, "{path}");
        }
    }
}
