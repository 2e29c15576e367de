//! Random object graphs against a model: after each collection exactly what should be there is there, with the contents it should
//! have. The model computes reachability by sets over plain data, to a fixed point, with no order of its own.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::string::StringRef;
use crate::{ClosureRef, ForeignRef, Metamethod, TableRef, UserdataRef};

type Id = usize;

/// A value of the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Value {
    Nil,
    Number(i64),
    Object(Id),
}

#[derive(Clone, Debug)]
enum Body {
    /// A string, long enough not to be interned.
    Text,
    Array,
    Table {
        entries: BTreeMap<Value, Value>,
        weak_keys: bool,
        weak_values: bool,
    },
    /// A closure's variables, a host function's captures, a userdata's value.
    Fields(Vec<Value>),
}

#[derive(Clone, Debug)]
struct Object {
    slot: Slot,
    body: Body,
    /// When the object got a finalizer that is not queued yet.
    finalizer: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A new object of a sort, into a root; a table may get a metatable at once.
    New {
        sort: u8,
        meta: usize,
        root: usize,
    },
    /// A store into the object in a root.
    Store {
        target: usize,
        key: u8,
        key_root: usize,
        value_root: usize,
    },
    /// What a field holds, into a root.
    Load {
        target: usize,
        key: u8,
        root: usize,
    },
    Forget {
        root: usize,
    },
    /// A metatable for the object in a root.
    Meta {
        root: usize,
        meta: usize,
    },
    Finalize {
        root: usize,
        resurrect: bool,
    },
    Collect,
}

const ROOTS: usize = 10;
/// Metatables: bit 0 weak keys, bit 1 weak values, bit 2 a finalizer.
const METAS: usize = 8;

fn step() -> impl Strategy<Value = Step> {
    let root = 0..ROOTS;
    prop_oneof![
        8 => (0u8..12, 0..METAS, root.clone()).prop_map(|(sort, meta, root)| Step::New { sort, meta, root }),
        16 => (root.clone(), 0u8..12, root.clone(), root.clone())
            .prop_map(|(target, key, key_root, value_root)| Step::Store { target, key, key_root, value_root }),
        3 => (root.clone(), 0u8..5, root.clone()).prop_map(|(target, key, root)| Step::Load { target, key, root }),
        4 => root.clone().prop_map(|root| Step::Forget { root }),
        3 => (root.clone(), 0..METAS).prop_map(|(root, meta)| Step::Meta { root, meta }),
        2 => (root, any::<bool>()).prop_map(|(root, resurrect)| Step::Finalize { root, resurrect }),
        3 => Just(Step::Collect),
    ]
}

/// The bytes of a string: too many to be interned, and no two alike.
fn text(id: Id) -> String {
    format!("{id:050}")
}

struct World {
    bed: Bed,
    metas: Vec<TableRef>,
    objects: BTreeMap<Id, Object>,
    roots: [Value; ROOTS],
    pending: Vec<Id>,
    next: Id,
    clock: u64,
}

impl World {
    fn new(stress: Stress) -> World {
        let mut bed = Bed::new(1 << 30);
        let mut metas = Vec::new();
        for bits in 0..METAS {
            let meta = bed.heap.new_table(0, 2).unwrap();
            bed.root(meta.slot());
            let mode: &[u8] = [&b""[..], b"k", b"v", b"kv"][bits & 3];
            let mode = bed.heap.new_string(mode).unwrap().slot();
            let (mode_name, gc_name) = (bed.heap.name(Metamethod::Mode), bed.heap.name(Metamethod::Gc));
            // SAFETY: the table is rooted.
            unsafe {
                meta.set_str(&mut bed.heap, mode_name, mode).unwrap();
                if bits & 4 != 0 {
                    meta.set_str(&mut bed.heap, gc_name, Slot::TRUE).unwrap();
                }
            }
            metas.push(meta);
        }
        bed.heap.set_stress(stress);
        World {
            bed,
            metas,
            objects: BTreeMap::new(),
            roots: [Value::Nil; ROOTS],
            pending: Vec::new(),
            next: 0,
            clock: 0,
        }
    }

    fn slot(&self, value: Value) -> Slot {
        match value {
            Value::Nil => Slot::NIL,
            Value::Number(number) => Slot::i64(number),
            Value::Object(id) => self.objects[&id].slot,
        }
    }

    /// Copies the model's roots to the heap's. Metatables come first.
    fn publish(&mut self) {
        let slots: Vec<Slot> = self.roots.iter().map(|&root| self.slot(root)).collect();
        let values = &mut self.bed.list().values;
        values.truncate(METAS);
        values.extend(slots);
    }

    fn step(&mut self, step: Step) {
        // SAFETY: what the heap is given is what the model's roots reach, and these are published before each step.
        unsafe {
            match step {
                Step::New { sort, meta, root } => {
                    self.create(sort, root);
                    if sort >= 8 {
                        self.set_meta(root, meta);
                    }
                }
                Step::Store { target, key, key_root, value_root } => self.store(target, key, key_root, value_root),
                Step::Load { target, key, root } => {
                    if let Value::Object(id) = self.roots[target] {
                        self.roots[root] = match &self.objects[&id].body {
                            Body::Table { entries, .. } => {
                                entries.get(&Value::Number(key.into())).copied().unwrap_or(Value::Nil)
                            }
                            Body::Fields(fields) => fields.get(usize::from(key)).copied().unwrap_or(Value::Nil),
                            _ => Value::Nil,
                        };
                    }
                }
                Step::Forget { root } => self.roots[root] = Value::Nil,
                Step::Meta { root, meta } => self.set_meta(root, meta),
                Step::Finalize { root, resurrect } => {
                    let expected = if self.pending.is_empty() { None } else { Some(self.pending.remove(0)) };
                    let found = self.bed.heap.next_finalizer();
                    assert_eq!(found, expected.map(|id| self.objects[&id].slot));
                    if let Some(id) = expected
                        && resurrect
                    {
                        self.roots[root] = Value::Object(id);
                    }
                }
                Step::Collect => {
                    self.bed.collect();
                    self.collect();
                    self.compare();
                }
            }
        }
    }

    unsafe fn create(&mut self, sort: u8, root: usize) {
        let captured: Vec<Value> = self.roots[..3].to_vec();
        let slots: Vec<Slot> = captured.iter().map(|&value| self.slot(value)).collect();
        let before = self.bed.heap.statistics().total_collections();
        let heap = &mut self.bed.heap;
        // SAFETY: captured values are rooted; upvalues are kept until the closure has them.
        let (slot, body) = unsafe {
            match sort {
                0 => (heap.new_string(text(self.next).as_bytes()).unwrap().slot(), Body::Text),
                1 => {
                    let array = heap.new_array(Tag::ARR_I32, 5).unwrap();
                    (Slot { payload: array.payload(), tag: Tag::ARR_I32.0 }, Body::Array)
                }
                2 => {
                    let kept = heap.kept();
                    let upvalues: Vec<_> = slots
                        .iter()
                        .map(|&slot| {
                            let upvalue = heap.new_closed_upvalue(slot).unwrap();
                            heap.keep(upvalue.slot());
                            upvalue
                        })
                        .collect();
                    let closure = heap.new_closure(0, 3).unwrap();
                    for (index, upvalue) in upvalues.into_iter().enumerate() {
                        closure.set_upvalue(heap, index as u32, upvalue);
                    }
                    heap.release_to(kept);
                    (closure.slot(), Body::Fields(captured))
                }
                3 => (heap.new_foreign(0, &slots).unwrap().slot(), Body::Fields(captured)),
                4 => (heap.new_userdata(Box::new(1u8), 0).unwrap().slot(), Body::Fields(vec![Value::Nil])),
                _ => {
                    let body = Body::Table { entries: BTreeMap::new(), weak_keys: false, weak_values: false };
                    (heap.new_table(2, 2).unwrap().slot(), body)
                }
            }
        };
        if self.bed.heap.statistics().total_collections() != before {
            self.collect();
        }
        self.objects.insert(self.next, Object { slot, body, finalizer: None });
        self.roots[root] = Value::Object(self.next);
        self.next += 1;
    }

    unsafe fn store(&mut self, target: usize, key: u8, key_root: usize, value_root: usize) {
        let Value::Object(id) = self.roots[target] else { return };
        let value = self.roots[value_root];
        let value_slot = self.slot(value);
        let key = if key < 5 { Value::Number(key.into()) } else { self.roots[key_root] };
        let key_slot = self.slot(key);
        let target_slot = self.objects[&id].slot;
        let before = self.bed.heap.statistics().total_collections();
        let heap = &mut self.bed.heap;
        // SAFETY: all three are rooted.
        unsafe {
            match &mut self.objects.get_mut(&id).unwrap().body {
                Body::Table { entries, .. } => {
                    if key == Value::Nil {
                        return;
                    }
                    TableRef::from_payload(target_slot.payload).set(heap, key_slot, value_slot).unwrap();
                    entries.remove(&key);
                    if value != Value::Nil {
                        entries.insert(key, value);
                    }
                }
                Body::Fields(fields) => {
                    let index = match key {
                        Value::Number(index) => index as usize % fields.len(),
                        _ => 0,
                    };
                    fields[index] = value;
                    match Tag(target_slot.tag) {
                        Tag::CLOSURE => {
                            let upvalue = ClosureRef::from_payload(target_slot.payload).upvalue(index as u32);
                            upvalue.set(heap, value_slot);
                        }
                        Tag::FOREIGN => {
                            ForeignRef::from_payload(target_slot.payload).set_capture(heap, index as u32, value_slot);
                        }
                        _ => UserdataRef::from_payload(target_slot.payload).set_user(heap, value_slot),
                    }
                }
                _ => {}
            }
        }
        // Collections on the way came before the entry, but kept its key and value; as these are rooted anyway, only
        // entries that were weak can have gone, and one that replaces such an entry looks the same afterwards.
        if self.bed.heap.statistics().total_collections() != before {
            self.collect();
        }
    }

    unsafe fn set_meta(&mut self, root: usize, meta: usize) {
        let Value::Object(id) = self.roots[root] else { return };
        let metatable = self.metas[meta];
        let object = self.objects.get_mut(&id).unwrap();
        // SAFETY: both are rooted.
        unsafe {
            match &mut object.body {
                Body::Table { weak_keys, weak_values, .. } => {
                    (*weak_keys, *weak_values) = (meta & 1 != 0, meta & 2 != 0);
                    TableRef::from_payload(object.slot.payload).set_metatable(&mut self.bed.heap, Some(metatable));
                }
                _ if object.slot.is(Tag::USERDATA) => {
                    UserdataRef::from_payload(object.slot.payload).set_metatable(&mut self.bed.heap, Some(metatable));
                }
                _ => return,
            }
        }
        if meta & 4 != 0 && object.finalizer.is_none() && !self.pending.contains(&id) {
            self.clock += 1;
            object.finalizer = Some(self.clock);
        }
    }

    fn is_string(&self, value: Value) -> bool {
        matches!(value, Value::Object(id) if matches!(self.objects[&id].body, Body::Text))
    }

    /// Everything that follows from the objects reached so far.
    fn close(&self, reached: &mut BTreeSet<Id>) {
        loop {
            let before = reached.len();
            for id in reached.clone() {
                let mut reach = |value: Value| {
                    if let Value::Object(id) = value {
                        reached.insert(id);
                    }
                };
                match &self.objects[&id].body {
                    Body::Text | Body::Array => {}
                    Body::Fields(fields) => fields.iter().copied().for_each(&mut reach),
                    Body::Table { entries, weak_keys, weak_values } => {
                        for &key in entries.keys() {
                            if !weak_keys || (!weak_values && self.is_string(key)) {
                                reach(key);
                            }
                        }
                        for (&key, &value) in entries {
                            let key_is_there = match key {
                                Value::Object(key) => reached.contains(&key),
                                _ => true,
                            };
                            if !weak_values
                                && key_is_there
                                && let Value::Object(id) = value
                            {
                                reached.insert(id);
                            }
                        }
                    }
                }
            }
            if reached.len() == before {
                return;
            }
        }
    }

    /// Drops entries whose weak value (or else key) is not reached; strings are reached thereby.
    fn clear(&mut self, tables: &BTreeSet<Id>, reached: &mut BTreeSet<Id>, by_value: bool) {
        for id in tables {
            let Body::Table { entries, weak_keys, weak_values } = self.objects[id].body.clone() else { continue };
            if !(if by_value { weak_values } else { weak_keys }) {
                continue;
            }
            let mut kept = BTreeMap::new();
            for (key, value) in entries {
                let judged = if by_value { value } else { key };
                if self.is_string(judged)
                    && let Value::Object(id) = judged
                {
                    reached.insert(id);
                }
                if !matches!(judged, Value::Object(id) if !reached.contains(&id)) {
                    kept.insert(key, value);
                }
            }
            self.objects.get_mut(id).unwrap().body = Body::Table { entries: kept, weak_keys, weak_values };
        }
    }

    /// A collection of the model.
    fn collect(&mut self) {
        let roots = self.roots.iter().filter_map(|&root| match root {
            Value::Object(id) => Some(id),
            _ => None,
        });
        let mut reached: BTreeSet<Id> = roots.chain(self.pending.iter().copied()).collect();
        self.close(&mut reached);
        let tables = reached.clone();
        self.clear(&tables, &mut reached, true);
        let mut queued: Vec<(u64, Id)> = self
            .objects
            .iter()
            .filter(|(id, _)| !reached.contains(id))
            .filter_map(|(&id, object)| Some((object.finalizer?, id)))
            .collect();
        queued.sort_unstable();
        for &(_, id) in queued.iter().rev() {
            self.objects.get_mut(&id).unwrap().finalizer = None;
            self.pending.push(id);
            reached.insert(id);
        }
        self.close(&mut reached);
        let all = reached.clone();
        self.clear(&all, &mut reached, false);
        let late: BTreeSet<Id> = all.difference(&tables).copied().collect();
        self.clear(&late, &mut reached, true);
        self.objects.retain(|id, _| reached.contains(id));
    }

    /// Compares heap and model.
    fn compare(&self) {
        let mut expected: BTreeSet<u64> = self.objects.values().map(|object| object.slot.payload).collect();
        expected.extend(self.metas.iter().map(|meta| meta.payload()));
        let mut found = self.bed.objects();
        // SAFETY: everything that is on the heap's list is live.
        unsafe {
            // Upvalues have no identity in the model, and modes are strings of their own.
            found.retain(|&address| {
                let kind = crate::heap::kind_of(address as *const ObjectHeader);
                let short =
                    kind == lockstep_layout::ObjectKind::String && StringRef::from_payload(address).is_interned();
                kind != lockstep_layout::ObjectKind::Upvalue && !short
            });
            assert_eq!(found, expected);
            for (&id, object) in &self.objects {
                match &object.body {
                    Body::Text => {
                        assert_eq!(StringRef::from_payload(object.slot.payload).bytes(), text(id).as_bytes());
                    }
                    Body::Array => {}
                    Body::Table { entries, .. } => {
                        let table = TableRef::from_payload(object.slot.payload);
                        for (&key, &value) in entries {
                            assert_eq!(table.get(self.slot(key)), self.slot(value));
                        }
                        let (mut count, mut key) = (0, Slot::NIL);
                        while let Some((next, _)) = table.next(key).unwrap() {
                            (count, key) = (count + 1, next);
                        }
                        assert_eq!(count, entries.len());
                    }
                    Body::Fields(fields) => {
                        let address = object.slot.payload;
                        for (index, &field) in fields.iter().enumerate() {
                            let found = match Tag(object.slot.tag) {
                                Tag::CLOSURE => ClosureRef::from_payload(address).upvalue(index as u32).get(),
                                Tag::FOREIGN => ForeignRef::from_payload(address).captures()[index],
                                _ => UserdataRef::from_payload(address).user(),
                            };
                            assert_eq!(found, self.slot(field));
                        }
                    }
                }
            }
        }
    }
}

fn run(steps: Vec<Step>, stress: Stress) {
    let mut world = World::new(stress);
    for step in steps {
        world.publish();
        world.step(step);
    }
    world.publish();
    world.step(Step::Collect);
}

proptest! {
    #[test]
    fn exactly_the_reachable_survives(steps in prop::collection::vec(step(), 0..150)) {
        run(steps, Stress { allocations: false, barriers: true });
    }

    #[test]
    fn exactly_the_reachable_survives_each_allocation(steps in prop::collection::vec(step(), 0..80)) {
        run(steps, Stress { allocations: true, barriers: true });
    }
}
