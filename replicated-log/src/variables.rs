//! Named values that several may change, none over another's change.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::LogError;
use crate::access::{Access, persist};
use crate::messages::{Done, Request};
use crate::reader::unexpected;

/// A named value as it was when it was fetched or stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    name: String,
    value: Arc<[u8]>,
    /// None: there was none.
    version: Option<[u8; 16]>,
}

impl Variable {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Whether it had been stored.
    pub fn exists(&self) -> bool {
        self.version.is_some()
    }

    /// The same variable with another value, to be stored.
    pub fn mutate(self, value: impl Into<Arc<[u8]>>) -> Variable {
        Variable { value: value.into(), ..self }
    }
}

/// Named values.
#[derive(Clone)]
pub struct Variables {
    access: Arc<dyn Access>,
    chance: Arc<Mutex<ChaCha8Rng>>,
}

impl Variables {
    pub(crate) fn new(access: Arc<dyn Access>, chance: Arc<Mutex<ChaCha8Rng>>) -> Variables {
        Variables { access, chance }
    }

    /// The variable as it is; empty, if it was never stored.
    pub async fn fetch(&self, name: &str) -> Result<Variable, LogError> {
        let name = name.to_owned();
        match persist(&*self.access, Request::Fetch { name: name.clone() }).await? {
            Done::Fetched(Some((version, value))) => Ok(Variable { name, value, version: Some(version) }),
            Done::Fetched(None) => Ok(Variable { name, value: Arc::from([]), version: None }),
            other => Err(unexpected(&other)),
        }
    }

    /// Stores the variable, unless it has changed since it was fetched: then none comes back.
    pub async fn store(&self, variable: Variable) -> Result<Option<Variable>, LogError> {
        let mut version = [0; 16];
        self.chance.lock().fill_bytes(&mut version);
        let Variable { name, value, version: expected } = variable;
        let request = Request::Store { name: name.clone(), expected, version, value: value.clone() };
        match persist(&*self.access, request).await? {
            Done::Stored(true) => Ok(Some(Variable { name, value, version: Some(version) })),
            Done::Stored(false) => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    /// Removes the variable, unless it has changed since it was fetched. A removal that had to be sent twice may say
    /// that it was not there.
    pub async fn expunge(&self, variable: Variable) -> Result<bool, LogError> {
        let Variable { name, version: Some(expected), .. } = variable else { return Ok(false) };
        match persist(&*self.access, Request::Expunge { name, expected }).await? {
            Done::Stored(removed) => Ok(removed),
            other => Err(unexpected(&other)),
        }
    }

    /// The names of all variables, in order.
    pub async fn names(&self) -> Result<Vec<String>, LogError> {
        match persist(&*self.access, Request::Names).await? {
            Done::Names(names) => Ok(names),
            other => Err(unexpected(&other)),
        }
    }
}
