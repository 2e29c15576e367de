//! The collector: precise, non-moving mark and sweep, stopping the program.
//!
//! One collection runs through the phases of [`Heap::collect`] in the order written there; docs/runtime.md says why the order is what
//! it is and how the parts become incremental and generational. Nothing here calls program code: finalizers are queued, and
//! the VM runs them when it sees fit.

mod barrier_check;
mod finalizers;
mod handle;
mod marker;
mod statistics;
mod sweep;
mod weak;

use std::collections::VecDeque;
use std::ffi::c_void;
use std::rc::Rc;
use std::time::Instant;

use lockstep_layout::{Mark, ObjectHeader, Tag};

use crate::closure::CoroutineRef;
use crate::heap::{Heap, OutOfMemory};

pub use handle::Handle;
pub use marker::Marker;
pub use statistics::{Cause, KindUsage, Pauses, Statistics};

use barrier_check::BarrierCheck;

/// What the collector asks of the VM. Implementations neither allocate nor use the heap meanwhile.
pub trait Roots {
    /// Marks whatever the program can still reach from the VM itself: registry, globals, constants, and the live slots of the
    /// running stack and of all that wait for it.
    fn trace(&mut self, marker: &mut Marker);

    /// Everything reachable is marked: takes the upvalues that are not ([`crate::UpvalueRef::is_reached`]) off the lists of open ones of
    /// the stacks that [`Roots::trace`] has traced.
    fn prune(&mut self);

    /// A collection is over; so many finalizers wait to be run.
    fn finished(&mut self, finalizers: usize);
}

/// What the collector does with the states of coroutines; each gets the address that the coroutine object holds.
#[derive(Clone, Copy, Debug)]
pub struct CoroutineHooks {
    /// As [`Roots::trace`], for one coroutine's stack.
    pub trace: unsafe fn(*mut c_void, &mut Marker),
    /// As [`Roots::prune`], for one coroutine's stack.
    pub prune: unsafe fn(*mut c_void),
    /// The coroutine is unreachable: closes its open upvalues (all of them are still there) without allocating, and frees the state.
    pub release: unsafe fn(*mut c_void),
}

/// How often a heap is collected, beyond need, to find what is not rooted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stress {
    /// A full collection before each allocation.
    pub allocations: bool,
    /// After each collection, every object expects an announcement of what is stored into it; the next collection checks that
    /// each had one. A missing barrier is a panic.
    pub barriers: bool,
}

/// When the next collection is due.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pacing {
    /// The heap may grow to so many times what survived.
    pub growth: f64,
    /// Below so many bytes nothing is collected.
    pub least: u64,
}

impl Default for Pacing {
    fn default() -> Pacing {
        Pacing { growth: 2.0, least: 1 << 20 }
    }
}

/// The collector's part of a heap.
pub(crate) struct Collector {
    roots: Option<*mut dyn Roots>,
    coroutine_hooks: Option<CoroutineHooks>,
    /// Every coroutine, so that those that go are told before anything is freed.
    coroutines: Vec<CoroutineRef>,
    pacing: Pacing,
    /// Bytes in use after the last collection.
    survived: u64,
    /// Bytes in use at which the next collection is due.
    due: u64,
    stress: Stress,
    collecting: bool,
    /// Allocations made while there were roots, up to when there were none the last time.
    exposed: u64,
    /// Allocations made when the present roots were set.
    exposed_since: u64,
    /// Objects that are reached and whose references are not marked yet; kept for its buffer.
    grey: Vec<*mut ObjectHeader>,
    handles: Vec<Rc<handle::Cell>>,
    /// Objects with finalizers that are not queued yet, in the order in which they got them.
    finalizable: Vec<*mut ObjectHeader>,
    /// Unreachable objects whose finalizers are to be run, in order.
    pending: VecDeque<*mut ObjectHeader>,
    check: BarrierCheck,
    pub(crate) statistics: statistics::Record,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("pacing", &self.pacing).field("stress", &self.stress).finish_non_exhaustive()
    }
}

impl Default for Collector {
    fn default() -> Collector {
        let pacing = Pacing::default();
        Collector {
            roots: None,
            coroutine_hooks: None,
            coroutines: Vec::new(),
            pacing,
            survived: 0,
            due: pacing.least,
            stress: Stress::default(),
            collecting: false,
            exposed: 0,
            exposed_since: 0,
            grey: Vec::new(),
            handles: Vec::new(),
            finalizable: Vec::new(),
            pending: VecDeque::new(),
            check: BarrierCheck::default(),
            statistics: statistics::Record::default(),
        }
    }
}

impl Heap {
    // ---- settings -------------------------------------------------------------------------------------------------------

    /// Tells the heap its roots, or that there are none any more. Only with roots does it collect.
    ///
    /// # Safety
    /// As long as they are set, `roots` may be used at each allocation, and whatever code holds over an allocation is reachable from
    /// them, from a [`Handle`], or kept (see [`Heap::keep`]).
    pub unsafe fn set_roots(&mut self, roots: Option<*mut dyn Roots>) {
        let allocations = self.usage.allocations;
        match (self.collector.roots, roots) {
            (None, Some(_)) => self.collector.exposed_since = allocations,
            (Some(_), None) => self.collector.exposed += allocations - self.collector.exposed_since,
            _ => {}
        }
        self.collector.roots = roots;
        self.plan();
    }

    /// Allocations made so far while there were roots.
    pub(crate) fn exposed(&self) -> u64 {
        let since = self.collector.roots.map_or(0, |_| self.usage.allocations - self.collector.exposed_since);
        self.collector.exposed + since
    }

    /// Tells the heap what to do with states of coroutines. To be set before a coroutine gets one.
    ///
    /// # Safety
    /// The functions may be called with the state of each coroutine; `release` once at most, and nobody uses the state afterwards.
    pub unsafe fn set_coroutine_hooks(&mut self, hooks: CoroutineHooks) {
        self.collector.coroutine_hooks = Some(hooks);
    }

    /// Sets the pace.
    pub fn set_pacing(&mut self, pacing: Pacing) {
        self.collector.pacing = pacing;
        self.pace();
    }

    /// Switches stress modes. Freed memory is poisoned and kept for a while as long as any is on.
    pub fn set_stress(&mut self, stress: Stress) {
        self.collector.stress = stress;
        self.memory.keep(stress != Stress::default());
        if !stress.barriers {
            self.collector.check = BarrierCheck::default();
        }
        self.plan();
    }

    /// The stress modes in force.
    pub fn stress(&self) -> Stress {
        self.collector.stress
    }

    /// Computes up to which use allocations need no second look.
    pub(crate) fn plan(&mut self) {
        let due = match self.collector.roots {
            Some(_) if self.collector.stress.allocations => 0,
            Some(_) => self.collector.due,
            None => u64::MAX,
        };
        self.usage.unchecked = due.min(self.usage.limit.saturating_sub(self.usage.external)).min(Heap::LARGEST);
    }

    /// An allocation of `bytes` would exceed what needs no second look: collects if that is due, and enforces the limit.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_room(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        let before = self.collector.statistics.collections();
        if self.collector.stress.allocations {
            self.collect(Cause::Stress);
        } else if self.usage.used.saturating_add(bytes) > self.collector.due {
            self.collect(Cause::Pace);
        }
        if bytes > self.available() && before == self.collector.statistics.collections() {
            self.collect(Cause::Limit);
        }
        if bytes > self.available().min(Heap::LARGEST) { Err(OutOfMemory) } else { Ok(()) }
    }

    // ---- collection -----------------------------------------------------------------------------------------------------

    /// Collects everything that is unreachable now. Without roots nothing happens.
    pub fn collect(&mut self, cause: Cause) {
        let Some(roots) = self.collector.roots else { return };
        assert!(!self.collector.collecting, "the collector does not call what allocates");
        self.collector.collecting = true;
        let start = Instant::now();
        let mut marker = Marker::new(
            std::mem::take(&mut self.collector.grey),
            self.name(crate::Metamethod::Mode),
            self.collector.coroutine_hooks,
        );
        // SAFETY: the roots are alive, and what they and the heap's own lists hold is live, says whoever set the roots. No program
        // runs, so that nothing changes but what is done here.
        unsafe {
            self.mark_own(&mut marker);
            (*roots).trace(&mut marker);
            marker.propagate();
            marker.converge();
            // Weak references to what is about to be finalized go before the finalizers come; only as keys do such objects stay.
            let weak_before = marker.clear_values(marker.no_weak());
            self.queue_finalizers(&mut marker);
            marker.propagate();
            marker.converge();
            marker.clear_keys();
            marker.clear_values(weak_before);
            (*roots).prune();
            self.prune_coroutines();
            if self.collector.stress.barriers {
                self.check_barriers();
            }
            self.sweep();
            if self.collector.stress.barriers {
                self.expect_barriers();
            }
            self.collector.grey = marker.into_buffer();
            self.collector.collecting = false;
            self.collector.survived = self.usage.used;
            self.pace();
            self.collector.statistics.finish(cause, start.elapsed());
            (*roots).finished(self.collector.pending.len());
        }
    }

    /// Marks what the heap itself holds for others.
    ///
    /// # Safety
    /// What stands on the lists is live.
    unsafe fn mark_own(&mut self, marker: &mut Marker) {
        // SAFETY: the caller says so.
        unsafe {
            for &value in &self.temporaries {
                if value.is(crate::closure::UPVALUE_TAG) {
                    marker.mark_address(value.payload)
                } else {
                    marker.mark(value)
                }
            }
            self.collector.handles.retain(|cell| Rc::strong_count(cell) > 1);
            for cell in &self.collector.handles {
                marker.mark(cell.get());
            }
            for metatable in self.metatables.iter() {
                marker.mark(metatable.slot());
            }
            for &object in &self.collector.pending {
                marker.mark_address(object as u64);
            }
        }
    }

    /// Tells coroutines that go, and lets the others forget the upvalues that go.
    ///
    /// # Safety
    /// Marking is done, and nothing is freed yet.
    unsafe fn prune_coroutines(&mut self) {
        let hooks = self.collector.coroutine_hooks;
        // SAFETY: the list holds the coroutines that were alive before this collection; all objects are still there.
        self.collector.coroutines.retain(|coroutine| unsafe {
            let reached = (*coroutine.header()).mark & Mark::WHITE == 0;
            if let Some(hooks) = hooks
                && !coroutine.state().is_null()
            {
                if reached {
                    (hooks.prune)(coroutine.state());
                } else {
                    let state = coroutine.state();
                    coroutine.set_state(std::ptr::null_mut());
                    (hooks.release)(state);
                }
            }
            reached
        });
    }

    /// Says when the next collection is due.
    fn pace(&mut self) {
        let Pacing { growth, least } = self.collector.pacing;
        // A float this large becomes the largest integer.
        self.collector.due = ((self.collector.survived as f64 * growth) as u64).max(least);
        self.plan();
    }

    /// A coroutine was made.
    pub(crate) fn note_coroutine(&mut self, coroutine: CoroutineRef) {
        self.collector.coroutines.push(coroutine);
    }

    /// Frees the states of all coroutines, when the heap goes.
    pub(crate) fn release_coroutines(&mut self) {
        let Some(hooks) = self.collector.coroutine_hooks else { return };
        for coroutine in std::mem::take(&mut self.collector.coroutines) {
            // SAFETY: coroutines on the list are live, and states are released once.
            unsafe {
                let state = coroutine.state();
                if !state.is_null() {
                    coroutine.set_state(std::ptr::null_mut());
                    (hooks.release)(state);
                }
            }
        }
    }

    /// Whether a collection has reached an object; between marking and sweeping.
    ///
    /// # Safety
    /// The object is not freed.
    pub(crate) unsafe fn is_reached(object: *const ObjectHeader) -> bool {
        // SAFETY: the caller says so.
        unsafe { (*object).mark & Mark::WHITE == 0 }
    }
}

impl crate::closure::UpvalueRef {
    /// Whether the collection that is under way has reached the upvalue; for [`Roots::prune`].
    ///
    /// # Safety
    /// The upvalue is not freed.
    pub unsafe fn is_reached(self) -> bool {
        // SAFETY: the caller says so.
        unsafe { Heap::is_reached(self.header()) }
    }

    /// Takes the upvalues that the collection under way has not reached off a list of open ones; answers the new first of the list, or 0.
    ///
    /// # Safety
    /// `first` is 0 or the address of an upvalue, and the list's upvalues are not freed yet.
    pub unsafe fn prune_open(first: u64) -> u64 {
        let mut head = first;
        let mut link: *mut u64 = &raw mut head;
        // SAFETY: `link` is either `head` or the field of an upvalue on the list; the caller answers for these.
        unsafe {
            while *link != 0 {
                let upvalue = crate::closure::UpvalueRef::from_payload(*link);
                if upvalue.is_reached() {
                    link = &raw mut (*upvalue.as_ptr()).next_open;
                } else {
                    *link = (*upvalue.as_ptr()).next_open;
                }
            }
        }
        head
    }
}

/// Whether a tag is that of strings, which weak tables do not count as objects.
fn is_string(tag: u64) -> bool {
    tag == Tag::STRING.0
}

#[cfg(test)]
mod tests;
