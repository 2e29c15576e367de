//! What values are called in messages: ` (local 'x')`, ` (field 'y')`, ` (global 'z')`, ` (upvalue 'u')`, ` (method 'm')`, ` (constant 'c')`.
//!
//! A register with a name is a local variable. Any other is named by the instruction that wrote it last, if that stands before the
//! current one with no way into the code between them. Names are those of the program as it was written, whatever the optimiser has made of it.

use lockstep_bytecode::{FuncId, Function, Instr, Pc, Reg, Value};
use lockstep_layout::Slot;
use lockstep_runtime::type_name;

use super::Here;

/// The name of the table of global variables, as Lua has it.
const GLOBALS: &str = "_ENV";

impl Here<'_> {
    /// What a register of the frame is called at the current instruction.
    ///
    /// # Safety
    /// The registers are those of a running activation, and nobody else uses the VM.
    pub unsafe fn describe(&self, reg: Reg) -> String {
        // SAFETY: the frame is live; the module lives as long as the VM.
        let (modules, func, pc) = unsafe { (self.vm().modules(), FuncId((*self.s.frame).func), self.s.pc()) };
        let (function, pc, reg) = modules.original(func, pc, reg);
        name(function, pc, reg).unwrap_or_default()
    }

    /// What an upvalue is called.
    ///
    /// # Safety
    /// As for [`Here::describe`].
    pub unsafe fn type_of(&self, value: Slot) -> String {
        // SAFETY: the caller says so; a metatable's name is live with it.
        unsafe {
            let heap = self.heap();
            let named = heap.metamethod(value, lockstep_runtime::Metamethod::Name);
            match lockstep_runtime::StringRef::from_slot(named) {
                Some(text) => String::from_utf8_lossy(text.bytes()).into_owned(),
                None => type_name(value).to_owned(),
            }
        }
    }
}

fn name(function: &Function, pc: Pc, reg: Reg) -> Option<String> {
    if let Some(name) = function.variable(reg, pc) {
        return Some(format!(" (local '{name}')"));
    }
    let text = |value: &Value| match value {
        Value::Str(id) => {
            function.strings.get(usize::from(id.0)).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    };
    let is_target = |at: Pc| {
        function.code.iter().any(|instr| instr.target() == Some(at))
            || function.tables.iter().any(|table| table.all().any(|target| target == at))
    };
    for at in (0..pc.0).rev().map(Pc) {
        if is_target(Pc(at.0 + 1)) {
            return None;
        }
        let instr = function.instr(at);
        let mut writes = false;
        instr.for_each_def(|def| writes |= def == reg);
        if !writes {
            if !instr.info().falls_through() {
                return None;
            }
            continue;
        }
        let operands = instr.operands();
        return match instr {
            Instr::MoveAny { a, .. } => name(function, at, a),
            Instr::GetNameAny { object, .. } => {
                let globals = name(function, at, object).is_some_and(|name| name.contains(&format!("'{GLOBALS}'")));
                let what = if globals { "global" } else { "field" };
                operands.iter().find_map(text).map(|field| format!(" ({what} '{field}')"))
            }
            Instr::GetAny { key, .. } => constant(function, at, key).map(|field| format!(" (field '{field}')")),
            Instr::MethodAny { base, .. } if base == reg => {
                operands.iter().find_map(text).map(|field| format!(" (method '{field}')"))
            }
            Instr::UpvalueGetAny { upvalue, .. } => {
                let name = function.upvalues.get(usize::from(upvalue.0)).filter(|name| !name.is_empty());
                name.map(|name| format!(" (upvalue '{name}')"))
            }
            Instr::StringAny { .. } => operands.iter().find_map(text).map(|text| format!(" (constant '{text}')")),
            _ => None,
        };
    }
    None
}

/// The string constant that a register holds, if the instruction just before loads it.
fn constant(function: &Function, pc: Pc, reg: Reg) -> Option<String> {
    let before = Pc(pc.0.checked_sub(1)?);
    match function.instr(before) {
        Instr::StringAny { dst, value } if dst == reg => {
            function.strings.get(usize::from(value.0)).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    }
}
