//! What an executor finds in its environment.

use model::format_duration;
use model::{Secret, VariableValue};

use crate::state::{Executor, State};

/// All its variables, later ones winning: the agent's, ours, then those of its command.
pub(crate) fn environment(state: &State, executor: &Executor) -> Vec<(String, String)> {
    let mut variables = given(state, executor);
    variables.extend(asked(executor));
    variables
}

/// The agent's variables, and ours.
///
/// Source: Mesos executor HTTP API; `MESOS_CHECKPOINT` is left out rather than zero, since clients ask whether it is there.
pub(super) fn given(state: &State, executor: &Executor) -> Vec<(String, String)> {
    let settings = &state.settings;
    let mut variables = Vec::new();
    let mut put = |name: &str, value: String| variables.push((name.to_owned(), value));
    match &settings.executor_environment {
        Some(given) => given.iter().for_each(|(name, value)| put(name, value.clone())),
        None => put("PATH", settings.path.clone().unwrap_or_else(|| PATH.to_owned())),
    }
    let address = settings.pid.address();
    let sandbox = executor.directory.display().to_string();
    put("LIBPROCESS_IP", address.ip().to_string());
    put("LIBPROCESS_PORT", "0".to_owned());
    put("MESOS_FRAMEWORK_ID", executor.framework.to_string());
    put("MESOS_EXECUTOR_ID", executor.id.to_string());
    put("MESOS_SLAVE_ID", state.id.as_ref().map(ToString::to_string).unwrap_or_default());
    put("MESOS_SLAVE_PID", settings.pid.to_string());
    put("MESOS_AGENT_ENDPOINT", address.to_string());
    put("MESOS_DIRECTORY", sandbox.clone());
    put("MESOS_SANDBOX", sandbox);
    put("MESOS_HTTP_COMMAND_EXECUTOR", u8::from(executor.generated).to_string());
    let grace = executor.info.shutdown_grace_period.unwrap_or(settings.executor_shutdown_grace_period);
    put("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", format_duration(grace));
    if executor.checkpoint {
        put("MESOS_CHECKPOINT", "1".to_owned());
        put("MESOS_RECOVERY_TIMEOUT", format_duration(settings.recovery_timeout));
        put("MESOS_SUBSCRIPTION_BACKOFF_MAX", format_duration(settings.executor_reregistration_timeout));
    }
    settings.tls.iter().for_each(|(name, value)| put(name, value.clone()));
    if let Some(tokens) = &settings.tokens {
        put(TOKEN, tokens.issue(executor));
    }
    if executor.generated {
        // A command task's id, which is its executor's; ours to give, and asked for often.
        put("MESOS_TASK_ID", executor.id.to_string());
    }
    variables
}

/// What the framework asked for; nothing stands in for a secret.
pub(super) fn asked(executor: &Executor) -> Vec<(String, String)> {
    let variables = executor.info.command.iter().flat_map(|command| command.environment.iter());
    let value = |variable: &model::command::Variable| match &variable.value {
        VariableValue::Value(value) => Some((variable.name.clone(), value.clone())),
        VariableValue::Secret(_) => None,
    };
    variables.filter_map(value).collect()
}

/// The variable with an executor's token. Source: Mesos executor HTTP API.
pub(crate) const TOKEN: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Where programs are looked for if the agent itself was not told.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables of its command whose values must not be seen; isolators find them out.
pub(super) fn secrets(executor: &Executor) -> Vec<(String, Secret)> {
    let variables = executor.info.command.iter().flat_map(|command| command.environment.iter());
    variables
        .filter_map(|variable| match &variable.value {
            VariableValue::Secret(secret) => Some((variable.name.clone(), secret.clone())),
            VariableValue::Value(_) => None,
        })
        .collect()
}
