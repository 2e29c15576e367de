//! Values of Rust as values of programs, and as results of host functions.

use super::{Function, HostError, HostResult, Local, Scope, Str, Table, Userdata};
use crate::collector::Handle;

/// What can be made a value of the program.
pub trait IntoValue {
    /// The value, kept alive by the scope.
    ///
    /// # Errors
    /// There is no memory for it.
    fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>>;
}

macro_rules! scalars {
    ($($ty:ty, $make:ident;)*) => { $(
        impl IntoValue for $ty {
            #[inline]
            fn into_value<'s>(self, _scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
                Ok(Local::$make(self))
            }
        }
    )* };
}
scalars! { bool, bool; i64, int; f64, float; }

macro_rules! texts {
    ($($ty:ty, $bytes:ident;)*) => { $(
        impl IntoValue for $ty {
            #[inline]
            fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
                scope.string(self.$bytes()).map(Str::local)
            }
        }
    )* };
}
texts! { &str, as_bytes; String, as_bytes; &[u8], as_ref; Vec<u8>, as_slice; }

impl IntoValue for Local<'_> {
    #[inline]
    fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
        // SAFETY: locals are valid and live. What another scope keeps is kept by this one, too.
        Ok(unsafe { scope.root(self.slot()) })
    }
}

macro_rules! typed {
    ($($ty:ident)*) => { $(
        impl IntoValue for $ty<'_> {
            #[inline]
            fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
                self.local().into_value(scope)
            }
        }
    )* };
}
typed! { Str Table Function Userdata }

impl IntoValue for &Handle {
    #[inline]
    fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
        Ok(scope.held(self))
    }
}

/// Nil for `None`.
impl<T: IntoValue> IntoValue for Option<T> {
    #[inline]
    fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
        self.map_or(Ok(Local::NIL), |value| value.into_value(scope))
    }
}

/// What a host function can answer: no value, one, several, or an error.
pub trait IntoResults {
    /// Adds them to the call's results.
    ///
    /// # Errors
    /// There is no memory for them, or they are an error.
    fn push_to(self, call: &mut Scope<'_>) -> HostResult;
}

impl<T: IntoValue> IntoResults for T {
    #[inline]
    fn push_to(self, call: &mut Scope<'_>) -> HostResult {
        call.push(self)
    }
}

impl IntoResults for () {
    #[inline]
    fn push_to(self, _call: &mut Scope<'_>) -> HostResult {
        Ok(())
    }
}

impl<T: IntoResults, E: Into<HostError>> IntoResults for Result<T, E> {
    #[inline]
    fn push_to(self, call: &mut Scope<'_>) -> HostResult {
        self.map_err(Into::into)?.push_to(call)
    }
}

macro_rules! several {
    ($(($($T:ident)*))*) => { $(
        impl<$($T: IntoValue),*> IntoResults for ($($T,)*) {
            #[inline]
            fn push_to(self, call: &mut Scope<'_>) -> HostResult {
                #[allow(non_snake_case, reason = "each value is called as its type")]
                let ($($T,)*) = self;
                $(call.push($T)?;)*
                Ok(())
            }
        }
    )* };
}
several! { (A B) (A B C) (A B C D) (A B C D E) }
