//! Filters begin and end.

use model::Time;

use super::Hierarchical;
use super::books::Membership;
use super::filters::End;
use super::holdings::Returned;

impl Hierarchical {
    /// A client does not want this, or less, from this agent until then.
    pub(super) fn refuse(&mut self, framework: u32, agent: u32, returned: Returned, until: Time) {
        for (role, part) in returned {
            let Some(entry) = self.frameworks.entries.get_mut(framework).filter(|entry| entry.active) else {
                return;
            };
            let Some(membership) = entry.memberships.iter_mut().find(|membership| membership.role == role)
            else {
                continue;
            };
            let Membership { client, era, filters, .. } = membership;
            let refusals = &mut self.agents[agent].refusals;
            let more = refusals.insert(*client, part, until, *era);
            *filters = filters.saturating_add_signed(more);
            self.ends.push(End { at: until, agent, client: *client, era: *era });
        }
        let (frameworks, agents) = (&self.frameworks, &self.agents);
        self.ends.prune(|end| {
            frameworks.membership(end.client).is_some_and(|membership| membership.era == end.era)
                && agents.entries.get(end.agent).is_some()
        });
    }

    /// Ends the filters whose time has come; the pairs they stood between are looked at again.
    pub(super) fn expire(&mut self, now: Time) {
        self.end_waits(now);
        while let Some(end) = self.ends.pop(now) {
            let Some(membership) = self.frameworks.membership_mut(end.client) else { continue };
            let Some(agent) = self.agents.entries.get_mut(end.agent) else { continue };
            if membership.era == end.era && agent.refusals.end(&end) {
                membership.filters = membership.filters.saturating_sub(1);
                if self.agents[end.agent].idle {
                    self.dirty.pairs.entry(end.agent).or_default().insert(end.client);
                }
            }
        }
    }

    pub(super) fn clear_refusals(&mut self, agent: u32) {
        for (client, era) in self.agents[agent].refusals.clear() {
            if let Some(membership) =
                self.frameworks.membership_mut(client).filter(|membership| membership.era == era)
            {
                membership.filters = membership.filters.saturating_sub(1);
            }
        }
    }
}
