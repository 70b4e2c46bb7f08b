//! What is run: a command line, its environment, and the files it needs beside it.

use libprocess_wire as wire;

use crate::Secret;

/// A command to run in a sandbox.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandInfo {
    /// Fetched into the sandbox first.
    pub uris: Vec<Uri>,
    pub environment: Environment,
    /// Whether `value` is a line for `/bin/sh`, or a program called with `arguments`.
    pub shell: bool,
    pub value: Option<String>,
    /// The first one is the program's own name, as `execvp` takes it.
    pub arguments: Vec<String>,
    /// Who runs it; the framework's user if absent.
    pub user: Option<String>,
}

impl CommandInfo {
    /// A line for the shell.
    pub fn shell(line: impl Into<String>) -> Self {
        Self {
            uris: Vec::new(),
            environment: Environment::default(),
            shell: true,
            value: Some(line.into()),
            arguments: Vec::new(),
            user: None,
        }
    }

    /// A program and its arguments; the name is put before them.
    pub fn program<I: IntoIterator<Item = String>>(path: impl Into<String>, arguments: I) -> Self {
        let path = path.into();
        Self {
            arguments: std::iter::once(path.clone()).chain(arguments).collect(),
            shell: false,
            ..Self::shell(path)
        }
    }
}

/// A file to fetch.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri {
    pub value: String,
    /// Made executable instead of extracted.
    pub executable: bool,
    /// Unpacked if its name says it is an archive.
    pub extract: bool,
    /// Kept on the agent for the next task that asks.
    pub cache: bool,
    /// A path within the sandbox; the last part of the URI if absent.
    pub output_file: Option<String>,
}

impl Uri {
    /// A URI with what the API assumes when nothing else is said.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), executable: false, extract: true, cache: false, output_file: None }
    }
}

/// Variables in the order given; a later one of the same name wins.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment(pub Vec<Variable>);

impl Environment {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter()
    }
}

/// One variable.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable {
    pub name: String,
    pub value: VariableValue,
}

impl Variable {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: VariableValue::Value(value.into()) }
    }
}

/// What a variable is set to.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableValue {
    Value(String),
    Secret(Secret),
}
