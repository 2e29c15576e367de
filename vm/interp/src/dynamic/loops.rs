//! Numeric loops and loops over iterators.

use lockstep_bytecode::{Count, ErrorKind, Pc, Reg};
use lockstep_layout::{ClosureHeader, Slot, Tag};
use lockstep_runtime::{ForeignRef, Metamethod, TableRef, loop_limit, number_as_float, to_number};

use super::{Go, Here, Outcome};
use crate::slots::{copy_slots, read};

impl Here<'_> {
    /// `for_prep` (manual §3.3.5): with integers for initial value and step the rounds are counted before, so that nothing overflows.
    /// Strings that are numerals count as numbers, as in PUC Lua; only an integer itself makes a loop over integers, though.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    #[inline(never)]
    pub unsafe fn for_prep(&mut self, base: Reg, target: Pc) -> Outcome {
        // SAFETY: the caller says so; the group has four registers.
        unsafe {
            let slots = self.slot(base);
            let (start, limit, step) = (*slots, *slots.add(1), *slots.add(2));
            let skip = |this: &mut Self| {
                slots.add(3).write(Slot::NIL);
                this.s.ip = this.s.code.add(target.index());
                Ok(Go::Continue)
            };
            if let (Some(start), Some(step)) = (start.as_i64(), step.as_i64()) {
                if step == 0 {
                    return self.fail(ErrorKind::TypeError, "'for' step is zero".to_owned());
                }
                let bound = to_number(limit);
                let limit = match Tag(bound.tag) {
                    Tag::I64 => bound.payload as i64,
                    Tag::F64 => {
                        let limit = f64::from_bits(bound.payload);
                        match loop_limit(limit, step > 0) {
                            Some(limit) => limit,
                            // Beyond all integers: no round, or all there are. NaN is below all, as in PUC Lua.
                            None if step > 0 && limit > 0.0 => i64::MAX,
                            None if step < 0 && (limit < 0.0 || limit.is_nan()) => i64::MIN,
                            None => return skip(self),
                        }
                    }
                    _ => return self.for_error("limit", limit),
                };
                if if step > 0 { start > limit } else { start < limit } {
                    return skip(self);
                }
                let rounds = match step > 0 {
                    true => (limit as u64).wrapping_sub(start as u64) / step as u64,
                    false => (start as u64).wrapping_sub(limit as u64) / (step.wrapping_neg() as u64),
                };
                let is_short = limit == i64::MAX && rounds > 0 && lockstep_runtime::planted!("loop-end");
                let rounds = if is_short { rounds - 1 } else { rounds };
                if lockstep_runtime::planted!("panic-in-loop") {
                    assert!(step != -2 || rounds != 3, "planted: a loop of four rounds downwards by two");
                }
                slots.add(1).write(Slot::i64(rounds as i64));
                slots.add(3).write(Slot::i64(start));
                return Ok(Go::Next);
            }
            let float = |value: Slot| {
                let number = to_number(value);
                (!number.is_nil()).then(|| number_as_float(number))
            };
            let Some(bound) = float(limit) else { return self.for_error("limit", limit) };
            let Some(pace) = float(step) else { return self.for_error("step", step) };
            let Some(first) = float(start) else { return self.for_error("initial", start) };
            if pace == 0.0 {
                return self.fail(ErrorKind::TypeError, "'for' step is zero".to_owned());
            }
            // With NaN there is a first round, as in PUC Lua.
            if if pace > 0.0 { bound < first } else { first < bound } {
                return skip(self);
            }
            slots.write(Slot::f64(first));
            slots.add(1).write(Slot::f64(bound));
            slots.add(2).write(Slot::f64(pace));
            slots.add(3).write(Slot::f64(first));
            Ok(Go::Next)
        }
    }

    /// # Safety
    /// As for [`Here::for_prep`].
    #[cold]
    unsafe fn for_error(&mut self, what: &str, value: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            debug_assert!(to_number(value).is_nil());
            let what = if what == "initial" { "initial value" } else { what };
            let message = format!("bad 'for' {what} (number expected, got {})", self.type_of(value));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// `for_in`: calls the iterator.
    ///
    /// # Safety
    /// As for [`Here::for_prep`].
    #[inline(never)]
    pub unsafe fn for_in(&mut self, base: Reg, vars: Count, target: Pc) -> Outcome {
        // SAFETY: the caller says so; the group has four registers.
        unsafe {
            self.store_pc();
            let slots = self.slot(base);
            if !vars.is_open()
                && vars.fixed() != 0
                && let Some((key, value)) = self.traverse(read(slots), read(slots.add(1)), read(slots.add(2)))
            {
                let to = slots.add(4);
                to.write(key);
                if vars.fixed() > 1 {
                    to.add(1).write(value);
                    copy_slots(to, 0, to.add(2), vars.fixed() - 2);
                }
                return Ok(self.next_round(base, key, target));
            }
            if (*slots).is(Tag::FOREIGN) && !vars.is_open() && vars.fixed() != 0 {
                let given = std::slice::from_raw_parts(slots.add(1), 2);
                self.call_foreign(*slots, given, false, slots.add(4), vars)?;
                return Ok(self.next_round(base, read(slots.add(4)), target));
            }
            if (*slots).is(Tag::CLOSURE) {
                let given = std::slice::from_raw_parts(slots.add(1), 2);
                self.push_closure_with((*slots).payload as *mut _, 0, given)?;
                return Ok(Go::Continue);
            }
            self.stage_values(&[*slots.add(1), *slots.add(2)]);
            self.call_value(*slots, 0)
        }
    }

    /// What the iterator of a loop over a table gives, if it is `next` or counts, without a call: key and value, or nil at the end. `None` leaves anything else to the call, errors too.
    ///
    /// # Safety
    /// As for [`Here::for_in`].
    unsafe fn traverse(&mut self, iterator: Slot, state: Slot, control: Slot) -> Option<(Slot, Slot)> {
        // SAFETY: the caller says so.
        unsafe {
            let table = TableRef::from_slot(state)?;
            if let Some(iterator) = ForeignRef::from_slot(iterator) {
                if iterator.function() != self.vm().dynamic.next {
                    return None;
                }
                return Some(table.next(control).ok()?.unwrap_or_default());
            }
            let counts = iterator.is(Tag::CLOSURE)
                && (*(iterator.payload as *const ClosureHeader)).function == self.vm().dynamic.counting;
            if !counts {
                return None;
            }
            let key = control.as_i64()?.wrapping_add(1);
            let value = table.get_int(key);
            if !value.is_nil() {
                return Some((Slot::i64(key), value));
            }
            table.lacks(Metamethod::Index).then_some((Slot::NIL, Slot::NIL))
        }
    }

    /// The iterator has given the variables their values: the loop goes on if the first is not nil.
    ///
    /// # Safety
    /// As for [`Here::for_in`], with the operands of the registers' instruction.
    pub unsafe fn next_round(&mut self, base: Reg, first: Slot, target: Pc) -> Go {
        // SAFETY: the caller says so.
        unsafe {
            if first.is_nil() {
                return Go::Next;
            }
            self.slot(base).add(2).write(first);
            self.s.ip = self.s.code.add(target.index());
            Go::Continue
        }
    }

    /// The iterator has answered.
    ///
    /// # Safety
    /// The registers are at a `for_in` with these operands.
    pub unsafe fn iterated(&mut self, base: Reg, vars: Count, target: Pc) -> Outcome {
        // SAFETY: the caller says so; behind the four registers stand those of the variables.
        unsafe {
            let first = self.vm().dynamic.staged.first().copied().unwrap_or(Slot::NIL);
            self.place(Reg(base.0 + 4), vars, None);
            Ok(self.next_round(base, first, target))
        }
    }
}
