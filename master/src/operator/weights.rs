//! UPDATE_WEIGHTS: roles count more or less than others.

use model::{OfferId, Role, Weight, brief};

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::offers;
use crate::registrar::Delta;
use crate::state::State;

/// Has weights written down; they count once they are.
///
/// Source: Mesos master endpoints, `/weights`.
pub(super) fn update_weights(state: &mut State, weights: &[(Role, f64)], asker: Asker) -> Effects {
    match weights.iter().map(|(role, weight)| judge(state, role, *weight)).collect() {
        Ok(weights) => super::record(state, Delta::UpdateWeights { weights }, asker),
        Err(why) => Effect::Answer { asker, answer: Err(Rejected::Invalid(why)) }.into(),
    }
}

fn judge(state: &State, role: &Role, weight: f64) -> Result<Weight, String> {
    const WHAT: &str = "Failed to validate update weights request JSON";
    let name = brief(role.as_str());
    role.check().map_err(|fault| format!("{WHAT}: Invalid role '{name}': {fault}"))?;
    if state.settings.roles.as_ref().is_some_and(|known| !known.contains(role)) {
        return Err(format!("{WHAT}: Unknown role '{name}'"));
    }
    Weight::new(role.clone(), weight)
        .map_err(|_| format!("{WHAT} for role '{name}': Invalid weight '{weight}': Weights must be positive"))
}

/// They are written. Offers made by the old ones are taken back, if they could have been made otherwise.
///
/// Source: scheduler semantics §12, "Weights".
pub(super) fn updated(state: &mut State, weights: &[Weight]) -> Effects {
    state.touch();
    for weight in weights {
        state.world.weights.insert(weight.role.clone(), weight.weight());
    }
    let mut effects = Effects::from(Effect::Allocator(allocator::Input::UpdateWeights(weights.to_vec())));
    let counts = |role: &Role| {
        weights.iter().any(|weight| weight.role == *role || role.is_strict_descendant_of(&weight.role))
    };
    let mut roles = state.world.frameworks.values().flat_map(|framework| framework.info.subscribed_roles());
    if roles.any(|role| counts(&role)) {
        let out: Vec<OfferId> = state.world.offers.keys().cloned().collect();
        out.iter().for_each(|offer| effects.extend(offers::rescind(state, offer)));
    }
    effects
}

#[cfg(test)]
mod tests {
    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::testing::{Stage, events, to_allocator};

    fn weigh(role: &str, weight: f64) -> Input {
        let ask = Box::new(Ask::UpdateWeights(vec![(role.into(), weight)]));
        Input::Operator { ask, asker: Asker::default() }
    }

    #[test]
    fn a_weight_counts_once_it_is_written_and_offers_are_made_anew() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.offer(&framework, &agent, "cpus:4");
        stage.tell(weigh("web", 2.5));
        assert!(stage.state.world.weights.is_empty());
        let effects = stage.record();
        assert_eq!(to_allocator(&effects)[0], "update weights of 1 roles");
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O0"]);
        assert_eq!(stage.state.world.weights.get(&model::Role::from("web")), Some(&2.5));
    }

    #[test]
    fn a_role_nobody_is_in_disturbs_nobody() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.offer(&framework, &agent, "cpus:4");
        stage.tell(weigh("other", 2.0));
        assert!(events(&stage.record()).is_empty());
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        let mut stage = Stage::new();
        for (role, weight, said) in [
            ("w", -1.0, "JSON for role 'w': Invalid weight '-1': Weights must be positive"),
            ("w", f64::NAN, "Weights must be positive"),
            ("*/x", 1.0, "JSON: Invalid role '*/x': Role '*/x' cannot include '*' as a component"),
        ] {
            let effects = stage.tell(weigh(role, weight)).to_string();
            assert!(effects.contains("400") && effects.contains(said), "{effects}");
            assert!(stage.asked.is_empty());
        }
    }
}
