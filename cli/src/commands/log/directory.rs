//! `hectare log backup`, `restore`, `init` and `force-new`: files, and directories of masters that do not run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::master::registrar::Registry;
use anyhow::{Context, bail};
use replicated_log::{Directory, begin_anew, initialise, restore as begin_with};
use serde_json::{Value, json};

use super::{Common, Target, Work, replica_of};
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// Where it goes; an older one of that name is replaced once the new one is whole.
    file: PathBuf,
    /// The --work_dir of a master that does not run, read in place of asking one that does.
    #[arg(long = "work_dir", value_name = "DIR")]
    work_dir: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// A backup.
    file: PathBuf,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    address: Address,
}

#[derive(Debug, clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    address: Address,
}

#[derive(Debug, clap::Args)]
pub(super) struct ForceNew {
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    address: Address,
    /// The others will never run on their directories again: two clusters would lead the same agents.
    #[arg(long = "others-are-lost")]
    others_are_lost: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
struct Address {
    /// `ip:port` the master will have; it says by itself if it has another when it starts.
    #[arg(long, default_value = "127.0.0.1:5050")]
    address: SocketAddr,
}

pub(super) fn backup(args: &Backup, common: &Common) -> anyhow::Result<ExitCode> {
    let position = match &args.work_dir {
        Some(dir) => {
            let dir = replica_of(dir);
            offline(common, async |runtime| {
                let directory = Directory::open(runtime.environment(), &dir)?;
                let position = directory.backup::<Registry>(&args.file).await?;
                Ok(position.to_string())
            })?
        }
        None => common.with_cluster(&args.target, async |cluster| {
            let (bytes, position) = cluster.backup().await?;
            // Nothing that cannot be begun with is left behind under that name.
            let new = beside(&args.file);
            let written = std::fs::write(&new, &bytes).and_then(|()| std::fs::File::open(&new)?.sync_all());
            written.with_context(|| format!("cannot write {}", new.display()))?;
            replicated_log::Backup::read(cluster.runtime().environment(), &new)
                .with_context(|| format!("the backup arrived damaged, as {}; try again", new.display()))?;
            std::fs::rename(&new, &args.file)
                .with_context(|| format!("cannot name it {}", args.file.display()))?;
            Ok(position)
        })?,
    };
    let size = std::fs::metadata(&args.file).map(|file| file.len()).ok();
    let told = json!({ "file": args.file.display().to_string(), "position": position, "bytes": size });
    told_or(
        common,
        &told,
        format_args!("{}: all up to position {position}, {}", args.file.display(), super::size(size)),
    )
}

pub(super) fn restore(args: &Restore, common: &Common) -> anyhow::Result<ExitCode> {
    let dir = args.work.dir();
    let (cluster, node, backup) = offline(common, async |runtime| {
        Ok(begin_with::<Registry>(runtime.environment(), &dir, args.address.address, &args.file).await?)
    })?;
    let told = json!({
        "cluster": cluster.to_string(), "node": node.to_string(),
        "from_cluster": backup.cluster.to_string(), "from_position": backup.position.to_string(),
    });
    let text = format!(
        "{} holds the cluster {cluster}, with all that cluster {} had up to position {}.\nStart it:  hectare master --work_dir={} …\nOther masters join it on empty directories, with --masters naming it.",
        dir.display(),
        backup.cluster,
        backup.position,
        args.work.work_dir.display()
    );
    told_or(common, &told, text)
}

pub(super) fn init(args: &Init, common: &Common) -> anyhow::Result<ExitCode> {
    let dir = args.work.dir();
    let (cluster, node) = offline(common, async |runtime| {
        Ok(initialise::<Registry>(runtime.environment(), &dir, args.address.address).await?)
    })?;
    let told = json!({ "cluster": cluster.to_string(), "node": node.to_string() });
    let text = format!(
        "{} holds the new cluster {cluster}.\nStart it:  hectare master --work_dir={} …",
        dir.display(),
        args.work.work_dir.display()
    );
    told_or(common, &told, text)
}

pub(super) fn force_new(args: &ForceNew, common: &Common) -> anyhow::Result<ExitCode> {
    let dir = args.work.dir();
    if !args.others_are_lost {
        let about = offline(common, async |runtime| {
            Ok(Directory::open(runtime.environment(), &dir)?.about::<Registry>().await?)
        })?;
        let voters: Vec<String> =
            about.members.voters.values().map(|member| member.address.to_string()).collect();
        bail!(
            "nothing was changed. {} is one of {} voters ({}) and has all up to position {}; entries that the others alone have are \
             lost to the new cluster. Compare `hectare log read --work_dir` of all survivors, take the one that has come \
             furthest, see to it that the others never run on their directories again, and say so with --others-are-lost",
            dir.display(),
            voters.len(),
            voters.join(", "),
            about.last
        );
    }
    let (cluster, node, before) = offline(common, async |runtime| {
        Ok(begin_anew::<Registry>(runtime.environment(), &dir, args.address.address).await?)
    })?;
    let told = json!({
        "cluster": cluster.to_string(), "node": node.to_string(), "before": before.display().to_string(),
    });
    let text = format!(
        "{} holds the new cluster {cluster}, with all that it had on its disk; what was there is kept as {}.\nStart it:  hectare master --work_dir={} …\nOther masters join it on empty directories, with --masters naming it.",
        dir.display(),
        before.display(),
        args.work.work_dir.display()
    );
    told_or(common, &told, text)
}

/// Does something with files that no master uses.
fn offline<T>(
    common: &Common,
    job: impl AsyncFnOnce(&libprocess::Runtime) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = common.asking()?;
    let done = runtime.block_on(job(&runtime));
    runtime.shutdown();
    done
}

fn told_or(common: &Common, told: &Value, text: impl std::fmt::Display) -> anyhow::Result<ExitCode> {
    match common.format {
        Format::Json => output::line(told)?,
        Format::Table => output::line(text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}
