//! `hectare log …`: the log that masters keep their registry in.
//!
//! | asks masters that run                       | works on the directory of one that does not |
//! |---------------------------------------------|---------------------------------------------|
//! | status, members, add, remove, transfer      | init, restore, force-new                    |
//! | read, backup (with `--master`)              | read, backup (with `--work_dir`)            |

mod directory;
mod members;
mod read;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::{Common, Target};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How each replica does: who leads, positions, lag, flush times, disk
    Status {
        #[command(flatten)]
        target: Target,
    },
    /// Who takes part
    Members {
        #[command(flatten)]
        target: Target,
    },
    /// Takes a new master in, and waits until it votes
    Add(members::Add),
    /// Takes a master out
    Remove(members::Remove),
    /// Hands the lead over to another master
    Transfer(members::Transfer),
    /// Prints what stands in the log
    Read(read::Args),
    /// Writes the registry to a file from which a cluster can begin
    Backup(directory::Backup),
    /// Makes a directory the first master of a cluster that begins with a backup
    Restore(directory::Restore),
    /// Makes a directory the first master of a new and empty cluster
    Init(directory::Init),
    /// Makes one survivor a cluster of its own, after the majority was lost for good
    #[command(name = "force-new")]
    ForceNew(directory::ForceNew),
}

/// Where a master that does not run keeps its things.
#[derive(Clone, Debug, clap::Args)]
struct Work {
    /// The `--work_dir` of a master that does not run.
    #[arg(long = "work_dir", value_name = "DIR")]
    work_dir: PathBuf,
}

impl Work {
    /// Where its replica is.
    fn dir(&self) -> PathBuf {
        replica_of(&self.work_dir)
    }
}

/// Where a master keeps its replica, as `master::flags` has it.
fn replica_of(work_dir: &std::path::Path) -> PathBuf {
    work_dir.join(::master::flags::REPLICA_DIR)
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Status { target } => status::run(target, common),
        What::Members { target } => members::list(target, common),
        What::Add(args) => members::add(args, common),
        What::Remove(args) => members::remove(args, common),
        What::Transfer(args) => members::transfer(args, common),
        What::Read(args) => read::run(args, common),
        What::Backup(args) => directory::backup(args, common),
        What::Restore(args) => directory::restore(args, common),
        What::Init(args) => directory::init(args, common),
        What::ForceNew(args) => directory::force_new(args, common),
    }
}

/// Bytes, for people.
fn size(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return "-".to_owned() };
    let mut amount = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = next;
    }
    let digits = usize::from(amount < 10.0 && unit != "B");
    format!("{amount:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        let sizes = [None, Some(7), Some(1536), Some(70 << 20), Some(3 << 30)].map(size);
        assert_eq!(sizes, ["-", "7 B", "1.5 KiB", "70 MiB", "3.0 GiB"]);
    }
}
