//! Which backends take part, and at which levels. Everything here comes from the registry: no backend is named.

use std::sync::{Arc, OnceLock};

use lockstep_backend_api::{Backend, Evaluator, Execution, Level, Registry};

use crate::case::{Case, CaseError};
use crate::fault;

/// Why a selection of backends could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// No such backend, or one that does not answer.
    #[error("{0}")]
    Backend(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// A level that none of the chosen backends has.
    #[error("no chosen backend has the level `{level}`; there are {known}")]
    Level {
        /// The level asked for.
        level: String,
        /// Those there are.
        known: String,
    },
}

/// The backends of this run: the registry's, `exec:` processes, and backends with a planted fault.
pub struct Backends {
    registry: Registry,
}

/// One column of a table of results: a backend at a level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Column {
    /// The backend's id.
    pub backend: String,
    /// The level.
    pub level: Level,
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.backend, self.level)
    }
}

/// What makes the registry that every [`Backends`] of this process starts from; Lockstep's own, if nothing was provided.
static REGISTRY: OnceLock<fn() -> Registry> = OnceLock::new();

/// Makes this process start from another registry: see [`crate::cli::main_with`].
pub(crate) fn provide(registry: fn() -> Registry) {
    assert!(REGISTRY.set(registry).is_ok(), "a process has one registry");
}

impl Default for Backends {
    fn default() -> Self {
        let registry = REGISTRY.get().map_or_else(lockstep_registry::registry, |registry| registry());
        Self { registry: fault::into_registry(registry) }
    }
}

impl Backends {
    /// The backends of this build.
    pub fn new() -> Self {
        Self::default()
    }

    /// All backends known so far.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Backend> {
        self.registry.iter()
    }

    /// The backend with that id. `exec:CMD` and `fault:NAME:ID` are made on first use.
    ///
    /// # Errors
    /// No such backend, or one that does not answer.
    pub fn resolve(&mut self, id: &str) -> Result<&dyn Backend, SelectionError> {
        if self.registry.get(id).is_err() {
            if let Some((name, inner)) = fault::parse_id(id) {
                self.registry.resolve(inner)?;
                let inner = self.registry.share(inner).map_err(|e| SelectionError::Backend(e.into()))?.clone();
                self.registry.register(fault::plant(name, inner).map_err(|e| SelectionError::Backend(e.into()))?);
            } else {
                self.registry.resolve(id)?;
            }
        }
        self.registry.get(id).map_err(|e| SelectionError::Backend(e.into()))
    }

    /// The backend whose evaluation is the reference: the registry's first evaluated one.
    ///
    /// # Panics
    /// The build has none.
    pub fn reference(&self) -> &dyn Evaluator {
        let mut evaluated = self.iter().filter(|b| b.capabilities().execution == Execution::Evaluated);
        evaluated.find_map(Backend::evaluator).expect("every build has an evaluated backend")
    }

    /// Asks the reference for what a case does not state.
    ///
    /// # Errors
    /// A run that the reference cannot finish.
    pub fn complete(&self, case: &mut Case) -> Result<(), CaseError> {
        case.complete(self.reference())
    }

    /// As [`Backends::resolve`], to be kept: engines hold the backend they compile with.
    ///
    /// # Errors
    /// No such backend, or one that does not answer.
    pub fn share(&mut self, id: &str) -> Result<Arc<dyn Backend>, SelectionError> {
        self.resolve(id)?;
        self.registry.share(id).cloned().map_err(|e| SelectionError::Backend(e.into()))
    }

    /// The columns for these backends (all of the build, if none is given) at these levels (all they have, if none is
    /// given; `default` stands for each backend's own).
    ///
    /// # Errors
    /// An unknown backend; a level that no chosen backend has.
    pub fn columns(&mut self, ids: &[String], levels: &[String]) -> Result<Vec<Column>, SelectionError> {
        let ids: Vec<String> =
            if ids.is_empty() { self.iter().map(|b| b.id().to_owned()).collect() } else { ids.to_vec() };
        let mut all = Vec::new();
        for id in ids {
            let capabilities = self.resolve(&id)?.capabilities();
            for level in capabilities.levels {
                all.push((Column { backend: id.clone(), level }, level == capabilities.default_level));
            }
        }
        let wanted = |name: &str, (column, default): &(Column, bool)| {
            column.level.name() == name || name == "default" && *default
        };
        if let Some(level) = levels.iter().find(|level| !all.iter().any(|c| wanted(level, c))) {
            let known = Level::ALL.iter().map(|l| l.name()).chain(["default"]).collect::<Vec<_>>().join(", ");
            return Err(SelectionError::Level { level: level.clone(), known });
        }
        all.retain(|column| levels.is_empty() || levels.iter().any(|level| wanted(level, column)));
        Ok(all.into_iter().map(|(column, _)| column).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_come_from_the_registry() {
        let mut backends = Backends::new();
        let all = backends.columns(&[], &[]).expect("the build's backends");
        let defaults = backends.columns(&[], &["default".into()]).expect("defaults");
        assert_eq!(defaults.len(), backends.iter().count());
        assert!(defaults.iter().all(|c| all.contains(c)));
        assert!(backends.columns(&["no_such".into()], &[]).expect_err("unknown").to_string().contains("no backend"));
        assert!(backends.columns(&[], &["fastest".into()]).expect_err("unknown").to_string().contains("default"));
    }
}
