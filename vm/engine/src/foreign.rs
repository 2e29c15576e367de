//! Calling any System V function on bits: what an evaluator does where native code has a call.

use lockstep_ir::eval::{Results, sign_extend};
use lockstep_ir::{Extension, Signature, Type};

/// How many arguments may travel on the machine stack.
const STACK_ARGS: usize = 10;

/// Calls `address` with arguments given as zero-extended bits; `None` if the signature has more arguments than this can pass.
///
/// The convention (AMD64 ABI 1.0, section 3.2.3) fills six integer and eight float registers independently of each other, then the stack in order of
/// the arguments. So one signature with all of these fits every callee: what lies beyond its parameters it does not look at.
///
/// # Safety
/// A function of this signature is at the address, and calling it with these arguments is sound.
pub unsafe fn call(address: u64, signature: &Signature, args: &[u64]) -> Option<Results> {
    let (mut ints, mut floats, mut stack) = ([0u64; 6], [0f64; 8], [0u64; STACK_ARGS]);
    let (mut int_count, mut float_count, mut stack_count) = (0, 0, 0);
    for (param, &bits) in signature.params.iter().zip(args) {
        let bits = if param.extension == Extension::Sign { sign_extend(param.ty, bits) as u64 } else { bits };
        if param.ty.is_int() && int_count < ints.len() {
            ints[int_count] = bits;
            int_count += 1;
        } else if !param.ty.is_int() && float_count < floats.len() {
            // A binary32 argument occupies the low half of its register.
            floats[float_count] = f64::from_bits(bits);
            float_count += 1;
        } else {
            *stack.get_mut(stack_count)? = bits;
            stack_count += 1;
        }
    }
    macro_rules! call {
        ($result:ty) => {{
            // SAFETY: the caller answers for address, signature and arguments; results are taken from the registers `$result` names.
            unsafe { call_as::<$result>(address, ints, floats, stack) }
        }};
    }
    Some(match signature.results[..] {
        [] => {
            call!(());
            Results::new()
        }
        [Type::F64 | Type::F32] => [call!(f64).to_bits()].into_iter().collect(),
        [_] => [call!(u64)].into_iter().collect(),
        [first, second] => match (first.is_int(), second.is_int()) {
            (true, true) => {
                let Pair(a, b) = call!(Pair<u64, u64>);
                [a, b].into_iter().collect()
            }
            (true, false) => {
                let Pair(a, b) = call!(Pair<u64, f64>);
                [a, b.to_bits()].into_iter().collect()
            }
            (false, true) => {
                let Pair(a, b) = call!(Pair<f64, u64>);
                [a.to_bits(), b].into_iter().collect()
            }
            (false, false) => {
                let Pair(a, b) = call!(Pair<f64, f64>);
                [a.to_bits(), b.to_bits()].into_iter().collect()
            }
        },
        _ => return None,
    })
}

/// Two eightbytes: returned in rax and rdx, or xmm0 and xmm1, by class.
#[repr(C)]
struct Pair<A, B>(A, B);

/// # Safety
/// As [`call`], with `R` for the results.
unsafe fn call_as<R>(address: u64, ints: [u64; 6], floats: [f64; 8], stack: [u64; STACK_ARGS]) -> R {
    type Word = u64;
    type Callee<R> = unsafe extern "C" fn(
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
        f64,
        f64,
        f64,
        f64,
        f64,
        f64,
        f64,
        f64,
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
        Word,
    ) -> R;
    let ([a, b, c, d, e, f], [s, t, u, v, w, x, y, z]) = (ints, floats);
    let [k0, k1, k2, k3, k4, k5, k6, k7, k8, k9] = stack;
    // SAFETY: the caller says that a function is at the address that takes what it needs of these and returns `R`.
    unsafe {
        let callee: Callee<R> = std::mem::transmute(address as usize);
        callee(a, b, c, d, e, f, s, t, u, v, w, x, y, z, k0, k1, k2, k3, k4, k5, k6, k7, k8, k9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::host;
    use Type::{F64, I8, I16, I32, I64};

    fn run(address: usize, signature: &Signature, args: &[u64]) -> u64 {
        // SAFETY: the tests below give a host function of this signature.
        unsafe { call(address as u64, signature, args) }.expect("fits")[0]
    }

    #[test]
    fn integer_and_float_registers_fill_independently() {
        let signature = Signature::new(&[I64, F64, I64, F64], &[F64]);
        let args = [3 << 40, 2.5f64.to_bits(), 1 << 40, 0.5f64.to_bits()];
        assert_eq!(f64::from_bits(run(host::blend as *const () as usize, &signature, &args)), 7.0);
    }

    #[test]
    fn arguments_beyond_the_registers_go_to_the_stack() {
        let args = [1, 2, 3, 4, 5, 6, 7, 8];
        let result = run(host::mix8 as *const () as usize, &Signature::new(&[I64; 8], &[I64]), &args);
        assert_eq!(result, host::mix8(1, 2, 3, 4, 5, 6, 7, 8));
    }

    #[test]
    fn narrow_arguments_are_extended_as_their_parameters_say() {
        let mut signature = Signature::new(&[I8, I8, I16, I16, I32], &[I64]);
        for (param, signed) in signature.params.iter_mut().zip([true, false, true, false, true]) {
            param.extension = if signed { Extension::Sign } else { Extension::Zero };
        }
        let result = run(host::narrow as *const () as usize, &signature, &[0xff, 0xff, 0xffff, 0xffff, 0xffff_ffff]);
        assert_eq!(result as i64, -1 + 3 * 255 - 5 + 7 * 65535 - 11);
    }

    #[test]
    fn too_many_arguments_are_refused() {
        // SAFETY: nothing is called.
        assert_eq!(unsafe { call(0, &Signature::new(&[I64; 17], &[]), &[0; 17]) }, None);
    }
}
