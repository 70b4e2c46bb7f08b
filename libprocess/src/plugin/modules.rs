//! Parts that are compiled in, by name.

use std::collections::BTreeMap;

use crate::{Runtime, SpawnError, Upid};

/// What a part is told when it is started, as `key=value` on a command line.
pub type Parameters = BTreeMap<String, String>;

/// All parts a binary was built with.
///
/// ```
/// # use libprocess::{Actor, Config, Context, Handler, Message, Process, Runtime, Spawn};
/// use libprocess::plugin::{Module, Modules, Parameters};
/// # struct Lenient; struct Input;
/// # impl Message for Input { type Result = (); }
/// # impl Actor for Lenient { type Context = Context<Self>; }
/// # impl Process for Lenient { const KIND: &'static str = "lenient"; type Input = Input; }
/// # impl Handler<Input> for Lenient { type Result = (); fn handle(&mut self, _: Input, _: &mut Context<Self>) {} }
///
/// // in the crate that has it
/// fn register(modules: &mut Modules) {
///     modules.add("lenient", Module::new("authorizer", "says yes", |runtime, _parameters| {
///         Ok(runtime.spawn(Spawn::named("authorizer"), || Lenient)?.upid().clone())
///     }));
/// }
///
/// // in the binary
/// # let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
/// let mut modules = Modules::default();
/// register(&mut modules);
/// let authorizer = modules.start("lenient", "authorizer", &node, &Parameters::new())?;
/// assert_eq!(authorizer.id(), "authorizer");
/// let error = modules.start("strict", "authorizer", &node, &Parameters::new()).unwrap_err();
/// assert_eq!(error.to_string(), "no module `strict` for `authorizer`; there is lenient");
/// # node.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Modules {
    by_name: BTreeMap<&'static str, Module>,
}

/// One part: what it is for, and how it is started.
pub struct Module {
    slot: &'static str,
    about: &'static str,
    start: Box<Start>,
}

type Start = dyn Fn(&Runtime, &Parameters) -> Result<Upid, ModuleError> + Send + Sync;

/// Why a part was not started.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    #[error("no module `{name}` for `{slot}`; there is {known}")]
    Unknown { name: String, slot: String, known: String },
    #[error("module parameter `{name}`: {why}")]
    Parameter { name: String, why: String },
    #[error("failed to spawn the module")]
    Spawn(#[from] SpawnError),
}

impl Module {
    /// A part for `slot`; `start` spawns its process and is its address.
    pub fn new(
        slot: &'static str,
        about: &'static str,
        start: impl Fn(&Runtime, &Parameters) -> Result<Upid, ModuleError> + Send + Sync + 'static,
    ) -> Module {
        Module { slot, about, start: Box::new(start) }
    }
}

impl Modules {
    /// Makes a part known.
    ///
    /// Panics: when the name is taken; which parts a binary has is decided when it is built.
    pub fn add(&mut self, name: &'static str, module: Module) {
        assert!(self.by_name.insert(name, module).is_none(), "two modules named `{name}`");
    }

    /// Starts the part of that name for a slot.
    ///
    /// Errors: when there is none, when it does not take its parameters, or is not spawned.
    pub fn start(
        &self,
        name: &str,
        slot: &str,
        runtime: &Runtime,
        parameters: &Parameters,
    ) -> Result<Upid, ModuleError> {
        match self.by_name.get(name).filter(|module| module.slot == slot) {
            Some(module) => (module.start)(runtime, parameters),
            None => {
                let known: Vec<&str> =
                    self.all().filter(|(_, known, _)| *known == slot).map(|(name, ..)| name).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(ModuleError::Unknown { name: name.to_owned(), slot: slot.to_owned(), known })
            }
        }
    }

    /// Name, slot and a line about each, in order of names.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        self.by_name.iter().map(|(name, module)| (*name, module.slot, module.about))
    }
}
