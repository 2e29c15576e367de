//! A scope: what keeps locals alive, and the way to the heap and the program for whoever holds it. A host function is handed the scope of its call.

use std::sync::Arc;

use lockstep_bytecode::{FuncId, Verified};
use lockstep_layout::Slot;
use smallvec::SmallVec;

use super::{Function, HostCode, HostError, HostId, HostResult, IntoValue, Local, Str, Table};
use crate::closure::ClosureRef;
use crate::collector::{Cause, Handle, Statistics};
use crate::dynamic::CallKind;
use crate::error::Traceback;
use crate::modules::Modules;
use crate::vm::Vm;

/// Some values.
pub type Locals<'s> = SmallVec<[Local<'s>; 4]>;

/// Keeps values alive for `'s`, and makes them.
///
/// Each object that comes out of a scope costs a word pair of memory until the scope ends: loops over many take a scope of their own ([`Scope::scope`]).
/// Methods take values of any scope, as whoever can name a value has its scope still.
#[derive(Debug)]
pub struct Scope<'s> {
    vm: &'s mut Vm,
    /// Where the function that is called and, behind it, its arguments are among the heap's kept values.
    first: usize,
    /// How many arguments there are; `None` outside of calls.
    count: Option<usize>,
}

impl<'s> Scope<'s> {
    /// The scope of a call, whose function and arguments the heap keeps from number `first` on. Who makes it releases what it keeps.
    pub(super) fn of_call(vm: &'s mut Vm, first: usize, count: usize) -> Scope<'s> {
        Scope { vm, first, count: Some(count) }
    }

    /// The scope of a host that has entered the VM.
    pub(super) fn of_host(vm: &'s mut Vm) -> Scope<'s> {
        Scope { vm, first: 0, count: None }
    }

    /// How many arguments there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.count.unwrap_or(0)
    }

    pub(super) fn is_call(&self) -> bool {
        self.count.is_some()
    }

    #[inline]
    pub(super) fn first(&self) -> usize {
        self.first
    }

    #[inline]
    pub(super) fn vm(&self) -> &Vm {
        self.vm
    }

    #[inline]
    pub(super) fn vm_mut(&mut self) -> &mut Vm {
        self.vm
    }

    /// Keeps a value for as long as the scope lasts.
    ///
    /// # Safety
    /// The slot is valid, of this VM, and what it refers to is live.
    #[inline]
    pub(super) unsafe fn root(&mut self, slot: Slot) -> Local<'s> {
        if slot.is_object() {
            self.vm.heap_mut().keep(slot);
        }
        // SAFETY: the heap keeps it until the scope ends.
        unsafe { Local::new(slot) }
    }

    /// A scope within this one: what it keeps is released when `body` ends.
    pub fn scope<R>(&mut self, body: impl for<'i> FnOnce(&mut Scope<'i>) -> R) -> R {
        let kept = self.vm.heap().kept();
        let result = body(&mut Scope { vm: self.vm, first: self.first, count: self.count });
        self.vm.heap_mut().release_to(kept);
        result
    }

    /// A scope within this one of which one value is left.
    ///
    /// # Errors
    /// Those of `body`.
    pub fn scope_value(
        &mut self,
        body: impl for<'i> FnOnce(&mut Scope<'i>) -> HostResult<Local<'i>>,
    ) -> HostResult<Local<'s>> {
        let kept = self.vm.heap().kept();
        let result = body(&mut Scope { vm: self.vm, first: self.first, count: self.count }).map(Local::slot);
        self.vm.heap_mut().release_to(kept);
        // SAFETY: the value was live within, and nothing is allocated in between.
        result.map(|slot| unsafe { self.root(slot) })
    }

    // ---- values -----------------------------------------------------------------------------------------------------------

    /// A string.
    ///
    /// # Errors
    /// There is no memory.
    pub fn string(&mut self, bytes: &[u8]) -> HostResult<Str<'s>> {
        let string = self.vm.heap_mut().new_string(bytes)?;
        // SAFETY: it was just made.
        Ok(unsafe { self.root(string.slot()) }.as_str().expect("it is a string"))
    }

    /// A string of `len` bytes that `fill` writes. The memory limit is asked before anything is allocated.
    ///
    /// # Errors
    /// There is no memory.
    pub fn string_with(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> HostResult<Str<'s>> {
        let string = self.vm.heap_mut().new_string_with(len, fill)?;
        // SAFETY: it was just made.
        Ok(unsafe { self.root(string.slot()) }.as_str().expect("it is a string"))
    }

    /// An empty table with room for so many elements and other fields.
    ///
    /// # Errors
    /// There is no memory.
    pub fn table(&mut self, elements: u32, fields: u32) -> HostResult<Table<'s>> {
        let table = self.vm.heap_mut().new_table(elements, fields)?;
        // SAFETY: it was just made.
        Ok(unsafe { self.root(table.slot()) }.as_table().expect("it is a table"))
    }

    /// A function of the host as a value, with values of its own ([`Scope::capture`]).
    ///
    /// # Errors
    /// There is no memory.
    ///
    /// # Panics
    /// If `id` is of another VM that has more functions.
    pub fn function(&mut self, id: HostId, captures: &[Local<'_>]) -> HostResult<Function<'s>> {
        assert!((id.0 as usize) < self.vm.dynamic.hosts.len(), "a function of another VM");
        let function = self.vm.heap_mut().new_foreign(u64::from(id.0), Local::slots(captures))?;
        // SAFETY: it was just made.
        Ok(unsafe { self.root(function.slot()) }.as_function().expect("it is a function"))
    }

    /// Adds a host function, as [`Vm::add_host_function`] does.
    pub fn add_function(&mut self, name: &str, code: HostCode) -> HostId {
        self.vm.add_host_function(name, code)
    }

    /// A closure of the module's generic function `name`; its upvalues are new variables with these values, nil where there are fewer. `None` if there is no
    /// such function.
    ///
    /// # Errors
    /// There is no memory.
    pub fn closure(&mut self, name: &str, upvalues: &[Local<'_>]) -> HostResult<Option<Function<'s>>> {
        let module = self.vm.module().clone();
        let Some(id) = module.find(name).filter(|id| module.function(*id).is_generic) else { return Ok(None) };
        self.closure_of(id, upvalues).map(Some)
    }

    /// Adds a module to the VM; a closure of its first function, with upvalues as in [`Scope::closure`].
    ///
    /// # Errors
    /// There is no memory, or no room for its functions; or the first is not generic.
    pub fn load(&mut self, module: Arc<Verified>, upvalues: &[Local<'_>]) -> HostResult<Function<'s>> {
        if !module.functions.first().is_some_and(|function| function.is_generic) {
            return Err("the first function of a module that is loaded must be generic".into());
        }
        let Some(id) = self.vm.load(module)? else { return Err("too many functions were loaded".into()) };
        self.closure_of(id, upvalues)
    }

    /// The same without the optimiser.
    ///
    /// # Errors
    /// As for [`Scope::load`].
    pub fn load_as_written(&mut self, module: Arc<Verified>, upvalues: &[Local<'_>]) -> HostResult<Function<'s>> {
        let passes = self.vm.optimise_loaded(None);
        let loaded = self.load(module, upvalues);
        self.vm.optimise_loaded(passes);
        loaded
    }

    fn closure_of(&mut self, id: FuncId, upvalues: &[Local<'_>]) -> HostResult<Function<'s>> {
        let count = self.vm.modules().function(id).upvalues.len() as u32;
        let closure = self.vm.heap_mut().new_closure(id.0, count)?;
        // SAFETY: it was just made. The upvalues are live when they are set, as nothing is allocated in between.
        unsafe {
            let local = self.root(closure.slot());
            for index in 0..count {
                let value = upvalues.get(index as usize).map_or(Slot::NIL, |value| value.slot());
                let upvalue = self.vm.heap_mut().new_closed_upvalue(value)?;
                closure.set_upvalue(self.vm.heap_mut(), index, upvalue);
            }
            Ok(local.as_function().expect("it is a function"))
        }
    }

    /// What a handle holds.
    ///
    /// # Panics
    /// If the handle is of another VM.
    pub fn held(&mut self, handle: &Handle) -> Local<'s> {
        assert!(handle.is_of(self.vm.heap()), "a handle of another VM");
        // SAFETY: a handle keeps its value alive.
        unsafe { self.root(handle.get()) }
    }

    /// A handle to a value: keeps it alive as long as the host has it.
    pub fn hold(&mut self, value: Local<'_>) -> Handle {
        // SAFETY: locals are valid and live.
        unsafe { self.vm.heap_mut().handle(value.slot()) }
    }

    /// What programs can import under a name.
    pub fn imported(&mut self, name: &str) -> Local<'s> {
        let value = self.vm.dynamic.imports.get(name.as_bytes()).copied().unwrap_or(Slot::NIL);
        // SAFETY: imports are kept alive.
        unsafe { self.root(value) }
    }

    /// Tells that a function of the program counts: called with a table and an integer, it answers the next integer and the element with this key, or nil if there
    /// is none. Loops need not call it.
    ///
    /// # Panics
    /// If it is no closure.
    pub fn set_counting(&mut self, function: Local<'_>) {
        // SAFETY: locals are valid and live.
        let closure = unsafe { ClosureRef::from_slot(function.slot()).expect("a closure") };
        // SAFETY: as above.
        self.vm.dynamic.counting = unsafe { (*closure.as_ptr()).function };
    }

    /// Lets programs import a value under a name.
    ///
    /// # Errors
    /// There is no memory for the value.
    pub fn define(&mut self, name: &str, value: impl IntoValue) -> HostResult {
        let value = value.into_value(self)?.slot();
        self.vm.dynamic.imports.insert(name.as_bytes().to_vec(), value);
        Ok(())
    }

    // ---- calls and errors -------------------------------------------------------------------------------------------------

    /// Calls a value of the program.
    ///
    /// # Errors
    /// [`HostError::Pending`]: what the call has raised waits in the VM. Whoever does not pass it on has dropped it.
    pub fn call<'a>(&mut self, callee: impl Into<Local<'a>>, args: &[Local<'_>]) -> HostResult<Locals<'s>> {
        self.invoke(callee.into(), args, CallKind::Plain)?;
        let staged = std::mem::take(&mut self.vm.dynamic.staged);
        // SAFETY: what is staged is valid and live, and nothing is allocated before it is kept.
        let results = staged.iter().map(|&value| unsafe { self.root(value) }).collect();
        self.vm.dynamic.give_back_staged(staged);
        Ok(results)
    }

    /// Calls a value of the program for its first result, nil if there is none.
    ///
    /// # Errors
    /// As for [`Scope::call`].
    pub fn call_one<'a>(&mut self, callee: impl Into<Local<'a>>, args: &[Local<'_>]) -> HostResult<Local<'s>> {
        self.invoke(callee.into(), args, CallKind::Plain)?;
        let value = self.vm.dynamic.staged.first().copied().unwrap_or(Slot::NIL);
        self.vm.dynamic.staged.clear();
        // SAFETY: what was staged is valid and live.
        Ok(unsafe { self.root(value) })
    }

    /// Calls a value of the program, and catches what it raises: its results, or the value raised.
    ///
    /// # Errors
    /// What no program can catch: the budget is used up, or the run interrupted.
    pub fn call_protected<'a>(
        &mut self,
        callee: impl Into<Local<'a>>,
        args: &[Local<'_>],
    ) -> HostResult<Result<Locals<'s>, Local<'s>>> {
        match self.invoke(callee.into(), args, CallKind::Protected) {
            Ok(()) => {
                let staged = std::mem::take(&mut self.vm.dynamic.staged);
                // SAFETY: what is staged is valid and live.
                let results = staged.iter().map(|&value| unsafe { self.root(value) }).collect();
                self.vm.dynamic.give_back_staged(staged);
                Ok(Ok(results))
            }
            Err(error) => {
                let caught = self.vm.dynamic.pending.take_if(|pending| !pending.kind.is_final());
                // SAFETY: what was pending is valid and live.
                caught.map_or(Err(error), |pending| Ok(Err(unsafe { self.root(pending.value) })))
            }
        }
    }

    fn invoke(&mut self, callee: Local<'_>, args: &[Local<'_>], kind: CallKind) -> HostResult {
        let call = self.vm.interpreter_call();
        call(self.vm, callee.slot(), Local::slots(args), kind)
    }

    /// The error that raises a value.
    pub fn error(&mut self, value: impl IntoValue) -> HostError {
        match value.into_value(self) {
            Ok(value) => HostError::Value(self.hold(value)),
            Err(error) => error,
        }
    }

    /// Lets the host stop what takes long: functions that may run for more than some milliseconds ask now and then.
    ///
    /// # Errors
    /// The run was interrupted.
    pub fn poll(&mut self) -> HostResult {
        if self.vm.take_interrupt() {
            self.vm.dynamic.pending = None;
            return Err(HostError::Pending);
        }
        Ok(())
    }

    /// Where the program is, for messages: `file:line:` of the function that has called this one (level 1), of its caller (2), and so on; `None` beyond the first, and in
    /// functions without lines.
    pub fn location(&self, level: usize) -> Option<String> {
        let position = self.activations(None).nth(level)?.position()?;
        (position.line != 0).then(|| format!("{}:{}:", self.vm.modules().source(position.func), position.line))
    }

    /// The modules of the VM: what positions refer to.
    pub fn modules(&self) -> &Modules {
        self.vm.modules()
    }

    /// Who has called whom, down to the first function of the running thread; the first one is the caller of the host's function.
    pub fn traceback(&self) -> Traceback {
        let frame = self.vm.dynamic.host_frame;
        if frame.is_null() {
            return Traceback::default();
        }
        // SAFETY: the frame has called the host's function, and waits for it; its callers wait for it.
        unsafe { self.vm.traceback(frame) }
    }

    // ---- the VM -----------------------------------------------------------------------------------------------------------

    /// Appends bytes to the output.
    ///
    /// # Errors
    /// Output counts towards the memory limit.
    pub fn write(&mut self, bytes: &[u8]) -> HostResult {
        Ok(self.vm.write(bytes)?)
    }

    /// Collects all that is unreachable.
    pub fn collect(&mut self) {
        self.vm.heap_mut().collect(Cause::Explicit);
    }

    /// Bytes of objects and what they own.
    pub fn memory(&self) -> u64 {
        self.vm.heap().used()
    }

    /// Bytes that the memory limit leaves.
    pub fn available(&self) -> u64 {
        self.vm.heap().available()
    }

    /// What the collector tells about itself.
    pub fn statistics(&self) -> Statistics {
        self.vm.heap().statistics()
    }

    /// What errors in finalizers have said since somebody asked.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.vm.dynamic.warnings)
    }
}
