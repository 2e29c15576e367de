//! What a frame held at the moment of a forced exit: for telling where two ways of running a program part.
//!
//! Only registers that are still needed are looked at: native code owes the others nothing. It is no debugger: one moment of one run.

use lockstep_bytecode::{Cfg, FuncId, Kind, Liveness, Pc, Reg};
use lockstep_layout::{Frame, Tag, payload_offset, tag_offset};

use crate::heap::Heap;
use crate::modules::Modules;
use crate::value::Value;

/// The innermost frame at an event, before the instruction at `pc` has its effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The function.
    pub func: FuncId,
    /// The instruction to execute next.
    pub pc: Pc,
    /// Frames on the stack.
    pub depth: u32,
    /// The live registers, in order.
    pub registers: Vec<(Reg, Held)>,
    /// Bytes written so far.
    pub output: usize,
    /// How often the interpreter has executed each instruction of each function; empty unless it counts.
    pub executions: Vec<Vec<u64>>,
}

/// What a register holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A value of the register's kind.
    Value(Value),
    /// A heap object in an `any` register.
    Object {
        /// Its tag.
        tag: u64,
    },
    /// A tag that is not the register's kind's, and the payload beside it.
    Mistagged {
        /// The tag found.
        tag: u64,
        /// The payload.
        payload: u64,
    },
}

impl Snapshot {
    /// Looks at a frame.
    ///
    /// # Safety
    /// `frame` is a live frame of a function of one of the modules, complete for its stored function and `pc`; array registers that are tagged as such
    /// hold arrays.
    pub(crate) unsafe fn of(
        modules: &Modules,
        frame: *const Frame,
        pc: Pc,
        output: usize,
        executions: Vec<Vec<u64>>,
    ) -> Self {
        // SAFETY: the caller says that the frame is live.
        let Frame { func, depth, .. } = unsafe { *frame };
        let func = FuncId(func);
        let (module, local) = modules.find(func);
        let function = module.function(local);
        let live = Liveness::new(module, function, &Cfg::new(function)).before(pc);
        let held = |reg: Reg| {
            // SAFETY: the frame has a slot for each register of its function.
            let (payload, tag) = unsafe {
                let at = |offset: u32| frame.byte_add(offset as usize).cast::<u64>().read();
                (at(payload_offset(u32::from(reg.0))), at(tag_offset(u32::from(reg.0))))
            };
            if function.kind(reg) != Kind::Any && tag != function.kind(reg).tag() {
                return Held::Mistagged { tag, payload };
            }
            if Tag(tag).is_reference() && !Tag(tag).is_array() {
                return Held::Object { tag };
            }
            // SAFETY: what is tagged as an array is one, says the caller; the program is not running.
            Held::Value(Value::from_scalar(Tag(tag), payload).unwrap_or_else(|| unsafe { Heap::load(payload) }))
        };
        let registers = live.iter().filter(|reg| reg.index() < function.registers.len());
        Self { func, pc, depth, registers: registers.map(|reg| (reg, held(reg))).collect(), output, executions }
    }
}
