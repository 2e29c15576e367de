//! Where a crash in generated code came from: machine pc -> unit -> bytecode.
//!
//! [`install`] sets handlers for the signals by which generated code dies. They write one line to standard error and let the signal
//! take its course; what does not happen in generated code goes to the handler that was there before. They run on a stack of their own, so that a stack overflow is reported too, and use nothing but atomics and `write`.
//!
//! Loaded units are found in a table of fixed size, so that a handler can read it at any moment; units beyond its size go unnamed.

use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use lockstep_backend_api::SourceSpan;
use lockstep_ir::{SourceLoc, Unit};

/// What is known of a loaded unit's code.
struct Entry {
    start: u64,
    len: u64,
    name: String,
    /// (code offset, bytecode function, pc), sorted by offset; `u32::MAX` where unknown.
    places: Vec<(u32, u32, u32)>,
}

const CAPACITY: usize = 1024;

static TABLE: [AtomicPtr<Entry>; CAPACITY] = [const { AtomicPtr::new(std::ptr::null_mut()) }; CAPACITY];

/// Keeps a unit in the table while it lives.
pub(crate) struct Registration(Option<usize>);

impl Registration {
    /// Registers the code of a unit at `start`.
    pub(crate) fn new(start: usize, len: usize, unit: &Unit, spans: &[SourceSpan]) -> Self {
        let place = |span: &SourceSpan| match span.loc {
            SourceLoc::NONE => (span.offset, u32::MAX, u32::MAX),
            loc => {
                unit.sources.get(loc.index()).map_or((span.offset, u32::MAX, u32::MAX), |s| (span.offset, s.func, s.pc))
            }
        };
        let places = spans.iter().map(place).collect();
        let entry =
            Box::into_raw(Box::new(Entry { start: start as u64, len: len as u64, name: unit.name.clone(), places }));
        for (index, slot) in TABLE.iter().enumerate() {
            if slot.compare_exchange(std::ptr::null_mut(), entry, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Self(Some(index));
            }
        }
        // SAFETY: made by `Box::into_raw` above and published nowhere.
        drop(unsafe { Box::from_raw(entry) });
        Self(None)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(index) = self.0 {
            let entry = TABLE[index].swap(std::ptr::null_mut(), Ordering::AcqRel);
            // SAFETY: this registration put a box there and nobody else takes it out. A handler could read it only on a thread that is
            // crashing right now, in which case the process is ending.
            drop(unsafe { Box::from_raw(entry) });
        }
    }
}

/// Whether handlers are in place; how often [`install`] was called.
static INSTALLED: AtomicU64 = AtomicU64::new(0);

/// The signals by which generated code dies.
const SIGNALS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];

/// The handlers that were there before, in the order of [`SIGNALS`]: they get what did not happen in generated code.
static PREVIOUS: [AtomicPtr<libc::sigaction>; SIGNALS.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; SIGNALS.len()];

/// Sets the handlers for this process, and a signal stack for the calling thread. To be called on each thread that runs generated code.
pub fn install() {
    const STACK: usize = 64 << 10;
    let stack = libc::stack_t {
        ss_sp: Box::leak(vec![0u8; STACK].into_boxed_slice()).as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: STACK,
    };
    // SAFETY: the memory is leaked, so it stays valid for as long as the thread may use it.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
    if INSTALLED.fetch_add(1, Ordering::Relaxed) > 0 {
        return;
    }
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        // SAFETY: a zeroed sigaction is a valid one, also to be filled with the handler that was there; ours has the signature that
        // SA_SIGINFO asks for, and does only what is allowed in a handler. The old one is leaked and published before ours is set, so
        // that ours always finds it. SA_RESETHAND lets the signal take its default course when the instruction is executed again.
        unsafe {
            let old: *mut libc::sigaction = Box::leak(Box::new(std::mem::zeroed()));
            libc::sigaction(signal, std::ptr::null(), old);
            previous.store(old, Ordering::Release);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let mut line = Line { bytes: [0; 256], len: 0 };
    let pc = machine_pc(context);
    // SAFETY: the kernel hands a valid siginfo to a handler with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() } as u64;
    line.text("signal ").number(signal as u64).text(" at pc ").hex(pc).text(", address ").hex(address);
    let mut found = false;
    for slot in &TABLE {
        let entry = slot.load(Ordering::Acquire);
        // SAFETY: a non-null entry is a live box, see `Registration`.
        let Some(entry) = (unsafe { entry.as_ref() }) else { continue };
        if !(entry.start..entry.start + entry.len).contains(&pc) {
            continue;
        }
        let offset = pc - entry.start;
        found = true;
        line.text(": in generated code of `").text(&entry.name).text("` at offset ").hex(offset);
        let after = entry.places.partition_point(|p| u64::from(p.0) <= offset);
        if let Some(&(_, func, place)) =
            after.checked_sub(1).and_then(|i| entry.places.get(i)).filter(|p| p.1 != u32::MAX)
        {
            line.text(", bytecode function ").number(u64::from(func)).text(" pc ").number(u64::from(place));
        }
        break;
    }
    if !found {
        // Not ours: whoever was here before us decides, when the instruction is executed again.
        if let Some(at) = SIGNALS.iter().position(|&s| s == signal) {
            // SAFETY: `install` put a valid action there before this handler was set.
            unsafe { libc::sigaction(signal, PREVIOUS[at].load(Ordering::Acquire), std::ptr::null_mut()) };
        }
        return;
    }
    line.text("\n");
    // SAFETY: writes bytes that are there to a descriptor; allowed in a handler.
    unsafe { libc::write(2, line.bytes.as_ptr().cast(), line.len) };
}

#[cfg(target_arch = "x86_64")]
fn machine_pc(context: *mut libc::c_void) -> u64 {
    // SAFETY: the kernel hands a valid ucontext to a handler with SA_SIGINFO.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] as u64 }
}

#[cfg(not(target_arch = "x86_64"))]
fn machine_pc(_context: *mut libc::c_void) -> u64 {
    0
}

/// A line built without allocation. What does not fit is cut.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Line {
    fn text(&mut self, text: &str) -> &mut Self {
        for &byte in text.as_bytes() {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = byte;
                self.len += 1;
            }
        }
        self
    }

    fn digits(&mut self, mut value: u64, base: u64) -> &mut Self {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdef"[(value % base) as usize];
            value /= base;
            if value == 0 {
                break;
            }
        }
        self.text(std::str::from_utf8(&digits[at..]).unwrap_or("?"))
    }

    fn number(&mut self, value: u64) -> &mut Self {
        self.digits(value, 10)
    }

    fn hex(&mut self, value: u64) -> &mut Self {
        self.text("0x").digits(value, 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_built_and_cut() {
        let mut line = Line { bytes: [0; 256], len: 0 };
        line.text("a ").number(0).text(" ").number(u64::MAX).text(" ").hex(0x1f);
        assert_eq!(&line.bytes[..line.len], b"a 0 18446744073709551615 0x1f");
        for _ in 0..100 {
            line.text("0123456789");
        }
        assert_eq!(line.len, 256);
    }

    /// Set in the process that is to crash.
    const CRASH: &str = "LOCKSTEP_TEST_CRASH";

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_crash_in_generated_code_names_unit_and_bytecode() {
        use lockstep_backend_api::{Arch, Artifact, Code};
        use lockstep_ir::{FuncRef, SourcePos, Stage};

        use crate::loader::CodeBlock;

        if std::env::var_os(CRASH).is_some() {
            // nop; ud2
            let code = Code::Native { arch: Arch::X86_64, bytes: vec![0x90, 0x0f, 0x0b], align: 16 };
            let spans = vec![SourceSpan { offset: 0, loc: SourceLoc(0) }, SourceSpan { offset: 1, loc: SourceLoc(1) }];
            let artifact = Artifact { code, functions: vec![0], phases: Vec::new(), source_map: spans };
            let mut unit = Unit::new("crasher", Stage::Machine);
            let source = |pc| SourcePos { func: 7, pc, inlined_at: SourceLoc::NONE };
            unit.sources = vec![source(8), source(9)];
            let block = CodeBlock::load(&artifact, 1).expect("loads");
            let _registration = Registration::new(block.start(), artifact.code_bytes(), &unit, &artifact.source_map);
            install();
            crate::kit::call_native(&block, FuncRef(0), &mut [], 0);
            unreachable!("the code crashes");
        }
        let this = std::env::current_exe().expect("this program");
        let test = "crash::tests::a_crash_in_generated_code_names_unit_and_bytecode";
        let crashed = std::process::Command::new(this)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(CRASH, "1")
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&crashed.stderr);
        assert!(!crashed.status.success());
        assert!(said.contains("in generated code of `crasher` at offset 0x1, bytecode function 7 pc 9"), "{said}");
    }
}
