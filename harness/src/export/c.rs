//! C: each file checks its case by itself; `all.c` includes every file and is one program. Values are unsigned integers, floats their bits,
//! as in [`crate::judge`], whose expressions compute the operations.
//!
//! Compile with `-fwrapv -ffp-contract=off -frounding-math -fsignaling-nans` and link with `-lm`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lockstep_ir::{BlockCall, Extension, Function, Imm, InstData, Op, OpInstance, Operands, Signature, Type, Unit};

use super::{Index, Item, Reason, Rendered, Tuple, open};
use crate::case::{Case, Compare, Expected};
use crate::judge::{c_type, expression};

/// What every file needs, once.
const PROLOGUE: &str = r#"
#ifndef LOCKSTEP_EXPORT
#define LOCKSTEP_EXPORT
static int is_nan64(u64 x) { return (x & 0x7fffffffffffffff) > 0x7ff0000000000000; }
static int is_nan32(u64 x) { return (x & 0x7fffffff) > 0x7f800000; }
/* How a word is compared: 0 bit for bit, 1 as a double, 2 its low half as a float: all NaNs are one. */
static int same(int how, u64 a, u64 b) {
  if (a == b) return 1;
  if (how == 1) return is_nan64(a) && is_nan64(b);
  return how == 2 && a >> 32 == b >> 32 && is_nan32(a) && is_nan32(b);
}
static int differs(const char *what, u64 index, u64 expected, u64 found) {
  printf("%s, %llu: expected %#llx, found %#llx\n", what, (unsigned long long)index, (unsigned long long)expected,
         (unsigned long long)found);
  return 1;
}
/* The functions of the host, in the order of the table whose address is the third argument. */
static u64 host_mix(u64 a, u64 b) { return (a << 7 | a >> 57) ^ b * 0x9e3779b97f4a7c15; }
static u64 host_mix8(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h) {
  return host_mix(host_mix(host_mix(host_mix(host_mix(host_mix(host_mix(a, b), c), d), e), f), g), h);
}
static double host_blend(u64 a, double x, u64 b, double y) { return (double)(a >> 40) * x - (double)(b >> 40) * y; }
static s64 host_narrow(s8 a, u8 b, s16 c, u16 d, s32 e) { return (s64)a + 3 * (s64)b + 5 * (s64)c + 7 * (s64)d + 11 * (s64)e; }
static u64 host_table(void) {
  static u64 table[4];
  table[0] = (u64)host_mix, table[1] = (u64)host_mix8, table[2] = (u64)host_blend, table[3] = (u64)host_narrow;
  return (u64)table;
}
/* Uses what a case may not. */
static int always_used(void) { return is_nan64(0) + is_nan32(0) + !same(0, 0, 0) + !host_table() + integral(0.5) + (smaller(1, 0) > larger(0, 1)) + (int)saturate(0, 0, 0) + (F(0) != D(0)) + (FB(0) != DB(0)); }
#endif
"#;

pub(super) fn write(name: &str, identifier: &str, item: &Item) -> Result<Rendered, Reason> {
    let mut text = format!("/* {name}, exported by Lockstep. */\n#ifndef LOCKSTEP_BASE\n#define LOCKSTEP_BASE\n");
    text += expression::PROLOGUE;
    text += "#endif\n";
    text += PROLOGUE;
    let checks = match item {
        Item::Operation(instance, tuples) => operation(&mut text, identifier, instance, tuples)?,
        Item::Unit(case) => unit(&mut text, identifier, case)?,
    };
    let _ = write!(
        text,
        "#ifndef LOCKSTEP_ALL\nint main(void) {{\n  int wrong = check_{identifier}() + always_used();\n  printf(\"{checks} checks, %d wrong\\n\", wrong);\n  \
         return wrong != 0;\n}}\n#endif\n"
    );
    Ok(Rendered { text, checks, left_out: BTreeMap::new() })
}

/// The program of all files.
pub(super) fn write_all(out: &Path, index: &Index) -> std::io::Result<()> {
    let mut text = String::from("/* Every case of this directory. */\n#define LOCKSTEP_ALL\n");
    for case in &index.cases {
        let _ = writeln!(text, "#include \"{}\"", case.file);
    }
    let checks: usize = index.cases.iter().map(|case| case.checks).sum();
    text += "int main(void) {\n  int wrong = always_used();\n";
    for case in &index.cases {
        let _ = writeln!(text, "  wrong += check_{}();", case.file.trim_end_matches(".c"));
    }
    let cases = index.cases.len();
    let _ =
        write!(text, "  printf(\"{cases} cases, {checks} checks, %d wrong\\n\", wrong);\n  return wrong != 0;\n}}\n");
    fs::write(out.join("all.c"), text)
}

/// Words of an initialiser.
fn words(list: &[u64]) -> String {
    list.iter().map(|w| format!("{w:#x}u")).collect::<Vec<_>>().join(", ")
}

fn how(compare: Compare) -> u8 {
    match compare {
        Compare::Bits => 0,
        Compare::F64 => 1,
        Compare::F32 => 2,
    }
}

/// Declares an operation's operands and results by the names that expressions use.
fn locals(text: &mut String, args: &[(Type, String)], results: &[Type]) {
    for (letter, (ty, value)) in ["a", "b", "c"].iter().zip(args) {
        let _ = write!(text, "{0} {letter} = ({0}){value}; ", c_type(*ty));
    }
    for (n, ty) in results.iter().enumerate() {
        let _ = write!(text, "{} r{n} = 0; ", c_type(*ty));
    }
}

fn operation(text: &mut String, identifier: &str, instance: &OpInstance, tuples: &[Tuple]) -> Result<usize, Reason> {
    let body = expression::of(instance).ok_or_else(|| Reason::NoCounterpart(instance.to_string()))?;
    let (arity, width) = (instance.args.len(), instance.args.len() + instance.results.len());
    let _ = writeln!(text, "static const u64 tuples_{identifier}[][{width}] = {{");
    for tuple in tuples {
        let _ = writeln!(text, "  {{{}}},", words(&[&tuple.args[..], &tuple.results].concat()));
    }
    let _ = writeln!(text, "}};\nstatic int check_{identifier}(void) {{\n  int wrong = 0;");
    let _ =
        writeln!(text, "  for (u64 n = 0; n < {}; n++) {{\n    const u64 *t = tuples_{identifier}[n];", tuples.len());
    text.push_str("    ");
    let args: Vec<(Type, String)> = instance.args.iter().enumerate().map(|(n, &ty)| (ty, format!("t[{n}]"))).collect();
    locals(text, &args, &instance.results);
    let _ = writeln!(text, "\n    {body}");
    for (n, &ty) in instance.results.iter().enumerate() {
        let rule = match ty {
            Type::F64 if open(instance.op, ty) => 1,
            Type::F32 if open(instance.op, ty) => 2,
            _ => 0,
        };
        let _ = writeln!(
            text,
            "    if (!same({rule}, t[{0}], r{n})) wrong += differs(\"{instance}\", n, t[{0}], r{n});",
            arity + n
        );
    }
    text.push_str("  }\n  return wrong;\n}\n");
    Ok(tuples.len())
}

fn unit(text: &mut String, identifier: &str, case: &Case) -> Result<usize, Reason> {
    let unit = &case.unit;
    for (n, func) in unit.functions.iter().enumerate() {
        let _ = writeln!(text, "{};", declaration(identifier, n, &func.signature));
    }
    for (n, func) in unit.functions.iter().enumerate() {
        function(text, identifier, unit, n, func)?;
    }
    let _ = writeln!(text, "static int check_{identifier}(void) {{\n  int wrong = 0;");
    for (n, run) in case.runs.iter().enumerate() {
        let Expected::All(expected) = &run.expected else { unreachable!("the case is complete") };
        let count = run.memory.len();
        let rules: Vec<u64> = (0..count).map(|word| u64::from(how(run.rules.get(word)))).collect();
        let _ = writeln!(text, "  {{ /* {} */", run.label.replace("*/", ""));
        let _ = writeln!(text, "    static const u64 before[] = {{{}}};", words(&run.memory));
        let _ = writeln!(text, "    static const u64 after[] = {{{}}};", words(&expected.memory));
        if rules.iter().any(|&rule| rule != 0) {
            let _ = writeln!(text, "    static const u8 how[] = {{{}}};", words(&rules));
        } else {
            let _ = writeln!(text, "    static const u8 how[{count}];");
        }
        let _ = writeln!(text, "    static u64 memory[{}];", count + 16);
        let _ = writeln!(text, "    for (u64 i = 0; i < {}; i++) memory[i] = 0xfe9ce5a157ab1e00;", count + 16);
        let _ = writeln!(text, "    memcpy(memory + 8, before, sizeof before);\n    u32 r = 0;");
        let _ = writeln!(
            text,
            "    {identifier}_f{}((u64)(memory + 8), {:#x}u, host_table(), &r);",
            run.func.index(),
            run.argument
        );
        let what = format!("{} run {n}", case.name);
        let _ = writeln!(
            text,
            "    if (r != {0:#x}u) wrong += differs(\"{what}, result\", 0, {0:#x}u, r);",
            expected.returned as u32
        );
        let _ = writeln!(
            text,
            "    for (u64 i = 0; i < {count}; i++) if (!same(how[i], after[i], memory[8 + i])) wrong += differs(\"{what}, word\", i, after[i], memory[8 + i]);"
        );
        let _ = writeln!(
            text,
            "    for (u64 i = 0; i < 8; i++) if (memory[i] != 0xfe9ce5a157ab1e00 || memory[{} + i] != 0xfe9ce5a157ab1e00) wrong += differs(\"{what}, fence\", i, 0, 0);",
            count + 8
        );
        text.push_str("  }\n");
    }
    text.push_str("  return wrong;\n}\n");
    Ok(case.runs.len())
}

fn declaration(identifier: &str, n: usize, signature: &Signature) -> String {
    let params = signature.params.iter().enumerate().map(|(n, p)| format!("{} p{n}", c_type(p.ty)));
    let results = signature.results.iter().enumerate().map(|(n, ty)| format!("{} *q{n}", c_type(*ty)));
    let list: Vec<String> = params.chain(results).collect();
    let list = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
    format!("static void {identifier}_f{n}({list})")
}

fn function(text: &mut String, identifier: &str, unit: &Unit, n: usize, func: &Function) -> Result<(), Reason> {
    let _ = writeln!(text, "{} {{", declaration(identifier, n, &func.signature));
    for (value, data) in func.values.iter().enumerate() {
        let _ = writeln!(text, "  {} v{value} = 0; (void)v{value};", c_type(data.ty));
    }
    for (n, value) in func.blocks[0].params.iter().enumerate() {
        let _ = writeln!(text, "  {value} = p{n};");
    }
    for (n, block) in func.blocks.iter().enumerate() {
        // Nothing branches to the entry.
        if n > 0 {
            let _ = writeln!(text, "block{n}:;");
        }
        for inst in block.insts.iter().map(|i| &func.insts[i.index()]) {
            text.push_str("  ");
            instruction(text, identifier, unit, func, inst)?;
            text.push('\n');
        }
    }
    text.push_str("}\n");
    Ok(())
}

fn instruction(
    text: &mut String,
    identifier: &str,
    unit: &Unit,
    func: &Function,
    inst: &InstData,
) -> Result<(), Reason> {
    let (args, results) = (&inst.args, &inst.results);
    let address = |base| {
        let (_, offset) = inst.mem().expect("an access has its offset");
        format!("({base} + {:#x}u)", i64::from(offset) as u64)
    };
    let _ = match inst.op {
        Op::Iconst | Op::Fconst => {
            let (Imm::Int(bits) | Imm::Float(bits)) = inst.imm else { unreachable!("a constant has its bits") };
            write!(text, "{} = {bits:#x}u;", results[0])
        }
        Op::Load | Op::AtomicLoad => {
            write!(text, "memcpy(&{0}, (void *){1}, sizeof {0});", results[0], address(args[0]))
        }
        Op::Store => write!(text, "memcpy((void *){1}, &{0}, sizeof {0});", args[0], address(args[1])),
        Op::Call => {
            let Imm::Func(callee) = inst.imm else { unreachable!("a call has its callee") };
            let passed = args.iter().map(ToString::to_string).chain(results.iter().map(|r| format!("&{r}")));
            write!(text, "{identifier}_f{}({});", callee.index(), passed.collect::<Vec<_>>().join(", "))
        }
        Op::CallIndirect | Op::CallHelper => {
            let signature = unit.call_signature(inst).expect("a call has its signature");
            host_call(text, unit, inst, signature)?;
            Ok(())
        }
        Op::Jump => write!(text, "{}", goto(func, &inst.targets[0])),
        Op::Brif => {
            write!(text, "if ({}) {} else {}", args[0], goto(func, &inst.targets[0]), goto(func, &inst.targets[1]))
        }
        Op::Switch => {
            let cases = inst.cases.iter().zip(&inst.targets[1..]);
            let cases: String =
                cases.map(|(case, target)| format!(" case {case:#x}u: {}", goto(func, target))).collect();
            write!(text, "switch ({}) {{{cases} default: {} }}", args[0], goto(func, &inst.targets[0]))
        }
        Op::Return => {
            let stores: String = args.iter().enumerate().map(|(n, value)| format!("*q{n} = {value}; ")).collect();
            write!(text, "{stores}return;")
        }
        _ => {
            let types: Vec<Type> = args.iter().map(|&v| func.ty(v)).collect();
            let result_types: Vec<Type> = results.iter().map(|&v| func.ty(v)).collect();
            let instance = OpInstance { op: inst.op, ty: inst.ty, args: types.clone(), results: result_types.clone() };
            let known = inst.op.is_pure() && matches!(inst.op.info().args, Operands::Fixed(_));
            let body = known.then(|| expression::of(&instance)).flatten();
            let body = body.ok_or_else(|| Reason::NoCounterpart(inst.op.info().name.to_owned()))?;
            text.push_str("{ ");
            let named: Vec<(Type, String)> = types.into_iter().zip(args.iter().map(ToString::to_string)).collect();
            locals(text, &named, &result_types);
            let stored: String = results.iter().enumerate().map(|(n, r)| format!("{r} = r{n}; ")).collect();
            write!(text, "{body} {stored}}}")
        }
    };
    Ok(())
}

/// A call of an address, as C's own types have it.
fn host_call(text: &mut String, unit: &Unit, inst: &InstData, signature: &Signature) -> Result<(), Reason> {
    let natural = |ty: Type, extension: Extension| match (ty, extension) {
        (Type::F64, _) => "double".to_owned(),
        (Type::F32, _) => "float".to_owned(),
        (_, Extension::Sign) => format!("s{}", ty.bits()),
        _ => format!("u{}", ty.bits()),
    };
    let [result] = signature.results[..] else { return Err(Reason::Host) };
    let types: Vec<String> = signature.params.iter().map(|p| natural(p.ty, p.extension)).collect();
    let passed = inst.args[1..].iter().zip(&signature.params).map(|(value, p)| match p.ty {
        Type::F64 => format!("D({value})"),
        Type::F32 => format!("F({value})"),
        _ => value.to_string(),
    });
    let passed: Vec<String> = passed.collect();
    let address = match inst.imm {
        Imm::Helper(helper) => format!("((u64 *){})[{}]", inst.args[0], unit.helpers[helper.index()].index),
        _ => inst.args[0].to_string(),
    };
    let call =
        format!("(({} (*)({}))({address}))({})", natural(result, Extension::None), types.join(", "), passed.join(", "));
    let _ = match result {
        Type::F64 => write!(text, "{} = DB({call});", inst.results[0]),
        Type::F32 => write!(text, "{} = FB({call});", inst.results[0]),
        _ => write!(text, "{} = {call};", inst.results[0]),
    };
    Ok(())
}

/// A branch: all parameters of the target are assigned at once.
fn goto(func: &Function, target: &BlockCall) -> String {
    let params = &func.blocks[target.block.index()].params;
    let mut out = String::from("{ ");
    for (n, (arg, param)) in target.args.iter().zip(params).enumerate() {
        let _ = write!(out, "{} t{n} = {arg}; ", c_type(func.ty(*param)));
    }
    for (n, param) in params.iter().enumerate() {
        let _ = write!(out, "{param} = t{n}; ");
    }
    out + &format!("goto {}; }}", target.block)
}
