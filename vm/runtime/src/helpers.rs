//! The helpers that need no interpreter, and the table of all of them. Each has the C ABI, and none unwinds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lockstep_layout::{Ctx, HelperId, Tag};

use crate::vm::{InterpreterEntries, Vm};

/// The addresses of all helpers, in the order of [`HelperId::ALL`].
pub fn table(entries: &InterpreterEntries) -> Box<[usize]> {
    let address = |helper: &HelperId| match helper {
        HelperId::Finish => entries.finish as usize,
        HelperId::InterpretCall => entries.interpret_call as usize,
        HelperId::ArrayNew => array_new as *const () as usize,
        HelperId::Print => print as *const () as usize,
        HelperId::F64RemT => f64_rem_t as *const () as usize,
        HelperId::F64RemF => f64_rem_f as *const () as usize,
    };
    HelperId::ALL.iter().map(address).collect()
}

/// Runs a helper's body on the VM. A panic is kept for the host, and answered as a failure: the program then reaches the
/// interpreter, which meets the panic again or ends the run.
fn guarded<R>(ctx: *mut Ctx, failure: R, body: impl FnOnce(&mut Vm) -> R) -> R {
    // SAFETY: generated code passes the context it was entered with, whose `vm` was set when the run began and lives until
    // it ends. Nobody else holds a reference to the VM while generated code runs.
    let vm = unsafe { &mut *(*ctx).vm.cast::<Vm>() };
    match catch_unwind(AssertUnwindSafe(|| body(&mut *vm))) {
        Ok(result) => result,
        Err(panic) => {
            vm.set_panic(panic);
            failure
        }
    }
}

/// Does what may collect, and does not: where native code is, the collector does not know. If there is no memory, the interpreter tries again.
fn uncollected<R>(vm: &mut Vm, body: impl FnOnce(&mut Vm) -> R) -> R {
    vm.allow_collections(false);
    let result = body(vm);
    vm.allow_collections(true);
    result
}

extern "C" fn array_new(ctx: *mut Ctx, tag: i64, len: i64) -> u64 {
    guarded(ctx, 0, |vm| match u64::try_from(len) {
        Ok(len) => {
            let array = uncollected(vm, |vm| vm.heap_mut().new_array(Tag(tag as u64), len));
            array.map_or(0, |array| array.payload())
        }
        Err(_) => 0,
    })
}

extern "C" fn print(ctx: *mut Ctx, tag: i64, payload: i64) -> i32 {
    guarded(ctx, 0, |vm| i32::from(uncollected(vm, |vm| vm.print(Tag(tag as u64), payload as u64)).is_ok()))
}

extern "C" fn f64_rem_t(a: f64, b: f64) -> f64 {
    a % b
}

extern "C" fn f64_rem_f(a: f64, b: f64) -> f64 {
    let rem = a % b;
    if rem != 0.0 && (rem < 0.0) != (b < 0.0) { rem + b } else { rem }
}
