//! Frameworks, running and completed.

use std::borrow::Cow;

use api::classic;
use api::convert::inverse_offer;
use api::convert::resources::{Spelling, write};
use api::v1;
use api::v1::master::response::{GetFrameworks, get_frameworks};
use model::{FrameworkId, Resources};

use super::executors;
use crate::state::{Connection, Framework, Snapshot};

/// As `/state` and `/frameworks` show it.
pub(crate) fn classic<'a>(
    snapshot: &'a Snapshot,
    framework: &'a Framework,
) -> classic::master::Framework<'a> {
    classic::master::Framework {
        tasks: framework.tasks.values().map(|task| &**task).collect(),
        unreachable_tasks: framework.unreachable_tasks.values().map(|task| &**task).collect(),
        completed_tasks: framework.completed_tasks.iter().map(|task| &**task).collect(),
        ..without_tasks(snapshot, framework)
    }
}

/// The same with empty lists of tasks.
fn without_tasks<'a>(snapshot: &'a Snapshot, framework: &'a Framework) -> classic::master::Framework<'a> {
    classic::master::Framework {
        used: Cow::Owned(used(snapshot, framework)),
        offered: Cow::Owned(offered(snapshot, framework)),
        ..tail(snapshot, framework)
    }
}

/// What comes before its tasks; offers and executors do not.
pub(crate) fn head<'a>(snapshot: &'a Snapshot, framework: &'a Framework) -> classic::master::Framework<'a> {
    classic::master::Framework {
        used: Cow::Owned(used(snapshot, framework)),
        offered: Cow::Owned(offered(snapshot, framework)),
        ..bare(framework)
    }
}

/// What comes after them; amounts do not.
pub(crate) fn tail<'a>(snapshot: &'a Snapshot, framework: &'a Framework) -> classic::master::Framework<'a> {
    classic::master::Framework {
        offers: snapshot.offered_to(framework).map(|offer| &**offer).collect(),
        executors: executors::of(snapshot, framework).collect(),
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
        offer_constraints: framework.constraints.as_deref(),
    }
}

/// Both lists of the old bodies; only one framework's, if it is named.
pub(crate) fn classics<'a>(
    snapshot: &'a Snapshot,
    only: Option<&FrameworkId>,
) -> [Vec<classic::master::Framework<'a>>; 2] {
    let wanted = |framework: &&Framework| only.is_none_or(|id| framework.id == *id);
    let running = snapshot.frameworks.values().map(|framework| &**framework).filter(wanted);
    let completed = snapshot.completed_frameworks.iter().map(|framework| &**framework).filter(wanted);
    [
        running.map(|framework| classic(snapshot, framework)).collect(),
        completed.map(|framework| classic(snapshot, framework)).collect(),
    ]
}

/// GET_FRAMEWORKS.
pub(crate) fn get_frameworks(snapshot: &Snapshot) -> GetFrameworks {
    GetFrameworks {
        frameworks: snapshot.frameworks.values().map(|framework| v1(snapshot, framework)).collect(),
        completed_frameworks: snapshot
            .completed_frameworks
            .iter()
            .map(|framework| v1(snapshot, framework))
            .collect(),
        recovered_frameworks: Vec::new(),
    }
}

/// As the operator API shows it.
pub(crate) fn v1(snapshot: &Snapshot, framework: &Framework) -> get_frameworks::Framework {
    let mut info = v1::FrameworkInfo::from(&*framework.info);
    info.id = Some((&framework.id).into());
    get_frameworks::Framework {
        framework_info: info,
        active: framework.connected(),
        connected: framework.connected(),
        recovered: framework.connection == Connection::Recovered,
        registered_time: Some(framework.registered.into()),
        reregistered_time: Some(framework.reregistered.unwrap_or(framework.registered).into()),
        unregistered_time: framework.unregistered.map(Into::into),
        offers: snapshot.offered_to(framework).map(|offer| v1::Offer::from(&**offer)).collect(),
        inverse_offers: snapshot
            .inverse_offers
            .values()
            .filter(|offer| offer.framework_id == framework.id)
            .map(|offer| inverse_offer(offer, Spelling::FULL))
            .collect(),
        allocated_resources: write(&used(snapshot, framework), Spelling::ENDPOINT),
        offered_resources: write(&offered(snapshot, framework), Spelling::ENDPOINT),
        offer_constraints: Some(framework.constraints.as_deref().map(Into::into).unwrap_or_default()),
    }
}

fn used(snapshot: &Snapshot, framework: &Framework) -> Resources {
    snapshot.uses(framework).fold(Resources::default(), |sum, (_, used)| sum + &used.resources)
}

fn offered(snapshot: &Snapshot, framework: &Framework) -> Resources {
    snapshot.offered_to(framework).fold(Resources::default(), |sum, offer| sum + &offer.resources)
}
