//! The one loader: puts the bytes of an artifact into executable memory, whoever made them.
//!
//! W^X: the pages are writable while the bytes are copied and executable, read-only, ever after; never both. A guard page
//! behind the code turns running off its end into a fault. The memory is freed when the last [`CodeBlock`] handle drops.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use lockstep_backend_api::{Arch, Artifact, Code};
use lockstep_ir::FuncRef;

/// Why an artifact could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is made for another architecture.
    #[error("code for {} cannot run here", .0.name())]
    WrongArch(Arch),
    /// It is not native code.
    #[error("the artifact is evaluated, there is nothing to load")]
    Evaluated,
    /// It breaks what loaders rely on.
    #[error("malformed artifact: {0}")]
    Malformed(String),
    /// The system gave no executable memory.
    #[error("no executable memory: {0}")]
    Memory(#[from] io::Error),
}

/// Loaded code. Clones share the memory.
#[derive(Clone, Debug)]
pub struct CodeBlock {
    mapping: Arc<Mapping>,
    functions: Arc<[u32]>,
}

#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    /// Bytes of code.
    len: usize,
    /// Bytes mapped, the guard page included.
    mapped: usize,
}

// SAFETY: the memory is immutable once the mapping exists, and unmapped only by the last owner.
unsafe impl Send for Mapping {}
// SAFETY: as above; shared access only reads or executes.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start..start + mapped` is a mapping this value made and nothing refers to any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.mapped) };
    }
}

impl CodeBlock {
    /// Loads an artifact with `function_count` functions.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(artifact: &Artifact, function_count: usize) -> Result<Self, LoadError> {
        let Code::Native { arch, bytes, .. } = &artifact.code else { return Err(LoadError::Evaluated) };
        if Arch::host() != Some(*arch) {
            return Err(LoadError::WrongArch(*arch));
        }
        artifact.check(function_count).map_err(LoadError::Malformed)?;
        Ok(Self { mapping: Arc::new(map(bytes)?), functions: artifact.functions.clone().into() })
    }

    /// The address of a function.
    ///
    /// # Panics
    /// The unit has no such function.
    pub fn address(&self, func: FuncRef) -> usize {
        self.mapping.start.as_ptr() as usize + self.functions[func.index()] as usize
    }

    /// Whether an address lies in this code.
    pub fn contains(&self, address: usize) -> bool {
        (self.start()..self.start() + self.mapping.len).contains(&address)
    }

    /// The address of the first byte.
    pub fn start(&self) -> usize {
        self.mapping.start.as_ptr() as usize
    }
}

fn map(bytes: &[u8]) -> io::Result<Mapping> {
    // SAFETY: sysconf has no preconditions.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(|_| io::Error::last_os_error())?;
    let code = bytes.len().max(1).next_multiple_of(page);
    let mapped = code + page;
    // SAFETY: a fresh anonymous mapping; the arguments follow mmap(2).
    let start = unsafe {
        libc::mmap(std::ptr::null_mut(), mapped, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let start = NonNull::new(start.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
    let mapping = Mapping { start, len: bytes.len(), mapped };
    // SAFETY: the first `code` bytes are part of the mapping just made; they become writable, are filled (the ranges cannot
    // overlap, the mapping is new), and become executable and read-only before anyone learns of them.
    unsafe {
        if libc::mprotect(start.as_ptr().cast(), code, libc::PROT_READ | libc::PROT_WRITE) != 0 {
            return Err(io::Error::last_os_error());
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr(), bytes.len());
        if libc::mprotect(start.as_ptr().cast(), code, libc::PROT_READ | libc::PROT_EXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(mapping)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// `lea eax, [rdi + 1]; ret`
    const INCREMENT: [u8; 4] = [0x8d, 0x47, 0x01, 0xc3];

    fn artifact(arch: Arch, bytes: &[u8], functions: &[u32]) -> Artifact {
        let code = Code::Native { arch, bytes: bytes.to_vec(), align: 16 };
        Artifact { code, functions: functions.to_vec(), phases: Vec::new(), source_map: Vec::new() }
    }

    /// Protection of the mapping that holds an address, as the kernel states it; none if nothing is mapped there.
    fn protection(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("this system tells");
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let bounds = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
            bounds.contains(&address).then(|| rest[..4].to_owned())
        })
    }

    #[test]
    fn code_runs_is_never_writable_and_is_fenced() {
        let block = CodeBlock::load(&artifact(Arch::X86_64, &INCREMENT, &[0]), 1).expect("loads");
        let address = block.address(FuncRef(0));
        // SAFETY: the bytes above are a function of this signature.
        let increment: extern "C" fn(i32) -> i32 = unsafe { std::mem::transmute(address) };
        assert_eq!(increment(41), 42);
        assert_eq!(protection(address).as_deref(), Some("r-xp"));
        assert_eq!(protection((address | 4095) + 1).as_deref(), Some("---p"), "a guard page follows the code");
        assert!(block.contains(address) && !block.contains(address + INCREMENT.len()));
    }

    #[test]
    fn clones_share_the_memory() {
        let block = CodeBlock::load(&artifact(Arch::X86_64, &INCREMENT, &[0]), 1).expect("loads");
        let clone = block.clone();
        assert_eq!(block.start(), clone.start());
        drop(block);
        assert_eq!(protection(clone.start()).as_deref(), Some("r-xp"));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let load = |artifact: &Artifact, count| CodeBlock::load(artifact, count).expect_err("refused").to_string();
        assert!(load(&artifact(Arch::Aarch64, &INCREMENT, &[0]), 1).contains("aarch64"));
        assert!(load(&artifact(Arch::X86_64, &INCREMENT, &[0]), 2).contains("1 function offsets for 2"));
        assert!(load(&artifact(Arch::X86_64, &INCREMENT, &[4]), 1).contains("outside"));
        assert!(
            load(&Artifact { code: Code::Evaluated, ..artifact(Arch::X86_64, &[], &[0]) }, 1).contains("evaluated")
        );
    }
}
