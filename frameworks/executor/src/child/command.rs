//! What is started: program, arguments, environment, and where.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use model::command::{Variable, VariableValue};
use model::{CommandInfo, Environment};

/// A command as the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// What `execvp` would search for.
    program: String,
    arguments: Vec<String>,
    variables: IndexMap<String, String>,
    /// `None`: where the executor is.
    pub(crate) directory: Option<PathBuf>,
    /// It takes the executor's terminal over, if there is one.
    pub(crate) foreground: bool,
}

/// Where `execvp` looks when nobody says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Command {
    /// `shell`: a line for `/bin/sh`; else a program, searched in PATH, whose first argument is its
    /// own name.
    pub(crate) fn new(info: &CommandInfo) -> Command {
        let value = info.value.clone().unwrap_or_default();
        let (program, arguments) = match info.shell {
            true => ("/bin/sh".to_owned(), vec!["sh".to_owned(), "-c".to_owned(), value]),
            // A program without any argument still has a name.
            false if info.arguments.is_empty() => (value.clone(), vec![value]),
            false => (value, info.arguments.clone()),
        };
        Command { program, arguments, variables: IndexMap::new(), directory: None, foreground: false }
    }

    /// Variables beneath those that are set later.
    pub(crate) fn inherit(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Command {
        self.variables.extend(variables);
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Command {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// What the task asks for, over what it inherits. Secrets are resolved by the agent, or not at
    /// all.
    pub(crate) fn with(mut self, environment: &Environment) -> Command {
        for variable in environment.iter() {
            if let VariableValue::Value(value) = &variable.value {
                self.variables.insert(variable.name.clone(), value.clone());
            }
        }
        self
    }

    /// The same for an agent to run in a container of its own, with what `asked` wants fetched and as whom.
    pub(crate) fn described(&self, asked: Option<&CommandInfo>) -> CommandInfo {
        let variables = self.variables.iter();
        CommandInfo {
            uris: asked.map(|asked| asked.uris.clone()).unwrap_or_default(),
            environment: Environment(variables.map(|(name, value)| Variable::new(name, value)).collect()),
            shell: false,
            // Without a program it is the image's that is run.
            value: Some(self.program.clone()).filter(|program| !program.is_empty()),
            arguments: match self.program.is_empty() && self.arguments.iter().all(String::is_empty) {
                true => Vec::new(),
                false => self.arguments.clone(),
            },
            user: asked.and_then(|asked| asked.user.clone()),
        }
    }

    pub(crate) fn arguments(&self) -> Vec<CString> {
        self.arguments.iter().map(|argument| text(argument)).collect()
    }

    pub(crate) fn variables(&self) -> Vec<CString> {
        self.variables.iter().map(|(name, value)| text(&format!("{name}={value}"))).collect()
    }

    /// Where the program may be, in the order they are tried.
    pub(crate) fn candidates(&self) -> Vec<PathBuf> {
        if self.program.contains('/') {
            return vec![PathBuf::from(&self.program)];
        }
        let path = self.variables.get("PATH").map_or(PATH, String::as_str);
        path.split(':')
            .map(|directory| match directory {
                "" => Path::new(".").join(&self.program),
                directory => Path::new(directory).join(&self.program),
            })
            .collect()
    }
}

/// The kernel's strings end at a zero byte; so does what a client put one into.
pub(crate) fn text(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).expect("a text without a zero byte is a C string")
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_shell_command_is_a_line_for_sh() {
        let command = Command::new(&CommandInfo::shell("echo $A"));
        assert_eq!(command.arguments, ["sh", "-c", "echo $A"]);
        assert_eq!(command.candidates(), [PathBuf::from("/bin/sh")]);
    }

    #[test]
    fn a_program_is_searched_in_the_path_of_the_task() {
        let info = CommandInfo {
            shell: false,
            arguments: vec!["name".into(), "x".into()],
            ..CommandInfo::shell("tool")
        };
        let command = Command::new(&info).set("PATH", "/a::/b");
        let candidates = ["/a/tool", "./tool", "/b/tool"].map(PathBuf::from);
        assert_eq!(command.candidates(), candidates);
        assert_eq!(command.arguments, ["name", "x"]);
    }

    #[test]
    fn what_the_task_sets_wins_over_what_it_inherits() {
        let task = Environment(vec![Variable::new("A", "task"), Variable::new("B", "1")]);
        let command =
            Command::new(&CommandInfo::shell("")).inherit([("A".into(), "agent".into())]).with(&task);
        assert_eq!(command.variables(), [text("A=task"), text("B=1")]);
    }

    #[test]
    fn a_zero_byte_ends_a_text() {
        assert_eq!(text("a\0b"), text("a"));
    }
}
