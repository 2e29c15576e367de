//! Mistakes of the runtime and the interpreter that can be planted, in builds with the feature `plant` alone: other builds hold none of them.
//!
//! A place of the product asks [`planted!`](crate::planted) by the mistake's name; without the feature the answer is the constant `false`. Which mistakes there
//! are, what each is, and who must catch it is the harness's business.

/// Whether this build can hold mistakes.
pub const POSSIBLE: bool = cfg!(feature = "plant");

#[cfg(feature = "plant")]
mod switch {
    use std::cell::Cell;

    thread_local! {
        static NAME: Cell<&'static str> = const { Cell::new("") };
    }

    /// Plants a mistake in what runs on this thread from now on, and answers the one before; the empty name is none.
    pub fn set(name: &'static str) -> &'static str {
        NAME.replace(name)
    }

    /// Whether the mistake of this name is planted.
    pub fn is(name: &str) -> bool {
        NAME.get() == name
    }
}

#[cfg(feature = "plant")]
pub use switch::{is, set};

/// Whether a mistake is planted.
#[cfg(feature = "plant")]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::plant::is($name)
    };
}

/// Whether a mistake is planted: this build holds none.
#[cfg(not(feature = "plant"))]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}
