//! Measures three ways of finding a named field: the slot caches that tables have, lookups without a cache, and shapes (hidden
//! classes), built here just for the comparison. docs/runtime.md quotes what it prints.
//!
//! `cargo run --release -p lockstep-runtime --example field_access`
//!
//! What it is not: a benchmark of programs. Each figure is a loop over 256 objects that reads (or writes) all their fields, the best of
//! many rounds, interleaved.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use lockstep_layout::{Slot, Tag};
use lockstep_runtime::{Heap, StringRef, TableRef};

const OBJECTS: usize = 256;
const ROUNDS: usize = 400;

/// A shape: where which field is, and what follows from adding one.
struct Shape {
    fields: Vec<StringRef>,
    index: HashMap<StringRef, u32, rustc_hash::FxBuildHasher>,
    next: HashMap<StringRef, usize, rustc_hash::FxBuildHasher>,
}

/// All shapes; an object holds a number of one.
struct Shapes(Vec<Shape>);

/// An object with a shape: what stands for a table's record, and a buffer of its slots.
struct Shaped {
    shape: usize,
    slots: Vec<Slot>,
}

/// What an instruction remembers under shapes.
#[derive(Clone, Copy)]
struct ShapeCache {
    shape: usize,
    index: u32,
}

impl Shapes {
    fn new() -> Shapes {
        Shapes(vec![Shape { fields: Vec::new(), index: HashMap::default(), next: HashMap::default() }])
    }

    #[inline(always)]
    fn get(&self, object: &Shaped, key: StringRef, cache: &mut ShapeCache) -> Slot {
        if object.shape == cache.shape {
            // SAFETY: an object of this shape has a slot for each of its fields.
            return unsafe { *object.slots.get_unchecked(cache.index as usize) };
        }
        self.get_missed(object, key, cache)
    }

    #[inline(never)]
    fn get_missed(&self, object: &Shaped, key: StringRef, cache: &mut ShapeCache) -> Slot {
        match self.0[object.shape].index.get(&key) {
            Some(&index) => {
                *cache = ShapeCache { shape: object.shape, index };
                object.slots[index as usize]
            }
            None => Slot::NIL,
        }
    }

    /// Adds a field, by way of a transition that the instruction does not cache.
    #[inline(never)]
    fn add(&mut self, object: &mut Shaped, key: StringRef, value: Slot) {
        object.slots.push(value);
        if let Some(&next) = self.0[object.shape].next.get(&key) {
            object.shape = next;
            return;
        }
        let shape = &self.0[object.shape];
        let (mut fields, mut index) = (shape.fields.clone(), shape.index.clone());
        index.insert(key, fields.len() as u32);
        fields.push(key);
        let number = self.0.len();
        self.0.push(Shape { fields, index, next: HashMap::default() });
        self.0[object.shape].next.insert(key, number);
        object.shape = number;
    }
}

/// The best nanoseconds per operation of each contestant, run by turns.
fn race(operations: usize, contestants: &mut [(&str, &mut dyn FnMut())]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; contestants.len()];
    for _ in 0..ROUNDS {
        for (index, (_, run)) in contestants.iter_mut().enumerate() {
            let start = Instant::now();
            run();
            best[index] = best[index].min(start.elapsed().as_nanos() as f64 / operations as f64);
        }
    }
    best
}

/// The fields of object number `object`: `kinds` classes of objects share the first field names, and differ in what comes before them.
fn fields_of(heap: &mut Heap, object: usize, fields: usize, kinds: usize) -> Vec<StringRef> {
    let kind = object % kinds;
    let own = (0..kind).map(|i| format!("own{kind}_{i}"));
    let shared = (0..fields).map(|i| format!("field{i}"));
    own.chain(shared).map(|name| heap.new_string(name.as_bytes()).expect("memory")).collect()
}

fn measure(fields: usize, kinds: usize) {
    let mut heap = Heap::new(1 << 30);
    let mut shapes = Shapes::new();
    let (mut tables, mut objects) = (Vec::new(), Vec::new());
    for number in 0..OBJECTS {
        let names = fields_of(&mut heap, number, fields, kinds);
        let table = heap.new_table(0, names.len() as u32).expect("memory");
        let mut object = Shaped { shape: 0, slots: Vec::new() };
        for (index, &name) in names.iter().enumerate() {
            // SAFETY: the heap lives, and nothing is collected without roots.
            unsafe { table.set_str(&mut heap, name, Slot::i64(index as i64)).expect("memory") };
            shapes.add(&mut object, name, Slot::i64(index as i64));
        }
        tables.push(table);
        objects.push(object);
    }
    let names: Vec<StringRef> = fields_of(&mut heap, 0, fields, 1);
    // SAFETY: as above.
    let mut caches: Vec<u32> = names.iter().map(|name| unsafe { name.hash() }).collect();
    let mut store_caches = caches.clone();
    let mut shape_caches = vec![ShapeCache { shape: usize::MAX, index: 0 }; fields];
    macro_rules! reads {
        (|$object:ident, $field:ident| $read:expr) => {
            &mut || {
                let mut sum = 0u64;
                for $object in 0..OBJECTS {
                    for $field in 0..fields {
                        sum = sum.wrapping_add($read.payload);
                    }
                }
                black_box(sum);
            }
        };
    }
    let mut heap_for_stores = std::mem::replace(&mut heap, Heap::new(0));
    // SAFETY: the heap that made the tables lives to the end of this function.
    let figures = unsafe {
        race(
            OBJECTS * fields,
            &mut [
                ("slot cache", reads!(|o, f| tables[o].get_str_cached(names[f], &mut caches[f]))),
                ("no cache", reads!(|o, f| tables[o].get_str(names[f]))),
                ("shapes", reads!(|o, f| shapes.get(&objects[o], names[f], &mut shape_caches[f]))),
                (
                    "store, slot cache",
                    reads!(|o, f| {
                        let value = Slot::i64(o as i64);
                        let heap = &mut heap_for_stores;
                        assert!(tables[o].store_str_cached(heap, names[f], value, &mut store_caches[f]));
                        value
                    }),
                ),
            ],
        )
    };
    let mut scratch = Heap::new(1 << 34);
    let interned: Vec<Vec<StringRef>> = (0..kinds).map(|kind| fields_of(&mut scratch, kind, fields, kinds)).collect();
    let total: usize = (0..OBJECTS).map(|object| interned[object % kinds].len()).sum();
    let mut shaped = Shapes::new();
    let before = scratch.used();
    let mut made: Vec<TableRef> = Vec::with_capacity(OBJECTS);
    let building = race(
        total,
        &mut [
            ("build tables", &mut || {
                made.clear();
                for object in 0..OBJECTS {
                    let names = &interned[object % kinds];
                    let table = scratch.new_table(0, names.len() as u32).expect("memory");
                    for &name in names {
                        // SAFETY: as above.
                        unsafe { table.set_str(&mut scratch, name, Slot::TRUE).expect("memory") };
                    }
                    made.push(table);
                }
            }),
            ("build shaped", &mut || {
                for object in 0..OBJECTS {
                    let names = &interned[object % kinds];
                    let mut shape = Box::new(Shaped { shape: 0, slots: Vec::with_capacity(names.len()) });
                    for &name in names {
                        shaped.add(&mut shape, name, Slot::TRUE);
                    }
                    // As the tables, they are not freed while time is taken.
                    std::mem::forget(shape);
                }
            }),
        ],
    );
    let bytes = (scratch.used() - before) / (ROUNDS * OBJECTS) as u64;
    let shaped_bytes = 64 + (total / OBJECTS) * size_of::<Slot>();
    println!(
        "| {fields} | {kinds} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {bytes} | {shaped_bytes} |",
        figures[0], figures[1], figures[2], figures[3], building[0], building[1]
    );
    assert!(made.iter().all(|table| table.slot().is(Tag::TABLE)));
}

fn main() {
    println!(
        "| fields | classes | slot cache | no cache | shapes | store, slot cache | build, tables | build, shapes | bytes, table | bytes, shapes |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (fields, kinds) in [(2, 1), (4, 1), (8, 1), (16, 1), (4, 2), (8, 2), (8, 4)] {
        measure(fields, kinds);
    }
}
