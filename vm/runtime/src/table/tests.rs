//! Tests of tables: edges by hand, and everything against a model.

use std::collections::BTreeMap;

use lockstep_layout::ElementKind;
use proptest::prelude::*;

use super::*;

fn kind(table: TableRef) -> u8 {
    // SAFETY: tests keep their heaps alive.
    unsafe { (*table.as_ptr()).element_kind }
}

fn heap() -> Heap {
    Heap::new(1 << 30)
}

/// Checks what the layout crate promises about a table.
fn check_invariants(table: TableRef) {
    // SAFETY: tests keep their heaps alive.
    unsafe {
        let header = &*table.as_ptr();
        assert!(header.array_len <= header.array_capacity);
        let len = i64::from(header.array_len);
        assert!(len == 0 || !table.element(len as usize - 1).is_nil());
        for node in table.entries() {
            let key = rehash::key_of(node);
            if let Some(key) = key.as_i64() {
                assert!(!(1..=len + 1).contains(&key), "key {key} is in the hash part, the length is {len}");
                assert_ne!(header.object.flags & lockstep_layout::TableFlags::HASHED_INTEGERS, 0);
            }
            assert_eq!(table.find(key).map(|found| found.as_ptr()), Some(node), "every entry is found");
        }
    }
}

#[test]
fn arrays_take_the_kind_of_their_elements() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        for (value, other, expected) in [
            (Slot::i64(5), Slot::f64(1.0), ElementKind::I64),
            (Slot::f64(5.5), Slot::i64(1), ElementKind::F64),
            (Slot::TRUE, Slot::i64(1), ElementKind::Bool),
        ] {
            for hint in [0, 3, 100] {
                let table = heap.new_table(hint, 0).unwrap();
                for key in 1..=50 {
                    table.set_int(&mut heap, key, value).unwrap();
                }
                assert_eq!((kind(table), table.len()), (expected as u8, 50));
                // The wrong kind, in the middle: all become slots, and keep their values.
                table.set_int(&mut heap, 25, other).unwrap();
                assert_eq!(kind(table), ElementKind::Mixed as u8);
                for key in 1..=50 {
                    assert_eq!(table.get_int(key), if key == 25 { other } else { value });
                }
                check_invariants(table);
            }
        }
    }
}

#[test]
fn removing_in_the_middle_leaves_a_hole_and_at_the_end_shortens() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(0, 0).unwrap();
        for key in 1..=10 {
            table.set_int(&mut heap, key, Slot::i64(key)).unwrap();
        }
        table.set_int(&mut heap, 10, Slot::NIL).unwrap();
        assert_eq!((table.len(), kind(table)), (9, ElementKind::I64 as u8), "a stack stays specialised");
        table.set_int(&mut heap, 8, Slot::NIL).unwrap();
        assert_eq!(table.len(), 9);
        table.set_int(&mut heap, 9, Slot::NIL).unwrap();
        assert_eq!(table.len(), 7, "the hole below the end goes, too");
        check_invariants(table);
        for key in [0, -1, 8, 9, 10, 11, i64::MAX, i64::MIN] {
            assert!(table.get_int(key).is_nil(), "{key}");
        }
    }
}

#[test]
fn booleans_can_be_absent() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        // A sieve starts at 2.
        let table = heap.new_table(0, 0).unwrap();
        for key in 2..=1000 {
            table.set_int(&mut heap, key, Slot::TRUE).unwrap();
        }
        assert_eq!((kind(table), table.len()), (ElementKind::Bool as u8, 1000));
        assert!(table.get_int(1).is_nil());
        table.set_int(&mut heap, 500, Slot::NIL).unwrap();
        assert_eq!((kind(table), table.get_int(500).is_nil()), (ElementKind::Bool as u8, true));
        table.set_int(&mut heap, 500, Slot::FALSE).unwrap();
        assert_eq!(table.get_int(500), Slot::FALSE);
        check_invariants(table);
    }
}

#[test]
fn keys_that_wait_in_the_hash_part_come_over() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(0, 0).unwrap();
        for key in (1..=100).rev() {
            table.set_int(&mut heap, key, Slot::i64(key)).unwrap();
            check_invariants(table);
        }
        assert_eq!((table.len(), (*table.as_ptr()).array_len), (100, 100));
        for key in 1..=100 {
            assert_eq!(table.get_int(key), Slot::i64(key));
        }
    }
}

#[test]
fn sparse_keys_stay_hashed() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(0, 0).unwrap();
        for power in 0..62 {
            table.set_int(&mut heap, 1 << power, Slot::i64(power)).unwrap();
        }
        assert!((*table.as_ptr()).array_capacity <= 8, "{}", (*table.as_ptr()).array_capacity);
        assert!(heap.used() < 5000, "{}", heap.used());
        for power in 0..62 {
            assert_eq!(table.get_int(1 << power), Slot::i64(power));
        }
        check_invariants(table);
    }
}

#[test]
fn float_keys_with_integer_values_are_integers() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(0, 0).unwrap();
        table.set(&mut heap, Slot::f64(1.0), Slot::TRUE).unwrap();
        assert_eq!((table.get_int(1), table.len()), (Slot::TRUE, 1));
        table.set(&mut heap, Slot::f64(-0.0), Slot::i64(9)).unwrap();
        assert_eq!(table.get(Slot::i64(0)), Slot::i64(9));
        assert_eq!(table.get(Slot::f64(0.0)), Slot::i64(9));
        table.set(&mut heap, Slot::f64(9223372036854775808.0), Slot::i64(1)).unwrap();
        assert!(table.get(Slot::i64(i64::MIN)).is_nil());
        table.set(&mut heap, Slot::f64(0.5), Slot::i64(5)).unwrap();
        assert_eq!(table.get(Slot::f64(0.5)), Slot::i64(5));
        assert_eq!(table.set(&mut heap, Slot::f64(f64::NAN), Slot::TRUE), Err(TableError::NanKey));
        assert_eq!(table.set(&mut heap, Slot::NIL, Slot::TRUE), Err(TableError::NilKey));
        assert_eq!((table.get(Slot::NIL), table.get(Slot::f64(f64::NAN))), (Slot::NIL, Slot::NIL));
        check_invariants(table);
    }
}

#[test]
fn caches_find_keys_in_any_table() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let names: Vec<StringRef> = (0..40).map(|i| heap.new_string(format!("field{i}").as_bytes()).unwrap()).collect();
        for fields in [0, 1, 2, 3, 8, 40] {
            let table = heap.new_table(0, 0).unwrap();
            for (index, &name) in names[..fields].iter().enumerate() {
                table.set_str(&mut heap, name, Slot::i64(index as i64)).unwrap();
            }
            for (index, &name) in names.iter().enumerate() {
                let mut cache = name.hash();
                let expected = if index < fields { Slot::i64(index as i64) } else { Slot::NIL };
                for _ in 0..3 {
                    assert_eq!(table.get_str_cached(name, &mut cache), expected);
                }
                assert_eq!(table.store_str_cached(&mut heap, name, Slot::TRUE, &mut cache), index < fields);
                assert_eq!(table.get_str(name), if index < fields { Slot::TRUE } else { Slot::NIL });
            }
            // What was removed is no more stored to: a metamethod may be concerned.
            if fields > 0 {
                let mut cache = names[0].hash();
                table.set_str(&mut heap, names[0], Slot::NIL).unwrap();
                assert!(!table.store_str_cached(&mut heap, names[0], Slot::TRUE, &mut cache));
                assert_eq!(table.get_str_cached(names[0], &mut cache), Slot::NIL);
            }
        }
    }
}

#[test]
fn an_integer_that_looks_like_a_string_is_not_one() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let name = heap.new_string(b"name").unwrap();
        let table = heap.new_table(0, 1).unwrap();
        table.set(&mut heap, Slot::i64(name.payload() as i64), Slot::TRUE).unwrap();
        let mut cache = 0;
        assert!(table.get_str_cached(name, &mut cache).is_nil());
        assert!(table.get_str(name).is_nil());
        assert!(!table.store_str_cached(&mut heap, name, Slot::FALSE, &mut cache));
    }
}

#[test]
fn fast_stores_decline_what_may_concern_a_metamethod() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(8, 0).unwrap();
        assert!(!table.store_int(&mut heap, 1, Slot::i64(1)), "there is no buffer yet");
        table.set_int(&mut heap, 1, Slot::i64(1)).unwrap();
        assert!(table.store_int(&mut heap, 2, Slot::i64(2)), "an append within the capacity");
        assert!(table.store_int(&mut heap, 2, Slot::i64(3)));
        assert!(!table.store_int(&mut heap, 2, Slot::f64(3.0)), "another kind");
        assert!(!table.store_int(&mut heap, 2, Slot::NIL) && !table.store_int(&mut heap, 4, Slot::i64(3)));
        let meta = heap.new_table(0, 0).unwrap();
        table.set_metatable(&mut heap, Some(meta));
        assert!(!table.store_int(&mut heap, 3, Slot::i64(3)), "the key is absent");
        assert!(table.store_int(&mut heap, 1, Slot::i64(4)));
        table.set_int(&mut heap, 1, Slot::NIL).unwrap();
        assert!(!table.store_int(&mut heap, 1, Slot::i64(4)), "the element is nil");
    }
}

#[test]
fn a_traversal_may_remove_what_it_visits() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        for hashed_integers in [false, true] {
            let table = heap.new_table(0, 0).unwrap();
            let range: Box<dyn Iterator<Item = i64>> =
                if hashed_integers { Box::new((1..=20).rev()) } else { Box::new(1..=20) };
            for key in range {
                table.set_int(&mut heap, key, Slot::i64(key)).unwrap();
            }
            for i in 0..20 {
                let name = heap.new_string(format!("key{i}").as_bytes()).unwrap();
                table.set_str(&mut heap, name, Slot::i64(i)).unwrap();
            }
            table.set_int(&mut heap, 1000, Slot::TRUE).unwrap();
            let (mut key, mut seen) = (Slot::NIL, 0);
            while let Some((next, _)) = table.next(key).unwrap() {
                table.set(&mut heap, next, Slot::NIL).unwrap();
                (key, seen) = (next, seen + 1);
            }
            assert_eq!((seen, table.len(), table.entry_from(0)), (41, 0, None));
        }
        let table = heap.new_table(0, 0).unwrap();
        assert_eq!(table.next(Slot::i64(3)), Err(TableError::NoSuchKey));
        assert_eq!(table.next(Slot::TRUE), Err(TableError::NoSuchKey));
    }
}

#[test]
fn adding_and_removing_by_turns_does_not_grow() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        let table = heap.new_table(0, 0).unwrap();
        for key in 0..100_000 {
            table.set(&mut heap, Slot::f64(key as f64 + 0.5), Slot::TRUE).unwrap();
            table.set(&mut heap, Slot::f64(key as f64 - 9.5), Slot::NIL).unwrap();
        }
        assert!((*table.as_ptr()).node_mask < 32);
    }
}

#[test]
fn queues_and_rings_stay_small() {
    let mut heap = heap();
    // SAFETY: the heap lives, and nothing is collected.
    unsafe {
        for value in [Slot::i64(1), Slot::TRUE, heap.new_string(b"x").unwrap().slot()] {
            let before = heap.used();
            let table = heap.new_table(0, 0).unwrap();
            for key in 1..100_000i64 {
                table.set_int(&mut heap, key, value).unwrap();
                if key > 100 {
                    assert_eq!(table.get_int(key - 100), value);
                    table.set_int(&mut heap, key - 100, Slot::NIL).unwrap();
                }
            }
            assert!(heap.used() - before < 20_000, "{}", heap.used() - before);
            assert_eq!(table.get_int(99_950), value);
            check_invariants(table);
        }
    }
}

#[test]
fn a_failed_growth_leaves_the_table_as_it_was() {
    // SAFETY: the heaps live, and nothing is collected.
    unsafe {
        for limit in 100..1500 {
            let mut heap = Heap::new(limit);
            let Ok(table) = heap.new_table(0, 0) else { continue };
            let mut stored = Vec::new();
            for (index, key) in [5, 4, 3, 2, 7, 8, 9, 1, 10, 11, -1, 6].into_iter().enumerate() {
                let value = if index == 9 { Slot::f64(0.5) } else { Slot::i64(key) };
                match table.set_int(&mut heap, key, value) {
                    Ok(()) => stored.push((key, value)),
                    Err(OutOfMemory) => assert!(table.get_int(key).is_nil()),
                }
                for &(key, value) in &stored {
                    assert_eq!(table.get_int(key), value, "limit {limit}");
                }
            }
            assert!(heap.used() <= limit);
        }
    }
}

/// Keys of the model, in any order that is total.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Int(i64),
    /// Twice the float, which has no integer's value.
    Half(i64),
    Bool(bool),
    Short(u8),
    Long(u8),
    Table(u8),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Set(Key, i8),
    Remove(Key),
    Push(i8),
    Pop,
    /// Removes the lowest positive integer key.
    Shift,
    Traverse {
        removing: bool,
    },
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        6 => (-2i64..40).prop_map(Key::Int),
        1 => any::<i64>().prop_map(Key::Int),
        1 => (-9i64..9).prop_map(|n| Key::Half(2 * n + 1)),
        1 => any::<bool>().prop_map(Key::Bool),
        4 => (0u8..20).prop_map(Key::Short),
        1 => (0u8..5).prop_map(Key::Long),
        2 => (0u8..8).prop_map(Key::Table),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (key(), -4i8..4).prop_map(|(key, value)| Step::Set(key, value)),
        4 => key().prop_map(Step::Remove),
        6 => (-4i8..4).prop_map(Step::Push),
        2 => Just(Step::Pop),
        4 => Just(Step::Shift),
        1 => any::<bool>().prop_map(|removing| Step::Traverse { removing }),
    ]
}

/// Values of all kinds of elements.
fn value(choice: i8) -> Slot {
    match choice {
        ..-2 => Slot::bool(choice % 2 == 0),
        -2..=-1 => Slot::f64(f64::from(choice)),
        _ => Slot::i64(i64::from(choice)),
    }
}

struct World {
    heap: Heap,
    /// Whether memory may run out.
    scarce: bool,
    table: TableRef,
    objects: Vec<TableRef>,
    model: BTreeMap<Key, Slot>,
}

impl World {
    /// The key; none if there is no memory for it.
    fn slot(&mut self, key: Key) -> Option<Slot> {
        Some(match key {
            Key::Int(key) if key % 3 == 0 && key.unsigned_abs() < 100 => Slot::f64(key as f64),
            Key::Int(key) => Slot::i64(key),
            Key::Half(twice) => Slot::f64(twice as f64 / 2.0),
            Key::Bool(key) => Slot::bool(key),
            Key::Short(key) => self.heap.new_string(&[b'k', key]).ok()?.slot(),
            Key::Long(key) => self.heap.new_string(&[key; 60]).ok()?.slot(),
            Key::Table(index) => self.objects[usize::from(index)].slot(),
        })
    }

    /// # Safety
    /// The slot is one that a table of this world gave as a key.
    unsafe fn key(&self, slot: Slot) -> Key {
        match Tag(slot.tag) {
            Tag::I64 => Key::Int(slot.payload as i64),
            Tag::F64 => Key::Half((f64::from_bits(slot.payload) * 2.0) as i64),
            Tag::BOOL => Key::Bool(slot.payload != 0),
            Tag::TABLE => Key::Table(self.objects.iter().position(|table| table.slot() == slot).unwrap() as u8),
            // SAFETY: the heap lives, and nothing is collected.
            _ => match unsafe { StringRef::from_payload(slot.payload).bytes() } {
                [b'k', key] => Key::Short(*key),
                long => Key::Long(long[0]),
            },
        }
    }

    fn set(&mut self, key: Key, value: Slot) {
        let Some(slot) = self.slot(key) else { return };
        // SAFETY: the heap lives, and nothing is collected.
        if let Err(error) = unsafe { self.table.set(&mut self.heap, slot, value) } {
            assert_eq!((error, self.scarce), (TableError::OutOfMemory, true));
            return;
        }
        if value.is_nil() {
            self.model.remove(&key);
        } else {
            self.model.insert(key, value);
        }
    }

    fn step(&mut self, step: Step) {
        // SAFETY: the heap lives, and nothing is collected.
        let len = unsafe { self.table.len() };
        match step {
            Step::Set(key, choice) => self.set(key, value(choice)),
            Step::Remove(key) => self.set(key, Slot::NIL),
            Step::Push(choice) => self.set(Key::Int(len + 1), value(choice)),
            Step::Pop => self.set(Key::Int(len), Slot::NIL),
            Step::Shift => {
                let lowest = self.model.range(Key::Int(1)..=Key::Int(i64::MAX)).next();
                if let Some((&key, _)) = lowest {
                    self.set(key, Slot::NIL);
                }
            }
            Step::Traverse { removing } => {
                let expected = self.model.clone();
                let (mut key, mut seen) = (Slot::NIL, BTreeMap::new());
                // SAFETY: the heap lives, and nothing is collected.
                while let Some((next, value)) = unsafe { self.table.next(key).unwrap() } {
                    // SAFETY: the table gave the key.
                    let name = unsafe { self.key(next) };
                    assert_eq!(seen.insert(name, value), None, "{name:?} comes twice");
                    if removing {
                        // SAFETY: the heap lives, and nothing is collected.
                        let removed = unsafe { self.table.set(&mut self.heap, next, Slot::NIL) };
                        if removed.is_ok() {
                            self.model.remove(&name);
                        } else {
                            assert!(self.scarce);
                        }
                    }
                    key = next;
                }
                assert_eq!(seen, expected);
            }
        }
    }

    fn check(&mut self) {
        check_invariants(self.table);
        // SAFETY: the heap lives, and nothing is collected.
        let len = unsafe { self.table.len() };
        assert!(len == 0 || self.model.contains_key(&Key::Int(len)), "{len} is no border");
        assert!(!self.model.contains_key(&Key::Int(len + 1)), "{len} is no border");
        for (key, value) in self.model.clone() {
            let Some(slot) = self.slot(key) else { continue };
            // SAFETY: the heap lives, and nothing is collected.
            assert_eq!(unsafe { self.table.get(slot) }, value, "{key:?}");
        }
        // SAFETY: the heap lives, and nothing is collected.
        let mut entry = unsafe { self.table.entry_from(0) };
        let mut count = 0;
        while let Some(found) = entry {
            count += 1;
            // SAFETY: as above.
            entry = unsafe { self.table.entry_from(found.position) };
        }
        assert_eq!(count, self.model.len());
    }
}

proptest! {
    #[test]
    fn tables_do_as_the_model_does(steps in prop::collection::vec(step(), 0..120), array in 0u32..6, hash in 0u32..6) {
        let mut heap = heap();
        let table = heap.new_table(array, hash).unwrap();
        let objects = (0..8).map(|_| heap.new_table(0, 0).unwrap()).collect();
        let mut world = World { heap, scarce: false, table, objects, model: BTreeMap::new() };
        for step in steps {
            world.step(step);
            world.check();
        }
        let before = world.heap.used();
        let used: u64 = world.heap.usage.bytes.iter().sum();
        prop_assert_eq!(before, used);
    }

    #[test]
    fn what_fails_for_want_of_memory_has_not_happened(steps in prop::collection::vec(step(), 0..120), room in 0u64..6000) {
        let mut heap = heap();
        let table = heap.new_table(0, 0).unwrap();
        let objects = (0..8).map(|_| heap.new_table(0, 0).unwrap()).collect();
        heap.limit_from_here(room);
        let mut world = World { heap, scarce: true, table, objects, model: BTreeMap::new() };
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}
