//! The table of functions that callers and generated code index, and what the interpreter keeps per function.

use std::mem::{ManuallyDrop, MaybeUninit, align_of, size_of};
use std::ptr;

use lockstep_bytecode::{FuncId, Function, Instr, JumpTable, Kind, Pc, Seen, SiteId, StrId, Template, Value};
use lockstep_layout::{FRESH_END, FRESH_PARAM, FunctionEntry, FunctionTraits, Slot};

use crate::fusion::{fuse, instr_at};
use crate::string::StringRef;

/// Where a function's interpreted code lies: its constants directly in front of its instructions.
///
/// Word `i` is the one at `code - 8 * (i + 1)`, so that one pointer reaches both. The constants of the pool come first, then the addresses of the
/// string constants, then the places that keep what was seen. Operands of instructions are numbers of words here, not within their families.
#[derive(Debug)]
struct Code {
    words: Box<[MaybeUninit<u64>]>,
    constants: usize,
}

const _: () = assert!(lockstep_bytecode::LONGEST_NAME <= lockstep_layout::INTERNED_MAX, "names are interned");

/// A call's place that has seen nothing.
const NOTHING_SEEN: u64 = 0;

const _: () = assert!(size_of::<Instr>() == 8 && align_of::<Instr>() <= 8);

impl Code {
    /// `strings` are the function's string constants; `base` is the number of its module's first function.
    fn new(function: &Function, base: u32, strings: &[StringRef]) -> Code {
        let (pool, sites) = (function.pool.len(), function.site_count());
        let constants = pool + strings.len() + sites;
        let mut words = Box::new_uninit_slice(constants + function.code.len());
        let seen = vec![NOTHING_SEEN; sites];
        let values = function.pool.iter().copied().chain(strings.iter().map(|string| string.payload())).chain(seen);
        for (index, value) in values.enumerate() {
            words[constants - 1 - index].write(value);
        }
        for (index, &instr) in function.code.iter().enumerate() {
            let (instr, name) = Self::relocate(instr, base, pool, strings.len());
            // SAFETY: an instruction is as large as a word and no more strictly aligned.
            unsafe { words[constants + index].as_mut_ptr().cast::<Instr>().write(instr) };
            if let Some((site, name)) = name {
                // An access by name starts at the hash of the name. SAFETY: string constants are live.
                let hash = unsafe { strings[name].hash() };
                words[constants - 1 - site].write(u64::from(hash));
            }
        }
        Code { words, constants }
    }

    /// An instruction whose operands are numbers of words; and, of an access by name, the word of its place and the number of the name.
    fn relocate(instr: Instr, base: u32, pool: usize, strings: usize) -> (Instr, Option<(usize, usize)>) {
        let (mut name, mut site) = (None, None);
        let values: Vec<Value> = instr
            .operands()
            .iter()
            .map(|&value| match value {
                Value::Str(id) => {
                    name = Some(usize::from(id.0));
                    Value::Str(StrId(id.0 + pool as u16))
                }
                Value::Func(id) => Value::Func(FuncId(id.0 + base)),
                Value::Site(id) => {
                    let word = usize::from(id.0) + pool + strings;
                    site = Some(word);
                    Value::Site(SiteId(word as u16))
                }
                value => value,
            })
            .collect();
        (Instr::build(instr.op(), &values).expect("only numbers have changed"), site.zip(name))
    }

    /// The address of the first instruction. The interpreter writes there what instructions have seen.
    fn first(&mut self) -> u64 {
        // SAFETY: `constants` is at most the length of the allocation.
        unsafe { self.words.as_mut_ptr().add(self.constants) as u64 }
    }
}

/// What the interpreter needs of a function beyond its [`FunctionEntry`], which holds this record's address.
#[derive(Debug)]
pub struct FunctionInfo {
    /// The jump tables.
    pub tables: Box<[JumpTable]>,
    /// The closure templates.
    pub templates: Box<[Template]>,
    /// See [`FunctionEntry::fresh`].
    fresh: Box<[Slot]>,
    code: Code,
    loops: Box<[u32]>,
    counts: Box<[u64]>,
}

impl FunctionInfo {
    fn new(function: &Function, base: u32, strings: &[StringRef]) -> FunctionInfo {
        let mut templates = function.templates.clone().into_boxed_slice();
        templates.iter_mut().for_each(|template| template.func.0 += base);
        // `any` registers need nothing: nobody reads one before it is assigned. So the pattern ends behind the last fixed register.
        let params = usize::from(function.param_count);
        let fixed = function.registers.iter().rposition(|register| register.kind != Kind::Any);
        let length = fixed.map_or(0, |last| last + 1).max(params);
        let fresh = function.registers[..length].iter().enumerate().map(|(index, register)| {
            let payload = if index < params { FRESH_PARAM } else { 0 };
            Slot { payload, tag: register.kind.tag() }
        });
        FunctionInfo {
            fresh: fresh.chain([Slot { payload: FRESH_END, tag: 0 }]).collect(),
            tables: function.tables.clone().into_boxed_slice(),
            code: Code::new(function, base, strings),
            templates,
            loops: Box::default(),
            counts: Box::default(),
        }
    }

    /// Address of the execution counts, one per instruction; null unless counting is on.
    pub fn counts_address(&mut self) -> *mut u64 {
        if self.counts.is_empty() { ptr::null_mut() } else { self.counts.as_mut_ptr() }
    }
}

/// Whether a fresh frame needs more than its parameters.
fn needs_more(info: &FunctionInfo) -> bool {
    info.fresh.iter().any(|slot| slot.payload == 0)
}

/// The functions of a VM. Entries never move.
#[derive(Debug)]
pub struct Functions {
    entries: *mut FunctionEntry,
    /// For how many entries there is room.
    room: usize,
    infos: Vec<*mut FunctionInfo>,
    /// Countdowns of calls and back edges that functions start with.
    armed: Option<(u32, u32)>,
    counting: bool,
    /// Whether the code has fusions.
    fused: bool,
    trampoline: u64,
}

impl Functions {
    /// An empty table with room for so many functions; every universal entry will be `trampoline`.
    pub fn new(room: usize, trampoline: u64) -> Functions {
        let (entries, room) = Self::allocate(room);
        Functions { entries, room, infos: Vec::new(), armed: None, counting: false, fused: false, trampoline }
    }

    /// Memory for entries: where, and for how many.
    fn allocate(room: usize) -> (*mut FunctionEntry, usize) {
        let mut entries = ManuallyDrop::new(Vec::with_capacity(room));
        (entries.as_mut_ptr(), entries.capacity())
    }

    /// Makes room for so many functions in all. Entries move: only while no program runs, and nothing knows their addresses.
    pub fn make_room(&mut self, room: usize) {
        if room <= self.room {
            return;
        }
        let (entries, room) = Self::allocate(room);
        // SAFETY: both are allocations of at least as many entries as there are, and distinct; the old one was a vector's.
        unsafe {
            entries.copy_from_nonoverlapping(self.entries, self.infos.len());
            drop(Vec::from_raw_parts(self.entries, 0, self.room));
        }
        (self.entries, self.room) = (entries, room);
    }

    /// Whether there is room for so many more functions.
    pub fn has_room(&self, more: usize) -> bool {
        self.infos.len() + more <= self.room
    }

    /// Adds a function of a module whose first function has number `base`. `strings` are its string constants.
    ///
    /// # Panics
    /// If there is no room.
    pub fn add(&mut self, function: &Function, base: u32, strings: &[StringRef]) {
        assert!(self.has_room(1), "the table of functions is full");
        let mut info = FunctionInfo::new(function, base, strings);
        let needs_more = needs_more(&info);
        let (code, fresh) = (info.code.first(), info.fresh.as_ptr() as u64);
        let info = Box::into_raw(Box::new(info));
        let index = self.infos.len();
        self.infos.push(info);
        let entry = FunctionEntry {
            entry: self.trampoline,
            typed_entry: 0,
            data: 0,
            calls: 0,
            frame_slots: function.frame_slots() as u16,
            params: function.param_count,
            traits: FunctionTraits::of(function.is_generic, function.is_vararg, needs_more),
            code,
            fresh,
            loops: 0,
            info: info as u64,
        };
        // SAFETY: there is room for the entry.
        unsafe { self.entries.add(index).write(entry) };
        if let Some((calls, loops)) = self.armed {
            self.arm_one(index, calls, loops);
        }
        if self.counting {
            self.count_one(index, true);
        }
        if self.fused {
            self.fuse_one(index, true);
        }
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Address of the first entry.
    pub fn entries(&self) -> *mut FunctionEntry {
        self.entries
    }

    /// The entry of a function.
    pub fn entry(&mut self, index: usize) -> &mut FunctionEntry {
        assert!(index < self.infos.len(), "there is no function {index}");
        // SAFETY: the index is in bounds of the table, which `self` owns; interpreter and generated code, which hold its
        // address too, do not run while the returned borrow of the VM lives.
        unsafe { &mut *self.entries.add(index) }
    }

    fn info(&mut self, index: usize) -> &mut FunctionInfo {
        // SAFETY: the records are owned by `self`, alive, and not borrowed by anybody else meanwhile (as for `entry`).
        unsafe { &mut *self.infos[index] }
    }

    /// Sets every function's countdown of calls, and gives every function countdowns of back edges, one per instruction.
    pub fn arm(&mut self, calls: u32, loops: u32) {
        self.armed = Some((calls, loops));
        (0..self.len()).for_each(|index| self.arm_one(index, calls, loops));
    }

    fn arm_one(&mut self, index: usize, calls: u32, loops: u32) {
        let info = self.info(index);
        let len = info.code.words.len() - info.code.constants;
        info.loops = vec![loops; len].into_boxed_slice();
        let address = info.loops.as_mut_ptr() as u64;
        let entry = self.entry(index);
        entry.loops = address;
        entry.calls = calls;
    }

    /// Starts counting executions from zero, or stops it.
    pub fn count(&mut self, on: bool) {
        self.counting = on;
        (0..self.len()).for_each(|index| self.count_one(index, on));
    }

    fn count_one(&mut self, index: usize, on: bool) {
        let info = self.info(index);
        let len = info.code.words.len() - info.code.constants;
        info.counts = if on { vec![0; len].into_boxed_slice() } else { Box::default() };
    }

    /// What the instruction at `pc` of a function has seen; nothing, if it does not keep that.
    pub fn seen(&self, index: usize, pc: Pc) -> Seen {
        // SAFETY: the record is owned by `self`, and no program runs while the VM is borrowed.
        let code = unsafe { &(*self.infos[index]).code };
        assert!(pc.index() < code.words.len() - code.constants, "there is no instruction {pc}");
        // SAFETY: behind the constants each word was initialised with an instruction.
        let mut instr = unsafe { instr_at(code.words.as_ptr().add(code.constants + pc.index()).cast()) };
        instr.seen().map_or(Seen::default(), |seen| *seen)
    }

    /// Fuses instructions (see [`crate::fusion`]) in all functions, or takes the fusions apart.
    pub fn fuse(&mut self, on: bool) {
        if self.fused != on {
            self.fused = on;
            (0..self.len()).for_each(|index| self.fuse_one(index, on));
        }
    }

    fn fuse_one(&mut self, index: usize, on: bool) {
        let code = &mut self.info(index).code;
        let len = code.words.len() - code.constants;
        // SAFETY: the code is the VM's own; whoever executes it is between two instructions, or before the first, and holds none.
        unsafe { fuse(code.first() as *mut Instr, len, on) };
    }

    /// The executions of each instruction of a function; empty unless counting is on.
    pub fn counts(&self, index: usize) -> &[u64] {
        // SAFETY: as in `info`, with a shared borrow.
        unsafe { &(*self.infos[index]).counts }
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        // SAFETY: the entries are a vector's allocation with this room, and plain data; the records were made by `Box::into_raw`. All are freed once.
        unsafe {
            drop(Vec::from_raw_parts(self.entries, 0, self.room));
            for &info in &self.infos {
                drop(Box::from_raw(info));
            }
        }
    }
}
