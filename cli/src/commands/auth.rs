//! `hectare auth`: what rules say, without a cluster.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use security::flags::contents;
use security::{Acls, Action, Object, ObjectKind, Read, Reason, decide};

use super::Common;
use crate::logging::Level;
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Says whether somebody may do something, and which rule decides; exits with 1 if they may not
    Explain(Explain),
    /// Lists the actions, the lists of rules that decide them, and what these are about
    Actions,
}

#[derive(Debug, clap::Args)]
struct Explain {
    /// The rules, as `--acls` of master and agent takes them: JSON, or `file:///path`.
    #[arg(long, env = "HECTARE_ACLS")]
    acls: String,
    /// Who asks. Unset: somebody who proved nothing.
    #[arg(long)]
    principal: Option<String>,
    /// For containers within others: the user of the one around it.
    #[arg(long)]
    under: Option<String>,
    /// What they want to do, as in run_task; a list of rules means the action it decides, as run_tasks does.
    action: String,
    /// What to: a role, a user, a principal, a path. Unset: nothing in particular.
    object: Option<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Error);
    match &args.what {
        What::Explain(asked) => explain(asked, common),
        What::Actions => actions(common),
    }
}

fn explain(asked: &Explain, common: &Common) -> anyhow::Result<ExitCode> {
    let text = match asked.acls.starts_with('/') {
        true => contents(&format!("file://{}", asked.acls)),
        false => contents(&asked.acls),
    };
    let text = text.map_err(|why| anyhow!(why)).context("--acls")?;
    let Read { acls, doubts } = Acls::parse(&text).context("--acls")?;
    for doubt in &doubts {
        output::progress(format_args!("warning: {doubt}"));
    }
    let action = Action::named(&asked.action).with_context(|| {
        format!("{:?} is no action; `hectare auth actions` lists those there are", asked.action)
    })?;
    if action.lists().iter().any(|list| list.kind == ObjectKind::Roles)
        && let Some(role) = &asked.object
    {
        // An action upon a role beneath another is decided by it too; none is upon one that cannot be.
        model::Role::from(role.as_str()).check().context("nobody asks about this role")?;
    }
    let object = Object { under: asked.under.as_deref(), ..Object::maybe(asked.object.as_deref()) };
    let decision = decide(&acls, asked.principal.as_deref(), action, &object);
    match common.format {
        Format::Json => {
            let (list, index) = match decision.reason {
                Reason::Rule { list, index, .. } => (list, Some(index)),
                Reason::Unmatched { list, .. } => (list, None),
            };
            let reason = decision.reason.to_string();
            output::line(serde_json::json!({
                "allowed": decision.allowed, "list": list, "rule": index, "reason": reason,
            }))?;
        }
        Format::Table => {
            let word = if decision.allowed { "allowed" } else { "denied" };
            output::line(format_args!("{word}: {}", decision.reason))?;
        }
    }
    Ok(if decision.allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn actions(common: &Common) -> anyhow::Result<ExitCode> {
    let about = |kind| match kind {
        ObjectKind::Whole => "ANY or NONE",
        ObjectKind::Roles => "roles, `a/%` for those beneath `a`",
        ObjectKind::Names => "names",
        ObjectKind::Paths => "paths of endpoints",
    };
    for action in Action::ALL {
        for list in action.lists() {
            match common.format {
                Format::Json => output::line(serde_json::json!({
                    "action": action.name(), "list": list.name, "object": list.object, "kind": about(list.kind),
                }))?,
                Format::Table => {
                    output::line(format_args!(
                        "{action}\t{}\t{}: {}",
                        list.name,
                        list.object,
                        about(list.kind)
                    ))?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
