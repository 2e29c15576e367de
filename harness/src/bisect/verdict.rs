//! What a bisection finds out: plain data, for people and programs.

use serde::{Deserialize, Serialize};

use super::lab::Difference;
use super::probe::{Frame, Way};

/// Version of the format of results. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// Where a fault lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Layer {
    /// The interpreter does not give what the case states.
    Interpreter,
    /// It shows with nothing compiled: the session around the code, what it reports of errors.
    Session,
    /// From bytecode to IR: the unit is wrong before any pass.
    Construction,
    /// A pass of the optimiser.
    Optimiser {
        /// Which pass, and which of its changes.
        change: Change,
    },
    /// From the value stage to the machine stage: guards, exits, calls.
    Lowering,
    /// An entry at a loop header: what it takes from the frame.
    Osr,
    /// Code generation or loading: the unit is right, the code is not.
    Native,
}

impl Layer {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Layer::Interpreter => "interpreter",
            Layer::Session => "session",
            Layer::Construction => "construction of IR",
            Layer::Optimiser { .. } => "optimiser",
            Layer::Lowering => "lowering",
            Layer::Osr => "loop entry",
            Layer::Native => "native code",
        }
    }

    /// What that means, in a sentence.
    pub const fn about(&self) -> &'static str {
        match self {
            Layer::Interpreter => "the interpreter does not give what the case states",
            Layer::Session => "it shows with nothing compiled: the session around the code, or what it reports",
            Layer::Construction => "the unit is wrong before any pass: it was built wrongly from the bytecode",
            Layer::Optimiser { .. } => "the unit is right before one change of a pass, and wrong after it",
            Layer::Lowering => "the unit is right before lowering and wrong after it: guards, exits or calls",
            Layer::Osr => "the entry at a loop header takes something wrong from the frame",
            Layer::Native => "the unit is right, the code made of it is not: code generation, or loading",
        }
    }
}

/// One change of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The pass.
    pub pass: String,
    /// Its stage: `value` or `machine`.
    pub stage: String,
    /// Which of the changes that the pass makes in the unit, over both stages; from 1.
    pub number: u64,
    /// Lines of the unit's text that the change takes away and adds.
    pub diff: Vec<String>,
}

/// One experiment of the search for the layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// What was run.
    pub what: String,
    /// How it differed from the interpreter, if it did.
    pub differs: Option<String>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The function's name.
    pub function: String,
    /// The instruction's index in it.
    pub pc: u32,
    /// Its text.
    pub text: String,
    /// Its source line; 0 if unknown.
    pub line: u32,
}

/// Where the runs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parting {
    /// The first event at which they differ: an instruction's number in the run, from 1, or a back edge's or call's.
    pub event: u64,
    /// Whether events are instructions.
    pub step: bool,
    /// How the place is to be read.
    pub manner: Manner,
    /// The first differing instruction.
    pub place: Option<Place>,
    /// The interpreter's frame after it.
    pub interpreter: Option<View>,
    /// The other frame; absent if the run did not get there.
    pub other: Option<View>,
    /// Why it did not get there.
    pub died: Option<String>,
}

/// How runs part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// The instruction was executed wrongly.
    Executed,
    /// Nothing was executed wrongly; the frame was, when native code was left before the instruction, written back wrongly.
    WrittenBack,
    /// Native code was entered at the instruction and took something wrong from the frame.
    Entered,
    /// Somewhere between the event before, and this: at or after the instruction.
    Since,
}

/// A frame, with names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Where it goes on.
    pub at: Place,
    /// Frames on the stack.
    pub depth: u32,
    /// Live registers: name and value.
    pub registers: Vec<(String, String)>,
    /// Bytes written so far.
    pub output: usize,
}

/// The reduced program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduced {
    /// Instructions before.
    pub from: usize,
    /// Instructions after.
    pub to: usize,
    /// The program's assembly.
    pub program: String,
    /// The call, as text.
    pub call: String,
    /// How it differs.
    pub difference: Difference,
    /// Where the runs part on it.
    pub parting: Option<Parting>,
    /// The case, as YAML.
    pub yaml: String,
    /// Whether the case, read back, fails in the same way.
    pub confirmed: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`VERSION`].
    pub lockstep_bisect: u32,
    /// The case.
    pub case: String,
    /// Which of its runs, from 0.
    pub run: usize,
    /// Where it fails: backend and level.
    pub column: String,
    /// The way in which it fails.
    pub way: Option<Way>,
    /// How it fails.
    pub difference: Difference,
    /// Where the fault lies.
    #[serde(flatten)]
    pub layer: Layer,
    /// What was tried to find out.
    pub rungs: Vec<Rung>,
    /// The compiled units that suffice: function, and loop header for a loop's entry.
    pub units: Vec<(String, Option<u32>)>,
    /// The function.
    pub function: Option<String>,
    /// Where the runs part.
    pub parting: Option<Parting>,
    /// The reduced program.
    pub reduced: Option<Reduced>,
    /// The line that shows it again.
    pub line: String,
    /// Where the reduced case was written.
    pub written: Option<String>,
    /// Experiments made.
    pub probes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

impl View {
    /// A frame of a module, with names.
    pub fn new(module: &lockstep_bytecode::Module, frame: &Frame) -> Option<Self> {
        let function = module.functions.get(frame.func as usize)?;
        let name = |reg: u8| lockstep_bytecode::register_name(function, lockstep_bytecode::Reg(reg));
        Some(Self {
            at: Place::new(module, frame.func, frame.pc)?,
            depth: frame.depth,
            registers: frame.registers.iter().map(|(reg, text)| (name(*reg), text.clone())).collect(),
            output: frame.output,
        })
    }
}

impl Place {
    /// An instruction of a module.
    pub fn new(module: &lockstep_bytecode::Module, func: u32, pc: u32) -> Option<Self> {
        let function = module.functions.get(func as usize)?;
        function.code.get(pc as usize)?;
        let at = lockstep_bytecode::Pc(pc);
        Some(Self {
            function: function.name.clone(),
            pc,
            text: lockstep_bytecode::instr_text(module, function, at),
            line: function.lines.line(at),
        })
    }
}
