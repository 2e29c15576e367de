//! Evaluated artifacts behind native entry words: so that the evaluator takes part wherever machine code does.
//!
//! The entry word of every evaluated function is [`entry`]; what it is to evaluate stands in a [`Closure`], whose address takes the place of the
//! data block's in the function's record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockstep_backend_api::{Backend, Fault, Machine};
use lockstep_ir::eval::Results;
use lockstep_ir::{FuncRef, Signature, Unit};
use lockstep_layout::{Ctx, Frame, Status};
use lockstep_runtime::Vm;

use crate::foreign;
use crate::value_stage::{self, Origin};

/// One entry of an evaluated unit.
pub struct Closure {
    backend: Arc<dyn Backend>,
    unit: Arc<Unit>,
    func: FuncRef,
    data: u64,
    /// Where a value-stage unit comes from.
    origin: Option<Arc<Origin>>,
}

impl Closure {
    /// The entry `func` of a unit whose data block is at `data`. The backend must have an evaluator.
    pub fn new(
        backend: Arc<dyn Backend>,
        unit: Arc<Unit>,
        func: FuncRef,
        data: u64,
        origin: Option<Arc<Origin>>,
    ) -> Box<Self> {
        Box::new(Self { backend, unit, func, data, origin })
    }

    /// What stands in the function's record as its data.
    pub fn address(&self) -> u64 {
        std::ptr::from_ref(self) as u64
    }

    fn run(&self, ctx: *mut Ctx, frame: *mut Frame) -> Result<i32, Fault> {
        let args = [ctx as u64, frame as u64, self.data];
        if let Some(origin) = &self.origin {
            return value_stage::run(&*self.backend, &self.unit, self.func, origin, args);
        }
        let evaluator = self.backend.evaluator().expect("the backend's artifacts are evaluated");
        let results = evaluator.evaluate(&self.unit, self.func, &args, &mut VmMachine)?;
        Ok(results[0] as i32)
    }
}

/// The universal entry of evaluated functions.
pub extern "C" fn entry(ctx: *mut Ctx, frame: *mut Frame, closure: *mut u64) -> i32 {
    // SAFETY: entries and their third argument are linked together (`unit.rs`): this entry goes with the address of a closure that lives
    // as long as the unit, which is kept while an activation may exist.
    let closure = unsafe { &*closure.cast::<Closure>() };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        closure.run(ctx, frame).unwrap_or_else(|fault| panic!("evaluation of `{}`: {fault}", closure.unit.name))
    }));
    outcome.unwrap_or_else(|panic| {
        // SAFETY: `ctx.vm` is the VM that entered this code, on this thread; nothing borrows it while program code runs.
        unsafe { (*(*ctx).vm.cast::<Vm>()).set_panic(panic) };
        Status::ERROR
    })
}

/// The VM's memory and the process's functions, unchecked: evaluated units are trusted as far as machine code is.
pub struct VmMachine;

impl Machine for VmMachine {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, Fault> {
        // SAFETY: the unit was compiled for this VM: its accesses are to frames, context, data blocks and arrays, all alive while it runs.
        unsafe {
            Ok(match bytes {
                1 => u64::from((address as *const u8).read()),
                2 => u64::from((address as *const u16).read_unaligned()),
                4 => u64::from((address as *const u32).read_unaligned()),
                _ => (address as *const u64).read_unaligned(),
            })
        }
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), Fault> {
        // SAFETY: as in `load`.
        unsafe {
            match bytes {
                1 => (address as *mut u8).write(value as u8),
                2 => (address as *mut u16).write_unaligned(value as u16),
                4 => (address as *mut u32).write_unaligned(value as u32),
                _ => (address as *mut u64).write_unaligned(value),
            }
        }
        Ok(())
    }

    fn call(&mut self, address: u64, signature: &Signature, args: &[u64]) -> Result<Results, Fault> {
        // SAFETY: the unit calls this address with this signature: it is a helper or an entry of this VM.
        unsafe { foreign::call(address, signature, args) }.ok_or(Fault::Call { address })
    }

    /// The evaluator's own frames are on the same machine stack as those of native code, so this bounds the same recursion.
    fn stack_pointer(&mut self, _depth: u32) -> u64 {
        let here = 0u8;
        std::ptr::from_ref(&here) as u64
    }

    fn max_depth(&self) -> u32 {
        u32::MAX
    }

    fn step(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
