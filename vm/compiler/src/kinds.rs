//! How kinds of registers, helpers and signatures appear in the IR.

use lockstep_bytecode::{Function, Kind};
use lockstep_ir::{Helper, HelperRef, Signature, Type, Unit};
use lockstep_layout::{HelperId, Scalar};

/// The IR type of a register of a fixed kind.
pub fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::I8,
        Kind::I32 | Kind::U32 => Type::I32,
        Kind::F64 => Type::F64,
        _ => Type::I64,
    }
}

/// The least value of a signed integer kind.
pub fn minimum(kind: Kind) -> i64 {
    if kind == Kind::I32 { i64::from(i32::MIN) } else { i64::MIN }
}

/// The signature of the typed entry of a function: context, frame, data, arguments; status, result.
pub fn typed_signature(function: &Function) -> Signature {
    let params: Vec<Type> = [Type::I64; 3].into_iter().chain(function.params().map(type_of)).collect();
    let results: Vec<Type> = [Type::I32].into_iter().chain(function.result.map(type_of)).collect();
    Signature::new(&params, &results)
}

/// Declares a helper in a unit as its row in the registry says.
pub fn declare_helper(unit: &mut Unit, helper: HelperId) -> HelperRef {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::I32 => Type::I32,
        Scalar::I64 => Type::I64,
        Scalar::F64 => Type::F64,
    };
    let params: Vec<Type> = helper.params().iter().map(scalar).collect();
    unit.helper(Helper {
        name: helper.name().to_owned(),
        index: helper as u32,
        signature: Signature::new(&params, &[scalar(&helper.result())]),
    })
}

/// The registry's row of a helper that a unit declares.
pub fn helper_id(unit: &Unit, helper: HelperRef) -> Option<HelperId> {
    HelperId::ALL.get(unit.helpers[helper.index()].index as usize).copied()
}
