//! What others ask of a running program: to stop, to attend to finalizers. It looks at its next safepoint, a back edge or a call.

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lockstep_layout::Ctx;

/// In `ctx.poll`: the host asked the program to stop.
pub const POLL_INTERRUPT: u32 = 1;
/// In `ctx.poll`: finalizers wait.
pub const POLL_FINALIZERS: u32 = 2;
/// In `ctx.poll`: each safepoint collects.
pub const POLL_STRESS: u32 = 4;

/// The context, at an address that never changes and that interrupt handles keep alive.
pub(crate) struct SharedCtx {
    ctx: UnsafeCell<Ctx>,
    /// Nanoseconds from `epoch` to the first request that is not answered yet; 0 if there is none.
    asked: AtomicU64,
    epoch: Instant,
}

// SAFETY: other threads reach the context only through `InterruptHandle`, which touches nothing of it but the atomic `poll`.
unsafe impl Send for SharedCtx {}
// SAFETY: as above.
unsafe impl Sync for SharedCtx {}

impl SharedCtx {
    pub fn new(ctx: Ctx) -> SharedCtx {
        SharedCtx { ctx: UnsafeCell::new(ctx), asked: AtomicU64::new(0), epoch: Instant::now() }
    }

    /// The context's address.
    pub fn get(&self) -> *mut Ctx {
        self.ctx.get()
    }

    pub fn poll(&self) -> &AtomicU32 {
        // SAFETY: the field is an atomic inside an `UnsafeCell`; no exclusive reference to it is ever made.
        unsafe { &(*self.ctx.get()).poll }
    }

    /// Asks for something, and notes when.
    pub fn ask(&self, what: u32) {
        let now = u64::try_from(self.now().as_nanos()).unwrap_or(u64::MAX).max(1);
        // A request that waits already is the one that counts.
        let _ = self.asked.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        self.poll().fetch_or(what, Ordering::Relaxed);
    }

    /// The time on the VM's own clock.
    pub fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// When something was asked for that is not answered yet.
    pub fn waiting_since(&self) -> Option<Duration> {
        let asked = self.asked.load(Ordering::Relaxed);
        (asked != 0).then(|| Duration::from_nanos(asked))
    }

    /// How long something has waited that is answered now.
    pub fn take_waiting(&self) -> Option<Duration> {
        self.waiting_since()?;
        let asked = Duration::from_nanos(self.asked.swap(0, Ordering::Relaxed));
        Some(self.now().saturating_sub(asked))
    }
}

/// Asks a running program to stop, from any thread. It may outlive the VM.
#[derive(Clone)]
pub struct InterruptHandle(Arc<SharedCtx>);

impl InterruptHandle {
    pub(crate) fn new(ctx: Arc<SharedCtx>) -> InterruptHandle {
        InterruptHandle(ctx)
    }

    /// Makes the program stop with `interrupted` at its next back edge or call.
    pub fn interrupt(&self) {
        self.0.ask(POLL_INTERRUPT);
    }
}

impl fmt::Debug for InterruptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterruptHandle")
    }
}
