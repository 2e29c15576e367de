//! A one-pass code generator for x86-64: every value has a stack slot, every operation loads its operands into registers, computes, and
//! stores its result. It chooses no registers and looks at no instruction twice; what it shows is how little a backend needs.
//!
//! [`asm`] encodes instructions; [`ops`] is one lowering per operation; here are the frame, calls of [`ops`] in order, and the interface.
#![forbid(unsafe_code)]

pub mod asm;
pub mod ops;

use std::time::Instant;

use asm::{Asm, Label, R8, R9, R11, RAX, RBP, RCX, RDI, RDX, RSI, RSP, Reg, Rm};
use lockstep_backend_api::{
    Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Level, Options, PhaseTime, Target,
};
use lockstep_ir::{BlockCall, Extension, Function, Op, Param, Type, Unit, Value};

/// The code generator.
#[derive(Debug, Default)]
pub struct Generator;

impl Backend for Generator {
    fn id(&self) -> &str {
        env!("CARGO_PKG_NAME")
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn summary(&self) -> String {
        env!("CARGO_PKG_DESCRIPTION").to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            targets: vec![Arch::X86_64],
            levels: vec![Level::None],
            default_level: Level::None,
            // What has no lowering is declared: there is no second list to keep in step.
            unsupported: Op::machine().filter(|&op| ops::lowering(op).is_none()).collect(),
            execution: Execution::Native,
        }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        if target.arch != Arch::X86_64 {
            return Err(CompileError::UnsupportedTarget(target.arch));
        }
        if options.level != Level::None {
            return Err(CompileError::UnsupportedLevel(options.level));
        }
        if options.verify {
            lockstep_ir::verify::verify(unit).map_err(|e| CompileError::InvalidUnit(e.to_string()))?;
        }
        let start = Instant::now();
        let mut asm = Asm::default();
        let entries: Vec<Label> = unit.functions.iter().map(|_| asm.label()).collect();
        for (func, &entry) in unit.functions.iter().zip(&entries) {
            asm.bind(entry);
            let blocks = func.blocks.iter().map(|_| asm.label()).collect();
            Lowerer { asm: &mut asm, unit, func, entries: &entries, blocks }.function()?;
        }
        let functions = entries.iter().map(|&entry| asm.offset(entry)).collect();
        let code = Code::Native { arch: Arch::X86_64, bytes: asm.finish(), align: 16 };
        let phases = vec![PhaseTime { name: "emit", time: start.elapsed() }];
        Ok(Artifact { code, functions, phases, source_map: Vec::new() })
    }
}

/// The registers that carry the first integer arguments.
const ARGUMENTS: [Reg; 6] = [RDI, RSI, RDX, RCX, R8, R9];
/// The registers that carry integer results.
const RESULTS: [Reg; 2] = [RAX, RDX];

/// Where the calling convention puts an argument or a result.
#[derive(Clone, Copy)]
enum Place {
    Int(Reg),
    /// The register `xmmN`.
    Float(u8),
    /// The n-th eightbyte on the stack.
    Stack(i32),
}

/// Where arguments or results of these types go, and how many eightbytes of stack they take.
fn places(types: impl Iterator<Item = Type>, ints: &[Reg]) -> (Vec<Place>, i32) {
    let (mut ints, mut floats, mut stack) = (ints.iter(), 0..8, 0..);
    let mut place = |ty: Type| {
        let found = if ty.is_int() { ints.next().map(|&r| Place::Int(r)) } else { floats.next().map(Place::Float) };
        found.or_else(|| stack.next().map(Place::Stack)).expect("the stack has no end")
    };
    (types.map(&mut place).collect(), stack.start)
}

/// Lowers one function.
pub struct Lowerer<'u> {
    pub asm: &'u mut Asm,
    pub unit: &'u Unit,
    pub func: &'u Function,
    /// The functions of the unit.
    pub entries: &'u [Label],
    /// The blocks of this function.
    pub blocks: Vec<Label>,
}

impl Lowerer<'_> {
    /// The slot of a value. It holds the value zero-extended to 64 bits: whatever is stored is cut to its width before.
    pub fn slot(&self, value: Value) -> Rm {
        Rm::Mem(RBP, -8 * (value.0 as i32 + 1))
    }

    fn function(&mut self) -> Result<(), CompileError> {
        let values = self.func.values.len();
        // More do not fit into a frame whose offsets are 32 bits.
        if values > 1 << 27 {
            return Err(CompileError::TooLarge(format!("{values} values")));
        }
        self.asm.inst(&[], false, &[0xff], 6, Rm::Reg(RBP)); // push rbp
        self.asm.copy(RBP, RSP);
        self.asm.move_stack(-((8 * values).next_multiple_of(16) as i32));
        let (places, _) = places(self.func.signature.params.iter().map(|p| p.ty), &ARGUMENTS);
        for (&value, place) in self.func.blocks[0].params.iter().zip(places) {
            let reg = match place {
                Place::Int(reg) => reg,
                Place::Float(xmm) => self.from_float(R11, xmm),
                Place::Stack(n) => {
                    // Above the saved rbp and the return address.
                    self.asm.wide(&[0x8b], R11, Rm::Mem(RBP, 16 + 8 * n));
                    R11
                }
            };
            self.define(value, reg);
        }
        for (block, label) in self.func.blocks.iter().zip(self.blocks.clone()) {
            self.asm.bind(label);
            for inst in block.insts.iter().map(|i| &self.func.insts[i.index()]) {
                let Some(lower) = ops::lowering(inst.op) else {
                    return Err(CompileError::Unsupported { op: inst.op, detail: format!("at {}", inst.ty) });
                };
                lower(self, inst);
            }
        }
        Ok(())
    }

    /// Loads a value, zero-extended.
    pub fn load(&mut self, reg: Reg, value: Value) {
        let slot = self.slot(value);
        self.asm.wide(&[0x8b], reg, slot);
    }

    /// Loads an integer, sign-extended.
    pub fn load_signed(&mut self, reg: Reg, value: Value) {
        let slot = self.slot(value);
        match self.func.ty(value) {
            Type::I8 => self.asm.wide(&[0x0f, 0xbe], reg, slot),
            Type::I16 => self.asm.wide(&[0x0f, 0xbf], reg, slot),
            Type::I32 => self.asm.wide(&[0x63], reg, slot),
            _ => self.asm.wide(&[0x8b], reg, slot),
        }
    }

    /// Cuts what a register holds to the value's width, and stores it as that value.
    pub fn define(&mut self, value: Value, reg: Reg) {
        match self.func.ty(value) {
            Type::I8 => self.asm.inst(&[], false, &[0x0f, 0xb6], reg.0, Rm::Reg(reg)),
            Type::I16 => self.asm.inst(&[], false, &[0x0f, 0xb7], reg.0, Rm::Reg(reg)),
            Type::I32 | Type::F32 => self.asm.inst(&[], false, &[0x8b], reg.0, Rm::Reg(reg)),
            Type::I64 | Type::F64 => {}
        }
        let slot = self.slot(value);
        self.asm.wide(&[0x89], reg, slot);
    }

    /// `xmmN` = a value's slot.
    fn to_float(&mut self, xmm: u8, value: Value) {
        let slot = self.slot(value);
        self.asm.inst(&[0xf3], false, &[0x0f, 0x7e], xmm, slot);
    }

    /// `reg = xmmN`.
    fn from_float(&mut self, reg: Reg, xmm: u8) -> Reg {
        self.asm.inst(&[0x66], true, &[0x0f, 0x7e], xmm, Rm::Reg(reg));
        reg
    }

    /// Goes to a block. Its parameters are assigned all at once: every argument is pushed before any parameter is popped.
    pub fn branch(&mut self, target: &BlockCall) {
        for &arg in &target.args {
            let slot = self.slot(arg);
            self.asm.inst(&[], false, &[0xff], 6, slot);
        }
        for &param in self.func.blocks[target.block.index()].params.iter().rev() {
            let slot = self.slot(param);
            self.asm.inst(&[], false, &[0x8f], 0, slot);
        }
        self.asm.jump(self.blocks[target.block.index()]);
    }

    /// Passes arguments, makes the call by `call`, and stores the results.
    pub fn call(&mut self, params: &[Param], args: &[Value], results: &[Value], call: impl FnOnce(&mut Self)) {
        let (arguments, stack) = places(params.iter().map(|p| p.ty), &ARGUMENTS);
        // The frame is a multiple of 16 bytes, and so must be what is added to it.
        let area = (8 * stack + 15) & !15;
        self.asm.move_stack(-area);
        for ((&arg, param), place) in args.iter().zip(params).zip(arguments) {
            let reg = match place {
                Place::Int(reg) => reg,
                Place::Float(xmm) => {
                    self.to_float(xmm, arg);
                    continue;
                }
                Place::Stack(_) => R11,
            };
            if param.extension == Extension::Sign {
                self.load_signed(reg, arg)
            } else {
                self.load(reg, arg)
            }
            if let Place::Stack(n) = place {
                self.asm.wide(&[0x89], reg, Rm::Mem(RSP, 8 * n));
            }
        }
        call(self);
        self.asm.move_stack(area);
        let (returned, _) = places(results.iter().map(|&r| self.func.ty(r)), &RESULTS);
        for (&result, place) in results.iter().zip(returned) {
            let reg = match place {
                Place::Int(reg) => reg,
                Place::Float(xmm) => self.from_float(RCX, xmm),
                Place::Stack(_) => unreachable!("results are in registers"),
            };
            self.define(result, reg);
        }
    }

    /// Returns values from the function.
    pub fn ret(&mut self, values: &[Value]) {
        let (returned, _) = places(values.iter().map(|&v| self.func.ty(v)), &RESULTS);
        for (&value, place) in values.iter().zip(returned) {
            match place {
                Place::Int(reg) => self.load(reg, value),
                Place::Float(xmm) => self.to_float(xmm, value),
                Place::Stack(_) => unreachable!("results are in registers"),
            }
        }
        self.asm.leave_and_return();
    }
}
