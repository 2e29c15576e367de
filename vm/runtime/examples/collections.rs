//! Measures allocation and collection: what an object costs over its life, and how long the program stands still. docs/runtime.md quotes
//! what it prints.
//!
//! `cargo run --release -p lockstep-runtime --example collections`

use std::time::Instant;

use lockstep_layout::Slot;
use lockstep_runtime::{Cause, Heap, Marker, Roots, StringRef, TableRef};

/// Roots that are a list of values.
struct List(Vec<Slot>);

impl Roots for List {
    fn trace(&mut self, marker: &mut Marker) {
        for &value in &self.0 {
            // SAFETY: the values are live: the list holds them.
            unsafe { marker.mark(value) };
        }
    }

    fn prune(&mut self) {}

    fn finished(&mut self, _finalizers: usize) {}
}

fn report(what: &str, heap: &Heap, operations: u64, start: Instant) {
    let statistics = heap.statistics();
    let nanoseconds = start.elapsed().as_nanos() as f64 / operations as f64;
    let pauses = &statistics.pauses;
    println!(
        "| {what} | {nanoseconds:.0} | {} | {:.2} | {:.2} | {:.2} | {:.0} |",
        statistics.total_collections(),
        pauses.percentile(0.5).as_secs_f64() * 1e3,
        pauses.percentile(0.99).as_secs_f64() * 1e3,
        pauses.max().as_secs_f64() * 1e3,
        100.0 * pauses.total().as_secs_f64() / start.elapsed().as_secs_f64()
    );
}

/// Runs a measurement on a heap with roots.
fn on_heap(what: &str, operations: u64, run: impl FnOnce(&mut Heap, *mut List)) {
    let mut heap = Heap::new(4 << 30);
    let list: *mut List = Box::into_raw(Box::new(List(Vec::new())));
    // SAFETY: the list outlives the heap's use of it, and what runs roots what it holds.
    unsafe { heap.set_roots(Some(list)) };
    let start = Instant::now();
    run(&mut heap, list);
    report(what, &heap, operations, start);
    // SAFETY: the heap does not collect any more, and the list was a box.
    unsafe {
        heap.set_roots(None);
        drop(Box::from_raw(list));
    }
}

/// A table with two named fields.
///
/// # Safety
/// The names are kept.
unsafe fn point(heap: &mut Heap, names: [StringRef; 2], values: [Slot; 2]) -> TableRef {
    let kept = heap.kept();
    values.iter().for_each(|&value| heap.keep(value));
    let table = heap.new_table(0, 2).expect("memory");
    heap.keep(table.slot());
    // SAFETY: table and values are kept, and so are the names.
    unsafe {
        for (name, value) in names.into_iter().zip(values) {
            table.set_str(heap, name, value).expect("memory");
        }
    }
    heap.release_to(kept);
    table
}

/// A binary tree of tables with two named fields.
///
/// # Safety
/// As for `point`.
unsafe fn tree(heap: &mut Heap, names: [StringRef; 2], depth: u32) -> TableRef {
    if depth == 0 {
        // SAFETY: the caller says so.
        return unsafe { point(heap, names, [Slot::NIL, Slot::NIL]) };
    }
    let kept = heap.kept();
    // SAFETY: the caller says so; the subtrees are kept.
    unsafe {
        let left = tree(heap, names, depth - 1);
        heap.keep(left.slot());
        let right = tree(heap, names, depth - 1);
        heap.release_to(kept);
        point(heap, names, [left.slot(), right.slot()])
    }
}

fn names(heap: &mut Heap) -> [StringRef; 2] {
    let names = ["left", "right"].map(|name| heap.new_string(name.as_bytes()).expect("memory"));
    names.iter().for_each(|name| heap.keep(name.slot()));
    names
}

fn main() {
    println!("| what | ns per object | collections | pause p50, ms | p99 | max | share of time, % |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    const COUNT: u64 = 5_000_000;
    on_heap("tables with two fields, dead at once", COUNT, |heap, _| {
        let names = names(heap);
        for _ in 0..COUNT {
            // SAFETY: the names are kept.
            unsafe { point(heap, names, [Slot::TRUE, Slot::TRUE]) };
        }
    });
    on_heap("interned strings, dead at once", COUNT, |heap, _| {
        for number in 0..COUNT {
            // SAFETY: numbers refer to nothing.
            unsafe { heap.concat(&[Slot::i64(number as i64), Slot::i64(0)]).expect("memory") };
        }
    });
    const ROUNDS: u64 = 150;
    const DEPTH: u32 = 14;
    on_heap("binary trees of depth 14", ROUNDS << (DEPTH + 1), |heap, _| {
        let names = names(heap);
        for _ in 0..ROUNDS {
            // SAFETY: the names are kept.
            unsafe { tree(heap, names, DEPTH) };
        }
    });
    on_heap("collections with 64 MB alive (trees)", 20 << 19, |heap, list| {
        let names = names(heap);
        while heap.used() < 64 << 20 {
            // SAFETY: the names are kept, and the list is not in use; the trees are rooted at once.
            unsafe {
                let tree = tree(heap, names, 12);
                (*list).0.push(tree.slot());
            }
        }
        for _ in 0..20 {
            heap.collect(Cause::Explicit);
        }
    });
}
