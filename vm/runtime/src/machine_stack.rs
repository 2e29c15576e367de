//! How much machine stack the current thread has: below the limit, nothing starts native code.

/// What stays free below the limit for helpers, the interpreter's own frames and the host.
pub const MACHINE_STACK_RESERVE: u64 = 192 * 1024;

/// What native code may use where the system does not tell how large the stack is.
#[cfg(not(target_os = "linux"))]
const ASSUMED_STACK: u64 = 448 * 1024;

/// The lowest machine stack address at which native code may start on this thread.
pub fn machine_stack_limit() -> u64 {
    thread_local! {
        static LIMIT: u64 = lowest_address() + MACHINE_STACK_RESERVE;
    }
    LIMIT.with(|limit| *limit)
}

#[cfg(target_os = "linux")]
fn lowest_address() -> u64 {
    // SAFETY: the attributes are written by `pthread_getattr_np` before anything reads them, and destroyed once; all
    // pointers are to locals. Failure leaves them untouched, and is answered by a panic before any use.
    unsafe {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        let failed = libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr());
        assert_eq!(failed, 0, "the system does not tell where this thread's stack is");
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        assert_eq!(failed, 0, "the system does not tell how large this thread's stack is");
        address as u64
    }
}

#[cfg(not(target_os = "linux"))]
fn lowest_address() -> u64 {
    let local = 0u8;
    (&raw const local as u64).saturating_sub(ASSUMED_STACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_lies_below_the_current_frame_of_every_thread() {
        let check = || {
            let local = 0u8;
            assert!(machine_stack_limit() < &raw const local as u64);
        };
        check();
        std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
    }
}
