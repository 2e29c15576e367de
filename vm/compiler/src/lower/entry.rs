//! The functions of a unit that are not bodies: the universal entry, and the cold half of calls.

use lockstep_ir::{Builder, Function, Op, Signature, Type, Unit, Value};
use lockstep_layout::{HelperId, Status, ctx_offset, payload_offset};

use super::{TYPED, store_slot};
use crate::build::{CTX, DATA, FRAME};
use crate::code::Code;
use crate::kinds::{declare_helper, type_of};
use crate::regions;

/// The universal entry: takes the arguments from the frame's slots, calls the typed entry, leaves its result in slot 0.
pub fn universal(code: &Code<'_>, body: &Function) -> Function {
    let mut func = Function::new(format!("{}/universal", code.function.name), Signature::entry());
    let mut b = Builder::new(&mut func);
    let mut args = vec![CTX, FRAME, DATA];
    for (n, kind) in (0..).zip(code.function.params()) {
        args.push(b.load(type_of(kind), regions::FRAME, FRAME, payload_offset(n) as i32));
    }
    let results: Vec<Value> = b.call(TYPED, &body.signature, &args).to_vec();
    let Some(kind) = code.function.result else {
        b.ret(&[results[0]]);
        return func;
    };
    let (returned, left) = (b.block(&[]), b.cold_block(&[]));
    let ok = b.iconst(Type::I32, i64::from(Status::OK));
    let failed = b.one(Op::IcmpNe, Type::I32, &[results[0], ok]);
    b.brif(failed, (left, &[]), (returned, &[]));
    b.switch_to(returned);
    store_slot(&mut b, FRAME, 0, kind.tag(), results[1]);
    b.ret(&[ok]);
    b.switch_to(left);
    b.ret(&[results[0]]);
    func
}

/// `answer(ctx, callee's frame, status) -> status`: what a caller does about a call that has not returned `Ok`. An exit is
/// finished by the interpreter; a call still to be dispatched is dispatched; anything else goes up.
pub fn answer(unit: &mut Unit) -> Function {
    let finish = declare_helper(unit, HelperId::Finish);
    let interpret = declare_helper(unit, HelperId::InterpretCall);
    let [finish_signature, signature] = [finish, interpret].map(|h| unit.helpers[h.index()].signature.clone());
    let mut func = Function::new("answer", Signature::new(&[Type::I64, Type::I64, Type::I32], &[Type::I32]));
    let mut b = Builder::new(&mut func);
    let [ctx, frame, status] = [0, 1, 2].map(|n| b.param(Function::ENTRY, n));
    let [exited, other, dispatch, up] = [(); 4].map(|()| b.block(&[]));
    let helpers = b.load(Type::I64, regions::CTX, ctx, ctx_offset::HELPERS as i32);
    let first = b.iconst(Type::I32, i64::from(Status::EXIT));
    let is_exit = b.one(Op::IcmpSge, Type::I32, &[status, first]);
    b.brif(is_exit, (exited, &[]), (other, &[]));
    b.switch_to(exited);
    let done = b.call_helper(finish, &finish_signature, &[helpers, ctx, frame, status])[0];
    b.ret(&[done]);
    b.switch_to(other);
    let pending = b.iconst(Type::I32, i64::from(Status::TAIL_CALL));
    let is_pending = b.one(Op::IcmpEq, Type::I32, &[status, pending]);
    b.brif(is_pending, (dispatch, &[]), (up, &[]));
    b.switch_to(dispatch);
    let done = b.call_helper(interpret, &signature, &[helpers, ctx, frame])[0];
    b.ret(&[done]);
    b.switch_to(up);
    b.ret(&[status]);
    func
}
