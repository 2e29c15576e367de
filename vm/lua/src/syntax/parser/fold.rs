//! Operations on constants, done while parsing: those that PUC Lua does then, as messages tell a constant key from a computed one. What would raise stays for the run, and so does
//! what gives NaN or a float zero, whose signs are two.

use lockstep_bytecode::AnyOp;
use lockstep_runtime::{float_mod, float_to_integer, floor_div, floor_mod, power, shift_left, shift_right};

use crate::syntax::ast::{Literal, Unary};

/// The value of a binary operation on two constants.
pub fn binary(op: AnyOp, left: &Literal, right: &Literal) -> Option<Literal> {
    match op {
        AnyOp::Band | AnyOp::Bor | AnyOp::Bxor | AnyOp::Shl | AnyOp::Shr => {
            let (a, b) = (integer(left)?, integer(right)?);
            Some(Literal::Integer(match op {
                AnyOp::Band => a & b,
                AnyOp::Bor => a | b,
                AnyOp::Bxor => a ^ b,
                AnyOp::Shl => shift_left(a, b),
                _ => shift_right(a, b),
            }))
        }
        _ => {
            if let (Literal::Integer(a), Literal::Integer(b)) = (left, right) {
                let (a, b) = (*a, *b);
                let exact = match op {
                    AnyOp::Add => Some(a.wrapping_add(b)),
                    AnyOp::Sub => Some(a.wrapping_sub(b)),
                    AnyOp::Mul => Some(a.wrapping_mul(b)),
                    AnyOp::Idiv => Some(floor_div(a, b)?),
                    AnyOp::Mod => Some(floor_mod(a, b)?),
                    _ => None,
                };
                if let Some(value) = exact {
                    return Some(Literal::Integer(value));
                }
            }
            let (a, b) = (float(left)?, float(right)?);
            if b == 0.0 && matches!(op, AnyOp::Div | AnyOp::Idiv | AnyOp::Mod) {
                return None;
            }
            unmistakable(match op {
                AnyOp::Add => a + b,
                AnyOp::Sub => a - b,
                AnyOp::Mul => a * b,
                AnyOp::Div => a / b,
                AnyOp::Idiv => (a / b).floor(),
                AnyOp::Mod => float_mod(a, b),
                _ => power(a, b),
            })
        }
    }
}

/// The value of an operation on one constant.
pub fn unary(op: Unary, operand: &Literal) -> Option<Literal> {
    match (op, operand) {
        (Unary::Negate, Literal::Integer(value)) => Some(Literal::Integer(value.wrapping_neg())),
        (Unary::Negate, Literal::Float(value)) => unmistakable(-value),
        (Unary::BitNot, _) => integer(operand).map(|value| Literal::Integer(!value)),
        _ => None,
    }
}

fn unmistakable(value: f64) -> Option<Literal> {
    (!value.is_nan() && value != 0.0).then_some(Literal::Float(value))
}

fn integer(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Integer(value) => Some(*value),
        Literal::Float(value) => float_to_integer(*value),
        _ => None,
    }
}

fn float(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Integer(value) => Some(*value as f64),
        Literal::Float(value) => Some(*value),
        _ => None,
    }
}
