//! The arms of the dispatch loop for instructions on dynamic values, by their meaning.
//!
//! Each has a fast path, for two integers or two floats mostly, and leaves everything else to a function of
//! [`crate::dynamic`]. Macros named here are those of `dispatch.rs`, where this one is called.

/// Calls a slow path with where the loop is.
macro_rules! here {
    ($s:ident, $c:ident, $h:ident, $method:ident($($arg:expr),*)) => {
        lent!($s, |registers| Here { ctx: $c, s: registers, home: $h }.$method($($arg),*))
    };
}

/// Does what a slow path found out: the next instruction, one of another frame, an error, or the end of the activation.
macro_rules! step {
    ($s:ident, $ip:ident, $run:lifetime, $outcome:expr) => {
        match $outcome {
            Ok(Go::Next) => {
                $s.ip = $s.ip.add(1);
                continue;
            }
            Ok(Go::Continue) => continue,
            Ok(Go::Leave(status)) => return status,
            Err(kind) => break $run kind,
        }
    };
}

/// Notes that operands of these kinds were seen, if that is news. Without an engine nobody asks, and the plain loop does not look.
macro_rules! saw {
    ($ip:ident, $seen:ident, $what:ident) => {
        if MODE != PLAIN && $seen.0 & Seen::$what.0 == 0 {
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

/// What a comparison off the fast path decides.
macro_rules! verdict {
    ($s:ident, $ip:ident, $run:lifetime, $verdict:expr) => {
        match $verdict {
            Ok(Verdict::Holds(holds)) => holds,
            Ok(Verdict::Go(go)) => step!($s, $ip, $run, Ok(go)),
            Err(kind) => break $run kind,
        }
    };
}

/// Copies as many slots as are wanted; those that are not given are nil. Up to two are copied without a loop, which a compiler would unroll at a cost.
macro_rules! copy {
    ($from:expr, $given:ident, $to:ident, $wanted:ident) => {{
        let from: *const Slot = $from;
        if $given >= $wanted && $wanted <= 2 {
            if $wanted != 0 {
                let value = read(from);
                (*$to).payload = value.payload;
                (*$to).tag = value.tag;
                if $wanted != 1 {
                    let value = read(from.add(1));
                    (*$to.add(1)).payload = value.payload;
                    (*$to.add(1)).tag = value.tag;
                }
            }
        } else {
            copy_slots(from, $given, $to, $wanted);
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
            break $run here!($s, $c, $h, not_of_kind(kinds::tag!($K), *a, $a));
        }
        payload($s.frame, $dst).write((*a).payload);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Arith($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $b:ident, $seen:ident)) => {{
        let (a, b) = (slot_at($s.frame, $a), slot_at($s.frame, $b));
        if both!(a, b, I64) {
            if let Some(value) = <numbers::$Op as Arith>::int((*a).payload as i64, (*b).payload as i64) {
                saw!($ip, $seen, INT);
                put!($s, $dst, I64, value as u64);
                next!($s, $ip);
            }
            if let Some(value) = <numbers::$Op as Arith>::of_ints((*a).payload as i64, (*b).payload as i64) {
                saw!($ip, $seen, INT);
                put!($s, $dst, F64, value.to_bits());
                next!($s, $ip);
            }
        } else if both!(a, b, F64) {
            if let Some(value) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from_bits((*b).payload)) {
                saw!($ip, $seen, FLOAT);
                put!($s, $dst, F64, value.to_bits());
                next!($s, $ip);
            }
        } else if <numbers::$Op as Arith>::IS_FLOAT
            && let Some((x, y)) = numbers::mixed(a, b)
            && let Some(value) = <numbers::$Op as Arith>::float(x, y)
        {
            saw!($ip, $seen, MIXED);
            put!($s, $dst, F64, value.to_bits());
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, operate(AnyOp::$Op)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ArithImm($Op:ident)) ($K:ident)
     ($dst:ident, $a:ident, $imm:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0 {
            if let Some(value) = <numbers::$Op as Arith>::int((*a).payload as i64, i64::from($imm)) {
                saw!($ip, $seen, INT);
                put!($s, $dst, I64, value as u64);
                next!($s, $ip);
            }
            if let Some(value) = <numbers::$Op as Arith>::of_ints((*a).payload as i64, i64::from($imm)) {
                saw!($ip, $seen, INT);
                put!($s, $dst, F64, value.to_bits());
                next!($s, $ip);
            }
        } else if (*a).tag == Tag::F64.0
            && let Some(value) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from($imm))
        {
            saw!($ip, $seen, FLOAT);
            put!($s, $dst, F64, value.to_bits());
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, operate_imm(AnyOp::$Op)))
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
        step!($s, $ip, $run, here!($s, $c, $h, unary(AnyUnOp::Neg)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyUnary(Bnot)) ($K:ident)
     ($dst:ident, $a:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0 {
            saw!($ip, $seen, INT);
            put!($s, $dst, I64, !(*a).payload);
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, unary(AnyUnOp::Bnot)))
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
            verdict!($s, $ip, $run, here!($s, $c, $h, compare(Test::$Test, 1)))
        };
        put!($s, $dst, BOOL, u64::from(holds));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyBranch($Test:ident)) ($K:ident)
     ($a:ident, $b:ident, $seen:ident, $target:ident)) => {{
        let (a, b) = (slot_at($s.frame, $a), slot_at($s.frame, $b));
        if both!(a, b, I64) {
            saw!($ip, $seen, INT);
            let holds = relation!($Test, (*a).payload as i64, (*b).payload as i64);
            branch!($s, $ip, $c, $h, $run, holds, near($ip))
        }
        if both!(a, b, F64) {
            saw!($ip, $seen, FLOAT);
            let holds = relation!($Test, f64::from_bits((*a).payload), f64::from_bits((*b).payload));
            branch!($s, $ip, $c, $h, $run, holds, near($ip))
        }
        let holds = verdict!($s, $ip, $run, here!($s, $c, $h, compare(Test::$Test, 0)));
        branch!($s, $ip, $c, $h, $run, holds, $target.pc())
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyBranchImm($Test:ident)) ($K:ident)
     ($a:ident, $imm:ident, $seen:ident, $target:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::I64.0 {
            saw!($ip, $seen, INT);
            let holds = relation!($Test, (*a).payload as i64, i64::from($imm));
            branch!($s, $ip, $c, $h, $run, holds, near($ip))
        }
        if (*a).tag == Tag::F64.0 {
            saw!($ip, $seen, FLOAT);
            let holds = relation!($Test, f64::from_bits((*a).payload), f64::from($imm));
            branch!($s, $ip, $c, $h, $run, holds, near($ip))
        }
        let holds = verdict!($s, $ip, $run, here!($s, $c, $h, compare_imm(Test::$Test)));
        branch!($s, $ip, $c, $h, $run, holds, $target.pc())
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
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Text) ($K:ident) ($dst:ident, $value:ident)) => {{
        put!($s, $dst, STRING, word($s.code, $value.0).read());
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Import) ($K:ident) ($dst:ident, $name:ident)) => {{
        let name = string_word($s.code, $name.0);
        let value = vm($c).dynamic.imports.get(name.bytes()).copied().unwrap_or(Slot::NIL);
        slot_at($s.frame, $dst).write(value);
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (PrintAny) ($K:ident) ($value:ident)) => {{
        let value = *slot_at($s.frame, $value);
        step!($s, $ip, $run, here!($s, $c, $h, print(value)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (StringByte) ($K:ident) ($dst:ident, $a:ident, $at:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, string_byte($dst, $a, $at)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (StringSlice) ($K:ident) ($dst:ident, $a:ident, $first:ident, $last:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, string_slice($dst, $a, $first, $last)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (StringFind) ($K:ident) ($dst:ident, $a:ident, $b:ident, $first:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, string_find($dst, $a, $b, $first)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Concat) ($K:ident) ($values:ident, $count:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, concat($values, $count.fixed())))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (AnyUnary(Len)) ($K:ident) ($dst:ident, $a:ident, $seen:ident)) => {{
        let a = slot_at($s.frame, $a);
        if (*a).tag == Tag::TABLE.0 {
            let table = TableRef::from_payload((*a).payload);
            if table.lacks(Metamethod::Len) {
                saw!($ip, $seen, ARRAY);
                put!($s, $dst, I64, u64::from((*table.as_ptr()).array_len));
                next!($s, $ip);
            }
        } else if (*a).tag == Tag::STRING.0 {
            saw!($ip, $seen, STRING);
            put!($s, $dst, I64, StringRef::from_payload((*a).payload).len());
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, unary(AnyUnOp::Len)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (TableNew) ($K:ident) ($dst:ident, $elements:ident, $fields:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, new_table($dst, $elements, $fields)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (GetName) ($K:ident) ($dst:ident, $object:ident, $name:ident, $site:ident)) => {{
        let object = slot_at($s.frame, $object);
        let name = string_word($s.code, $name.0);
        if (*object).tag == Tag::TABLE.0 {
            let table = TableRef::from_payload((*object).payload);
            let value = table.get_str_cached(name, &mut *word($s.code, $site.0).cast::<u32>());
            if !value.is_nil() || (*table.as_ptr()).metatable == 0 {
                let dst = slot_at($s.frame, $dst);
                (*dst).payload = value.payload;
                (*dst).tag = value.tag;
                next!($s, $ip);
            }
        }
        let dst = slot_at($s.frame, $dst);
        if here!($s, $c, $h, inherited(*object, name, dst)) {
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, index(*object, name.slot())))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Method) ($K:ident) ($base:ident, $object:ident, $name:ident, $site:ident)) => {{
        let object = read(slot_at($s.frame, $object));
        let name = string_word($s.code, $name.0);
        if object.tag == Tag::TABLE.0 {
            let table = TableRef::from_payload(object.payload);
            let value = table.get_str_cached(name, &mut *word($s.code, $site.0).cast::<u32>());
            if !value.is_nil() {
                let base = slot_at($s.frame, $base);
                base.write(value);
                base.add(1).write(object);
                next!($s, $ip);
            }
        }
        let base = slot_at($s.frame, $base);
        if here!($s, $c, $h, inherited(object, name, base)) {
            base.add(1).write(object);
            next!($s, $ip);
        }
        step!($s, $ip, $run, here!($s, $c, $h, index(object, name.slot())))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (SetName) ($K:ident) ($object:ident, $value:ident, $name:ident, $site:ident)) => {{
        let object = slot_at($s.frame, $object);
        let name = string_word($s.code, $name.0);
        let value = read(slot_at($s.frame, $value));
        if (*object).tag == Tag::TABLE.0 {
            let table = TableRef::from_payload((*object).payload);
            let cache = &mut *word($s.code, $site.0).cast::<u32>();
            if table.store_str_cached(vm($c).heap_mut(), name, value, cache) {
                next!($s, $ip);
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, set_index(*object, name.slot(), value)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Get) ($K:ident) ($dst:ident, $object:ident, $key:ident, $seen:ident)) => {{
        let (object, key) = (slot_at($s.frame, $object), slot_at($s.frame, $key));
        if (*object).tag == Tag::TABLE.0 && (*key).tag == Tag::I64.0 {
            saw!($ip, $seen, ARRAY);
            let table = TableRef::from_payload((*object).payload);
            if let Some(value) = table.present((*key).payload as i64) {
                let dst = slot_at($s.frame, $dst);
                (*dst).payload = value.payload;
                (*dst).tag = value.tag;
                next!($s, $ip);
            }
        } else if (*object).tag == Tag::TABLE.0 && (*key).tag == Tag::STRING.0 {
            let (table, name) = (TableRef::from_payload((*object).payload), StringRef::from_payload((*key).payload));
            if name.is_interned() {
                let value = table.get_interned(name);
                if !value.is_nil() {
                    saw!($ip, $seen, OTHER);
                    let dst = slot_at($s.frame, $dst);
                    (*dst).payload = value.payload;
                    (*dst).tag = value.tag;
                    next!($s, $ip);
                }
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, get()))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Set) ($K:ident) ($object:ident, $key:ident, $value:ident, $seen:ident)) => {{
        let (object, key) = (slot_at($s.frame, $object), slot_at($s.frame, $key));
        if (*object).tag == Tag::TABLE.0 && (*key).tag == Tag::I64.0 {
            saw!($ip, $seen, ARRAY);
            let table = TableRef::from_payload((*object).payload);
            let value = slot_at($s.frame, $value);
            if table.replace_present((*key).payload as i64, value) {
                next!($s, $ip);
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, set()))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Append) ($K:ident) ($table:ident, $values:ident, $count:ident, $start:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, append($table, $values, $count, $start)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Closure) ($K:ident) ($dst:ident, $template:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, closure($dst, $template)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (UpvalueGet) ($K:ident) ($dst:ident, $upvalue:ident)) => {{
        let upvalue = here!($s, $c, $h, upvalue($upvalue.0));
        let value = read((*upvalue.as_ptr()).slot as *const Slot);
        let dst = slot_at($s.frame, $dst);
        (*dst).payload = value.payload;
        (*dst).tag = value.tag;
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (UpvalueSet) ($K:ident) ($upvalue:ident, $a:ident)) => {{
        let upvalue = here!($s, $c, $h, upvalue($upvalue.0));
        upvalue.set(vm($c).heap_mut(), read(slot_at($s.frame, $a)));
        next!($s, $ip);
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Close) ($K:ident) ($from:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, close($from)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ToBeClosed) ($K:ident) ($a:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, mark_to_close($a)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CallAny) ($K:ident) ($base:ident, $args:ident, $results:ident, $site:ident)) => {{
        event!($s, $c, $h, $run);
        let base = slot_at($s.frame, $base);
        if (*base).tag == Tag::CLOSURE.0 && !$args.is_open() {
            let closure = (*base).payload as *const ClosureHeader;
            let func = (*closure).function;
            let entry = entry_of($c, func);
            let caller = $s.frame;
            let depth = (*caller).depth;
            let frame = $s.top;
            let top = frame.byte_add(frame_size(u32::from((*entry).frame_slots)) as usize);
            if (*entry).traits == FunctionTraits::GENERIC && depth < (*$c).depth_limit && top as u64 <= (*$c).segment_end {
                if MODE != PLAIN {
                    let site = word($s.code, $site.0);
                    let seen = site.read();
                    if seen != u64::from(func) + 1 && seen != u64::MAX {
                        crate::dynamic::calls::saw_callee(site, func);
                    }
                }
                (*caller).pc = $s.pc().0;
                frame.cast::<u64>().write(u64::from(func));
                (*frame).caller = caller as u64;
                (&raw mut (*frame).depth).cast::<u64>().write(u64::from(depth + 1));
                (*frame).callee = closure as u64;
                let (given, wanted) = ($args.fixed(), usize::from((*entry).params));
                let to = slot_at(frame, lockstep_bytecode::Reg(0));
                copy!(base.add(1), given, to, wanted);
                $s.frame = frame;
                $s.top = top;
                $s.code = (*entry).code as *const Instr;
                $s.ip = $s.code;
                if MODE == FULL {
                    $s.counts = counts_of(entry);
                }
                continue;
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, call_any($base, $args, $results)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (TailCallAny) ($K:ident) ($base:ident, $args:ident)) => {{
        event!($s, $c, $h, $run);
        let frame = $s.frame;
        let base = slot_at(frame, $base);
        if (*base).tag == Tag::CLOSURE.0 && !$args.is_open() && (*frame).flags & !FrameFlags::TAIL == 0 {
            let closure = (*base).payload as *const ClosureHeader;
            let func = (*closure).function;
            let entry = entry_of($c, func);
            let top = frame.byte_add(frame_size(u32::from((*entry).frame_slots)) as usize);
            // A library's functions leave other frames.
            let modules = vm($c).modules();
            if (*entry).traits == FunctionTraits::GENERIC
                && top as u64 <= (*$c).segment_end
                && !modules.is_library(FuncId(func.min((*frame).func)))
            {
                // The arguments lie behind the parameters, whose place they take one after the other.
                let (given, wanted) = ($args.fixed(), usize::from((*entry).params));
                let to = slot_at(frame, lockstep_bytecode::Reg(0));
                copy!(base.add(1), given, to, wanted);
                frame.cast::<u64>().write(u64::from(func));
                (*frame).flags = FrameFlags::TAIL;
                (*frame).callee = closure as u64;
                $s.top = top;
                $s.code = (*entry).code as *const Instr;
                $s.ip = $s.code;
                if MODE == FULL {
                    $s.counts = counts_of(entry);
                }
                continue;
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, tail_call($base, $args)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (RetAny) ($K:ident) ($values:ident, $count:ident)) => {{
        let Frame { flags, caller, .. } = *$s.frame;
        if flags & !FrameFlags::TAIL == 0 && !$count.is_open() {
            let caller = caller as *mut Frame;
            let entry = entry_of($c, (*caller).func);
            let code = (*entry).code as *const Instr;
            let call = code.add((*caller).pc as usize);
            // The caller may be at any instruction, also a fused one, that waits for a metamethod.
            if call.cast::<u16>().read() == number::CallAny
                && let Instr::CallAny { base, results, .. } = *call
                && !results.is_open()
            {
                let (given, wanted) = ($count.fixed(), results.fixed());
                let from = slot_at($s.frame, $values);
                let to = slot_at(caller, base);
                copy!(from, given, to, wanted);
                $s.top = $s.frame;
                $s.frame = caller;
                $s.code = code;
                $s.ip = call.add(1);
                if MODE == FULL {
                    $s.counts = counts_of(entry);
                }
                continue;
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, return_registers($values, $count)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Vararg) ($K:ident) ($values:ident, $count:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, vararg($values, $count)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ForPrep) ($K:ident) ($base:ident, $target:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, for_prep($base, $target)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ForLoop) ($K:ident) ($base:ident, $target:ident)) => {{
        let base = slot_at($s.frame, $base);
        if (*base).tag == Tag::I64.0 {
            let left = (*base.add(1)).payload;
            if left == 0 {
                next!($s, $ip);
            }
            // With its tag: of a loop that no `for_prep` has begun it may have been any.
            (*base.add(1)).payload = left - 1;
            (*base.add(1)).tag = Tag::I64.0;
            let i = (*base).payload.wrapping_add((*base.add(2)).payload);
            (*base).payload = i;
            (*base.add(3)).payload = i;
            (*base.add(3)).tag = Tag::I64.0;
            jump!($s, $ip, $c, $h, $run, $target)
        } else {
            let step = f64::from_bits((*base.add(2)).payload);
            let i = f64::from_bits((*base).payload) + step;
            let limit = f64::from_bits((*base.add(1)).payload);
            if !(if step > 0.0 { i <= limit } else { limit <= i }) {
                next!($s, $ip);
            }
            (*base).payload = i.to_bits();
            (*base).tag = Tag::F64.0;
            (*base.add(3)).payload = i.to_bits();
            (*base.add(3)).tag = Tag::F64.0;
            jump!($s, $ip, $c, $h, $run, $target)
        }
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ForIn) ($K:ident) ($base:ident, $vars:ident, $target:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, for_in($base, $vars, $target)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Throw) ($K:ident) ($a:ident)) => {{
        let value = *slot_at($s.frame, $a);
        break $run here!($s, $c, $h, throw(value));
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ProtectedCall) ($K:ident) ($base:ident, $args:ident, $results:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, call_registers($base, $args)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (HandledCall) ($K:ident) ($base:ident, $args:ident, $results:ident, $handler:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, call_registers($base, $args)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CoroutineCreate) ($K:ident) ($dst:ident, $a:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, create_coroutine($dst, $a)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Resume) ($K:ident) ($base:ident, $args:ident, $results:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, resume($base, $args, $results)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (ResumeOr) ($K:ident) ($base:ident, $args:ident, $results:ident, $handler:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, resume($base, $args, $results)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (Yield) ($K:ident) ($values:ident, $args:ident, $results:ident)) => {{
        event!($s, $c, $h, $run);
        step!($s, $ip, $run, here!($s, $c, $h, suspend($values, $args)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CoroutineStatus) ($K:ident) ($dst:ident, $a:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, coroutine_status($dst, $a)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CoroutineClose) ($K:ident) ($base:ident, $args:ident, $results:ident)) => {
        step!($s, $ip, $run, here!($s, $c, $h, close_coroutine($base)))
    };
    ([$s:ident $ip:ident $c:ident $h:ident $n:ident $run:lifetime] (CoroutineRunning) ($K:ident) ($dst:ident)) => {{
        slot_at($s.frame, $dst).write((*vm($c).dynamic.current).object);
        next!($s, $ip);
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
