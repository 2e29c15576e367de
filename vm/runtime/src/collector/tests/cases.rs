//! What the collector does in single situations.

use std::cell::Cell;

use lockstep_layout::{ObjectKind, TableHeader};

use super::*;
use crate::{Metamethod, TableRef};

/// A metatable with these entries, rooted.
unsafe fn metatable(bed: &mut Bed, entries: &[(Metamethod, Slot)]) -> TableRef {
    let metatable = bed.heap.new_table(0, 4).unwrap();
    bed.root(metatable.slot());
    for &(event, value) in entries {
        let name = bed.heap.name(event);
        // SAFETY: the table is rooted.
        unsafe { metatable.set_str(&mut bed.heap, name, value).unwrap() };
    }
    metatable
}

fn new_table(bed: &mut Bed) -> TableRef {
    bed.heap.new_table(0, 0).unwrap()
}

fn weak_table(bed: &mut Bed, mode: &[u8]) -> TableRef {
    let mode = bed.heap.new_string(mode).unwrap().slot();
    // SAFETY: everything is rooted at once, and nothing is collected but on demand.
    unsafe {
        let metatable = metatable(bed, &[(Metamethod::Mode, mode)]);
        let table = new_table(bed);
        bed.root(table.slot());
        table.set_metatable(&mut bed.heap, Some(metatable));
        table
    }
}

#[test]
fn garbage_goes_with_all_it_owns() {
    let mut bed = Bed::new(1 << 30);
    for round in 0..3 {
        let table = bed.heap.new_table(100, 100).unwrap();
        for key in 1..=100 {
            let value = bed.heap.new_string(format!("{round} {key}").as_bytes()).unwrap().slot();
            // SAFETY: nothing is collected before the end of the round.
            unsafe { table.set_int(&mut bed.heap, key, value).unwrap() };
        }
        bed.heap.new_closure(0, 3).unwrap();
        bed.heap.new_array(Tag::ARR_I64, 10).unwrap();
        bed.heap.new_coroutine().unwrap();
        bed.heap.new_userdata(Box::new(5u64), 1000).unwrap();
        bed.collect();
        assert_eq!(bed.heap.used(), 0);
        assert_eq!(bed.objects().len(), 0);
        assert_eq!(bed.heap.interned.len(), Metamethod::ALL.len());
    }
    assert_eq!(bed.list().finished, 3);
}

#[test]
fn a_long_list_needs_no_stack() {
    let mut bed = Bed::new(1 << 30);
    // SAFETY: the list is rooted by its head, and nothing is collected before it is.
    unsafe {
        let mut head = Slot::NIL;
        for _ in 0..200_000 {
            let table = new_table(&mut bed);
            table.set_int(&mut bed.heap, 1, head).unwrap();
            head = table.slot();
        }
        bed.root(head);
        bed.heap.collect(Cause::Explicit);
        assert!(bed.objects().len() >= 200_000);
        bed.list().values.clear();
        bed.collect();
        assert_eq!(bed.heap.used(), 0);
    }
}

#[test]
fn handles_and_kept_values_are_roots() {
    let mut bed = Bed::new(1 << 20);
    let (kept, held) = (new_table(&mut bed).slot(), new_table(&mut bed).slot());
    let upvalue = bed.heap.new_closed_upvalue(held).unwrap();
    bed.heap.keep(kept);
    bed.heap.keep(upvalue.slot());
    bed.collect();
    assert_eq!(bed.objects(), BTreeSet::from([kept.payload, held.payload, upvalue.payload()]));
    // SAFETY: the value is live.
    let handle = unsafe { bed.heap.handle(held) };
    bed.heap.release_to(0);
    bed.collect();
    assert_eq!(bed.objects(), BTreeSet::from([held.payload]));
    let other = handle.clone();
    drop(handle);
    bed.collect();
    assert_eq!((bed.objects().len(), other.get()), (1, held));
    drop(other);
    bed.collect();
    assert_eq!(bed.objects().len(), 0);
}

#[test]
fn metatables_of_kinds_and_pending_finalizers_are_roots() {
    let mut bed = Bed::new(1 << 20);
    let shared = new_table(&mut bed);
    bed.heap.set_kind_metatable(Tag::STRING, Some(shared));
    bed.collect();
    assert_eq!(bed.objects().len(), 1);
    bed.heap.set_kind_metatable(Tag::STRING, None);
    bed.collect();
    assert_eq!(bed.objects().len(), 0);
}

#[test]
fn weak_values_go_and_strings_stay() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let table = weak_table(&mut bed, b"v");
        let string = bed.heap.new_string(b"a string").unwrap();
        table.set_int(&mut bed.heap, 1, string.slot()).unwrap();
        let alive = new_table(&mut bed).slot();
        bed.root(alive);
        table.set_int(&mut bed.heap, 2, alive).unwrap();
        for key in 3..6 {
            let dead = new_table(&mut bed).slot();
            table.set_int(&mut bed.heap, key, dead).unwrap();
        }
        let dead = bed.heap.new_closure(1, 0).unwrap().slot();
        table.set_str(&mut bed.heap, string, dead).unwrap();
        bed.collect();
        assert_eq!((table.len(), table.get_int(1), table.get_int(2)), (2, string.slot(), alive));
        assert!(table.get_str(string).is_nil());
        assert_eq!(string.bytes(), b"a string");
    }
}

#[test]
fn ephemerons_follow_their_keys() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let table = weak_table(&mut bed, b"k");
        // A chain through values, whose first key is the last in any order of the nodes.
        let keys: Vec<TableRef> = (0..20).map(|_| new_table(&mut bed)).collect();
        for pair in keys.windows(2).rev() {
            table.set(&mut bed.heap, pair[0].slot(), pair[1].slot()).unwrap();
        }
        // Keys that only their own values reach.
        let own = new_table(&mut bed);
        table.set(&mut bed.heap, own.slot(), own.slot()).unwrap();
        bed.root(keys[0].slot());
        bed.collect();
        for pair in keys.windows(2) {
            assert_eq!(table.get(pair[0].slot()), pair[1].slot());
        }
        assert_eq!(table.entries().count(), 19);
        bed.list().values.pop();
        bed.collect();
        assert_eq!(table.entries().count(), 0);
    }
}

/// Two tables with weak keys, made in one order or the other, of which one holds the key of the other's entry.
unsafe fn chained_ephemerons(bed: &mut Bed, first: bool) -> (TableRef, TableRef, TableRef) {
    let (a, b) = (weak_table(bed, b"k"), weak_table(bed, b"k"));
    let (a, b) = if first { (a, b) } else { (b, a) };
    let (key, middle, last) = (new_table(bed), new_table(bed), new_table(bed));
    // SAFETY: the tables are rooted, and nothing is collected but on demand.
    unsafe {
        a.set(&mut bed.heap, key.slot(), middle.slot()).unwrap();
        b.set(&mut bed.heap, middle.slot(), last.slot()).unwrap();
    }
    (key, middle, last)
}

#[test]
fn what_ephemerons_reach_late_is_neither_cleared_nor_finalized() {
    for first in [true, false] {
        for through_finalizer in [true, false] {
            let mut bed = Bed::new(1 << 20);
            // SAFETY: what is used is rooted, and nothing is collected but on demand.
            unsafe {
                let (key, middle, last) = chained_ephemerons(&mut bed, first);
                let weak = weak_table(&mut bed, b"v");
                let gc = metatable(&mut bed, &[(Metamethod::Gc, Slot::TRUE)]);
                if through_finalizer {
                    let dying = new_table(&mut bed);
                    dying.set_int(&mut bed.heap, 1, key.slot()).unwrap();
                    dying.set_metatable(&mut bed.heap, Some(gc));
                } else {
                    bed.root(key.slot());
                    weak.set_int(&mut bed.heap, 1, last.slot()).unwrap();
                    last.set_metatable(&mut bed.heap, Some(gc));
                }
                bed.collect();
                let objects = bed.objects();
                assert!([key, middle, last].iter().all(|table| objects.contains(&table.payload())));
                assert_eq!(bed.heap.pending_finalizers(), usize::from(through_finalizer));
                if !through_finalizer {
                    assert_eq!(weak.get_int(1), last.slot());
                }
            }
        }
    }
}

#[test]
fn weak_tables_that_live_once_more_hold_nothing_dead() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let gc = metatable(&mut bed, &[(Metamethod::Gc, Slot::TRUE)]);
        let dying = new_table(&mut bed);
        dying.set_metatable(&mut bed.heap, Some(gc));
        for mode in [&b"v"[..], b"kv"] {
            let weak = weak_table(&mut bed, mode);
            bed.list().values.pop();
            let dead = new_table(&mut bed).slot();
            weak.set_int(&mut bed.heap, 1, dead).unwrap();
            dying.set_int(&mut bed.heap, dying.len() + 1, weak.slot()).unwrap();
        }
        bed.collect();
        assert_eq!(bed.heap.pending_finalizers(), 1);
        for key in 1..=2 {
            assert_eq!(TableRef::from_payload(dying.get_int(key).payload).get_int(1), Slot::NIL);
        }
    }
}

#[test]
fn an_append_survives_a_collection_that_shortens_the_table() {
    for fifth_alive in [true, false] {
        let mut bed = Bed::new(1 << 20);
        // SAFETY: what is used is rooted, but for what is to go.
        unsafe {
            let weak = weak_table(&mut bed, b"v");
            for key in 1..=4 {
                let value = new_table(&mut bed).slot();
                if key == 1 {
                    bed.root(value);
                }
                weak.set_int(&mut bed.heap, key, value).unwrap();
            }
            let value = new_table(&mut bed).slot();
            if fifth_alive {
                bed.root(value);
            }
            bed.heap.set_stress(Stress { allocations: true, barriers: true });
            // The buffer has room for four; that it grows collects the elements 2 to 4.
            weak.set_int(&mut bed.heap, 5, value).unwrap();
            assert_eq!((weak.len(), weak.get_int(5)), (1, value), "the value is kept meanwhile");
            bed.collect();
            assert_eq!(weak.get_int(5).is_nil(), !fifth_alive);
        }
    }
}

#[test]
fn metatables_live_with_their_tables_and_removed_keys_are_forgotten() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let (table, meta) = (new_table(&mut bed), new_table(&mut bed));
        table.set_metatable(&mut bed.heap, Some(meta));
        bed.root(table.slot());
        let key = new_table(&mut bed).slot();
        table.set(&mut bed.heap, key, Slot::TRUE).unwrap();
        table.set(&mut bed.heap, key, Slot::NIL).unwrap();
        bed.collect();
        assert_eq!(bed.objects(), BTreeSet::from([table.payload(), meta.payload()]));
        let tags: Vec<u32> = table.nodes().map(|node| (*node).key_tag).collect();
        assert_eq!(tags, [lockstep_layout::NODE_DEAD]);
    }
}

#[test]
fn every_store_announces_itself() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.set_stress(Stress { allocations: false, barriers: true });
    // SAFETY: everything is rooted.
    unsafe {
        let name = bed.heap.new_string(b"name").unwrap();
        let table = bed.heap.new_table(4, 1).unwrap();
        let closure = bed.heap.new_closure(0, 1).unwrap();
        let mut variable = Slot::NIL;
        let variable: *mut Slot = &raw mut variable;
        let closed = bed.heap.new_closed_upvalue(Slot::NIL).unwrap();
        let open = bed.heap.new_open_upvalue(variable, 0).unwrap();
        let foreign = bed.heap.new_foreign(0, &[Slot::NIL]).unwrap();
        let userdata = bed.heap.new_userdata(Box::new(0u8), 0).unwrap();
        for value in [name.slot(), table.slot(), closure.slot(), foreign.slot(), userdata.slot()] {
            bed.root(value);
        }
        for upvalue in [closed, open] {
            let holder = bed.heap.new_closure(0, 1).unwrap();
            holder.set_upvalue(&mut bed.heap, 0, upvalue);
            bed.root(holder.slot());
        }
        let mut cache = name.hash();
        type Store<'a> = (&'a str, Box<dyn FnMut(&mut Heap, TableRef) + 'a>);
        let stores: Vec<Store> = vec![
            ("append", Box::new(|heap, new| table.set_int(heap, 1, new.slot()).unwrap())),
            ("element", Box::new(|heap, new| table.set_int(heap, 1, new.slot()).unwrap())),
            ("append in place", Box::new(|heap, new| assert!(table.store_int(heap, 2, new.slot())))),
            ("element in place", Box::new(|heap, new| assert!(table.store_int(heap, 2, new.slot())))),
            ("last but one", Box::new(|heap, new| table.set_int(heap, 3, new.slot()).unwrap())),
            (
                "hole",
                Box::new(|heap, new| {
                    table.set_int(heap, 2, Slot::NIL).unwrap();
                    table.set_int(heap, 2, new.slot()).unwrap();
                }),
            ),
            ("new name", Box::new(|heap, new| table.set_str(heap, name, new.slot()).unwrap())),
            ("name", Box::new(|heap, new| table.set_str(heap, name, new.slot()).unwrap())),
            ("cached name", Box::new(|heap, new| assert!(table.store_str_cached(heap, name, new.slot(), &mut cache)))),
            ("key", Box::new(|heap, new| table.set(heap, new.slot(), Slot::TRUE).unwrap())),
            ("waiting", Box::new(|heap, new| table.set_int(heap, 5, new.slot()).unwrap())),
            ("adopted", Box::new(|heap, new| table.set_int(heap, 4, new.slot()).unwrap())),
            ("metatable", Box::new(|heap, new| table.set_metatable(heap, Some(new)))),
            ("closed upvalue", Box::new(|heap, new| closed.set(heap, new.slot()))),
            (
                "upvalue",
                Box::new(|heap, new| {
                    let upvalue = heap.new_closed_upvalue(new.slot()).unwrap();
                    closure.set_upvalue(heap, 0, upvalue);
                }),
            ),
            (
                "closing",
                Box::new(|heap, new| {
                    variable.write(new.slot());
                    open.close(heap);
                }),
            ),
            ("capture", Box::new(|heap, new| foreign.set_capture(heap, 0, new.slot()))),
            ("user value", Box::new(|heap, new| userdata.set_user(heap, new.slot()))),
            ("userdata's metatable", Box::new(|heap, new| userdata.set_metatable(heap, Some(new)))),
        ];
        for (what, mut store) in stores {
            bed.collect();
            let before = bed.heap.statistics().announcements;
            let new = bed.heap.new_table(0, 0).unwrap();
            store(&mut bed.heap, new);
            assert!(bed.heap.statistics().announcements > before, "{what}");
        }
        bed.collect();
    }
}

#[test]
fn operations_keep_their_own_operands() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.set_stress(Stress { allocations: true, barriers: false });
    // SAFETY: nothing but the operations keeps the operands, which is what this tests.
    unsafe {
        let fresh = |bed: &mut Bed, number: u8| bed.heap.new_string(&[number; 60]).unwrap().slot();
        let holds = |value: Slot, number: u8| {
            assert_eq!(crate::StringRef::from_slot(value).unwrap().bytes(), &[number; 60]);
        };
        let value = fresh(&mut bed, 1);
        let upvalue = bed.heap.new_closed_upvalue(value).unwrap();
        holds(upvalue.get(), 1);
        let value = fresh(&mut bed, 2);
        holds(bed.heap.new_foreign(0, &[value]).unwrap().captures()[0], 2);
        let value = fresh(&mut bed, 3);
        let joined = bed.heap.concat(&[value, Slot::i64(7)]).unwrap().unwrap();
        assert_eq!(joined.bytes()[58..], [3, 3, b'7']);
        let table = bed.heap.new_table(0, 0).unwrap();
        bed.root(table.slot());
        let value = fresh(&mut bed, 4);
        table.set_int(&mut bed.heap, 1, value).unwrap();
        let value = fresh(&mut bed, 5);
        table.set(&mut bed.heap, value, value).unwrap();
        holds(table.get_int(1), 4);
        holds(table.next(Slot::i64(1)).unwrap().unwrap().1, 5);
        let mut variables = [Slot::TRUE, Slot::FALSE];
        let variables: *mut Slot = variables.as_mut_ptr();
        let next = bed.heap.new_open_upvalue(variables, 0).unwrap();
        bed.list().open = next.payload();
        let first = bed.heap.new_open_upvalue(variables.add(1), next.payload()).unwrap();
        assert_eq!((bed.list().open, (*first.as_ptr()).next_open), (next.payload(), next.payload()));
        assert_eq!(next.get(), Slot::TRUE);
        bed.list().open = 0;
        let lone = bed.heap.new_table(3, 3).unwrap();
        lone.set_int(&mut bed.heap, 1, Slot::TRUE).unwrap();
        assert_eq!(lone.get_int(1), Slot::TRUE);
    }
}

#[test]
fn a_traversal_survives_collections() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let table = new_table(&mut bed);
        bed.root(table.slot());
        for _ in 0..50 {
            let key = new_table(&mut bed).slot();
            table.set(&mut bed.heap, key, Slot::TRUE).unwrap();
        }
        let (mut key, mut seen) = (Slot::NIL, 0);
        while let Some((next, _)) = table.next(key).unwrap() {
            table.set(&mut bed.heap, next, Slot::NIL).unwrap();
            bed.root(next);
            bed.collect();
            bed.list().values.pop();
            (key, seen) = (next, seen + 1);
        }
        assert_eq!(seen, 50);
        bed.collect();
        assert_eq!(bed.objects().len(), 1, "what were keys is gone");
    }
}

#[test]
fn finalizers_come_in_reverse_order_and_may_resurrect() {
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        let gc = metatable(&mut bed, &[(Metamethod::Gc, Slot::TRUE)]);
        let weak = weak_table(&mut bed, b"v");
        let ephemeron = weak_table(&mut bed, b"k");
        let mut made = Vec::new();
        for key in 1..=4 {
            let table = new_table(&mut bed);
            table.set_metatable(&mut bed.heap, Some(gc));
            // Setting it again does not count.
            table.set_metatable(&mut bed.heap, Some(gc));
            let inner = new_table(&mut bed);
            table.set_int(&mut bed.heap, 1, inner.slot()).unwrap();
            weak.set_int(&mut bed.heap, key, table.slot()).unwrap();
            ephemeron.set(&mut bed.heap, table.slot(), Slot::i64(key)).unwrap();
            made.push(table);
        }
        bed.root(made[2].slot());
        bed.collect();
        assert_eq!((bed.list().waiting, bed.heap.pending_finalizers()), (3, 3));
        assert_eq!(weak.get_int(1), Slot::NIL, "weak values go before the finalizer");
        assert_eq!(ephemeron.get(made[0].slot()), Slot::i64(1), "weak keys go after it");
        for expected in [3, 1, 0] {
            let object = bed.heap.next_finalizer().unwrap();
            assert_eq!(object, made[expected].slot());
            // What the object refers to lives with it.
            assert_eq!(TableRef::from_payload(object.payload).get_int(1).tag, Tag::TABLE.0);
            if expected == 1 {
                bed.root(object);
            }
        }
        assert_eq!(bed.heap.next_finalizer(), None);
        bed.collect();
        assert_eq!(bed.heap.pending_finalizers(), 0, "each is finalized once");
        assert_eq!(ephemeron.entries().count(), 2);
        // The resurrected one asks for it again; at the end, all are finalized.
        made[1].set_metatable(&mut bed.heap, Some(gc));
        bed.heap.finalize_all();
        let order = [bed.heap.next_finalizer(), bed.heap.next_finalizer(), bed.heap.next_finalizer()];
        assert_eq!(order, [Some(made[1].slot()), Some(made[2].slot()), None]);
        assert_eq!(bed.heap.statistics().finalizers, 5);
    }
}

#[test]
fn open_upvalues_leave_the_list_before_they_go() {
    let mut bed = Bed::new(1 << 20);
    let inner = new_table(&mut bed).slot();
    let mut frame = [Slot::i64(1), inner, Slot::i64(3)];
    let frame: *mut Slot = frame.as_mut_ptr();
    // SAFETY: the slots outlive the heap's use, and closures are rooted at once.
    unsafe {
        let mut made = Vec::new();
        for index in 0..3 {
            let upvalue = bed.heap.new_open_upvalue(frame.add(index), bed.list().open).unwrap();
            bed.list().open = upvalue.payload();
            let closure = bed.heap.new_closure(0, 1).unwrap();
            closure.set_upvalue(&mut bed.heap, 0, upvalue);
            made.push((upvalue, closure));
        }
        bed.root(made[1].1.slot());
        bed.collect();
        assert_eq!(bed.list().open, made[1].0.payload());
        assert_eq!((*made[1].0.as_ptr()).next_open, 0);
        assert_eq!(bed.objects().len(), 3, "an open upvalue keeps its variable's value");
        made[1].0.close(&mut bed.heap);
        bed.list().open = 0;
        frame.add(1).write(Slot::NIL);
        bed.collect();
        assert_eq!(made[1].1.upvalue(0).get(), inner);
        assert_eq!(bed.objects().len(), 3);
    }
}

thread_local! {
    static RELEASED: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn coroutines_are_traced_pruned_and_released() {
    struct State {
        value: Slot,
        open: u64,
    }
    unsafe fn trace(state: *mut c_void, marker: &mut Marker) {
        // SAFETY: the state is one of this test's.
        unsafe { marker.mark((*state.cast::<State>()).value) };
    }
    unsafe fn prune(state: *mut c_void) {
        // SAFETY: as above.
        unsafe { (*state.cast::<State>()).open = crate::UpvalueRef::prune_open((*state.cast::<State>()).open) };
    }
    unsafe fn release(state: *mut c_void) {
        RELEASED.set(RELEASED.get() + 1);
        // SAFETY: as above; the state is a box, and the upvalue on its list is still there.
        unsafe {
            let state = Box::from_raw(state.cast::<State>());
            if state.open != 0 {
                let upvalue = crate::UpvalueRef::from_payload(state.open);
                let record = &mut *upvalue.as_ptr();
                record.closed = upvalue.get();
                record.slot = &raw mut record.closed as u64;
            }
        }
    }
    RELEASED.set(0);
    let mut bed = Bed::new(1 << 20);
    // SAFETY: what is used is rooted, and nothing is collected but on demand.
    unsafe {
        bed.heap.set_coroutine_hooks(CoroutineHooks { trace, prune, release });
        let start = |bed: &mut Bed| {
            let value = new_table(bed).slot();
            let coroutine = bed.heap.new_coroutine().unwrap();
            let state = Box::into_raw(Box::new(State { value, open: 0 }));
            let upvalue = bed.heap.new_open_upvalue(&raw mut (*state).value, 0).unwrap();
            (*state).open = upvalue.payload();
            coroutine.set_state(state.cast());
            (coroutine, upvalue, value)
        };
        let (a, upvalue, value) = start(&mut bed);
        let (b, _, _) = start(&mut bed);
        let closure = bed.heap.new_closure(0, 1).unwrap();
        closure.set_upvalue(&mut bed.heap, 0, upvalue);
        bed.list().values.extend([b.slot(), closure.slot()]);
        bed.heap.charge_coroutine(b, 1000).unwrap();
        bed.collect();
        assert_eq!(RELEASED.get(), 1, "the other one is rooted");
        assert!(!bed.objects().contains(&a.payload()));
        assert!(!upvalue.is_open());
        assert_eq!(upvalue.get(), value, "the variable outlives the stack");
        assert_eq!((*b.state().cast::<State>()).open, 0, "nobody holds the upvalue");
        assert!(bed.heap.used() >= 1000);
        drop(bed);
        assert_eq!(RELEASED.get(), 2, "the heap releases what is left");
    }
}

#[test]
fn the_pace_follows_what_survives() {
    let mut bed = Bed::new(1 << 30);
    bed.heap.set_pacing(Pacing { growth: 2.0, least: 100_000 });
    let mut peak = 0;
    for _ in 0..100_000 {
        new_table(&mut bed);
        peak = peak.max(bed.heap.used());
    }
    let statistics = bed.heap.statistics();
    let expected = 100_000 * size_of::<TableHeader>() as u64 / 100_000;
    assert!(statistics.collections[Cause::Pace as usize].abs_diff(expected) <= 2, "{:?}", statistics.collections);
    assert!(peak <= 100_000);
    assert_eq!(statistics.pauses.count(), statistics.total_collections());
    // With 300 kB alive, the next collection comes at 600 kB.
    let list = bed.heap.new_string_with(300_000, |_| ()).unwrap();
    bed.root(list.slot());
    bed.collect();
    let before = bed.heap.statistics().total_collections();
    while bed.heap.used() < 590_000 {
        new_table(&mut bed);
    }
    assert_eq!(bed.heap.statistics().total_collections(), before);
    for _ in 0..1000 {
        new_table(&mut bed);
    }
    assert_eq!(bed.heap.statistics().total_collections(), before + 1);
}

#[test]
fn the_limit_is_met_only_by_what_is_alive() {
    let mut bed = Bed::new(300_000);
    for _ in 0..100 {
        bed.heap.new_string_with(100_000, |_| ()).unwrap();
    }
    assert!(bed.heap.statistics().collections[Cause::Limit as usize] > 30);
    let string = bed.heap.new_string_with(250_000, |_| ()).unwrap();
    bed.root(string.slot());
    assert_eq!(bed.heap.new_string_with(100_000, |_| ()), Err(OutOfMemory));
    assert_eq!(bed.heap.charge_external(60_000), Err(OutOfMemory));
    bed.list().values.clear();
    assert_eq!(bed.heap.charge_external(60_000), Ok(()));
    assert_eq!(bed.heap.new_string_with(250_000, |_| ()), Err(OutOfMemory));
    bed.heap.discharge_external(60_000);
    assert!(bed.heap.new_string_with(250_000, |_| ()).is_ok(), "the next statement runs");
    assert!(bed.heap.used() <= 300_000);
    bed.heap.limit_from_here(1000);
    bed.collect();
    assert_eq!(bed.heap.new_string_with(260_000, |_| ()), Err(OutOfMemory), "the limit was lowered");
}

#[test]
fn stress_collects_as_often_as_it_allocates() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.set_stress(Stress { allocations: true, barriers: true });
    // SAFETY: the table is rooted, and its operations keep their operands.
    unsafe {
        let table = bed.heap.new_table(0, 0).unwrap();
        bed.root(table.slot());
        for key in 0..200 {
            let text = bed.heap.new_string(format!("key {key}").as_bytes()).unwrap();
            table.set_str(&mut bed.heap, text, Slot::i64(key)).unwrap();
            let inner = bed.heap.new_table(2, 3).unwrap();
            table.set(&mut bed.heap, inner.slot(), text.slot()).unwrap();
            table.set_int(&mut bed.heap, key / 2, inner.slot()).unwrap();
            let closed = bed.heap.new_closed_upvalue(inner.slot()).unwrap();
            bed.heap.keep(closed.slot());
            let closure = bed.heap.new_closure(1, 1).unwrap();
            closure.set_upvalue(&mut bed.heap, 0, closed);
            bed.heap.release_to(0);
            table.set_int(&mut bed.heap, -key, closure.slot()).unwrap();
        }
        let statistics = bed.heap.statistics();
        assert_eq!(statistics.collections[Cause::Stress as usize], statistics.allocations);
        assert_eq!(statistics.total_collections(), statistics.allocations);
        assert!(statistics.announcements > 200);
        assert_eq!(table.get_int(-7).tag, Tag::CLOSURE.0);
    }
}

#[test]
#[should_panic(expected = "a missing barrier: a table has got a reference to a closure")]
fn a_store_without_barrier_is_found() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.set_stress(Stress { allocations: false, barriers: true });
    // SAFETY: all is rooted.
    unsafe {
        let table = bed.heap.new_table(1, 0).unwrap();
        bed.root(table.slot());
        table.set_int(&mut bed.heap, 1, table.slot()).unwrap();
        let closure = bed.heap.new_closure(0, 0).unwrap();
        bed.root(closure.slot());
        bed.collect();
        *((*table.as_ptr()).array as *mut Slot) = closure.slot();
        bed.collect();
    }
}

#[test]
#[should_panic(expected = "was freed or overwritten")]
fn a_missing_root_is_found() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.set_stress(Stress { allocations: true, barriers: false });
    let lost = new_table(&mut bed);
    let other = new_table(&mut bed);
    bed.root(other.slot());
    // SAFETY: none of this is sound, which stress shows: freed memory is kept and poisoned.
    unsafe { other.set(&mut bed.heap, Slot::i64(1), lost.slot()).unwrap() };
    bed.collect();
}

#[test]
fn statistics_count_by_kind() {
    let mut bed = Bed::new(1 << 20);
    bed.heap.new_table(0, 4).unwrap();
    bed.heap.new_string(&[b'x'; 100]).unwrap();
    bed.heap.new_string(b"x").unwrap();
    let statistics = bed.heap.statistics();
    let of = |kind: ObjectKind| {
        let usage = statistics.kinds[kind as usize - 1];
        assert_eq!(usage.kind, kind);
        (usage.objects, usage.bytes)
    };
    assert_eq!(of(ObjectKind::Table), (1, 64 + 4 * 32));
    assert_eq!(of(ObjectKind::String), (2, 125 + 32));
    assert_eq!(of(ObjectKind::Array), (0, 0));
    assert_eq!(statistics.allocations, 4);
    assert_eq!(statistics.kinds.iter().map(|usage| usage.bytes).sum::<u64>(), bed.heap.used());
}
