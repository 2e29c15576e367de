//! Who has called whom, as Lua's `debug` library sees it: activations of functions of the program and of the host, their names and their variables.
//!
//! Level 0 is the running function of the host, or the innermost function of a coroutine that does not run. Functions of the program without lines are
//! a library's, and count as the host's.

use lockstep_bytecode::{Cfg, FuncId, Instr, Kind, Liveness, Pc, Reg};
use lockstep_layout::{Frame, FrameFlags, Slot, Tag, payload_offset};

use super::{Local, Scope};
use crate::closure::{ClosureRef, CoroutineRef, ForeignRef, UpvalueRef};
use crate::dynamic::HostActivation;
use crate::error::Position;
use crate::names::Named;
use crate::string::StringRef;
use crate::table::TableRef;
use crate::thread::{Thread, ThreadStatus};
use crate::vm::Vm;

/// An activation, found by [`Scope::activations`]. It means something as long as its function has not returned.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'v> {
    vm: &'v Vm,
    /// The frame; of a function of the host, the one below it.
    frame: *mut Frame,
    /// The function of the host, nil if it is the host itself; `None` of functions of the program.
    host: Option<Slot>,
    /// Whether a function of the host, or the host itself, has called it.
    is_called_by_host: bool,
}

/// The activations of a thread, innermost first.
#[derive(Debug)]
pub struct Activations<'v> {
    vm: &'v Vm,
    frame: *mut Frame,
    hosts: &'v [HostActivation],
    /// Whether the host itself is still to come, which has called the main program.
    ends_in_host: bool,
}

impl<'v> Iterator for Activations<'v> {
    type Item = Activation<'v>;

    fn next(&mut self) -> Option<Activation<'v>> {
        let (vm, frame) = (self.vm, self.frame);
        while let Some((last, rest)) = self.hosts.split_last()
            && last.frame == frame
        {
            self.hosts = rest;
            // What runs above it, a message handler, is not called by the frame.
            let calls = |instr| matches!(instr, Instr::CallAny { .. } | Instr::TailCallAny { .. });
            if rest.last().is_none_or(|below| below.frame != frame) && Self::is_part(vm, frame, calls) {
                continue;
            }
            let is_called_by_host = frame.is_null() || rest.last().is_some_and(|below| below.frame == frame);
            return Some(Activation { vm, frame, host: Some(last.function), is_called_by_host });
        }
        if frame.is_null() {
            let host = Activation { vm, frame, host: Some(Slot::NIL), is_called_by_host: true };
            return std::mem::take(&mut self.ends_in_host).then_some(host);
        }
        // SAFETY: the frames of a thread are live, each with its pc stored, while somebody looks at them; `caller` is 0 or such a frame.
        let caller = unsafe { (*frame).caller } as *mut Frame;
        self.frame = caller;
        if Self::is_part(vm, caller, |instr| matches!(instr, Instr::ResumeOrAny { .. })) {
            return self.next();
        }
        let is_called_by_host = caller.is_null() || self.hosts.last().is_some_and(|below| below.frame == caller);
        let activation = Activation { vm, frame, host: None, is_called_by_host };
        // What the host has called first, if that is no chunk, is a part of the host.
        if self.ends_in_host && caller.is_null() && self.hosts.is_empty() && activation.is_of_library() {
            self.ends_in_host = false;
            return Some(Activation { host: Some(Slot::NIL), ..activation });
        }
        Some(activation)
    }
}

impl Activations<'_> {
    /// Whether what the frame has called is a part of it: a function of the host that a library's function calls for itself, or a handler of its own.
    fn is_part(vm: &Vm, frame: *mut Frame, calls: impl FnOnce(Instr) -> bool) -> bool {
        if frame.is_null() {
            return false;
        }
        // SAFETY: see `next`.
        let (func, pc) = unsafe { (FuncId((*frame).func), Pc((*frame).pc)) };
        let modules = vm.modules();
        modules.is_library(func) && calls(modules.function(func).instr(pc))
    }
}

impl Activation<'_> {
    /// Where it is; `None` of functions of the host.
    pub fn position(&self) -> Option<Position> {
        if self.host.is_some() {
            return None;
        }
        // SAFETY: see `Activations`.
        let (func, pc) = unsafe { (FuncId((*self.frame).func), Pc((*self.frame).pc)) };
        let (pc, line) = self.vm.modules().place(func, pc);
        Some(Position { func, pc, line })
    }

    /// Whether it is one of a library: of the host, or without lines.
    pub fn is_of_library(&self) -> bool {
        self.position().is_none_or(|position| self.vm.modules().is_library(position.func))
    }

    /// Whether it has taken the place of one that ended in its call.
    pub fn is_tail_call(&self) -> bool {
        // SAFETY: see `Activations`.
        !self.is_of_library() && unsafe { (*self.frame).flags } & FrameFlags::TAIL != 0
    }

    fn function(&self) -> Slot {
        match self.host {
            Some(function) => function,
            None => {
                // SAFETY: see `Activations`.
                let callee = unsafe { (*self.frame).callee };
                if callee == 0 { Slot::NIL } else { Slot { payload: callee, tag: Tag::CLOSURE.0 } }
            }
        }
    }

    /// What its function is called in the tables of the libraries that are loaded.
    pub fn library_name(&self) -> Option<String> {
        Some(self.function()).filter(|function| !function.is_nil()).and_then(|function| self.vm.library_name(function))
    }

    /// What its function is called where it was called.
    pub fn name(&self) -> Option<Named> {
        if self.is_called_by_host {
            return None;
        }
        // SAFETY: see `Activations`.
        unsafe {
            let flags = if self.host.is_some() { 0 } else { (*self.frame).flags };
            if flags & FrameFlags::FINALIZER != 0 {
                return Some(Named { what: "metamethod", name: "gc".to_owned() });
            }
            if flags & (FrameFlags::TAIL | FrameFlags::HANDLER | FrameFlags::UNWIND) != 0 {
                return None;
            }
            let caller = if self.host.is_some() { self.frame } else { (*self.frame).caller as *mut Frame };
            let func = FuncId((*caller).func);
            // Libraries call by no name.
            if self.vm.modules().is_library(func) {
                return None;
            }
            self.vm.modules().name_of_callee(func, Pc((*caller).pc))
        }
    }
}

/// An activation with its function, kept alive by a scope.
#[derive(Clone, Debug)]
pub struct Level<'s> {
    /// The function; nil if it is the host itself.
    pub function: Local<'s>,
    /// Where it is; `None` of functions of the host.
    pub position: Option<Position>,
    /// Whether it is one of a library.
    pub is_of_library: bool,
    /// Whether it has taken the place of one that ended in its call.
    pub is_tail_call: bool,
    /// What the function is called where it was called.
    pub name: Option<Named>,
}

/// Which variable of an activation: by its number from 1 on in the order of their declarations, or the number of an argument behind the parameters, negative.
pub type Variable = i64;

impl<'s> Scope<'s> {
    /// The activations of the running thread, or of a coroutine, innermost first.
    pub fn activations(&self, coroutine: Option<Local<'_>>) -> Activations<'_> {
        let vm = self.vm();
        let dynamic = &*vm.dynamic;
        let other = coroutine.and_then(|coroutine| self.thread_of(coroutine)).filter(|other| *other != dynamic.current);
        match other {
            None => {
                // SAFETY: the running thread lives.
                let is_main = unsafe { (*dynamic.current).object.is_nil() };
                Activations { vm, frame: dynamic.host_frame, hosts: &dynamic.host_stack, ends_in_host: is_main }
            }
            Some(thread) => {
                // SAFETY: the coroutine is live, and its thread with it.
                let (frame, status) = unsafe { ((*thread).frame, (*thread).status) };
                let frame = if status == ThreadStatus::Dead { std::ptr::null_mut() } else { frame };
                Activations { vm, frame, hosts: Self::hosts_of(&dynamic.host_stack, frame), ends_in_host: false }
            }
        }
    }

    /// The functions of the host that run above frames of another thread.
    fn hosts_of(all: &[HostActivation], frame: *mut Frame) -> &[HostActivation] {
        let mut frames = std::iter::successors((!frame.is_null()).then_some(frame), |frame| {
            // SAFETY: see `Activations`.
            let caller = unsafe { (**frame).caller } as *mut Frame;
            (!caller.is_null()).then_some(caller)
        });
        let last = all.iter().rposition(|host| frames.any(|frame| frame == host.frame));
        &all[..last.map_or(0, |last| last + 1)]
    }

    /// The thread of a coroutine; the main program's of the running one that stands for it.
    fn thread_of(&self, coroutine: Local<'_>) -> Option<*mut Thread> {
        // SAFETY: the coroutine is live, and has its thread; what waits for a thread lives.
        unsafe {
            let thread: *mut Thread = CoroutineRef::from_slot(coroutine.slot())?.state().cast();
            if !(*thread).stands_for_main {
                return Some(thread);
            }
            let mut main = self.vm().dynamic.current;
            while !(*main).resumer.is_null() {
                main = (*main).resumer;
            }
            Some(main)
        }
    }

    /// Makes a coroutine that is never resumed stand for the main program.
    pub fn stand_for_main(&mut self, coroutine: Local<'_>) {
        // SAFETY: the coroutine is live, and has its thread.
        unsafe {
            if let Some(coroutine) = CoroutineRef::from_slot(coroutine.slot()) {
                let thread: *mut Thread = coroutine.state().cast();
                ((*thread).stands_for_main, (*thread).status) = (true, ThreadStatus::Running);
            }
        }
    }

    /// Whether a coroutine, or the running thread, can be suspended where it is.
    pub fn is_yieldable(&self, coroutine: Option<Local<'_>>) -> bool {
        let running = self.vm().dynamic.current;
        let thread = coroutine.and_then(|coroutine| self.thread_of(coroutine)).unwrap_or(running);
        // SAFETY: the running thread lives, and so does a coroutine's.
        unsafe {
            let is_main = (*thread).object.is_nil();
            !is_main && (thread != running || (*thread).boundaries == 0)
        }
    }

    /// An activation by its number.
    pub fn level(&mut self, coroutine: Option<Local<'_>>, index: usize) -> Option<Level<'s>> {
        let activation = self.activations(coroutine).nth(index)?;
        let (function, position) = (activation.function(), activation.position());
        let (is_of_library, is_tail_call) = (activation.is_of_library(), activation.is_tail_call());
        let name = activation.name();
        // SAFETY: an activation keeps its function alive.
        let function = unsafe { self.root(function) };
        Some(Level { function, position, is_of_library, is_tail_call, name })
    }

    /// A variable of an activation, which must be there: name and value. The values of variables that the optimiser has moved are not known.
    pub fn variable(
        &mut self,
        coroutine: Option<Local<'_>>,
        level: usize,
        variable: Variable,
    ) -> Option<(String, Local<'s>)> {
        let (name, slot) = self.place_of(coroutine, level, variable)?;
        // SAFETY: `place_of` answers slots with valid values.
        Some((name, unsafe { self.root(*slot) }))
    }

    /// Sets a variable of an activation, which must be there; answers its name.
    pub fn set_variable(
        &mut self,
        coroutine: Option<Local<'_>>,
        level: usize,
        variable: Variable,
        value: Local<'_>,
    ) -> Option<String> {
        let (name, slot) = self.place_of(coroutine, level, variable)?;
        // SAFETY: the slot is an `any` register of a frame that waits; stacks need no barrier.
        unsafe { slot.write(value.slot()) };
        Some(name)
    }

    /// A variable's name and slot, which holds a valid value.
    fn place_of(&self, coroutine: Option<Local<'_>>, level: usize, variable: Variable) -> Option<(String, *mut Slot)> {
        let activation = self.activations(coroutine).nth(level)?;
        if activation.host.is_some() {
            return None;
        }
        let frame = activation.frame;
        // SAFETY: see `Activations`. A frame has a slot for each register, and a vararg frame its extra arguments below.
        unsafe {
            let (func, pc) = (FuncId((*frame).func), Pc((*frame).pc));
            let (module, local) = self.vm().modules().find(func);
            let function = module.function(local);
            let Ok(number) = usize::try_from(variable) else {
                let is_vararg = (*frame).flags & FrameFlags::VARARG != 0;
                let count = if is_vararg { (*frame.cast::<Slot>().sub(1)).payload as usize } else { 0 };
                let index = usize::try_from(variable.unsigned_abs()).ok()?;
                let at = frame.cast::<Slot>().sub(1 + count).add(index - 1);
                return (index <= count).then(|| ("(vararg)".to_owned(), at));
            };
            let mut named: Vec<_> = function.locals.iter().filter(|name| name.start <= pc && pc < name.end).collect();
            named.sort_by_key(|name| (name.start, name.register));
            let found = named.get(number.checked_sub(1)?)?;
            let cfg = Cfg::new(function);
            let liveness = Liveness::new(module, function, &cfg);
            let held = function.variables_held(&cfg, &liveness);
            let live = liveness.before(pc);
            let held = held.get(pc.index()).copied().unwrap_or_default();
            let slot = frame.byte_add(payload_offset(0) as usize).cast::<Slot>().add(found.register.index());
            let is_known = function.kind(found.register) == Kind::Any && live.union(held).contains(found.register);
            is_known.then(|| (found.name.clone(), slot))
        }
    }

    /// How many arguments the library's function was given that has called this function of the host.
    pub fn given_to_caller(&self) -> usize {
        let frame = self.vm().dynamic.host_frame;
        // SAFETY: see `Activations`. Below a vararg frame lies what `lay_frame` has put there.
        unsafe {
            match frame.is_null() || (*frame).flags & FrameFlags::VARARG == 0 {
                true => 0,
                false => (*frame.cast::<Slot>().sub(1)).tag as usize,
            }
        }
    }

    /// How many upvalues a closure of the program has, and how many values one of the host's; `None` of what is no function.
    pub fn upvalue_count(&self, function: Local<'_>) -> Option<usize> {
        if let Some(closure) = Self::closure_in(function) {
            // SAFETY: the closure is live.
            return Some(unsafe { closure.upvalue_count() } as usize);
        }
        function.as_function().map(|_| 0)
    }

    fn closure_in(function: Local<'_>) -> Option<ClosureRef> {
        // SAFETY: the value is a closure, and live.
        function.slot().is(Tag::CLOSURE).then(|| unsafe { ClosureRef::from_payload(function.slot().payload) })
    }

    fn upvalue_of(function: Local<'_>, index: usize) -> Option<(ClosureRef, UpvalueRef)> {
        let closure = Self::closure_in(function)?;
        // SAFETY: the closure is live, and has the upvalue.
        unsafe { (index < closure.upvalue_count() as usize).then(|| (closure, closure.upvalue(index as u32))) }
    }

    /// An upvalue of a closure, counted from 0: name and value.
    pub fn upvalue(&mut self, function: Local<'_>, index: usize) -> Option<(String, Local<'s>)> {
        let (closure, upvalue) = Self::upvalue_of(function, index)?;
        // SAFETY: the closure is live, and its upvalues with it.
        unsafe {
            let function = self.vm().modules().function(FuncId(closure.function()));
            let name = function.upvalues.get(index).cloned().unwrap_or_default();
            Some((name, self.root(upvalue.get())))
        }
    }

    /// Sets an upvalue; answers its name.
    pub fn set_upvalue(&mut self, function: Local<'_>, index: usize, value: Local<'_>) -> Option<String> {
        let (name, _) = self.upvalue(function, index)?;
        let (_, upvalue) = Self::upvalue_of(function, index)?;
        // SAFETY: the upvalue is live, and so is the value.
        unsafe { upvalue.set(self.vm_mut().heap_mut(), value.slot()) };
        Some(name)
    }

    /// What tells the variable of an upvalue from others: an address.
    pub fn upvalue_id(&self, function: Local<'_>, index: usize) -> Option<u64> {
        Self::upvalue_of(function, index).map(|(_, upvalue)| upvalue.payload())
    }

    /// Makes an upvalue of one closure refer to the variable of another's; false if either does not exist.
    pub fn join_upvalues(&mut self, function: Local<'_>, index: usize, other: Local<'_>, of_other: usize) -> bool {
        let (Some((closure, _)), Some((_, upvalue))) =
            (Self::upvalue_of(function, index), Self::upvalue_of(other, of_other))
        else {
            return false;
        };
        // SAFETY: closures and upvalues are live.
        unsafe { closure.set_upvalue(self.vm_mut().heap_mut(), index as u32, upvalue) };
        true
    }

    /// What a closure runs; `None` of functions of the host.
    pub fn code_of(&self, function: Local<'_>) -> Option<FuncId> {
        // SAFETY: the closure is live.
        Self::closure_in(function).map(|closure| FuncId(unsafe { closure.function() }))
    }

    /// The status of a coroutine, as programs have it; `None` of other values.
    pub fn coroutine_status(&self, coroutine: Local<'_>) -> Option<&'static str> {
        // SAFETY: the thread lives with its coroutine.
        self.thread_of(coroutine).map(|thread| unsafe { (*thread).status.name() })
    }

    /// The parameter with this number, counted from 1, of a closure.
    pub fn parameter_name(&self, func: FuncId, number: usize) -> Option<String> {
        let function = self.vm().modules().original(func, Pc(0), Reg(0)).0;
        let index = number.checked_sub(1).filter(|index| *index < usize::from(function.param_count))?;
        function.variable(Reg(index as u8), Pc(0)).map(str::to_owned)
    }
}

impl Vm {
    /// What a function is called in the tables of the libraries that are loaded: `string.rep`, `print`. Where there are no such tables (the import `_LOADED`), a
    /// function of the host has the name under which it was added.
    pub fn library_name(&self, function: Slot) -> Option<String> {
        let Some(loaded) = self.dynamic.imports.get(b"_LOADED".as_slice()).copied() else {
            // SAFETY: the value is a function of the host, and live.
            let number =
                function.is(Tag::FOREIGN).then(|| unsafe { ForeignRef::from_payload(function.payload).function() })?;
            return Some(self.dynamic.hosts[number as usize].name.to_string());
        };
        // SAFETY: imports are kept alive.
        let loaded = unsafe { TableRef::from_slot(loaded) }?;
        let spell = |key: Slot| {
            // SAFETY: keys of live tables are live.
            unsafe { StringRef::from_slot(key).map(|text| String::from_utf8_lossy(text.bytes()).into_owned()) }
        };
        // SAFETY: the table is live, and so are its keys and values; nothing is allocated meanwhile.
        unsafe {
            let mut position = 0;
            let mut found = None;
            while let Some(entry) = loaded.entry_from(position) {
                position = entry.position;
                let Some(library) = spell(entry.key) else { continue };
                if entry.value.payload == function.payload && entry.value.tag == function.tag {
                    return Some(library);
                }
                let Some(table) = TableRef::from_slot(entry.value) else { continue };
                let mut inner = 0;
                while let Some(field) = table.entry_from(inner) {
                    inner = field.position;
                    if field.value.payload == function.payload
                        && field.value.tag == function.tag
                        && let Some(name) = spell(field.key)
                    {
                        match library.as_str() {
                            "_G" => return Some(name),
                            _ => found = found.or_else(|| Some(format!("{library}.{name}"))),
                        }
                        break;
                    }
                }
            }
            found
        }
    }
}
