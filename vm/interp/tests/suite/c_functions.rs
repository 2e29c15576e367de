//! C functions from shared libraries: libm, and a library that gcc makes of the C below.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use lockstep_bytecode::{ErrorKind, assemble};
use lockstep_interp::new_vm;
use lockstep_runtime::{HostValue, Limits, Local, Vm, raw, typed};

const SOURCE: &str = r#"
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

double mixed(int32_t a, double b, int64_t c, float d, uint32_t e, double f, bool g, double h,
             uint64_t i, double j, int32_t k, double l, int64_t m, double n, double o, double p,
             double q, int32_t r) {
    return a + 2 * b + 4 * c + 8 * d + 16.0 * e + 32 * f + 64 * g + 128 * h + 256.0 * i + 512 * j
         + 1024 * k + 2048 * l + 4096 * m + 8192 * n + 16384 * o + 32768 * p + 65536 * q + 131072 * r;
}
int32_t i32(int32_t x) { return x; }
uint32_t u32(uint32_t x) { return x; }
int64_t i64(int64_t x) { return x; }
uint64_t u64(uint64_t x) { return x; }
float f32(float x) { return x; }
bool negate(bool x) { return !x; }
uint64_t huge(void) { return UINT64_MAX; }
static int calls;
void count(void) { calls++; }
int32_t counted(void) { return calls; }
const char *skip(const char *text) { return text ? text + 1 : NULL; }
int64_t sum_bytes(const unsigned char *bytes, uint64_t length) {
    int64_t sum = 0;
    for (uint64_t i = 0; i < length; i++) sum += bytes[i];
    return sum;
}
static int32_t cell = 7;
int32_t *address(void) { return &cell; }
int32_t load(int32_t *at) { return at ? *at : -1; }
double fold(double (*f)(double, int32_t), int32_t n) {
    double x = 0;
    for (int32_t i = 1; i <= n; i++) x = f(x, i);
    return x;
}
int32_t measure(uint32_t (*f)(const char *, float, bool)) { return (int32_t)f("four", 0.5f, true); }
int32_t missing(void (*f)(void)) { return f == NULL; }
"#;

/// The library, made once.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (source, library) = (dir.join("functions.c"), dir.join("libfunctions.so"));
        std::fs::write(&source, SOURCE).unwrap();
        let made = Command::new("gcc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status();
        assert!(made.expect("gcc is there").success());
        library.to_str().unwrap().to_owned()
    })
}

fn vm() -> Vm {
    let program = "
        func half(x: any, i: any) -> ... {
            div.any x, i, x
            ret.any x, 1
        }";
    let module = assemble("t.lks", program).unwrap_or_else(|error| panic!("{error}"));
    let mut vm = new_vm(Arc::new(module), Limits::default());
    // SAFETY: the tests declare functions as they are.
    unsafe { vm.enable_c_functions() }.unwrap();
    vm
}

/// A function of the library, or what went wrong.
fn open(vm: &mut Vm, library: &str, symbol: &str, signature: &str) -> Result<HostValue, String> {
    let import = vm.enter(|scope| {
        let function = scope.imported("c_function");
        scope.own(function)
    });
    let texts = [library, symbol, signature].map(|text| HostValue::Str(text.as_bytes().to_vec()));
    vm.call(&import, &texts).map(|mut results| results.remove(0)).map_err(|raised| raised.to_string())
}

/// What a function of the library answers, written out.
fn answer(vm: &mut Vm, symbol: &str, signature: &str, args: &[HostValue]) -> String {
    let function = open(vm, library(), symbol, signature).unwrap();
    match vm.call(&function, args) {
        Ok(results) => results.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "),
        Err(raised) => raised.to_string(),
    }
}

use HostValue::{Bool, Float, Int, Nil};

fn text(value: &[u8]) -> HostValue {
    HostValue::Str(value.to_vec())
}

#[test]
fn arguments_and_results_of_every_type_go_through() {
    let vm = &mut vm();
    for (symbol, signature, arg, expected) in [
        ("i32", "(i32) -> i32", Int(-5), "Int(-5)"),
        ("i32", "(i32) -> i32", Int(i32::MIN.into()), "Int(-2147483648)"),
        ("i32", "(i32) -> i32", Float(3.0), "Int(3)"),
        ("u32", "(u32) -> u32", Int(u32::MAX.into()), "Int(4294967295)"),
        ("i64", "(i64) -> i64", Int(i64::MIN), "Int(-9223372036854775808)"),
        ("u64", "(u64) -> u64", Int(i64::MAX), "Int(9223372036854775807)"),
        ("f32", "(f32) -> f32", Float(0.1), "Float(0.10000000149011612)"),
        ("f32", "(f32) -> f32", Int(3), "Float(3.0)"),
        ("negate", "(bool) -> bool", Bool(false), "Bool(true)"),
        ("skip", "(string) -> string", text(b"text"), "Str([101, 120, 116])"),
        ("skip", "(string) -> string", Nil, "Nil"),
        // What C leaves above the low half of a register is not looked at.
        ("i64", "(i64) -> i32", Int(1 << 32 | 9), "Int(9)"),
    ] {
        assert_eq!(answer(vm, symbol, signature, &[arg]), expected, "{symbol}");
    }
    assert_eq!(answer(vm, "sum_bytes", "(bytes, u64) -> i64", &[text(b"\0\xff\x01"), Int(3)]), "Int(256)");
    for _ in 0..3 {
        assert_eq!(answer(vm, "count", "() -> void", &[]), "");
    }
    assert_eq!(answer(vm, "counted", "() -> i32", &[]), "Int(3)", "one library, opened once");
}

#[test]
fn many_mixed_arguments_find_their_places() {
    let signature =
        "(i32, f64, i64, f32, u32, f64, bool, f64, u64, f64, i32, f64, i64, f64, f64, f64, f64, i32) -> f64";
    let args = [
        Int(1),
        Float(1.0),
        Int(1),
        Float(1.0),
        Int(1),
        Float(1.0),
        Bool(true),
        Float(1.0),
        Int(1),
        Float(1.0),
        Int(1),
        Float(1.0),
        Int(1),
        Float(1.0),
        Float(1.0),
        Float(1.0),
        Float(1.0),
        Int(1),
    ];
    assert_eq!(answer(&mut vm(), "mixed", signature, &args), "Float(262143.0)");
    let mut args = args;
    (args[3], args[17]) = (Float(0.25), Int(-1));
    assert_eq!(answer(&mut vm(), "mixed", signature, &args), format!("Float({:?})", 262143.0 - 6.0 - 262144.0));
}

#[test]
fn pointers_are_handed_on() {
    let vm = &mut vm();
    let address = open(vm, library(), "address", "() -> pointer").unwrap();
    let pointer = vm.call(&address, &[]).unwrap().remove(0);
    assert_eq!(answer(vm, "load", "(pointer) -> i32", &[pointer]), "Int(7)");
    assert_eq!(answer(vm, "load", "(pointer) -> i32", &[]), "Int(-1)", "nil is null");
    let problem = "bad argument #1 to 'load' (pointer expected, got number)";
    assert_eq!(answer(vm, "load", "(pointer) -> i32", &[Int(8)]), problem);
    let wrong = vm.enter(|scope| {
        let userdata = scope.userdata(1u8, 0).unwrap();
        scope.own(userdata.local())
    });
    let problem = "bad argument #1 to 'load' (pointer expected, got userdata)";
    assert_eq!(answer(vm, "load", "(pointer) -> i32", &[wrong]), problem);
}

#[test]
fn what_does_not_fit_is_refused() {
    let vm = &mut vm();
    for (symbol, signature, arg, problem) in [
        ("i32", "(i32) -> i32", Int(1 << 31), "2147483648 is out of range of i32"),
        ("i32", "(i32) -> i32", Int(-(1 << 31) - 1), "-2147483649 is out of range of i32"),
        ("u32", "(u32) -> u32", Int(-1), "-1 is out of range of u32"),
        ("u32", "(u32) -> u32", Int(1 << 32), "4294967296 is out of range of u32"),
        ("u64", "(u64) -> u64", Int(-1), "-1 is out of range of u64"),
        ("i64", "(i64) -> i64", Float(0.5), "number has no integer representation"),
        ("i64", "(i64) -> i64", text(b"1"), "number expected, got string"),
        ("f32", "(f32) -> f32", Nil, "number expected, got nil"),
        ("negate", "(bool) -> bool", Int(0), "boolean expected, got number"),
        ("skip", "(string) -> string", text(b"a\0b"), "string contains a zero byte"),
        ("skip", "(string) -> string", Int(1), "string expected, got number"),
        ("missing", "(() -> void) -> i32", Int(1), "function expected, got number"),
    ] {
        let expected = format!("bad argument #1 to '{symbol}' ({problem})");
        assert_eq!(answer(vm, symbol, signature, &[arg]), expected);
    }
    assert_eq!(answer(vm, "huge", "() -> u64", &[]), "result 18446744073709551615 has no integer representation");
    assert_eq!(answer(vm, "count", "() -> void", &[Int(1)]), "1 arguments for 0 parameters");
}

#[test]
fn what_is_not_there_is_said() {
    let vm = &mut vm();
    let problem = open(vm, "libnothing-of-that-name.so", "f", "() -> void").unwrap_err();
    assert!(problem.starts_with("cannot open library 'libnothing-of-that-name.so': "), "{problem}");
    let problem = open(vm, library(), "nothing", "() -> void").unwrap_err();
    assert_eq!(problem, format!("library '{}' has no symbol 'nothing'", library()));
    let problem = open(vm, library(), "i32", "(int) -> i32").unwrap_err();
    assert_eq!(problem, "bad argument #3 to 'c_function' ('int' is no type)");
    assert!(open(vm, "libm.so.6", "cbrt", "(f64) -> f64").is_ok());
}

#[test]
fn c_calls_the_program_and_its_errors_come_through() {
    let vm = &mut vm();
    let half = vm.function_value("half").unwrap();
    let fold = "((f64, i32) -> f64, i32) -> f64";
    // 1/0, 2/inf, 3/0, 4/inf
    assert_eq!(answer(vm, "fold", fold, &[half.clone(), Int(4)]), "Float(0.0)");
    assert_eq!(answer(vm, "fold", fold, &[half.clone(), Int(3)]), "Float(inf)");
    assert_eq!(answer(vm, "missing", "(() -> void) -> i32", &[]), "Int(1)");
    let length = raw(|scope| {
        let (text, share, flag): (&[u8], f64, bool) = (scope.arg(0)?, scope.arg(1)?, scope.arg(2)?);
        assert!(flag && share == 0.5);
        scope.push(text.len() as i64)
    });
    vm.register("length", length).unwrap();
    vm.register("fail", typed(|_: f64, n: i64| if n == 3 { Err("three is too many") } else { Ok(n as f64) })).unwrap();
    vm.register("odd", typed(|_: f64, _: i64| "no number")).unwrap();
    vm.register("panics", raw(|_| panic!("a bug of the host's"))).unwrap();
    let mut import = |name: &'static str| {
        vm.enter(move |scope| {
            let value: Local<'_> = scope.imported(name);
            scope.own(value)
        })
    };
    let [length, fail, odd, panics] = ["length", "fail", "odd", "panics"].map(&mut import);
    assert_eq!(answer(vm, "measure", "((string, f32, bool) -> u32) -> i32", &[length]), "Int(4)");
    assert_eq!(answer(vm, "fold", fold, &[fail.clone(), Int(2)]), "Float(2.0)");
    assert_eq!(answer(vm, "fold", fold, &[fail, Int(9)]), "three is too many", "and not called any more");
    let problem = "bad result of a callback (number expected, got string)";
    assert_eq!(answer(vm, "fold", fold, &[odd, Int(2)]), problem);
    let function = open(vm, library(), "fold", fold).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| vm.call(&function, &[panics, Int(1)])));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"a bug of the host's"));
    let raised = vm.call(&function, &[half, Nil]).unwrap_err();
    assert_eq!(raised.kind, ErrorKind::HostError);
}
