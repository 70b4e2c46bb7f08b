//! Frameworks, running and completed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use api::classic;
use api::convert::inverse_offer;
use api::convert::resources::{Spelling, write};
use api::v1;
use api::v1::master::response::get_frameworks;
use model::{FrameworkId, InverseOffer, Resources};

use crate::state::{Connection, Framework, Snapshot};

/// As `/state` and `/frameworks` show it.
fn classic<'a>(snapshot: &'a Snapshot, framework: &'a Framework) -> classic::master::Framework<'a> {
    classic::master::Framework {
        tasks: framework.tasks.values().map(|task| &**task).collect(),
        unreachable_tasks: framework.unreachable_tasks.values().map(|task| &**task).collect(),
        completed_tasks: framework.completed_tasks.iter().map(|task| &**task).collect(),
        ..without_tasks(snapshot, framework)
    }
}

/// The same with empty lists of tasks.
pub(crate) fn without_tasks<'a>(
    snapshot: &'a Snapshot,
    framework: &'a Framework,
) -> classic::master::Framework<'a> {
    classic::master::Framework {
        used: snapshot.used_by(framework),
        offered: Cow::Owned(offered(snapshot, framework)),
        offers: snapshot.offered_to(framework).map(|offer| &**offer).collect(),
        executors: framework.executors.iter().map(|((agent, _), info)| (agent, &**info)).collect(),
        ..bare(framework)
    }
}

/// What it says of itself, and how it stands.
fn bare(framework: &Framework) -> classic::master::Framework<'_> {
    classic::master::Framework {
        id: &framework.id,
        info: &framework.info,
        active: framework.connected(),
        connected: framework.connected(),
        recovered: framework.connection == Connection::Recovered,
        registered: framework.registered,
        reregistered: framework.reregistered,
        unregistered: framework.unregistered,
        used: Cow::Owned(Resources::default()),
        offered: Cow::Owned(Resources::default()),
        tasks: Vec::new(),
        unreachable_tasks: Vec::new(),
        completed_tasks: Vec::new(),
        offers: Vec::new(),
        executors: Vec::new(),
        pid: framework.driver.as_ref().map(ToString::to_string),
        offer_constraints: framework.constraints.as_deref(),
    }
}

/// Both lists of the old bodies; only one framework's, if it is named.
pub(crate) fn classics<'a>(
    snapshot: &'a Snapshot,
    only: Option<&FrameworkId>,
) -> [Vec<classic::master::Framework<'a>>; 2] {
    let show = |framework: &'a Arc<Framework>| classic(snapshot, framework);
    let wanted = |framework: &&Arc<Framework>| only.is_none_or(|id| framework.id == *id);
    let completed = snapshot.completed_frameworks.iter().filter(wanted).map(show).collect();
    match only {
        None => [snapshot.frameworks.values().map(show).collect(), completed],
        Some(id) => [snapshot.frameworks.get(id).map(show).into_iter().collect(), completed],
    }
}

/// Who is asked to leave which agents.
pub(crate) fn asked_to_leave(snapshot: &Snapshot) -> BTreeMap<FrameworkId, Vec<Arc<InverseOffer>>> {
    let mut asked: BTreeMap<FrameworkId, Vec<_>> = BTreeMap::new();
    for offer in snapshot.inverse_offers.values() {
        asked.entry(offer.framework_id.clone()).or_default().push(offer.clone());
    }
    asked
}

/// As the operator API shows it.
pub(crate) fn v1(
    snapshot: &Snapshot,
    framework: &Framework,
    asked_to_leave: &[Arc<InverseOffer>],
) -> get_frameworks::Framework {
    get_frameworks::Framework {
        unregistered_time: framework.unregistered.map(Into::into),
        offers: snapshot.offered_to(framework).map(|offer| v1::Offer::from(&**offer)).collect(),
        inverse_offers: asked_to_leave.iter().map(|offer| inverse_offer(offer, Spelling::FULL)).collect(),
        allocated_resources: write(&snapshot.used_by(framework), Spelling::ENDPOINT),
        offered_resources: write(&offered(snapshot, framework), Spelling::ENDPOINT),
        offer_constraints: Some(framework.constraints.as_deref().map(Into::into).unwrap_or_default()),
        ..itself(framework)
    }
}

/// As events tell of it: what it says of itself and how it stands, but nothing of what it holds.
pub(crate) fn itself(framework: &Framework) -> get_frameworks::Framework {
    let mut info = v1::FrameworkInfo::from(&*framework.info);
    info.id = Some((&framework.id).into());
    get_frameworks::Framework {
        framework_info: info,
        active: framework.connected(),
        connected: framework.connected(),
        recovered: framework.connection == Connection::Recovered,
        registered_time: Some(framework.registered.into()),
        reregistered_time: Some(framework.reregistered.unwrap_or(framework.registered).into()),
        unregistered_time: Some(framework.unregistered.map(Into::into).unwrap_or_default()),
        offers: Vec::new(),
        inverse_offers: Vec::new(),
        allocated_resources: Vec::new(),
        offered_resources: Vec::new(),
        offer_constraints: framework.constraints.as_deref().map(Into::into),
    }
}

fn offered(snapshot: &Snapshot, framework: &Framework) -> Resources {
    snapshot.offered_to(framework).fold(Resources::default(), |sum, offer| sum + &offer.resources)
}
