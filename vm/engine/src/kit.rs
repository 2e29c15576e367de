//! Running functions of the entry signature `(i64, i64, i64) -> i32` on plain memory, natively or evaluated: what the IR
//! conformance kit and the fuzzer need.
//!
//! Nothing here checks native code: it runs with the rights of the process. Whoever runs code that may be wrong isolates it in a process of its own.

use lockstep_backend_api::{Evaluator, Fault, Machine};
use lockstep_ir::eval::Results;
use lockstep_ir::{FuncRef, Signature, Unit};

use crate::foreign;
use crate::loader::CodeBlock;

/// Host functions that kit code may call, in helper-table order; see [`host_table`].
pub mod host {
    /// Helper 0: a mix of two integers that depends on their order.
    pub extern "C" fn mix(a: u64, b: u64) -> u64 {
        a.rotate_left(7) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Helper 1: a mix of eight integers, more than registers carry.
    pub extern "C" fn mix8(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
        [b, c, d, e, f, g, h].into_iter().fold(a, mix_fold)
    }

    fn mix_fold(a: u64, b: u64) -> u64 {
        mix(a, b)
    }

    /// Helper 2: integers and floats interleaved.
    pub extern "C" fn blend(a: u64, x: f64, b: u64, y: f64) -> f64 {
        (a >> 40) as f64 * x - (b >> 40) as f64 * y
    }

    /// Helper 3: narrow integers as the C convention extends them.
    pub extern "C" fn narrow(a: i8, b: u8, c: i16, d: u16, e: i32) -> i64 {
        i64::from(a) + 3 * i64::from(b) + 5 * i64::from(c) + 7 * i64::from(d) + 11 * i64::from(e)
    }
}

/// Addresses of the [`host`] functions, by helper index. Kit code finds this table at the address given as its third argument.
pub fn host_table() -> [u64; 4] {
    [
        host::mix as *const () as u64,
        host::mix8 as *const () as u64,
        host::blend as *const () as u64,
        host::narrow as *const () as u64,
    ]
}

/// Calls a loaded function: its arguments are the address of `memory`, `argument`, and the address of the host table.
///
/// The code must be of the entry signature and touch nothing but `memory`; see the module's warning.
pub fn call_native(code: &CodeBlock, func: FuncRef, memory: &mut [u64], argument: u64) -> i32 {
    let table = host_table();
    // SAFETY: the address is that of a function of the entry signature in code that lives as long as `code`. That it behaves cannot be
    // checked; the module's documentation says who answers for it.
    let entry: extern "C" fn(*mut u64, u64, *const u64) -> i32 = unsafe { std::mem::transmute(code.address(func)) };
    entry(memory.as_mut_ptr(), argument, table.as_ptr())
}

/// Evaluates a function as [`call_native`] would run it, on checked memory and within `steps` instructions.
///
/// # Errors
/// The [`Fault`] of the evaluation.
pub fn call_evaluated(
    evaluator: &dyn Evaluator,
    unit: &Unit,
    func: FuncRef,
    memory: &mut [u64],
    argument: u64,
    steps: u64,
) -> Result<i32, Fault> {
    let table = host_table();
    let base = memory.as_ptr() as u64;
    let mut machine = KitMachine { memory, base, table: &table, steps };
    let table_address = table.as_ptr() as u64;
    let results = evaluator.evaluate(unit, func, &[base, argument, table_address], &mut machine)?;
    Ok(results[0] as i32)
}

/// Checked memory: the case's words, and the host table read-only.
struct KitMachine<'m> {
    memory: &'m mut [u64],
    base: u64,
    table: &'m [u64; 4],
    steps: u64,
}

impl KitMachine<'_> {
    /// Byte range of an access within `words` at `base`.
    fn range(base: u64, words: usize, address: u64, bytes: u32) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(address.checked_sub(base)?).ok()?;
        let end = start.checked_add(bytes as usize)?;
        (end <= words * 8).then_some(start..end)
    }
}

impl Machine for KitMachine<'_> {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, Fault> {
        let (words, range) = if let Some(range) = Self::range(self.base, self.memory.len(), address, bytes) {
            (&*self.memory, range)
        } else {
            let range = Self::range(self.table.as_ptr() as u64, self.table.len(), address, bytes)
                .ok_or(Fault::Access { address, bytes })?;
            (&self.table[..], range)
        };
        Ok(range.rev().fold(0, |value, at| value << 8 | (words[at / 8] >> (at % 8 * 8) & 0xff)))
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), Fault> {
        let range =
            Self::range(self.base, self.memory.len(), address, bytes).ok_or(Fault::Access { address, bytes })?;
        for (n, at) in range.enumerate() {
            let shift = at % 8 * 8;
            let byte = value >> (8 * n) & 0xff;
            self.memory[at / 8] = self.memory[at / 8] & !(0xff << shift) | byte << shift;
        }
        Ok(())
    }

    fn call(&mut self, address: u64, signature: &Signature, args: &[u64]) -> Result<Results, Fault> {
        if !self.table.contains(&address) {
            return Err(Fault::Call { address });
        }
        // SAFETY: the address is one of the host functions, which take any bits; that the case declares its signature rightly is checked by
        // native code's calling it in the same way.
        unsafe { foreign::call(address, signature, args) }.ok_or(Fault::Call { address })
    }

    fn stack_pointer(&mut self, depth: u32) -> u64 {
        (1 << 40) - 4096 * u64::from(depth)
    }

    fn max_depth(&self) -> u32 {
        1000
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.steps = self.steps.checked_sub(1).ok_or(Fault::OutOfSteps)?;
        Ok(())
    }
}
