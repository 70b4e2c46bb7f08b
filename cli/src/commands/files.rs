//! How many files a server may have open.
//!
//! Each agent is two connections to its master, each container a few files of its agent, and many systems let a program
//! have no more than 1,024 unless it asks. Tasks get what their agent was given: programs exist that cannot cope with more.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// For everything that is no link: journals, HTTP, sandboxes that are read.
const OTHERS: rlim_t = 512;
/// More links than any master has agents.
const LINKS_MAX: rlim_t = 1 << 18;

/// What a process may open: without asking, and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFiles {
    pub(super) soft: rlim_t,
    pub(super) hard: rlim_t,
}

impl OpenFiles {
    /// Takes all this process may have; gives what it had before.
    pub(super) fn raise() -> anyhow::Result<OpenFiles> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(OpenFiles { soft, hard })
    }

    /// How many links others may have to this process, which has as many to them.
    pub(super) fn links(self) -> usize {
        let links = (self.hard.saturating_sub(OTHERS) / 2).clamp(OTHERS / 2, LINKS_MAX);
        usize::try_from(links).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_leave_files_for_everything_else() {
        let links = |hard| OpenFiles { soft: 1024, hard }.links();
        assert_eq!(links(1024), 256);
        assert_eq!(links(20_512), 10_000);
        assert_eq!(links(524_288), 261_888);
        assert_eq!(links(rlim_t::MAX), 1 << 18, "no limit");
        assert_eq!(links(64), 256, "so few are not worth a refusal: whatever is opened fails, and says so");
    }
}
