//! Who holds what, kept up to date: of a large cluster, little changes from one look to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use master::{Agent, Snapshot};
use model::{AgentId, Quantities, Role};

/// What tasks and executors hold, by role, as the leader knew it when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// In order of id.
    pages: Vec<Page>,
    held: BTreeMap<Role, Quantities>,
    /// Of all agents.
    total: Quantities,
}

/// One agent, as it was.
#[derive(Debug)]
struct Page {
    agent: Arc<Agent>,
    total: Quantities,
    held: BTreeMap<Role, Quantities>,
}

/// What is new since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What must not be of agents that changed.
    pub(super) wrongs: Vec<String>,
    /// Agents that were not there before, and their machines.
    pub(super) arrived: Vec<(AgentId, String)>,
    /// What agents brought along that were not there before.
    pub(super) brought: BTreeMap<Role, Quantities>,
}

impl Ledger {
    pub(super) fn held(&self) -> &BTreeMap<Role, Quantities> {
        &self.held
    }

    pub(super) fn total(&self) -> &Quantities {
        &self.total
    }

    /// Takes what the leader knows now. Agents that are the same value as before are not looked at again.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> News {
        let mut news = News::default();
        let mut before = std::mem::take(&mut self.pages).into_iter().peekable();
        for agent in snapshot.agents.values() {
            while let Some(gone) = before.next_if(|page| page.agent.id < agent.id) {
                self.close(&gone);
            }
            let known = before.next_if(|page| page.agent.id == agent.id);
            if let Some(page) = known {
                if Arc::ptr_eq(&page.agent, agent) {
                    self.pages.push(page);
                    continue;
                }
                self.close(&page);
                self.open(Page::of(agent), &mut news, true);
            } else {
                self.open(Page::of(agent), &mut news, false);
            }
        }
        before.for_each(|gone| self.close(&gone));
        news
    }

    fn open(&mut self, page: Page, news: &mut News, known: bool) {
        news.wrongs.extend(balance(&page.agent));
        for (role, amounts) in &page.held {
            *self.held.entry(role.clone()).or_default() += amounts;
            if !known {
                *news.brought.entry(role.clone()).or_default() += amounts;
            }
        }
        if !known {
            news.arrived.push((page.agent.id.clone(), page.agent.info.hostname.clone()));
        }
        self.total += &page.total;
        self.pages.push(page);
    }

    fn close(&mut self, page: &Page) {
        for (role, amounts) in &page.held {
            if let Some(held) = self.held.get_mut(role) {
                *held -= amounts;
                if held.is_empty() {
                    self.held.remove(role);
                }
            }
        }
        self.total -= &page.total;
    }
}

impl Page {
    fn of(agent: &Arc<Agent>) -> Page {
        let mut held: BTreeMap<Role, Quantities> = BTreeMap::new();
        for (role, resources) in agent.used.values().flat_map(|used| used.resources.allocations()) {
            *held.entry(role).or_default() += &resources.quantities();
        }
        Page { agent: agent.clone(), total: agent.total.quantities(), held }
    }
}

/// Whether of an agent nothing is given twice, and nothing lost.
fn balance(agent: &Agent) -> Option<String> {
    if agent.overcommitted {
        return None;
    }
    let mut spoken = agent.offered.unallocate();
    for used in agent.used.values() {
        spoken += &used.resources.unallocate();
    }
    let total = &agent.total;
    let mut whole = spoken.clone();
    whole += &agent.free;
    if !total.contains(&spoken) {
        return Some(format!("agent {} has {total}, and {spoken} of it is used or offered", agent.id));
    }
    (whole != *total)
        .then(|| format!("agent {} has {total}, and {whole} of it is used, offered or free", agent.id))
}
