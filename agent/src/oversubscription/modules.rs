//! Which estimator and which controller flags ask for. Both are compiled in, and bear the names that the modules of the
//! original have.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::controller::LoadController;
use super::estimator::Fixed;
use super::{QosController, ResourceEstimator};
use crate::resources;

const FIXED: &str = "org_apache_mesos_FixedResourceEstimator";
const LOAD: &str = "org_apache_mesos_LoadQoSController";

/// What `--modules` says of modules by name. Shape: module → parameter → value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Modules(BTreeMap<String, BTreeMap<String, String>>);

impl Modules {
    /// Reads `{"libraries": [{"modules": [{"name": …, "parameters": [{"key": …, "value": …}]}]}]}`.
    ///
    /// Errors: it is not that, or names a module that is not compiled in.
    pub(crate) fn parse(text: &str) -> Result<Modules, String> {
        let whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut modules = BTreeMap::new();
        for library in list(&whole, "libraries")? {
            for module in list(library, "modules")? {
                let name = text_of(module, "name")?;
                if name != FIXED && name != LOAD {
                    return Err(format!(
                        "'{name}' is not compiled in, and shared objects are not loaded; there are {FIXED} and {LOAD}"
                    ));
                }
                let mut parameters = BTreeMap::new();
                if module.get("parameters").is_some() {
                    for parameter in list(module, "parameters")? {
                        parameters.insert(text_of(parameter, "key")?, text_of(parameter, "value")?);
                    }
                }
                modules.insert(name, parameters);
            }
        }
        Ok(Modules(modules))
    }

    fn parameter(&self, module: &str, name: &str) -> Option<&str> {
        self.0.get(module)?.get(name).map(String::as_str)
    }

    /// Errors: no such estimator, or it does not say how much.
    pub(crate) fn estimator(&self, name: &str) -> Result<Arc<dyn ResourceEstimator>, String> {
        if name != FIXED {
            return Err(format!("'{name}' is none; there is {FIXED}"));
        }
        let amounts = self.parameter(FIXED, "resources");
        let amounts = amounts.ok_or_else(|| missing(FIXED, "resources"))?;
        let amounts = resources::parse(amounts, "*").map_err(|why| format!("resources: {why}"))?;
        Ok(Arc::new(Fixed::new(&amounts)))
    }

    /// Errors: no such controller, or none of its limits is said or is a number.
    pub(crate) fn controller(&self, name: &str) -> Result<Arc<dyn QosController>, String> {
        if name != LOAD {
            return Err(format!("'{name}' is none; there is {LOAD}"));
        }
        let limit = |name: &str| match self.parameter(LOAD, name) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(limit) if limit.is_finite() && limit >= 0.0 => Ok(Some(limit)),
                _ => Err(format!("{name}: '{text}' is no load")),
            },
        };
        let controller =
            LoadController { five: limit("load_threshold_5min")?, fifteen: limit("load_threshold_15min")? };
        match controller.five.or(controller.fifteen) {
            Some(_) => Ok(Arc::new(controller)),
            None => Err(missing(LOAD, "load_threshold_5min")),
        }
    }
}

fn missing(module: &str, parameter: &str) -> String {
    format!("--modules gives {module} no parameter `{parameter}`")
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value.get(name).and_then(Value::as_array).ok_or_else(|| format!("`{name}` is missing, or no list"))
}

fn text_of(value: &Value, name: &str) -> Result<String, String> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("`{name}` is missing, or no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(module: &str, parameters: &str) -> Result<Modules, String> {
        Modules::parse(&format!(
            r#"{{"libraries": [{{"file": "lib.so", "modules": [{{"name": "{module}", "parameters": [{parameters}]}}]}}]}}"#
        ))
    }

    #[test]
    fn a_configuration_of_the_original_is_understood() {
        let fixed = modules(FIXED, r#"{"key": "resources", "value": "cpus:2;mem:64"}"#).unwrap();
        assert!(fixed.estimator(FIXED).is_ok());
        let load = modules(LOAD, r#"{"key": "load_threshold_15min", "value": "6"}"#).unwrap();
        assert!(load.controller(LOAD).is_ok());
    }

    #[test]
    fn what_is_not_there_or_not_said_is_refused_by_name() {
        assert!(
            modules("com_example_Mine", "").unwrap_err().contains("'com_example_Mine' is not compiled in")
        );
        assert!(Modules::parse("[]").unwrap_err().contains("`libraries` is missing"));
        assert!(Modules::parse("x").is_err());
        let none = Modules::default();
        assert!(none.estimator(FIXED).unwrap_err().contains("no parameter `resources`"));
        assert!(none.estimator("x").unwrap_err().contains("'x' is none"));
        assert!(none.controller(LOAD).unwrap_err().contains("no parameter `load_threshold_5min`"));
        let wrong = modules(LOAD, r#"{"key": "load_threshold_5min", "value": "high"}"#).unwrap();
        assert!(wrong.controller(LOAD).unwrap_err().contains("'high' is no load"));
    }
}
