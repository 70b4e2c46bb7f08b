//! The executor made for a command task.

use std::time::Duration;

use model::{CommandInfo, ExecutorInfo, FrameworkInfo, Resource, Resources, Scalar, TaskInfo};

/// What the executor itself may use, on top of its task.
///
/// Unit: thousandths of a core; mebibytes.
const CPUS: i64 = 100;
const MEM: i64 = 32;

/// An executor named after the task, which runs that task alone.
///
/// Source: Mesos agent, launching tasks.
pub(crate) fn command_executor(
    task: &TaskInfo,
    framework: &FrameworkInfo,
    program: &[String],
) -> ExecutorInfo {
    let command = task.command.clone().unwrap_or_else(|| CommandInfo::shell(""));
    let mut executor = ExecutorInfo::new(task.id.as_str());
    executor.framework_id = framework.id.clone();
    executor.name = Some(format!("Command Executor (Task: {}) (Command: {})", task.id, shown(&command)));
    executor.source = Some(task.id.to_string());
    executor.resources = overhead(task);
    executor.labels = task.labels.clone();
    executor.discovery = task.discovery.clone().map(Box::new);
    executor.container = task.container.clone().map(Box::new);
    executor.command = Some(CommandInfo {
        uris: command.uris,
        environment: command.environment,
        shell: false,
        value: program.first().cloned(),
        arguments: program.to_vec(),
        user: command.user,
    });
    // Longer than the task may take to die, so that the executor outlives it and can say how it went.
    executor.shutdown_grace_period =
        task.kill_policy.and_then(|policy| policy.grace_period).map(|grace| grace + Duration::from_secs(2));
    executor
}

/// What the executor uses, of the role its task was given to.
fn overhead(task: &TaskInfo) -> Resources {
    let role = task.resources.iter().find_map(|resource| resource.allocation.clone());
    [("cpus", Scalar::from_thousandths(CPUS)), ("mem", Scalar::from_thousandths(MEM * 1000))]
        .into_iter()
        .map(|(name, amount)| Resource { allocation: role.clone(), ..Resource::scalar(name, amount) })
        .collect()
}

/// The command as tools show it: at most fifteen characters of it.
fn shown(command: &CommandInfo) -> String {
    let value = command.value.clone().unwrap_or_default();
    if command.shell {
        return format!("sh -c '{}'", shortened(&value));
    }
    let words: Vec<_> = std::iter::once(value).chain(command.arguments.iter().cloned()).collect();
    format!("[{}]", shortened(&words.join(", ")))
}

fn shortened(text: &str) -> String {
    match text.chars().count() {
        0..=15 => text.to_owned(),
        _ => text.chars().take(12).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor(command: CommandInfo) -> ExecutorInfo {
        let mut task = TaskInfo::new("t", "a".into(), "cpus:1;mem:64".parse().unwrap());
        task.resources = task.resources.allocate(&"roleA".into());
        task.command = Some(command);
        command_executor(&task, &FrameworkInfo::new("f", "root"), &["hectare".into(), "executor".into()])
    }

    #[test]
    fn its_name_shows_the_first_characters_of_the_command() {
        let name = |command| executor(command).name.unwrap();
        let shell = |line: &str| name(CommandInfo::shell(line));
        assert_eq!(shell("true"), "Command Executor (Task: t) (Command: sh -c 'true')");
        assert_eq!(
            shell("echo hello; sleep 1"),
            "Command Executor (Task: t) (Command: sh -c 'echo hello; ...')"
        );
        let program = CommandInfo::program("/no/such/binary", ["x".to_owned()]);
        assert_eq!(name(program), "Command Executor (Task: t) (Command: [/no/such/bin...])");
    }

    #[test]
    fn it_uses_a_tenth_of_a_core_and_32_megabytes_of_the_tasks_role() {
        let executor = executor(CommandInfo::shell("true"));
        assert_eq!(executor.resources.to_string(), "cpus(allocated: roleA):0.1; mem(allocated: roleA):32");
    }

    #[test]
    fn it_fetches_what_the_task_needs_and_runs_our_program() {
        let mut command = CommandInfo::shell("true");
        command.uris = vec![model::Uri::new("file:///x")];
        let made = executor(command).command.unwrap();
        assert_eq!(made.arguments, ["hectare", "executor"]);
        assert_eq!((made.shell, made.uris.len()), (false, 1));
    }
}
