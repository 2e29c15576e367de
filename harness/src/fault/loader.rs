//! Mistakes of loaders, planted in what the loader is handed: it copies bytes and adds offsets, so a wrong copy is a right copy of other bytes.

use lockstep_backend_api::{Artifact, Code};
use lockstep_ir::Unit;

use super::{Fault, Layer, Plant};

const fn fault(id: &'static str, gate: &'static str, about: &'static str, change: fn(&Unit, &mut Artifact)) -> Fault {
    Fault { id, layer: Layer::Loader, about, gate, plant: Plant::Artifact(change) }
}

/// The faults of this layer.
pub(super) const FAULTS: &[Fault] = &[
    fault("lost-tail", "kit", "what lies beyond the first 2 KiB of the code is not copied", lost_tail),
    fault("lost-constants", "kit", "the last 8 bytes, where constants lie, are not copied", lost_constants),
    fault("wrong-entry", "kit", "the last function of a unit begins where the one before it does", wrong_entry),
];

fn bytes(artifact: &mut Artifact) -> Option<&mut Vec<u8>> {
    match &mut artifact.code {
        Code::Native { bytes, .. } => Some(bytes),
        Code::Evaluated => None,
    }
}

fn lost_tail(_: &Unit, artifact: &mut Artifact) {
    if let Some(rest) = bytes(artifact).and_then(|b| b.get_mut(2048..)) {
        rest.fill(0);
    }
}

fn lost_constants(_: &Unit, artifact: &mut Artifact) {
    if let Some(bytes) = bytes(artifact) {
        let from = bytes.len().saturating_sub(8);
        bytes[from..].fill(0);
    }
}

fn wrong_entry(_: &Unit, artifact: &mut Artifact) {
    if let [.., before, last] = &mut artifact.functions[..] {
        *last = *before;
    }
}
