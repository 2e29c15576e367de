//! Whole programs in assembly: the example files of the corpus, and the kernels against the same computations in Rust.

use std::sync::Arc;

use lockstep_bytecode::assemble;
use lockstep_interp::{new_vm, run};
use lockstep_runtime::{Limits, Value, Vm};

fn vm(file: &str, text: &str) -> Vm {
    let module = assemble(file, text).unwrap_or_else(|problem| panic!("{problem}"));
    new_vm(Arc::new(module), Limits::default())
}

fn result(text: &str, n: i64) -> Value {
    let mut vm = vm("kernel.lks", text);
    let main = vm.module().find("main").expect("there is a function `main`");
    run(&mut vm, main, &[Value::I64(n)]).unwrap().expect("`main` has a result")
}

#[test]
fn example_files_run() {
    let mut fib = vm("fib.lks", include_str!("../../../../corpus/bytecode/examples/fib.lks"));
    let entry = fib.module().find("fib").unwrap();
    assert_eq!(run(&mut fib, entry, &[Value::I64(20)]), Ok(Some(Value::I64(6765))));
    let squares = include_str!("../../../../corpus/bytecode/examples/array_sum.lks");
    assert_eq!(result(squares, 10), Value::I64(285));
    assert_eq!(result(squares, 0), Value::I64(0));
}

#[test]
fn xorshift() {
    let text = "
func main(n: i64) -> u64 {
    reg i: i64, x: u64, t: u64, sum: u64
    const.i64 i, 0
    const.u64 x, 88172645463325252
    const.u64 sum, 0
next:
    shl.u64 t, x, 13
    xor.u64 x, x, t
    shr.u64 t, x, 7
    xor.u64 x, x, t
    shl.u64 t, x, 17
    xor.u64 x, x, t
    add.u64 sum, sum, x
    loop_lt.i64 i, n, next
    ret sum
}";
    let (mut x, mut sum) = (88172645463325252u64, 0u64);
    for _ in 0..1000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum = sum.wrapping_add(x);
    }
    assert_eq!(result(text, 1000), Value::U64(sum));
}

#[test]
fn linear_congruence() {
    let text = "
func main(n: i64) -> u32 {
    reg i: i64, x: u32, t: u32, sum: u32
    const.i64 i, 0
    const.u32 x, 42
    const.u32 sum, 0
next:
    mul.u32 x, x, 1664525
    add.u32 x, x, 1013904223
    shr.u32 t, x, 16
    add.u32 sum, sum, t
    loop_lt.i64 i, n, next
    ret sum
}";
    let (mut x, mut sum) = (42u32, 0u32);
    for _ in 0..1000 {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
        sum = sum.wrapping_add(x >> 16);
    }
    assert_eq!(result(text, 1000), Value::U32(sum));
}

#[test]
fn sieve() {
    let text = "
func main(n: i64) -> i64 {
    reg i: i64, j: i64, count: i64, size: i64, composite: [bool], known: bool, yes: bool
    add.i64 size, n, 1
    array_new.bool composite, size
    const.bool yes, true
    const.i64 i, 2
    const.i64 count, 0
candidate:
    array_get.bool known, composite, i
    jtrue known, next
    add.i64 count, count, 1
    add.i64 j, i, i
    jlt.i64 n, j, next
strike:
    array_set.bool composite, j, yes
    add.i64 j, j, i
    jle.i64 j, n, strike
next:
    loop_le.i64 i, n, candidate
    ret count
}";
    assert_eq!(result(text, 10_000), Value::I64(1229));
}

#[test]
fn matrix_product() {
    let text = "
func main(n: i64) -> [f64] {
    reg i: i64, j: i64, k: i64, at: i64, size: i64, ai: i64, bi: i64
    reg a: [f64], c: [f64], sum: f64, x: f64, y: f64
    mul.i64 size, n, n
    array_new.f64 a, size
    array_new.f64 c, size
    const.i64 i, 0
fill:
    float.i64_to_f64 x, i
    array_set.f64 a, i, x
    loop_lt.i64 i, size, fill
    const.i64 i, 0
row:
    const.i64 j, 0
column:
    const.f64 sum, 0.0
    const.i64 k, 0
    mul.i64 ai, i, n
    move.i64 bi, j
inner:
    array_get.f64 x, a, ai
    array_get.f64 y, a, bi
    mul.f64 x, x, y
    add.f64 sum, sum, x
    add.i64 ai, ai, 1
    add.i64 bi, bi, n
    loop_lt.i64 k, n, inner
    mul.i64 at, i, n
    add.i64 at, at, j
    array_set.f64 c, at, sum
    loop_lt.i64 j, n, column
    loop_lt.i64 i, n, row
    ret c
}";
    let n = 7;
    let a: Vec<f64> = (0..n * n).map(|i| i as f64).collect();
    let product = |at: usize| (0..n).map(|k| a[at / n * n + k] * a[k * n + at % n]).fold(0.0, |sum, x| sum + x);
    assert_eq!(result(text, n as i64), Value::ArrF64((0..n * n).map(product).collect()));
}
