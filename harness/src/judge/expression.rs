//! C for each operation, written from the documentation in the operation table.
//!
//! Operands are `a`, `b`, `c` and results `r0`, `r1`: unsigned integers of their width. Floats are their bits; `D(x)` and `F(x)`
//! read them, `DB(x)` and `FB(x)` give bits back. `S` stands for the signed type of the controlling width, `U` for the unsigned one, `W` for the width.

use lockstep_ir::{Op, OpInstance};

/// What every program begins with.
pub const PROLOGUE: &str = r#"#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
typedef __int128 s128; typedef unsigned __int128 u128;
typedef uint64_t f64bits; typedef uint32_t f32bits;
static double D(u64 x) { double d; memcpy(&d, &x, 8); return d; }
static u64 DB(double d) { u64 x; memcpy(&x, &d, 8); return x; }
static float F(u32 x) { float f; memcpy(&f, &x, 4); return f; }
static u32 FB(float f) { u32 x; memcpy(&x, &f, 4); return x; }
/* Towards zero, to the limits, NaN to 0: in a type that holds every limit. Limits are compared as floats that are exact. */
static s128 saturate(double x, s128 low, s128 high) {
  if (x != x) return 0;
  if (x >= 18446744073709551616.0) return high;
  if (x <= -18446744073709551616.0) return low;
  s128 whole = (s128)x;
  return whole < low ? low : whole > high ? high : whole;
}
static int integral(double x) { return x - x == 0 && rint(x) == x; }
static double smaller(double x, double y) {
  if (x != x || y != y) return NAN;
  if (x == 0 && y == 0) return signbit(x) ? x : y;
  return x < y ? x : y;
}
static double larger(double x, double y) {
  if (x != x || y != y) return NAN;
  if (x == 0 && y == 0) return signbit(x) ? y : x;
  return x > y ? x : y;
}
"#;

/// What every program ends with: tuples of an operation's number and three operands in, two results out.
pub const MAIN: &str = r#"int main(void) {
  static char buffer[1 << 16];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  u64 in[4];
  while (fread(in, 8, 4, stdin) == 4) {
    if (in[0] >= sizeof ops / sizeof *ops) return 1;
    u64 out[2] = {0, 0};
    ops[in[0]](in + 1, out);
    if (fwrite(out, 8, 2, stdout) != 2) return 1;
  }
  return fflush(stdout) != 0;
}
"#;

/// The C that computes an operation; `None` where the judge knows none.
pub fn of(instance: &OpInstance) -> Option<String> {
    let bits = instance.ty.bits();
    let argument = instance.args.first().map_or(bits, |ty| ty.bits());
    let body = match instance.op {
        Op::Iadd => "r0 = a + b;",
        Op::Isub => "r0 = a - b;",
        Op::Imul => "r0 = (U)((u64)a * (u64)b);",
        Op::Ineg => "r0 = 0 - a;",
        Op::Sdiv => "r0 = b == 0 ? 0 : (U)((s128)(S)a / (s128)(S)b);",
        Op::Udiv => "r0 = b == 0 ? 0 : a / b;",
        Op::Srem => "r0 = b == 0 ? a : (U)((s128)(S)a % (s128)(S)b);",
        Op::Urem => "r0 = b == 0 ? a : a % b;",
        Op::Smulhi => "r0 = (U)(((s128)(S)a * (s128)(S)b) >> W);",
        Op::Umulhi => "r0 = (U)(((u128)a * (u128)b) >> W);",
        Op::SaddOverflow => "S r; r1 = __builtin_add_overflow((S)a, (S)b, &r); r0 = (U)r;",
        Op::UaddOverflow => "r1 = __builtin_add_overflow(a, b, &r0);",
        Op::SsubOverflow => "S r; r1 = __builtin_sub_overflow((S)a, (S)b, &r); r0 = (U)r;",
        Op::UsubOverflow => "r1 = __builtin_sub_overflow(a, b, &r0);",
        Op::SmulOverflow => "S r; r1 = __builtin_mul_overflow((S)a, (S)b, &r); r0 = (U)r;",
        Op::UmulOverflow => "r1 = __builtin_mul_overflow(a, b, &r0);",
        Op::Band => "r0 = a & b;",
        Op::Bor => "r0 = a | b;",
        Op::Bxor => "r0 = a ^ b;",
        Op::Bnot => "r0 = ~a;",
        Op::Shl => "r0 = (U)((u64)a << (b & (W - 1)));",
        Op::Lshr => "r0 = a >> (b & (W - 1));",
        Op::Ashr => "r0 = (U)((S)a >> (b & (W - 1)));",
        // Bit by bit: slow, and nothing to get wrong.
        Op::Rotl => "for (int i = 0; i < W; i++) r0 |= (U)((U)((a >> i) & 1) << ((i + b % W) % W));",
        Op::Rotr => "for (int i = 0; i < W; i++) r0 |= (U)((U)((a >> ((i + b % W) % W)) & 1) << i);",
        Op::Clz => "for (int i = W - 1; i >= 0 && !(a >> i & 1); i--) r0++;",
        Op::Ctz => "for (int i = 0; i < W && !(a >> i & 1); i++) r0++;",
        Op::Popcnt => "for (int i = 0; i < W; i++) r0 += a >> i & 1;",
        Op::Bswap => "for (int i = 0; i < W; i += 8) r0 |= (U)((U)(a >> i & 255) << (W - 8 - i));",
        Op::Select => "r0 = a ? b : c;",
        Op::IcmpEq => "r0 = a == b;",
        Op::IcmpNe => "r0 = a != b;",
        Op::IcmpSlt => "r0 = (S)a < (S)b;",
        Op::IcmpSle => "r0 = (S)a <= (S)b;",
        Op::IcmpSgt => "r0 = (S)a > (S)b;",
        Op::IcmpSge => "r0 = (S)a >= (S)b;",
        Op::IcmpUlt => "r0 = a < b;",
        Op::IcmpUle => "r0 = a <= b;",
        Op::IcmpUgt => "r0 = a > b;",
        Op::IcmpUge => "r0 = a >= b;",
        Op::FcmpEq => "r0 = D(a) == D(b);",
        Op::FcmpNe => "r0 = D(a) != D(b);",
        Op::FcmpLt => "r0 = isless(D(a), D(b));",
        Op::FcmpLe => "r0 = islessequal(D(a), D(b));",
        Op::FcmpGt => "r0 = isgreater(D(a), D(b));",
        Op::FcmpGe => "r0 = isgreaterequal(D(a), D(b));",
        Op::FcmpOrd => "r0 = !isunordered(D(a), D(b));",
        Op::FcmpUno => "r0 = isunordered(D(a), D(b)) != 0;",
        Op::Fadd => "r0 = DB(D(a) + D(b));",
        Op::Fsub => "r0 = DB(D(a) - D(b));",
        Op::Fmul => "r0 = DB(D(a) * D(b));",
        Op::Fdiv => "r0 = DB(D(a) / D(b));",
        Op::Fmin => "r0 = DB(smaller(D(a), D(b)));",
        Op::Fmax => "r0 = DB(larger(D(a), D(b)));",
        Op::Fneg => "r0 = a ^ (u64)1 << 63;",
        Op::Fabs => "r0 = a & ~((u64)1 << 63);",
        Op::Fcopysign => "r0 = (a & ~((u64)1 << 63)) | (b & (u64)1 << 63);",
        Op::Fsqrt => "r0 = DB(sqrt(D(a)));",
        Op::Fceil => "r0 = DB(ceil(D(a)));",
        Op::Ffloor => "r0 = DB(floor(D(a)));",
        Op::Ftrunc => "r0 = DB(trunc(D(a)));",
        Op::Fnearest => "r0 = DB(nearbyint(D(a)));",
        Op::Sext => "r0 = (U)(s64)(SA)a;",
        Op::Zext => "r0 = (U)a;",
        Op::Trunc => "r0 = (U)a;",
        Op::SintToF64 => "r0 = DB((double)(S)a);",
        Op::UintToF64 => "r0 = DB((double)a);",
        Op::F64ToSintSat => "r0 = (U)saturate(D(a), -((s128)1 << (W - 1)), ((s128)1 << (W - 1)) - 1);",
        Op::F64ToUintSat => "r0 = (U)saturate(D(a), 0, ((s128)1 << W) - 1);",
        Op::F64ToSintExact => {
            "double x = D(a); r1 = integral(x) && x >= -ldexp(1, W - 1) && x < ldexp(1, W - 1); if (r1) r0 = (U)(s64)x;"
        }
        Op::F64ToUintExact => {
            "double x = D(a); r1 = integral(x) && x >= 0 && x < ldexp(1, W); if (r1) r0 = (U)(u128)x;"
        }
        Op::F32ToF64 => "r0 = DB((double)F(a));",
        Op::F64ToF32 => "r0 = FB((float)D(a));",
        Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits => "r0 = a;",
        _ => return None,
    };
    // Letters that stand for types are words of their own.
    let mut out = String::new();
    let mut word = String::new();
    for c in body.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        match word.as_str() {
            "S" => out += &format!("s{bits}"),
            "U" => out += &format!("u{bits}"),
            "SA" => out += &format!("s{argument}"),
            "W" => out += &bits.to_string(),
            other => out += other,
        }
        word.clear();
        out.push(c);
    }
    Some(out)
}
