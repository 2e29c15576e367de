//! Running a unit without machine code.

use lockstep_ir::eval::Results;
use lockstep_ir::{FuncRef, Function, InstData, Signature, Unit};

/// What evaluated code does to the world outside its values. The conformance kit supplies a checked one over byte arrays,
/// the engine one over the VM's memory.
pub trait Machine {
    /// Reads `bytes` (1, 2, 4 or 8) bytes, little-endian, zero-extended.
    ///
    /// # Errors
    /// The address is not readable.
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, Fault>;

    /// Writes the low `bytes` (1, 2, 4 or 8) bytes of `value`, little-endian.
    ///
    /// # Errors
    /// The address is not writable.
    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), Fault>;

    /// Calls code that is not part of the unit. Arguments and results are bits, zero-extended.
    ///
    /// # Errors
    /// Nothing callable is there, or the callee faulted.
    fn call(&mut self, address: u64, signature: &Signature, args: &[u64]) -> Result<Results, Fault>;

    /// What `stack_pointer` gives at the given depth of direct calls within the unit (0 at the entry): lower for deeper.
    fn stack_pointer(&mut self, depth: u32) -> u64;

    /// How deeply direct calls within the unit may nest; more is [`Fault::OutOfDepth`].
    fn max_depth(&self) -> u32;

    /// Called once per instruction.
    ///
    /// # Errors
    /// [`Fault::OutOfSteps`], to end what does not end by itself.
    fn step(&mut self) -> Result<(), Fault>;

    /// Does an operation of the value stage: leaving, calling bytecode functions and counting are a VM's to do, not an evaluator's. `values`
    /// holds the bits of the function's values so far, by [`Value::index`](lockstep_ir::Value::index).
    ///
    /// # Errors
    /// [`Fault::WrongStage`] from a machine that is no VM's, and whatever the operation itself meets.
    fn value_stage(&mut self, unit: &Unit, func: &Function, inst: &InstData, values: &[u64]) -> Result<Flow, Fault> {
        let _ = (unit, func, inst, values);
        Err(Fault::WrongStage)
    }
}

/// How a function goes on after an operation of the value stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Behind it, with these results of it.
    Next(Results),
    /// Not at all: it returns these.
    Return(Results),
}

/// Why an evaluation could not go on. None of these is a result of the language: each is a defect of the unit, or a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An access outside the memory given.
    #[error("access of {bytes} bytes at {address:#x} outside of memory")]
    Access {
        /// The address.
        address: u64,
        /// The size.
        bytes: u32,
    },
    /// A call of an address with nothing to call.
    #[error("call of {address:#x}, where no function is")]
    Call {
        /// The address.
        address: u64,
    },
    /// The step limit was reached.
    #[error("step limit reached")]
    OutOfSteps,
    /// Direct calls nested too deeply.
    #[error("call depth limit reached")]
    OutOfDepth,
    /// An operation of a stage that cannot be run here.
    #[error("an operation of a stage that cannot be run here")]
    WrongStage,
}

/// Runs functions of a unit.
pub trait Evaluator: Send + Sync {
    /// Runs a function on the bits of its arguments (zero-extended) and returns the bits of its results.
    ///
    /// # Errors
    /// The first [`Fault`].
    fn evaluate(&self, unit: &Unit, func: FuncRef, args: &[u64], machine: &mut dyn Machine) -> Result<Results, Fault>;
}
