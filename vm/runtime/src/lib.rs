//! Values, heap, stacks and errors of a running VM.
//!
//! [`Vm`] owns everything a program needs while it runs and hands out safe views of it. It executes nothing: the
//! interpreter and generated code do, through the address of the VM's context.

mod arithmetic;
mod base;
pub mod bytes;
mod closure;
mod collector;
mod comparison;
mod concat;
mod conversion;
mod describe;
mod dynamic;
mod error;
mod foreign;
mod functions;
mod fusion;
mod heap;
mod helpers;
mod host;
mod machine_stack;
mod metamethod;
mod modules;
mod names;
pub mod plant;
mod request;
mod roots;
mod safepoints;
mod snapshot;
mod stack;
mod string;
mod table;
mod thread;
mod tiering;
mod userdata;
mod value;
mod vm;

pub use arithmetic::{
    ArithError, ArithOp, arith, float_mod, floor_div, floor_mod, loop_limit, number_as_float, power, shift_left,
    shift_right,
};
pub use closure::{ClosureRef, CoroutineRef, ForeignRef, UpvalueRef};
pub use collector::{Cause, CoroutineHooks, Handle, KindUsage, Marker, Pacing, Pauses, Roots, Statistics, Stress};
pub use comparison::{raw_equal, raw_less, raw_less_equal};
pub use conversion::{NumberText, float_to_integer, parse_number, to_integer, to_number};
pub use describe::describe;
pub use dynamic::{CallKind, Dynamic, HostActivation, InterpreterCall, Pending, UnwindEnd, Unwinding};
pub use error::{Error, Position, Traceback};
pub use functions::FunctionInfo;
pub use fusion::{OTHER, fused, instr_at};
pub use heap::{ArrayRef, Heap, OutOfMemory};
pub use host::{
    Activation, Activations, FromArgument, Function, HostCode, HostError, HostFunction, HostId, HostResult, HostValue,
    IntoResults, IntoValue, Level, Local, Locals, Parameter, Raised, Scope, Str, Table, Typed, Userdata, Variable,
    View, raw, type_name, typed,
};
pub use machine_stack::{MACHINE_STACK_RESERVE, machine_stack_limit};
pub use metamethod::Metamethod;
pub use modules::Modules;
pub use names::Named;
pub use request::InterruptHandle;
pub use safepoints::{Safepoints, Waits};
pub use snapshot::{Held, Snapshot};
pub use stack::{MAX_FRAME_SIZE, Stack};
pub use string::StringRef;
pub use table::{Entry, TableError, TableRef};
pub use thread::{Thread, ThreadStatus};
pub use tiering::{NativeEntry, Thresholds, Tiering};
pub use userdata::{Release, UserdataRef};
pub use value::Value;
pub use vm::{InterpreterEntries, Limits, StackSizes, Vm, push_slots};

#[cfg(test)]
mod tests {
    use lockstep_bytecode::Kind;
    use lockstep_layout::Tag;

    #[test]
    fn kinds_and_tags_are_numbered_alike() {
        assert_eq!(Kind::ALL.len(), Tag::ALL.len());
        for (kind, (tag, name)) in Kind::ALL.iter().zip(Tag::ALL) {
            assert_eq!(kind.tag(), tag.0, "{kind} and {name}");
            let named = format!("{kind:?}").to_uppercase();
            assert_eq!(named, name.replace('_', ""), "the names agree");
            assert_eq!(kind.element().is_some(), tag.is_array(), "{kind}");
        }
    }
}
