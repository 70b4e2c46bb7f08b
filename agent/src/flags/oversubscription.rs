//! Flags of what is given once more.

use std::time::Duration;

use model::format_duration;

use super::{FlagError, contents, duration, invalid};
use crate::oversubscription::{Modules, Oversubscription};

/// The flags that estimators and controllers read.
#[derive(Clone, Debug, clap::Args)]
pub struct OversubscriptionFlags {
    /// Parameters of what is compiled in, as JSON like that of Mesos, or the `file:///path` of that: {"libraries":
    /// [{"modules": [{"name": "…", "parameters": [{"key": "…", "value": "…"}]}]}]}. Nothing is loaded.
    #[arg(long = "modules", env = "HECTARE_MODULES", value_parser = contents)]
    pub modules: Option<String>,

    /// Who says how much of what lies idle is given once more, to tasks that can be ended for it; there is
    /// org_apache_mesos_FixedResourceEstimator (parameter `resources`). Unset: nobody.
    #[arg(long = "resource_estimator", env = "HECTARE_RESOURCE_ESTIMATOR")]
    pub resource_estimator: Option<String>,

    /// How often it is asked.
    #[arg(long = "oversubscribed_resources_interval", env = "HECTARE_OVERSUBSCRIBED_RESOURCES_INTERVAL",
          default_value = "15secs", value_parser = duration)]
    pub oversubscribed_resources_interval: Duration,

    /// Who says which of those tasks make room; there is org_apache_mesos_LoadQoSController (parameters
    /// `load_threshold_5min`, `load_threshold_15min`). Unset: nobody.
    #[arg(long = "qos_controller", env = "HECTARE_QOS_CONTROLLER")]
    pub qos_controller: Option<String>,

    /// How much time is between two times that it does, at least; never less than 1secs.
    #[arg(long = "qos_correction_interval_min", env = "HECTARE_QOS_CORRECTION_INTERVAL_MIN", default_value = "0ns",
          value_parser = duration)]
    pub qos_correction_interval_min: Duration,
}

impl OversubscriptionFlags {
    pub(super) fn config(&self) -> Result<Oversubscription, FlagError> {
        let modules = self.modules.as_deref().map(Modules::parse).transpose();
        let modules = modules.map_err(|why| invalid("modules", why))?.unwrap_or_default();
        let estimator = self.resource_estimator.as_deref().map(|name| modules.estimator(name)).transpose();
        let controller = self.qos_controller.as_deref().map(|name| modules.controller(name)).transpose();
        if self.oversubscribed_resources_interval.is_zero() {
            return Err(invalid("oversubscribed_resources_interval", "more than nothing"));
        }
        Ok(Oversubscription {
            estimator: estimator.map_err(|why| invalid("resource_estimator", why))?,
            interval: self.oversubscribed_resources_interval,
            controller: controller.map_err(|why| invalid("qos_controller", why))?,
            correction_interval: self.qos_correction_interval_min,
        })
    }

    /// What `/flags` shows.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&'static str, String)> {
        let shown = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let intervals = [
            ("oversubscribed_resources_interval", self.oversubscribed_resources_interval),
            ("qos_correction_interval_min", self.qos_correction_interval_min),
        ];
        let given = [
            shown("modules", &self.modules),
            shown("resource_estimator", &self.resource_estimator),
            shown("qos_controller", &self.qos_controller),
        ];
        let intervals = intervals.map(|(name, value)| (name, format_duration(value)));
        intervals.into_iter().chain(given.into_iter().flatten())
    }
}
