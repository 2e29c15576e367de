//! The arms of the dispatch loop for instructions on dynamic values, by their meaning.
//!
//! Each has a fast path, for two integers or two floats mostly, and leaves everything else to a function of
//! [`crate::dynamic`]. Macros named here are those of `dispatch.rs`, where this one is called.

/// Does what a slow path found out: the next instruction, one of another frame, or an error.
macro_rules! step {
    ($s:ident, $ip:ident, $run:lifetime, $step:expr) => {
        match $step {
            Step::Done => next!($s, $ip),
            Step::Raise(kind) => break $run kind,
        }
    };
}

/// Notes that operands of these kinds were seen, if that is news.
macro_rules! saw {
    ($ip:ident, $seen:ident, $what:ident) => {
        if $seen.0 & Seen::$what.0 == 0 {
            see($ip, Seen::$what);
        }
    };
}

/// Whether two slots are of this kind.
macro_rules! both {
    ($a:ident, $b:ident, $TAG:ident) => {
        (*$a).tag == Tag::$TAG.0 && (*$b).tag == Tag::$TAG.0
    };
}

/// Writes a register of kind `any`.
macro_rules! put {
    ($s:ident, $dst:expr, $TAG:ident, $payload:expr) => {{
        let dst = slot_at($s.frame, $dst);
        (*dst).payload = $payload;
        (*dst).tag = Tag::$TAG.0;
    }};
}

/// Branches by a comparison of two slots, fast if both are integers or floats.
macro_rules! test {
    ($s:ident, $ip:ident, $c:ident, $h:ident, $run:lifetime, $Test:ident, $a:ident, $b:ident, $seen:ident, $target:ident) => {{
        if both!($a, $b, I64) {
            saw!($ip, $seen, INT);
            let holds = relation!($Test, (*$a).payload as i64, (*$b).payload as i64);
            branch!($s, $ip, $c, $h, $run, holds, $target)
        }
        if both!($a, $b, F64) {
            saw!($ip, $seen, FLOAT);
            let holds = relation!($Test, f64::from_bits((*$a).payload), f64::from_bits((*$b).payload));
            branch!($s, $ip, $c, $h, $run, holds, $target)
        }
        match compare($c, &mut $s, Test::$Test, *$a, *$b) {
            Verdict::Holds(holds) => branch!($s, $ip, $c, $h, $run, holds, $target),
            Verdict::Raise(kind) => break $run kind,
        }
    }};
}

macro_rules! execute_dynamic {
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Nil) ($K:ident) ($dst:ident)) => {{
        put!($s, $dst, NIL, 0);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Truth) ($K:ident) ($dst:ident, $value:ident)) => {{
        put!($s, $dst, BOOL, u64::from($value));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Integer) ($K:ident) ($dst:ident, $value:ident)) => {{
        put!($s, $dst, I64, i64::from($value) as u64);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Number(Int)) ($K:ident) ($dst:ident, $value:ident)) => {{
        put!($s, $dst, I64, $s.code.cast::<u64>().sub(1 + $value.index()).read());
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Number(Float)) ($K:ident) ($dst:ident, $value:ident)) => {{
        put!($s, $dst, F64, $s.code.cast::<u64>().sub(1 + $value.index()).read());
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Box) ($K:ident) ($dst:ident, $a:ident)) => {{
        let value = read(slot_at($s.frame, $a));
        let dst = slot_at($s.frame, $dst);
        (*dst).payload = value.payload;
        (*dst).tag = value.tag;
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Unbox) ($K:ident) ($dst:ident, $a:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag != kinds::tag!($K).0 {
            break $run crate::dynamic::not_of_kind($c, &$s, kinds::tag!($K), (*a).tag);
        }
        payload($s.frame, $dst).write((*a).payload);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Arith($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $b:ident, $seen:ident)) => {{
        let (a, b) = (slot_at($s.frame, $a), slot_at($s.frame, $b));
        if both!(a, b, I64)
            && let Some(value) = <numbers::$Op as Arith>::int((*a).payload as i64, (*b).payload as i64)
        {
            saw!($ip, $seen, INT);
            put!($s, $dst, I64, value as u64);
            next!($s, $ip);
        }
        if both!(a, b, F64)
            && let Some(value) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from_bits((*b).payload))
        {
            saw!($ip, $seen, FLOAT);
            put!($s, $dst, F64, value.to_bits());
            next!($s, $ip);
        }
        step!($s, $ip, $run, operate($c, &mut $s, AnyOp::$Op, *a, *b, $dst))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArithImm($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $imm:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0
            && let Some(value) = <numbers::$Op as Arith>::int((*a).payload as i64, i64::from($imm))
        {
            saw!($ip, $seen, INT);
            put!($s, $dst, I64, value as u64);
            next!($s, $ip);
        }
        if (*a).tag == Tag::F64.0
            && let Some(value) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from($imm))
        {
            saw!($ip, $seen, FLOAT);
            put!($s, $dst, F64, value.to_bits());
            next!($s, $ip);
        }
        step!($s, $ip, $run, operate($c, &mut $s, AnyOp::$Op, *a, Slot::i64(i64::from($imm)), $dst))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyUnary(Not)) ($K:ident) ($dst:ident, $a:ident)) => {{
        let value = !(*slot_at($s.frame, $a)).is_falsy();
        put!($s, $dst, BOOL, u64::from(!value));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyUnary(Neg)) ($K:ident)
     ($dst:ident, $a:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0 {
            saw!($ip, $seen, INT);
            put!($s, $dst, I64, (*a).payload.wrapping_neg());
            next!($s, $ip);
        }
        if (*a).tag == Tag::F64.0 {
            saw!($ip, $seen, FLOAT);
            put!($s, $dst, F64, (-f64::from_bits((*a).payload)).to_bits());
            next!($s, $ip);
        }
        step!($s, $ip, $run, unary($c, &mut $s, AnyUnOp::Neg, *a, $dst))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyUnary(Bnot)) ($K:ident)
     ($dst:ident, $a:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0 {
            saw!($ip, $seen, INT);
            put!($s, $dst, I64, !(*a).payload);
            next!($s, $ip);
        }
        step!($s, $ip, $run, unary($c, &mut $s, AnyUnOp::Bnot, *a, $dst))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyCompare($Test:ident)) ($K:ident)
     ($dst:ident, $a:ident, $b:ident, $seen:ident)) => {{
        let (a, b) = (slot_at($s.frame, $a), slot_at($s.frame, $b));
        let holds = if both!(a, b, I64) {
            saw!($ip, $seen, INT);
            relation!($Test, (*a).payload as i64, (*b).payload as i64)
        } else if both!(a, b, F64) {
            saw!($ip, $seen, FLOAT);
            relation!($Test, f64::from_bits((*a).payload), f64::from_bits((*b).payload))
        } else {
            match compare($c, &mut $s, Test::$Test, *a, *b) {
                Verdict::Holds(holds) => holds,
                Verdict::Raise(kind) => break $run kind,
            }
        };
        put!($s, $dst, BOOL, u64::from(holds));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyBranch($Test:ident)) ($K:ident)
     ($a:ident, $b:ident, $seen:ident, $target:ident)) => {{
        let (a, b) = (slot_at($s.frame, $a), slot_at($s.frame, $b));
        let target = $target.pc();
        test!($s, $ip, $c, $h, $run, $Test, a, b, $seen, target)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyBranchImm($Test:ident)) ($K:ident)
     ($a:ident, $imm:ident, $seen:ident, $target:ident)) => {{
        let a = slot_at($s.frame, $a);
        let target = $target.pc();
        if (*a).tag == Tag::I64.0 {
            saw!($ip, $seen, INT);
            let holds = relation!($Test, (*a).payload as i64, i64::from($imm));
            branch!($s, $ip, $c, $h, $run, holds, target)
        }
        if (*a).tag == Tag::F64.0 {
            saw!($ip, $seen, FLOAT);
            let holds = relation!($Test, f64::from_bits((*a).payload), f64::from($imm));
            branch!($s, $ip, $c, $h, $run, holds, target)
        }
        match compare($c, &mut $s, Test::$Test, *a, Slot::i64(i64::from($imm))) {
            Verdict::Holds(holds) => branch!($s, $ip, $c, $h, $run, holds, target),
            Verdict::Raise(kind) => break $run kind,
        }
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (BranchTruth($when:literal)) ($K:ident)
     ($a:ident, $target:ident)) => {{
        let value = !(*slot_at($s.frame, $a)).is_falsy();
        branch!($s, $ip, $c, $h, $run, value == $when, $target)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (BranchNil($when:literal)) ($K:ident)
     ($a:ident, $target:ident)) => {{
        let is_nil = (*slot_at($s.frame, $a)).is_nil();
        branch!($s, $ip, $c, $h, $run, is_nil == $when, $target)
    }};
}

/// A relation of two numbers of one kind.
macro_rules! relation {
    (Eq, $a:expr, $b:expr) => {
        $a == $b
    };
    (Ne, $a:expr, $b:expr) => {
        $a != $b
    };
    (Lt, $a:expr, $b:expr) => {
        $a < $b
    };
    (NotLt, $a:expr, $b:expr) => {
        std::ops::Not::not($a < $b)
    };
    (Le, $a:expr, $b:expr) => {
        $a <= $b
    };
    (NotLe, $a:expr, $b:expr) => {
        std::ops::Not::not($a <= $b)
    };
    (Gt, $a:expr, $b:expr) => {
        $a > $b
    };
    (NotGt, $a:expr, $b:expr) => {
        std::ops::Not::not($a > $b)
    };
    (Ge, $a:expr, $b:expr) => {
        $a >= $b
    };
    (NotGe, $a:expr, $b:expr) => {
        std::ops::Not::not($a >= $b)
    };
}
