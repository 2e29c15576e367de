//! The heap reachable from some values as text: what parity compares.
//!
//! Two heaps have the same text if no program could tell them apart, addresses and iteration order aside: objects are numbered as they
//! are met, entries of tables stand in an order of their keys, and neither parts of tables nor interning show. What a
//! coroutine's stack holds and which function of the host an object stands for are not looked at.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::Hasher;

use lockstep_bytecode::number::format_f64;
use lockstep_layout::{ClosureHeader, CoroutineHeader, ObjectHeader, ObjectKind, Slot, Tag, UserdataHeader};
use rustc_hash::FxHasher;

use crate::closure::{ClosureRef, ForeignRef, UpvalueRef};
use crate::heap::{Heap, kind_of};
use crate::string::StringRef;
use crate::table::TableRef;

/// Strings and arrays are written out up to so many bytes or elements; what follows enters as a digest.
const WRITTEN: usize = 256;

/// The text of all that is reachable from `values`: a line for these, and a line per object.
///
/// # Safety
/// The slots are valid, what they refer to is live, and no program runs meanwhile.
pub unsafe fn describe(values: &[Slot]) -> String {
    let mut walk = Walk::default();
    for (index, &value) in values.iter().enumerate() {
        walk.text.push_str(if index == 0 { "" } else { ", " });
        // SAFETY: the caller says so.
        unsafe { walk.value(value) };
    }
    walk.text.push('\n');
    let mut next = 0;
    while let Some(&object) = walk.met.get(next) {
        next += 1;
        let _ = write!(walk.text, "#{next} ");
        // SAFETY: what a live object refers to is live.
        unsafe { walk.object(object) };
        walk.text.push('\n');
    }
    walk.text
}

/// The objects met so far, numbered from 1 in this order.
#[derive(Default)]
struct Walk {
    text: String,
    met: Vec<*mut ObjectHeader>,
    numbers: HashMap<u64, usize, rustc_hash::FxBuildHasher>,
}

/// The order of keys in the text. Objects follow all else, in the order in which the table has them.
fn rank(key: Slot) -> (u8, u64) {
    match Tag(key.tag) {
        // Flipping the sign bit orders integers as unsigned numbers.
        Tag::I64 => (0, key.payload ^ 1 << 63),
        Tag::F64 => (1, if key.payload >> 63 == 0 { key.payload ^ 1 << 63 } else { !key.payload }),
        Tag::BOOL => (2, key.payload),
        Tag::STRING => (3, 0),
        _ => (4, 0),
    }
}

impl Walk {
    fn reference(&mut self, address: u64) {
        let met = &mut self.met;
        let number = *self.numbers.entry(address).or_insert_with(|| {
            met.push(address as *mut ObjectHeader);
            met.len()
        });
        let _ = write!(self.text, "#{number}");
    }

    /// # Safety
    /// The slot is valid, and what it refers to is live.
    unsafe fn value(&mut self, value: Slot) {
        match Tag(value.tag) {
            Tag::NIL => self.text.push_str("nil"),
            Tag::BOOL => self.text.push_str(if value.payload != 0 { "true" } else { "false" }),
            Tag::I64 => drop(write!(self.text, "{}", value.payload as i64)),
            Tag::F64 => self.text.push_str(&format_f64(f64::from_bits(value.payload))),
            // SAFETY: the caller says so.
            Tag::STRING => unsafe { self.string(StringRef::from_payload(value.payload).bytes()) },
            _ if value.is_object() => self.reference(value.payload),
            tag => drop(write!(self.text, "{}:{:#x}", tag.0, value.payload)),
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        let (written, rest) = bytes.split_at(bytes.len().min(WRITTEN));
        let _ = write!(self.text, "\"{}\"", written.escape_ascii());
        if !rest.is_empty() {
            let mut hasher = FxHasher::default();
            hasher.write(rest);
            let _ = write!(self.text, "+{}:{:016x}", rest.len(), hasher.finish());
        }
    }

    /// # Safety
    /// The slots are valid, and what they refer to is live.
    unsafe fn list(&mut self, values: impl Iterator<Item = Slot>) {
        self.text.push('[');
        for (index, value) in values.enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            // SAFETY: the caller says so.
            unsafe { self.value(value) };
        }
        self.text.push(']');
    }

    /// # Safety
    /// The object is live.
    unsafe fn object(&mut self, object: *mut ObjectHeader) {
        let address = object as u64;
        // SAFETY: the object is live, and its kind says which record it is.
        unsafe {
            let kind = kind_of(object);
            self.text.push_str(kind.name());
            match kind {
                ObjectKind::String => {}
                ObjectKind::Array => self.array(address),
                ObjectKind::Table => self.table(TableRef::from_payload(address)),
                ObjectKind::Closure => {
                    let closure = ClosureRef::from_payload(address);
                    let _ = write!(self.text, " f{}", closure.function());
                    for index in 0..(*object.cast::<ClosureHeader>()).upvalues {
                        self.text.push(' ');
                        self.reference(*closure.upvalue_at(index));
                    }
                }
                ObjectKind::Upvalue => {
                    self.text.push(' ');
                    self.value(UpvalueRef::from_payload(address).get());
                }
                ObjectKind::Foreign => {
                    self.text.push(' ');
                    self.list(ForeignRef::from_payload(address).captures().iter().copied());
                }
                ObjectKind::Coroutine => {
                    self.text.push_str(if (*object.cast::<CoroutineHeader>()).state == 0 { " dead" } else { " alive" });
                }
                ObjectKind::Userdata => {
                    let userdata = &*object.cast::<UserdataHeader>();
                    self.text.push(' ');
                    self.value(userdata.user);
                    self.metatable(userdata.metatable);
                }
            }
        }
    }

    /// # Safety
    /// The address is that of a live array, which nobody writes meanwhile.
    unsafe fn array(&mut self, address: u64) {
        // SAFETY: the caller says so.
        let text = unsafe { Heap::load(address) }.to_string();
        self.text.push(' ');
        self.string(text.as_bytes());
    }

    /// # Safety
    /// The table is live.
    unsafe fn table(&mut self, table: TableRef) {
        let mut entries = Vec::new();
        // SAFETY: the table is live, and so are its keys.
        unsafe {
            let mut position = 0;
            while let Some(entry) = table.entry_from(position) {
                entries.push((entry.key, entry.value));
                position = entry.position;
            }
            entries.sort_by(|(a, _), (b, _)| {
                rank(*a).cmp(&rank(*b)).then_with(|| match (StringRef::from_slot(*a), StringRef::from_slot(*b)) {
                    (Some(a), Some(b)) => a.order(b),
                    _ => std::cmp::Ordering::Equal,
                })
            });
            self.text.push_str(" {");
            for (index, (key, value)) in entries.into_iter().enumerate() {
                self.text.push_str(if index == 0 { "" } else { ", " });
                self.value(key);
                self.text.push_str(": ");
                self.value(value);
            }
            self.text.push('}');
            self.metatable((*table.as_ptr()).metatable);
        }
    }

    fn metatable(&mut self, address: u64) {
        if address != 0 {
            self.text.push_str(" meta ");
            self.reference(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    /// Builds the same graph; `backwards` in another order, so that addresses, parts and nodes differ.
    fn build(backwards: bool) -> (Heap, Vec<Slot>) {
        let mut heap = Heap::new(1 << 20);
        // SAFETY: nothing is collected without roots.
        unsafe {
            let mut tables = [heap.new_table(0, 0).unwrap(), heap.new_table(0, 40).unwrap()];
            if backwards {
                tables.reverse();
            }
            let (table, meta) = (tables[0], tables[1]);
            let mut keys: Vec<Slot> = (1..=5).map(Slot::i64).collect();
            keys.extend([Slot::i64(-1), Slot::f64(0.5), Slot::f64(-2.5), Slot::TRUE]);
            keys.push(heap.new_string(b"name\n").unwrap().slot());
            keys.push(heap.new_string(&[b'z'; 300]).unwrap().slot());
            if backwards {
                keys.reverse();
            }
            for key in keys {
                table.set(&mut heap, key, key).unwrap();
            }
            table.set(&mut heap, table.slot(), Slot::f64(f64::NAN)).unwrap();
            table.set_metatable(&mut heap, Some(meta));
            let upvalue = heap.new_closed_upvalue(table.slot()).unwrap();
            let closure = heap.new_closure(3, 2).unwrap();
            closure.set_upvalue(&mut heap, 0, upvalue);
            closure.set_upvalue(&mut heap, 1, upvalue);
            let foreign = heap.new_foreign(u64::from(backwards), &[Slot::NIL, meta.slot()]).unwrap();
            let array = heap.store(&Value::ArrI32(vec![1, -2])).unwrap().unwrap();
            let array = Slot { payload: array.payload(), tag: Tag::ARR_I32.0 };
            let userdata = heap.new_userdata(Box::new(backwards), 0).unwrap();
            userdata.set_user(&mut heap, array);
            let coroutine = heap.new_coroutine().unwrap().slot();
            (heap, vec![closure.slot(), foreign.slot(), Slot::i64(7), userdata.slot(), coroutine])
        }
    }

    #[test]
    fn the_same_graph_has_the_same_text() {
        let ((_heap, values), (_other, backwards)) = (build(false), build(true));
        // SAFETY: the heaps live.
        let (text, other) = unsafe { (describe(&values), describe(&backwards)) };
        assert_eq!(text, other);
        let long = format!("\"{}\"+44:", "z".repeat(256));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#1, #2, 7, #3, #4");
        assert_eq!(lines[1], "#1 closure f3 #5 #5");
        assert_eq!(lines[2], "#2 foreign [nil, #6]");
        assert_eq!(lines[3], "#3 userdata #7");
        assert_eq!(lines[4], "#4 coroutine dead");
        assert_eq!(lines[5], "#5 upvalue #8");
        assert_eq!(lines[6], "#6 table {}");
        assert_eq!(lines[7], "#7 array \"[1, -2]\"");
        let start = "#8 table {-1: -1, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, -2.5: -2.5, 0.5: 0.5, true: true, \"name\\n\": \"name\\n\", ";
        assert!(lines[8].starts_with(start), "{}", lines[8]);
        assert!(lines[8].contains(&long) && lines[8].ends_with(", #8: nan} meta #6"), "{}", lines[8]);
    }

    #[test]
    fn a_difference_shows() {
        let (mut heap, values) = build(false);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let before = describe(&values);
            let closure = ClosureRef::from_payload(values[0].payload);
            let twin = heap.new_closed_upvalue(closure.upvalue(0).get()).unwrap();
            closure.set_upvalue(&mut heap, 1, twin);
            assert_ne!(describe(&values), before, "a variable is no longer shared");
        }
    }
}
