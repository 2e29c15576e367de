//! Printing units.

use std::fmt::{self, Display, Formatter, Write};

use crate::op::{Imm, Op};
use crate::types::{SourceLoc, Type};
use crate::unit::{BlockCall, Extension, Function, InstData, Signature, Unit};

/// The text of a unit.
pub fn print(unit: &Unit) -> String {
    let mut out = String::new();
    write_unit(&mut out, unit).expect("writing to a string");
    out
}

/// The text of one function of a unit.
pub fn function_to_string(unit: &Unit, index: usize) -> String {
    let mut out = String::new();
    write_function(&mut out, index, &unit.functions[index]).expect("writing to a string");
    out
}

/// The text of an instruction.
pub fn inst_to_string(inst: &InstData) -> String {
    inst.to_string()
}

/// Elements with commas between.
struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

fn write_unit(out: &mut String, unit: &Unit) -> fmt::Result {
    writeln!(out, "lockstep_ir {} {}", super::VERSION, unit.stage.name())?;
    writeln!(out, "unit {}", quoted(&unit.name))?;
    for (n, region) in unit.regions.iter().enumerate().skip(1) {
        writeln!(out, "region {n} {}", quoted(region))?;
    }
    for (n, signature) in unit.signatures.iter().enumerate() {
        writeln!(out, "sig {n} {signature}")?;
    }
    for (n, helper) in unit.helpers.iter().enumerate() {
        writeln!(out, "helper {n} {} {} {}", quoted(&helper.name), helper.index, helper.signature)?;
    }
    for (n, source) in unit.sources.iter().enumerate() {
        write!(out, "source {n} func {} pc {}", source.func, source.pc)?;
        if source.inlined_at != SourceLoc::NONE {
            write!(out, " inlined {}", source.inlined_at.0)?;
        }
        writeln!(out)?;
    }
    for (n, func) in unit.functions.iter().enumerate() {
        writeln!(out)?;
        write_function(out, n, func)?;
    }
    Ok(())
}

fn write_function(out: &mut String, index: usize, func: &Function) -> fmt::Result {
    writeln!(out, "function %{index} {} {} {{", quoted(&func.name), func.signature)?;
    for (n, fs) in func.frame_states.iter().enumerate() {
        write!(out, "fs{n} = func {} pc {} reason {} [", fs.func, fs.pc, fs.reason)?;
        for (k, slot) in fs.slots.iter().enumerate() {
            write!(out, "{}{}: {} tag {}", if k == 0 { "" } else { ", " }, slot.slot, slot.value, slot.tag)?;
        }
        write!(out, "]")?;
        if let Some(caller) = fs.caller {
            write!(out, " caller {caller}")?;
        }
        writeln!(out)?;
    }
    for block in func.block_ids() {
        let data = &func.blocks[block.index()];
        write!(out, "{block}")?;
        for (n, &param) in data.params.iter().enumerate() {
            write!(out, "{}{param}: {}", if n == 0 { "(" } else { ", " }, func.ty(param))?;
        }
        writeln!(out, "{}{}:", if data.params.is_empty() { "" } else { ")" }, if data.cold { " cold" } else { "" })?;
        for &inst in &data.insts {
            let data = &func.insts[inst.index()];
            write!(out, "    {data}")?;
            if data.op == Op::CallFunction && !data.results.is_empty() {
                // The one operation whose result types nothing else in the text states.
                write!(out, " -> ")?;
                for (n, &result) in data.results.iter().enumerate() {
                    write!(out, "{}{}", if n == 0 { "" } else { ", " }, func.ty(result))?;
                }
            }
            if data.loc != SourceLoc::NONE {
                write!(out, " {}", data.loc)?;
            }
            writeln!(out)?;
        }
    }
    writeln!(out, "}}")
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => write!(out, "\\x{:02x}", c as u32).expect("writing to a string"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "(")?;
        for (n, param) in self.params.iter().enumerate() {
            let extension = match param.extension {
                Extension::None => "",
                Extension::Sign => " sext",
                Extension::Zero => " zext",
            };
            write!(f, "{}{}{extension}", if n == 0 { "" } else { ", " }, param.ty)?;
        }
        write!(f, ") -> ({})", List(&self.results))
    }
}

impl Display for BlockCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        if self.args.is_empty() { Ok(()) } else { write!(f, "({})", List(&self.args)) }
    }
}

/// The spelling of a float constant: shortest decimal that reads back to the same bits, `inf`, `-inf`, `nan:0x…`.
fn float_spelling(bits: u64) -> String {
    let x = f64::from_bits(bits);
    if x.is_nan() { format!("nan:{bits:#018x}") } else { format!("{x:?}") }
}

impl Display for InstData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let info = self.op.info();
        if !self.results.is_empty() {
            write!(f, "{} = ", List(&self.results))?;
        }
        write!(f, "{}", info.name)?;
        if info.types.len() > 1 || !info.types.is_empty() && self.op != Op::Fconst {
            write!(f, ".{}", self.ty)?;
        }
        let signed = |bits: u64, ty: Type| crate::eval::sign_extend(ty, bits);
        match self.imm {
            Imm::None => {}
            Imm::Int(bits) => write!(f, " {}", signed(bits, self.ty))?,
            Imm::Float(bits) => write!(f, " {}", float_spelling(bits))?,
            Imm::Mem { region, offset } => {
                let (base, value) = self.args.split_last().expect("an access has a base");
                write!(f, " {region} ")?;
                if !value.is_empty() {
                    write!(f, "{}, ", List(value))?;
                }
                return write!(f, "{base} {} {}", if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            }
            Imm::Func(func) => return write!(f, " {func}({})", List(&self.args)),
            Imm::Callee(callee) => write!(f, " func{callee}({})", List(&self.args))?,
            Imm::Sig(_) | Imm::Helper(_) => {
                match self.imm {
                    Imm::Sig(sig) => write!(f, " {sig}")?,
                    Imm::Helper(helper) => write!(f, " {helper}")?,
                    _ => unreachable!("matched above"),
                }
                return if self.op == Op::RuntimeCall {
                    write!(f, "({})", List(&self.args))
                } else {
                    let (first, rest) = self.args.split_first().expect("a call has an address or a table");
                    write!(f, " {first}({})", List(rest))
                };
            }
            Imm::Slot(slot) => write!(f, " {slot}")?,
        }
        if !self.args.is_empty() && !matches!(self.imm, Imm::Callee(_)) {
            write!(f, " {}", List(&self.args))?;
        }
        if self.op == Op::Switch {
            write!(f, ", {} [", self.targets[0])?;
            for (n, (&case, target)) in self.cases.iter().zip(&self.targets[1..]).enumerate() {
                write!(f, "{}{}: {target}", if n == 0 { "" } else { ", " }, signed(case, self.ty))?;
            }
            write!(f, "]")?;
        } else if !self.targets.is_empty() {
            write!(f, "{} {}", if self.args.is_empty() { "" } else { "," }, List(&self.targets))?;
        }
        if let Some(state) = self.frame_state {
            write!(f, " {state}")?;
        }
        Ok(())
    }
}
