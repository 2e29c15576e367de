//! Plain functions and closures of Rust as host functions.

use std::rc::Rc;

use super::{FromArgument, Function, HostCode, HostResult, IntoResults, Local, Scope, Str, Table, Userdata};

/// Code that handles the call itself: any number of arguments and results, the heap, calls of the program.
pub fn raw(code: impl Fn(&mut Scope<'_>) -> HostResult + 'static) -> HostCode {
    Rc::new(code)
}

/// Code of a function on values of Rust, such as `|x: f64, n: i64| x.powi(n as i32)` or `|text: &[u8]| text.len() as i64`: arguments are checked and converted as
/// [`FromArgument`] says, the result as [`IntoResults`] does. A `Result` raises its error.
pub fn typed<P: 'static>(code: impl Typed<P>) -> HostCode {
    Rc::new(move |call| code.run(call))
}

/// A type of parameters of [`typed()`] functions. Types with a lifetime have it for every call.
pub trait Parameter {
    /// The type in a call that lasts for `'s`.
    type In<'s>: FromArgument<'s>;
}

/// A function or closure whose parameters and result can be converted. `P` tells apart numbers of parameters.
pub trait Typed<P>: 'static {
    /// Converts the arguments, runs, and adds the results.
    ///
    /// # Errors
    /// An argument is wrong, or the function has failed.
    fn run(&self, call: &mut Scope<'_>) -> HostResult;
}

macro_rules! parameters {
    ($($ty:ty, $in:ty;)*) => { $(
        impl Parameter for $ty {
            type In<'s> = $in;
        }
    )* };
}
parameters! {
    bool, bool;
    i64, i64;
    f64, f64;
    &[u8], &'s [u8];
    Str<'_>, Str<'s>;
    Table<'_>, Table<'s>;
    Function<'_>, Function<'s>;
    Userdata<'_>, Userdata<'s>;
    Local<'_>, Local<'s>;
}

impl<T: Parameter> Parameter for Option<T> {
    type In<'s> = Option<T::In<'s>>;
}

macro_rules! arities {
    ($(($($T:ident $index:literal)*))*) => { $(
        impl<F, R, $($T: Parameter),*> Typed<fn($($T),*) -> R> for F
        where
            F: Fn($($T),*) -> R + 'static,
            for<'s> F: Fn($($T::In<'s>),*) -> R,
            R: IntoResults,
        {
            #[allow(non_snake_case, unused_variables, reason = "each argument is called as its type; there may be none")]
            fn run(&self, call: &mut Scope<'_>) -> HostResult {
                // The bound for any lifetime, on its own: the one without would make the compiler choose a type.
                fn apply<'s, $($T: Parameter,)* R: IntoResults>(
                    code: impl Fn($($T::In<'s>),*) -> R,
                    call: &mut Scope<'s>,
                ) -> HostResult {
                    $(let $T = <$T::In<'s> as FromArgument<'s>>::from_argument(call, $index)?;)*
                    code($($T),*).push_to(call)
                }
                apply::<$($T,)* R>(self, call)
            }
        }
    )* };
}
arities! {
    ()
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 G 5)
}
