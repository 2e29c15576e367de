/* What each machine-stage operation of Lockstep's IR means, in C: one inline function per operation and type, named `operation_type`.
 *
 * Not a header for people to include, but the prelude of every unit that exec_gcc.py compiles. It shares no code with Lockstep's own
 * evaluator, so that gcc's opinion of an operation is an outside one. All integers are unsigned and cast where an operation is signed, so nothing
 * here is undefined; gcc gets -fwrapv all the same.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef unsigned __int128 u128;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;
typedef __int128 s128;
typedef float f32;
typedef double f64;

#define OP static inline __attribute__((always_inline))

/* N: width; D: twice that; LZ, TZ, ONES: gcc's counters at 32 bits or more, and by how much wider they are. */
#define INTEGER(N, D, LZ, TZ, ONES, WIDER)                                                              \
    OP u##N iconst_i##N(u##N a) { return a; }                                                            \
    OP u##N iadd_i##N(u##N a, u##N b) { return a + b; }                                                  \
    OP u##N isub_i##N(u##N a, u##N b) { return a - b; }                                                  \
    OP u##N imul_i##N(u##N a, u##N b) { return (u##D)a * (u##D)b; }                                      \
    OP u##N ineg_i##N(u##N a) { return -a; }                                                             \
    OP u##N sdiv_i##N(u##N a, u##N b) {                                                                  \
        return b == 0 ? 0 : b == (u##N)-1 ? (u##N)-a : (u##N)((s##N)a / (s##N)b);                        \
    }                                                                                                    \
    OP u##N udiv_i##N(u##N a, u##N b) { return b == 0 ? 0 : a / b; }                                     \
    OP u##N srem_i##N(u##N a, u##N b) {                                                                  \
        return b == 0 ? a : b == (u##N)-1 ? 0 : (u##N)((s##N)a % (s##N)b);                               \
    }                                                                                                    \
    OP u##N urem_i##N(u##N a, u##N b) { return b == 0 ? a : a % b; }                                     \
    OP u##N smulhi_i##N(u##N a, u##N b) { return ((s##D)(s##N)a * (s##D)(s##N)b) >> N; }                 \
    OP u##N umulhi_i##N(u##N a, u##N b) { return ((u##D)a * (u##D)b) >> N; }                             \
    OP u8 sadd_overflow_i##N(u##N a, u##N b, u##N *r) {                                                  \
        return __builtin_add_overflow((s##N)a, (s##N)b, (s##N *)r);                                      \
    }                                                                                                    \
    OP u8 uadd_overflow_i##N(u##N a, u##N b, u##N *r) { return __builtin_add_overflow(a, b, r); }        \
    OP u8 ssub_overflow_i##N(u##N a, u##N b, u##N *r) {                                                  \
        return __builtin_sub_overflow((s##N)a, (s##N)b, (s##N *)r);                                      \
    }                                                                                                    \
    OP u8 usub_overflow_i##N(u##N a, u##N b, u##N *r) { return __builtin_sub_overflow(a, b, r); }        \
    OP u8 smul_overflow_i##N(u##N a, u##N b, u##N *r) {                                                  \
        return __builtin_mul_overflow((s##N)a, (s##N)b, (s##N *)r);                                      \
    }                                                                                                    \
    OP u8 umul_overflow_i##N(u##N a, u##N b, u##N *r) { return __builtin_mul_overflow(a, b, r); }        \
    OP u##N band_i##N(u##N a, u##N b) { return a & b; }                                                  \
    OP u##N bor_i##N(u##N a, u##N b) { return a | b; }                                                   \
    OP u##N bxor_i##N(u##N a, u##N b) { return a ^ b; }                                                  \
    OP u##N bnot_i##N(u##N a) { return ~a; }                                                             \
    OP u##N shl_i##N(u##N a, u##N b) { return (u##D)a << (b % N); }                                      \
    OP u##N lshr_i##N(u##N a, u##N b) { return a >> (b % N); }                                           \
    OP u##N ashr_i##N(u##N a, u##N b) { return (s##N)a >> (b % N); }                                     \
    OP u##N rotl_i##N(u##N a, u##N b) { return a << (b % N) | a >> (-b % N); }                           \
    OP u##N rotr_i##N(u##N a, u##N b) { return a >> (b % N) | a << (-b % N); }                           \
    OP u##N clz_i##N(u##N a) { return a == 0 ? N : LZ(a) - WIDER; }                                      \
    OP u##N ctz_i##N(u##N a) { return a == 0 ? N : TZ(a); }                                              \
    OP u##N popcnt_i##N(u##N a) { return ONES(a); }                                                      \
    OP u8 icmp_eq_i##N(u##N a, u##N b) { return a == b; }                                                \
    OP u8 icmp_ne_i##N(u##N a, u##N b) { return a != b; }                                                \
    OP u8 icmp_slt_i##N(u##N a, u##N b) { return (s##N)a < (s##N)b; }                                    \
    OP u8 icmp_sle_i##N(u##N a, u##N b) { return (s##N)a <= (s##N)b; }                                   \
    OP u8 icmp_sgt_i##N(u##N a, u##N b) { return (s##N)a > (s##N)b; }                                    \
    OP u8 icmp_sge_i##N(u##N a, u##N b) { return (s##N)a >= (s##N)b; }                                   \
    OP u8 icmp_ult_i##N(u##N a, u##N b) { return a < b; }                                                \
    OP u8 icmp_ule_i##N(u##N a, u##N b) { return a <= b; }                                               \
    OP u8 icmp_ugt_i##N(u##N a, u##N b) { return a > b; }                                                \
    OP u8 icmp_uge_i##N(u##N a, u##N b) { return a >= b; }                                               \
    OP u##N atomic_load_i##N(u64 p) { return __atomic_load_n((u##N *)p, __ATOMIC_RELAXED); }

INTEGER(8, 16, __builtin_clz, __builtin_ctz, __builtin_popcount, 24)
INTEGER(16, 32, __builtin_clz, __builtin_ctz, __builtin_popcount, 16)
INTEGER(32, 64, __builtin_clz, __builtin_ctz, __builtin_popcount, 0)
INTEGER(64, 128, __builtin_clzl, __builtin_ctzl, __builtin_popcountl, 0)

OP u16 bswap_i16(u16 a) { return __builtin_bswap16(a); }
OP u32 bswap_i32(u32 a) { return __builtin_bswap32(a); }
OP u64 bswap_i64(u64 a) { return __builtin_bswap64(a); }

/* T: C type; S: its suffix in the IR. Memory may hold anything at any alignment. */
#define VALUE(T, S)                                                                                      \
    typedef T __attribute__((aligned(1), may_alias)) any_##T;                                            \
    OP T load_##S(u64 p) { return *(any_##T *)p; }                                                       \
    OP void store_##S(T a, u64 p) { *(any_##T *)p = a; }                                                 \
    OP T select_##S(u8 c, T a, T b) { return c ? a : b; }

VALUE(u8, i8)
VALUE(u16, i16)
VALUE(u32, i32)
VALUE(u64, i64)
VALUE(f32, f32)
VALUE(f64, f64)

union bits64 { u64 u; f64 f; };
union bits32 { u32 u; f32 f; };
OP f64 bits_to_f64_f64(u64 a) { return ((union bits64){.u = a}).f; }
OP u64 f64_to_bits_i64(f64 a) { return ((union bits64){.f = a}).u; }
OP f32 bits_to_f32_f32(u32 a) { return ((union bits32){.u = a}).f; }
OP u32 f32_to_bits_i32(f32 a) { return ((union bits32){.f = a}).u; }
OP f64 fconst_f64(u64 a) { return bits_to_f64_f64(a); }

OP u8 fcmp_eq_f64(f64 a, f64 b) { return a == b; }
OP u8 fcmp_ne_f64(f64 a, f64 b) { return a != b; }
OP u8 fcmp_lt_f64(f64 a, f64 b) { return a < b; }
OP u8 fcmp_le_f64(f64 a, f64 b) { return a <= b; }
OP u8 fcmp_gt_f64(f64 a, f64 b) { return a > b; }
OP u8 fcmp_ge_f64(f64 a, f64 b) { return a >= b; }
OP u8 fcmp_ord_f64(f64 a, f64 b) { return !__builtin_isunordered(a, b); }
OP u8 fcmp_uno_f64(f64 a, f64 b) { return __builtin_isunordered(a, b); }

OP f64 fadd_f64(f64 a, f64 b) { return a + b; }
OP f64 fsub_f64(f64 a, f64 b) { return a - b; }
OP f64 fmul_f64(f64 a, f64 b) { return a * b; }
OP f64 fdiv_f64(f64 a, f64 b) { return a / b; }
/* Equal operands differ at most in the sign of zero; a + b is a NaN where one of them is. */
OP f64 fmin_f64(f64 a, f64 b) {
    return a < b ? a : b < a ? b : a == b ? bits_to_f64_f64(f64_to_bits_i64(a) | f64_to_bits_i64(b)) : a + b;
}
OP f64 fmax_f64(f64 a, f64 b) {
    return a > b ? a : b > a ? b : a == b ? bits_to_f64_f64(f64_to_bits_i64(a) & f64_to_bits_i64(b)) : a + b;
}
OP f64 fneg_f64(f64 a) { return -a; }
OP f64 fabs_f64(f64 a) { return __builtin_fabs(a); }
OP f64 fcopysign_f64(f64 a, f64 b) { return __builtin_copysign(a, b); }
OP f64 fsqrt_f64(f64 a) { return __builtin_sqrt(a); }
OP f64 fceil_f64(f64 a) { return __builtin_ceil(a); }
OP f64 ffloor_f64(f64 a) { return __builtin_floor(a); }
OP f64 ftrunc_f64(f64 a) { return __builtin_trunc(a); }
OP f64 fnearest_f64(f64 a) { return __builtin_rint(a); }

OP f64 sint_to_f64_i32(u32 a) { return (s32)a; }
OP f64 sint_to_f64_i64(u64 a) { return (s64)a; }
OP f64 uint_to_f64_i32(u32 a) { return a; }
OP f64 uint_to_f64_i64(u64 a) { return a; }
OP f64 f32_to_f64_f64(f32 a) { return a; }
OP f32 f64_to_f32_f32(f64 a) { return a; }
/* A comparison with a NaN is false, which leads each of these to 0. */
OP u32 f64_to_sint_sat_i32(f64 a) { return a >= 0x1p31 ? 0x7fffffff : a > -0x1p31 ? (s32)a : a == a ? 0x80000000 : 0; }
OP u64 f64_to_sint_sat_i64(f64 a) { return a >= 0x1p63 ? -1ul >> 1 : a > -0x1p63 ? (s64)a : a == a ? 1ul << 63 : 0; }
OP u32 f64_to_uint_sat_i32(f64 a) { return a >= 0x1p32 ? -1u : a > 0 ? (s64)a : 0; }
OP u64 f64_to_uint_sat_i64(f64 a) { return a >= 0x1p64 ? -1ul : a > 0 ? (u64)a : 0; }
/* Integral and in range: equal to what it converts to. Only saturation gives the greatest 64-bit integers, which round to a power of 2. */
#define EXACT(NAME, SAT, U, S, TOO_LARGE)                                                                \
    OP u8 NAME(f64 a, U *r) {                                                                            \
        U value = SAT(a);                                                                                \
        u8 exact = (f64)(S)value == a && a < TOO_LARGE;                                                  \
        *r = exact ? value : 0;                                                                          \
        return exact;                                                                                    \
    }
EXACT(f64_to_sint_exact_i32, f64_to_sint_sat_i32, u32, s32, 0x1p31)
EXACT(f64_to_sint_exact_i64, f64_to_sint_sat_i64, u64, s64, 0x1p63)
EXACT(f64_to_uint_exact_i32, f64_to_uint_sat_i32, u32, u32, 0x1p32)
EXACT(f64_to_uint_exact_i64, f64_to_uint_sat_i64, u64, u64, 0x1p64)

OP u64 stack_pointer_i64(void) {
    u64 sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return sp;
}
