//! `hectare log status`: asks each master for itself, so that it works without a leader, too.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use super::{Common, Target, size};
use crate::client::{Cluster, text};
use crate::output::{self, Format};

/// One row a replica.
pub(super) fn run(target: &Target, common: &Common) -> anyhow::Result<ExitCode> {
    let replicas = common.with_cluster(target, all).map(Replicas)?;
    if common.format == Format::Json {
        output::line(replicas.json())?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(replicas.headline())?;
    output::line("")?;
    let headings = [
        "master",
        "node",
        "role",
        "state",
        "last",
        "committed",
        "applied",
        "snapshot",
        "lag",
        "flush p50",
        "p99",
        "max",
        "used",
        "free",
    ];
    output::table(&headings, replicas.rows(), "")?;
    for advice in replicas.advice() {
        output::line(format_args!("\n{advice}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What each of the masters that were named, and of those they name, says of itself, or why it says nothing.
///
/// Errors: none of them says anything.
async fn all(cluster: &Cluster) -> anyhow::Result<BTreeMap<String, Result<Value, String>>> {
    let mut found = BTreeMap::new();
    let mut next: Vec<String> = cluster.masters().await?;
    while let Some(master) = next.pop() {
        if found.contains_key(&master) {
            continue;
        }
        let said = cluster.get_from(&master, "/log/status").await;
        if let Ok(status) = &said {
            let members = status["members"].as_array().into_iter().flatten();
            next.extend(members.map(|member| text(&member["address"]).to_owned()));
        }
        let said = said.map_err(|error| format!("{error:#}"));
        // A name and an address may be one master.
        let name = said.as_ref().map_or(master.clone(), |status| text(&status["address"]).to_owned());
        found.insert(name, said);
    }
    if found.values().all(Result::is_err) {
        let why: Vec<&str> = found.values().filter_map(|said| Some(said.as_ref().err()?.as_str())).collect();
        bail!("no master says how it does: {}", why.join("; "));
    }
    Ok(found)
}

struct Replicas(BTreeMap<String, Result<Value, String>>);

impl Replicas {
    fn answers(&self) -> impl Iterator<Item = &Value> {
        self.0.values().flatten()
    }

    /// The one that leads; of several that think so, the one of the latest term.
    fn leader(&self) -> Option<&Value> {
        self.answers().filter(|status| status["leads"] == true).max_by_key(|status| status["term"].as_u64())
    }

    /// The one that knows most of the others.
    fn best(&self) -> &Value {
        let latest = || self.answers().max_by_key(|status| status["applied"].as_u64());
        self.leader().or_else(latest).unwrap_or(&Value::Null)
    }

    /// Shape: address → role and lag, as the best informed one says.
    fn member(&self, address: &str) -> Option<&Value> {
        self.best()["members"].as_array()?.iter().find(|member| member["address"] == address)
    }

    fn voters(&self) -> (usize, usize) {
        let members = self.best()["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        let voters = members.iter().filter(|member| member["role"] == "voter");
        let answers = |member: &&Value| matches!(self.0.get(text(&member["address"])), Some(Ok(_)));
        let (mut all, mut living) = (0, 0);
        for voter in voters {
            all += 1;
            living += usize::from(answers(&voter));
        }
        (living, all)
    }

    fn headline(&self) -> String {
        let (living, all) = self.voters();
        let cluster = text(&self.best()["cluster"]);
        let cluster =
            if cluster.is_empty() { "no cluster yet".to_owned() } else { format!("cluster {cluster}") };
        let leader = match self.leader() {
            Some(leader) => format!("{} leads in epoch {}", text(&leader["address"]), leader["epoch"]),
            None => "nobody leads".to_owned(),
        };
        let all = if all == 0 { String::new() } else { format!("; {living} of {all} voters answer") };
        format!("{cluster}: {leader}{all}")
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.0.iter().map(|(address, said)| self.row(address, said.as_ref().ok())).collect()
    }

    fn row(&self, address: &str, said: Option<&Value>) -> Vec<String> {
        let member = self.member(address);
        let role = member.map_or("-", |member| text(&member["role"])).to_owned();
        let Some(status) = said else {
            let node = member.map_or("-", |member| text(&member["node"])).to_owned();
            let lag = member.and_then(|member| member["lag"].as_u64());
            let lag = lag.map_or("-".to_owned(), |lag| lag.to_string());
            let dash = || "-".to_owned();
            let mut row = vec![address.to_owned(), node, role, "no answer".to_owned()];
            row.extend([dash(), dash(), dash(), dash(), lag]);
            row.extend((0..5).map(|_| dash()));
            return row;
        };
        let leads = self.leader().is_some_and(|leader| leader["node"] == status["node"]);
        let state = if leads { "leads" } else { text(&status["phase"]) };
        let lag = match member.and_then(|member| member["lag"].as_u64()) {
            Some(lag) => lag.to_string(),
            None if leads => "0".to_owned(),
            None => "-".to_owned(),
        };
        let time =
            |name: &str| status["flushes"][name].as_f64().map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        let mut row = vec![address.to_owned(), text(&status["node"]).to_owned(), role, state.to_owned()];
        row.extend(["last", "committed", "applied", "snapshot"].map(|name| status[name].to_string()));
        row.push(lag);
        row.extend(["p50_ms", "p99_ms", "max_ms"].map(time));
        row.extend(["used_bytes", "free_bytes"].map(|name| size(status["disk"][name].as_u64())));
        row
    }

    /// What is not as it should be, and what to do.
    fn advice(&self) -> Vec<String> {
        let mut advice: Vec<String> = Vec::new();
        for (address, said) in &self.0 {
            match said {
                Err(why) => advice.push(format!("{address} does not answer: {why}")),
                Ok(status) if !text(&status["detail"]).is_empty() => {
                    advice.push(format!(
                        "{address}: {}: {}",
                        text(&status["phase"]),
                        text(&status["detail"])
                    ));
                }
                Ok(_) => {}
            }
        }
        let (living, all) = self.voters();
        if self.leader().is_none() && all > 0 && living * 2 <= all {
            advice.push(format!(
                "Fewer than a majority of {all} answer. Start the others again on their directories; if those are lost for \
                 good, `hectare log force-new` makes a survivor a cluster of its own."
            ));
        }
        advice
    }

    fn json(&self) -> Value {
        let replicas = self.0.iter().map(|(address, said)| match said {
            Ok(status) => status.clone(),
            Err(why) => json!({ "address": address, "phase": "no answer", "detail": why }),
        });
        let best = self.best();
        json!({
            "cluster": best["cluster"],
            "leader": self.leader().map(|leader| leader["address"].clone()),
            "epoch": self.leader().map(|leader| leader["epoch"].clone()),
            "members": best["members"],
            "changing": best["changing"],
            "replicas": replicas.collect::<Vec<_>>(),
        })
    }
}
