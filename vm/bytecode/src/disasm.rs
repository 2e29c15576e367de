//! From modules to assembly text. What it prints of a verified module assembles to the same module, if the pool and the jump
//! tables are numbered by first use, as the assembler and the function builder number them.
//!
//! It prints unverified modules too, as well as it can: errors quote instructions.

use crate::{Capture, FuncId, Function, JumpTable, Kind, Module, Pc, Reg, Register, Role, Template, Value, number};
use std::collections::HashMap;
use std::fmt::Write;

/// The assembly of a whole module.
pub fn disassemble(module: &Module) -> String {
    let mut out = format!(".source {}\n", quote(&module.source));
    for function in &module.functions {
        out.push('\n');
        disassemble_function(module, function, &mut out);
    }
    out
}

fn disassemble_function(module: &Module, function: &Function, out: &mut String) {
    let declare = |register: &Register| match &register.name {
        Some(name) => format!("{name}: {}", register.kind),
        None => register.kind.to_string(),
    };
    let params = usize::from(function.param_count).min(function.registers.len());
    let mut list: Vec<_> = function.registers[..params].iter().map(declare).collect();
    if function.is_vararg {
        list.push("...".to_owned());
    }
    let _ = write!(out, "func {}({})", function_name(&function.name), list.join(", "));
    if let Some(result) = function.result {
        let _ = write!(out, " -> {result}");
    }
    if function.is_generic {
        out.push_str(" -> ...");
    }
    out.push_str(" {\n");
    for chunk in function.upvalues.chunks(8) {
        let names: Vec<_> = chunk.iter().map(|name| quote(name)).collect();
        let _ = writeln!(out, "    .upvalue {}", names.join(", "));
    }
    let locals: Vec<_> = function.registers[params..].iter().map(declare).collect();
    for chunk in locals.chunks(8) {
        let _ = writeln!(out, "    reg {}", chunk.join(", "));
    }

    let labels = label_names(function);
    let mut line = None;
    for pc in (0..function.code.len() as u32).map(Pc) {
        if let Some(label) = labels.get(&pc) {
            let _ = writeln!(out, "{label}:");
        }
        let at = function.lines.line(pc);
        if line != Some(at) {
            let _ = writeln!(out, "    .line {at}");
            line = Some(at);
        }
        let label = |pc: Pc| labels.get(&pc).cloned().unwrap_or_else(|| pc.to_string());
        let _ = writeln!(out, "    {}", text(module, function, pc, label));
    }
    out.push_str("}\n");
}

/// `L1`, `L2`, … for all targets in order.
fn label_names(function: &Function) -> HashMap<Pc, String> {
    let mut targets = Vec::new();
    for value in function.code.iter().flat_map(|instr| instr.operands().to_vec()) {
        match value {
            Value::Label(pc) => targets.push(pc),
            Value::Table(id) => targets.extend(function.tables.get(id.index()).into_iter().flat_map(JumpTable::all)),
            _ => {}
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets.into_iter().enumerate().map(|(i, pc)| (pc, format!("L{}", i + 1))).collect()
}

/// One instruction as assembly, targets as `@pc`.
pub fn instr_text(module: &Module, function: &Function, pc: Pc) -> String {
    text(module, function, pc, |target| target.to_string())
}

/// The name of a register: its own, or `r` and its number.
pub fn register_name(function: &Function, reg: Reg) -> String {
    match function.registers.get(reg.index()) {
        Some(register) => register.name.clone().unwrap_or_else(|| reg.to_string()),
        None => reg.to_string(),
    }
}

fn text(module: &Module, function: &Function, pc: Pc, label: impl Fn(Pc) -> String) -> String {
    let Some(instr) = function.code.get(pc.index()).copied() else { return "end of code".to_owned() };
    let info = instr.info();
    let mut parts = Vec::new();
    for (operand, value) in instr.declared() {
        match value {
            Value::Reg(first) if operand.role == Role::Args => {
                let callee = instr.callee().unwrap_or_default();
                parts.push(call_text(module, function, callee, first));
            }
            Value::Reg(reg) => parts.push(register_name(function, reg)),
            Value::Imm(value) if operand.role == Role::Flag => parts.push((value != 0).to_string()),
            Value::Imm(value) => parts.push(value.to_string()),
            Value::Label(pc) => parts.push(label(pc)),
            Value::Pool(id) => parts.push(match function.pool.get(id.index()) {
                Some(bits) => constant_text(info.pool_kind().unwrap_or(Kind::U64), *bits),
                None => id.to_string(),
            }),
            Value::Table(id) => match function.tables.get(id.index()) {
                Some(table) => {
                    let targets: Vec<_> = table.targets.iter().map(|pc| label(*pc)).collect();
                    parts.push(format!("[{}]", targets.join(", ")));
                    parts.push(label(table.default));
                }
                None => parts.push(id.to_string()),
            },
            Value::Count(count) => parts.push(count.to_string()),
            Value::Str(id) => parts.push(match function.strings.get(usize::from(id.0)) {
                Some(bytes) => quote_bytes(bytes),
                None => id.to_string(),
            }),
            Value::Upvalue(id) => parts.push(id.0.to_string()),
            Value::Template(id) => parts.push(match function.templates.get(usize::from(id.0)) {
                Some(template) => template_text(module, function, template),
                None => id.to_string(),
            }),
            // Printed with the arguments; hidden.
            Value::Func(_) | Value::Seen | Value::Site(_) => {}
        }
    }
    if parts.is_empty() { info.mnemonic.to_owned() } else { format!("{} {}", info.mnemonic, parts.join(", ")) }
}

fn call_text(module: &Module, function: &Function, callee: FuncId, first: Reg) -> String {
    let Some(target) = module.functions.get(callee.index()) else { return format!("{callee}({first}…)") };
    let argument = |i: usize| match u8::try_from(first.index() + i) {
        Ok(reg) => register_name(function, Reg(reg)),
        Err(_) => "?".to_owned(),
    };
    let arguments: Vec<_> = (0..usize::from(target.param_count)).map(argument).collect();
    format!("{}({})", function_name(&target.name), arguments.join(", "))
}

/// `function(capture, …)`.
fn template_text(module: &Module, function: &Function, template: &Template) -> String {
    let Some(target) = module.functions.get(template.func.index()) else { return format!("{}(…)", template.func) };
    let captures = template.captures.iter().map(|capture| match capture {
        Capture::Register(reg) => register_name(function, *reg),
        Capture::Upvalue(upvalue) => format!("upvalue {}", upvalue.0),
    });
    format!("{}({})", function_name(&target.name), captures.collect::<Vec<_>>().join(", "))
}

/// A value of `kind` as assembly spells it; arrays and dynamic kinds as hexadecimal bits.
pub fn constant_text(kind: Kind, bits: u64) -> String {
    match kind {
        Kind::I32 => (bits as i32).to_string(),
        Kind::I64 => (bits as i64).to_string(),
        Kind::U32 => (bits as u32).to_string(),
        Kind::U64 => bits.to_string(),
        Kind::F64 => number::format_f64_bits(bits),
        Kind::Bool => (bits != 0).to_string(),
        _ => format!("{bits:#x}"),
    }
}

/// A function's name, in quotes if it is not a plain word.
fn function_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%' | '@'));
    if plain { name.to_owned() } else { quote(name) }
}

/// Bytes in quotes: what is not printable ASCII as `\xNN`.
fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
