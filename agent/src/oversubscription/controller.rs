//! Which revocable tasks have to make room.

use std::fmt;

use super::Usage;
use crate::state::Key;

/// Says whom to end for the good of those whose resources are given for keeps.
///
/// Source: Mesos modules, `QoSController`.
pub trait QosController: fmt::Debug + Send + Sync {
    /// Shape: the executors to end, of those in `usage`.
    fn corrections(&self, usage: &Usage) -> Vec<Key>;
}

/// Ends all that is revocable while too many programs wait for a processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LoadController {
    /// How many may want one, on average over five minutes.
    pub five: Option<f64>,
    /// Over fifteen.
    pub fifteen: Option<f64>,
}

impl QosController for LoadController {
    fn corrections(&self, usage: &Usage) -> Vec<Key> {
        let Some(load) = usage.load else { return Vec::new() };
        let above = |limit: Option<f64>, load: f64| limit.is_some_and(|limit| load > limit);
        match above(self.five, load.five) || above(self.fifteen, load.fifteen) {
            true => usage.executors.clone(),
            false => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oversubscription::Load;

    #[test]
    fn all_that_is_revocable_makes_room_once_either_load_is_too_high() {
        let controller = LoadController { five: Some(4.0), fifteen: None };
        let key: Key = ("f".into(), "e".into());
        let mut usage = Usage { executors: vec![key.clone()], ..Usage::default() };
        assert!(controller.corrections(&usage).is_empty(), "nobody knows the load");
        usage.load = Some(Load { one: 9.0, five: 4.0, fifteen: 99.0 });
        assert!(controller.corrections(&usage).is_empty());
        usage.load = Some(Load { one: 0.0, five: 4.1, fifteen: 0.0 });
        assert_eq!(controller.corrections(&usage), [key]);
    }
}
