//! A world just large enough to run compiled units in the IR evaluator: flat memory with a context, function records, data
//! blocks, a stack and a heap. There is no interpreter in it: an exit ends the run and is what a test looks at.

use std::rc::Rc;

use lockstep_backend_api::{Evaluator, Fault, Machine};
use lockstep_bytecode::{FuncId, Kind, Module, Verified, assemble};
use lockstep_compiler::{Compiled, DataWord, ExitSite, Options, Request, compile};
use lockstep_eval::Eval;
use lockstep_ir::Signature;
use lockstep_ir::eval::Results;
use lockstep_layout::{
    ARRAY_ELEMENTS, ARRAY_LEN, HelperId, Status, Tag, array_element_size, ctx_offset, frame_offset, function_offset,
    payload_offset, tag_offset,
};

const BASE: u64 = 0x1_0000;
const CTX: u64 = BASE;
const HELPERS: u64 = BASE + 0x100;
const RECORDS: u64 = BASE + 0x1000;
const DATA: u64 = BASE + 0x8000;
/// Address of the first frame.
pub const STACK: u64 = BASE + 0x2_0000;
const STACK_END: u64 = BASE + 0x6_0000;
const HEAP: u64 = STACK_END;
const SIZE: usize = 0x10_0000;
/// Addresses that stand for functions: helpers, and typed entries.
const HELPER_CODE: u64 = 0x100;
const TYPED_CODE: u64 = 0x1000;

/// How a run ended.
#[derive(Debug, PartialEq)]
pub enum End {
    /// Returned; the bits and the tag of slot 0.
    Ok(u64, u64),
    /// Left at an exit site; the frame is at its place in memory.
    Exit(ExitSite),
    /// Any other status.
    Status(i32),
}

/// The world.
pub struct World {
    memory: Vec<u8>,
    compiled: Vec<Rc<Compiled>>,
    heap: u64,
    steps: u64,
    /// What was printed: tag and payload.
    pub printed: Vec<(u64, u64)>,
    /// Helpers called, in order.
    pub called: Vec<HelperId>,
}

/// A verified module from its text.
pub fn assembled(text: &str) -> Verified {
    assemble("test.lks", text).unwrap_or_else(|error| panic!("{error}"))
}

impl World {
    /// Compiles every function of a module with the same options.
    pub fn new(module: &Module, options: &Options) -> Self {
        let compile = |func| {
            let request = Request { module, func: FuncId(func), options };
            Rc::new(compile(&request).unwrap_or_else(|refusal| panic!("{refusal}")))
        };
        let compiled: Vec<_> = (0..module.functions.len() as u32).map(compile).collect();
        let mut world = Self {
            memory: vec![0; SIZE],
            compiled,
            heap: HEAP,
            steps: 10_000_000,
            printed: Vec::new(),
            called: Vec::new(),
        };
        world.set(CTX + u64::from(ctx_offset::DEPTH_LIMIT), 4, 1000);
        world.set(CTX + u64::from(ctx_offset::COUNTDOWN), 8, i64::MAX as u64);
        world.set(CTX + u64::from(ctx_offset::SEGMENT_END), 8, STACK_END);
        world.set(CTX + u64::from(ctx_offset::STACK_LIMIT), 8, 1000);
        world.set(CTX + u64::from(ctx_offset::FUNCTIONS), 8, RECORDS);
        world.set(CTX + u64::from(ctx_offset::HELPERS), 8, HELPERS);
        for n in 0..HelperId::ALL.len() as u64 {
            world.set(HELPERS + 8 * n, 8, HELPER_CODE + n);
        }
        for func in 0..world.compiled.len() as u64 {
            let data = DATA + 0x400 * func;
            let record = RECORDS + u64::from(function_offset::SIZE) * func;
            world.set(record + u64::from(function_offset::TYPED_ENTRY), 8, TYPED_CODE + func);
            world.set(record + u64::from(function_offset::DATA), 8, data);
            for (n, word) in (0..).zip(world.compiled[func as usize].data.clone()) {
                let bits = match word {
                    DataWord::Valid => 1,
                    DataWord::Constant(bits) => bits,
                    DataWord::FunctionEntry(f) => RECORDS + u64::from(function_offset::SIZE) * u64::from(f.0),
                    DataWord::CounterInline(_) | DataWord::CounterHelper(_) => 0,
                };
                world.set(data + 8 * n, 8, bits);
            }
        }
        world
    }

    /// A word of memory.
    pub fn get(&self, address: u64, bytes: usize) -> u64 {
        let at = (address - BASE) as usize;
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&self.memory[at..at + bytes]);
        u64::from_le_bytes(word)
    }

    /// Sets a word of memory.
    pub fn set(&mut self, address: u64, bytes: usize, value: u64) {
        let at = (address - BASE) as usize;
        self.memory[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    }

    /// Sets a field of the context.
    pub fn set_ctx(&mut self, offset: u32, bytes: usize, value: u64) {
        self.set(CTX + u64::from(offset), bytes, value);
    }

    /// A field of the context.
    pub fn ctx(&self, offset: u32, bytes: usize) -> u64 {
        self.get(CTX + u64::from(offset), bytes)
    }

    /// Takes a function's typed entry out of its record.
    pub fn unlink(&mut self, func: u32) {
        self.set(RECORDS + u64::from(function_offset::SIZE * func + function_offset::TYPED_ENTRY), 8, 0);
    }

    /// A word of a function's data block.
    pub fn data(&self, func: u32, word: DataWord) -> Option<u64> {
        let index = self.compiled[func as usize].data.iter().position(|w| *w == word)?;
        Some(self.get(DATA + 0x400 * u64::from(func) + 8 * index as u64, 8))
    }

    /// Payload and tag of a slot of the first frame.
    pub fn slot(&self, index: u32) -> (u64, u64) {
        let (payload, tag) = (payload_offset(index), tag_offset(index));
        (self.get(STACK + u64::from(payload), 8), self.get(STACK + u64::from(tag), 8))
    }

    /// The pc in the header of the first frame.
    pub fn pc(&self) -> u32 {
        self.get(STACK + u64::from(frame_offset::PC), 4) as u32
    }

    /// Makes an array in the heap.
    pub fn array(&mut self, kind: Kind, elements: &[u64]) -> u64 {
        let size = array_element_size(Tag(kind.tag()));
        let address = self.heap;
        self.heap += (u64::from(ARRAY_ELEMENTS) + elements.len() as u64 * u64::from(size)).next_multiple_of(16);
        assert!(self.heap < BASE + SIZE as u64, "the heap is full");
        self.set(address + u64::from(ARRAY_LEN), 8, elements.len() as u64);
        for (n, &element) in (0..).zip(elements) {
            self.set(address + u64::from(ARRAY_ELEMENTS) + n * u64::from(size), size as usize, element);
        }
        address
    }

    /// Runs a function's universal entry in the first frame, with these payloads as arguments.
    pub fn run(&mut self, func: u32, args: &[u64]) -> End {
        self.set(STACK + u64::from(frame_offset::FUNC), 8, u64::from(func));
        self.set(STACK + u64::from(frame_offset::CALLER), 8, 0);
        self.set(STACK + u64::from(frame_offset::DEPTH), 8, 1);
        for (n, &arg) in (0..).zip(args) {
            self.set(STACK + u64::from(payload_offset(n)), 8, arg);
        }
        let entry = self.compiled[func as usize].universal;
        self.enter(func, entry)
    }

    /// Runs the entry at a loop header, with what the slots of the first frame hold.
    pub fn run_osr(&mut self, func: u32, header: u32, slots: &[(u32, u64)]) -> End {
        for &(slot, payload) in slots {
            self.set(STACK + u64::from(payload_offset(slot)), 8, payload);
        }
        let compiled = self.compiled[func as usize].clone();
        let (_, entry) = compiled.osr.iter().find(|(pc, _)| pc.0 == header).expect("the header has an entry");
        self.set(STACK + u64::from(frame_offset::FUNC), 8, u64::from(func));
        self.set(STACK + u64::from(frame_offset::DEPTH), 8, 1);
        self.enter(func, *entry)
    }

    fn enter(&mut self, func: u32, entry: lockstep_ir::FuncRef) -> End {
        let compiled = self.compiled[func as usize].clone();
        let data = DATA + 0x400 * u64::from(func);
        let results = Eval
            .evaluate(&compiled.unit, entry, &[CTX, STACK, data], self)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", lockstep_ir::text::print(&compiled.unit)));
        match Status::decode(results[0] as i32) {
            Some(Status::Ok) => {
                let (payload, tag) = self.slot(0);
                End::Ok(payload, tag)
            }
            Some(Status::Exit(site)) => End::Exit(compiled.exits[site as usize]),
            _ => End::Status(results[0] as i32),
        }
    }

    fn helper(&mut self, helper: HelperId, args: &[u64]) -> u64 {
        self.called.push(helper);
        match helper {
            // Without an interpreter, what exits stays there.
            HelperId::Finish => Status::ERROR as u64,
            HelperId::InterpretCall => {
                let frame = args[1];
                let func = self.get(frame + u64::from(frame_offset::FUNC), 4);
                let compiled = self.compiled[func as usize].clone();
                let args = [CTX, frame, DATA + 0x400 * func];
                let status = Eval.evaluate(&compiled.unit, compiled.universal, &args, self).expect("no fault")[0];
                if status == Status::TAIL_CALL as u64 { self.helper(helper, &[CTX, frame]) } else { status }
            }
            HelperId::ArrayNew => {
                let kind = Kind::from_tag(args[1]).expect("an array tag");
                if args[2] > 1000 { 0 } else { self.array(kind, &vec![0; args[2] as usize]) }
            }
            HelperId::Print => {
                self.printed.push((args[1], args[2]));
                1
            }
            HelperId::F64RemT => (f64::from_bits(args[0]) % f64::from_bits(args[1])).to_bits(),
            HelperId::F64RemF => {
                let (a, b) = (f64::from_bits(args[0]), f64::from_bits(args[1]));
                let rem = a % b;
                (if rem != 0.0 && (rem < 0.0) != (b < 0.0) { rem + b } else { rem }).to_bits()
            }
        }
    }
}

impl Machine for World {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, Fault> {
        if address < BASE || address + u64::from(bytes) > BASE + SIZE as u64 {
            return Err(Fault::Access { address, bytes });
        }
        Ok(self.get(address, bytes as usize))
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), Fault> {
        self.load(address, bytes)?;
        self.set(address, bytes as usize, value);
        Ok(())
    }

    fn call(&mut self, address: u64, _: &Signature, args: &[u64]) -> Result<Results, Fault> {
        if let Some(&helper) = address.checked_sub(HELPER_CODE).and_then(|n| HelperId::ALL.get(n as usize)) {
            return Ok([self.helper(helper, args)].into_iter().collect());
        }
        let compiled = address.checked_sub(TYPED_CODE).and_then(|n| self.compiled.get(n as usize)).cloned();
        let compiled = compiled.ok_or(Fault::Call { address })?;
        Eval.evaluate(&compiled.unit, compiled.typed.expect("every function has one"), args, self)
    }

    fn stack_pointer(&mut self, depth: u32) -> u64 {
        1_000_000 - u64::from(depth)
    }

    fn max_depth(&self) -> u32 {
        1000
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.steps = self.steps.checked_sub(1).ok_or(Fault::OutOfSteps)?;
        Ok(())
    }
}
