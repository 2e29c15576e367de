//! Planted faults: a backend wrapped so that it does something wrong. Gates get an id and cannot see which fault is behind it.
//!
//! Two kinds: *behaviours* ([`behaviour`]) misuse the process (crash, hang, print …) and must cost one case each;
//! *mutations* ([`mutation`]) change the unit before the real backend compiles it, so that the code is wrong as a buggy backend's is.

mod behaviour;
mod mutation;

use std::sync::Arc;

use lockstep_backend_api::Backend;

/// No fault has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault `{name}`; there are {known}")]
pub struct UnknownFault {
    /// The name asked for.
    pub name: String,
    /// The names there are.
    pub known: String,
}

/// Splits `fault:NAME:ID`.
pub fn parse_id(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("fault:")?.split_once(':')
}

/// The id of a backend with a planted fault.
pub fn id(name: &str, inner: &str) -> String {
    format!("fault:{name}:{inner}")
}

/// A backend with a planted fault around another.
///
/// # Errors
/// There is no fault of that name.
pub fn plant(name: &str, inner: Arc<dyn Backend>) -> Result<Arc<dyn Backend>, UnknownFault> {
    if let Some(behaviour) = behaviour::Behaviour::from_name(name) {
        return Ok(Arc::new(behaviour::Misbehaving::new(behaviour, inner)));
    }
    if let Some(mutation) = mutation::Mutation::from_name(name) {
        return Ok(Arc::new(mutation::Mutating::new(mutation, inner)));
    }
    let behaviours = Behaviour::ALL.iter().map(|b| b.name());
    let known: Vec<&str> = Mutation::ALL.iter().map(|m| m.name).chain(behaviours).collect();
    Err(UnknownFault { name: name.to_owned(), known: known.join(", ") })
}

pub use behaviour::Behaviour;
pub use mutation::Mutation;
