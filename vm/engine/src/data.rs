//! A unit's data block: the writable words beside its code, which never changes.

use std::cell::UnsafeCell;

use lockstep_bytecode::Pc;
use lockstep_compiler::DataWord;
use lockstep_runtime::Vm;

/// The words of a unit's data block, at an address that never changes, with their meaning.
///
/// Generated code reads and writes the words through their address while it runs; the engine does so through `&self` when no code
/// of this VM runs, or from a helper that running code has called. Both happen on the VM's one thread.
#[derive(Debug)]
pub struct DataBlock {
    words: Box<[UnsafeCell<u64>]>,
    layout: Vec<DataWord>,
}

impl DataBlock {
    /// Resolves the compiler's symbolic description for one VM.
    pub fn new(layout: Vec<DataWord>, vm: &mut Vm) -> Self {
        let words = layout.iter().map(|word| {
            UnsafeCell::new(match *word {
                DataWord::Valid => 1,
                DataWord::Constant(bits) => bits,
                DataWord::FunctionEntry(func) => std::ptr::from_ref(vm.function_entry(func)) as u64,
                DataWord::CounterInline(_) | DataWord::CounterHelper(_) => 0,
            })
        });
        Self { words: words.collect(), layout }
    }

    /// The address that entries take as their third argument.
    pub fn address(&self) -> u64 {
        self.words.as_ptr() as u64
    }

    /// Clears the `Valid` word: activations leave after the call they are in, if they are in one.
    pub fn invalidate(&self) {
        for (word, meaning) in self.words.iter().zip(&self.layout) {
            if matches!(meaning, DataWord::Valid) {
                // SAFETY: the type's documentation: only this thread touches the words, and no reference to them exists.
                unsafe { *word.get() = 0 };
            }
        }
    }

    /// The coverage counters: instruction, whether it went through a helper, executions.
    pub fn counters(&self) -> impl Iterator<Item = (Pc, bool, u64)> + '_ {
        self.words.iter().zip(&self.layout).filter_map(|(word, meaning)| {
            // SAFETY: as in `invalidate`.
            let count = unsafe { *word.get() };
            match *meaning {
                DataWord::CounterInline(pc) => Some((pc, false, count)),
                DataWord::CounterHelper(pc) => Some((pc, true, count)),
                _ => None,
            }
        })
    }
}
