//! The backends that take part.

use std::sync::Arc;

use crate::Backend;
use crate::exec::ExecBackend;

/// Backends by id, in the order in which reports show them.
#[derive(Default)]
pub struct Registry {
    backends: Vec<Arc<dyn Backend>>,
}

/// No backend has that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no backend `{id}`; there are {}", known.join(", "))]
pub struct UnknownBackend {
    /// The id asked for.
    pub id: String,
    /// The ids there are.
    pub known: Vec<String>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a backend.
    ///
    /// # Panics
    /// One with the same id is there already: two programs cannot share a column.
    pub fn register(&mut self, backend: Arc<dyn Backend>) {
        assert!(self.iter().all(|b| b.id() != backend.id()), "backend `{}` is registered twice", backend.id());
        self.backends.push(backend);
    }

    /// All backends.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Backend> {
        self.backends.iter().map(Arc::as_ref)
    }

    /// Makes sure that the backend with that id is there: `exec:CMD` is added on first use.
    ///
    /// # Errors
    /// No such backend, or one that does not answer.
    pub fn resolve(&mut self, id: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.get(id).is_ok() {
            return Ok(());
        }
        match id.strip_prefix("exec:") {
            Some(command) => {
                self.register(Arc::new(ExecBackend::start(command)?));
                Ok(())
            }
            None => self.get(id).map(drop).map_err(Into::into),
        }
    }

    /// The backend with that id.
    ///
    /// # Errors
    /// There is none; the error names those there are.
    pub fn get(&self, id: &str) -> Result<&dyn Backend, UnknownBackend> {
        self.share(id).map(Arc::as_ref)
    }

    /// The backend with that id, to be kept: engines hold the backend they compile with.
    ///
    /// # Errors
    /// As [`Registry::get`].
    pub fn share(&self, id: &str) -> Result<&Arc<dyn Backend>, UnknownBackend> {
        self.backends.iter().find(|b| b.id() == id).ok_or_else(|| UnknownBackend {
            id: id.to_owned(),
            known: self.iter().map(|b| b.id().to_owned()).chain(["exec:CMD".to_owned()]).collect(),
        })
    }
}
