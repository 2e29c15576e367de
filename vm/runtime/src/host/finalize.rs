//! Finalizers that functions of the host run: where programs expect them to have been run, and at the end of a program.

use super::{Local, Scope};
use crate::collector::Pacing;
use crate::metamethod::Metamethod;

impl Scope<'_> {
    /// Runs the finalizers that wait. Errors in them are warnings. While one runs nothing happens.
    pub fn finalize_pending(&mut self) {
        if self.vm().dynamic.is_finalizing {
            return;
        }
        while let Some(object) = self.vm_mut().heap_mut().next_finalizer() {
            let is_final = self.scope(|scope| {
                // SAFETY: the object was just taken off the list that keeps it, and its metatable lives with it.
                let (object, finalizer) =
                    unsafe { (scope.root(object), scope.vm().heap().metamethod(object, Metamethod::Gc)) };
                // SAFETY: as above.
                let finalizer = unsafe { scope.root(finalizer) };
                if finalizer.as_function().is_none() {
                    return false;
                }
                scope.vm_mut().dynamic.is_finalizing = true;
                let outcome = scope.call_protected(finalizer, &[object]);
                scope.vm_mut().dynamic.is_finalizing = false;
                match outcome {
                    Ok(Ok(_)) => false,
                    Ok(Err(value)) => {
                        let text = scope.warning_text(value);
                        scope.vm_mut().dynamic.warnings.push(text);
                        false
                    }
                    Err(_) => true,
                }
            });
            if is_final {
                return;
            }
        }
        let waiting = self.vm().heap().pending_finalizers() != 0;
        self.vm_mut().announce_finalizers(waiting);
    }

    /// What a warning says of an error in a finalizer.
    fn warning_text(&self, value: Local<'_>) -> String {
        match value.as_str() {
            Some(text) => String::from_utf8_lossy(text.bytes()).into_owned(),
            None => "error object is not a string".to_owned(),
        }
    }

    /// Runs the finalizers of all objects, reachable or not, the youngest first: the program is over.
    pub fn finalize_all(&mut self) {
        self.vm_mut().heap_mut().finalize_all();
        self.vm_mut().dynamic.is_finalizing = false;
        self.finalize_pending();
    }

    /// Stops collections that are not asked for, unless memory is short, or lets them begin again.
    pub fn stop_collector(&mut self, stopped: bool) {
        let pacing = Pacing::default();
        let least = if stopped { u64::MAX } else { pacing.least };
        self.vm_mut().heap_mut().set_pacing(Pacing { least, ..pacing });
    }
}
