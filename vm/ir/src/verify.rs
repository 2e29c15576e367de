//! The verifier: what a unit must satisfy beyond what its Rust types say. A backend may rely on all of it.
//!
//! Checked: every index is in range; each reachable block ends in its only terminator; operand, result and branch argument
//! types follow the table and the signatures; each use is dominated by its definition; stages fit; only value-stage
//! operations that leave have a frame state; nothing branches to the entry.

use std::fmt;

use crate::cfg::Cfg;
use crate::op::{Effect, Imm, ImmKind, Op, Operands, Stage};
use crate::types::{Block, Inst, SourceLoc, Type, Value};
use crate::unit::{Function, InstData, Signature, Unit, ValueDef};

/// A rule that a unit breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The function's name.
    pub function: String,
    /// The block.
    pub block: Option<Block>,
    /// The instruction, as text.
    pub inst: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function `{}`", self.function)?;
        if let Some(block) = self.block {
            write!(f, ", {block}")?;
        }
        if let Some(inst) = &self.inst {
            write!(f, ", `{inst}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Checks a whole unit.
///
/// # Errors
/// The first rule broken.
pub fn verify(unit: &Unit) -> Result<(), VerifyError> {
    let outside = |message: String| VerifyError { function: unit.name.clone(), block: None, inst: None, message };
    let signatures = unit.signatures.iter().chain(unit.helpers.iter().map(|h| &h.signature));
    for signature in signatures.chain(unit.functions.iter().map(|f| &f.signature)) {
        if signature.results.len() > Signature::MAX_RESULTS {
            return Err(outside(format!("a signature has {} results", signature.results.len())));
        }
    }
    for (n, source) in unit.sources.iter().enumerate() {
        if source.inlined_at != SourceLoc::NONE && source.inlined_at.index() >= n {
            return Err(outside(format!("source @{n} is inlined at a position that does not precede it")));
        }
    }
    unit.functions.iter().try_for_each(|func| verify_function(unit, func))
}

/// Checks one function of a unit.
///
/// # Errors
/// The first rule broken.
pub fn verify_function(unit: &Unit, func: &Function) -> Result<(), VerifyError> {
    Checker { unit, func, block: None, inst: None }.run()
}

struct Checker<'u> {
    unit: &'u Unit,
    func: &'u Function,
    block: Option<Block>,
    inst: Option<Inst>,
}

impl Checker<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, VerifyError> {
        Err(VerifyError {
            function: self.func.name.clone(),
            block: self.block,
            inst: self.inst.map(|i| crate::text::inst_to_string(&self.func.insts[i.index()])),
            message: message.into(),
        })
    }

    fn require(&self, holds: bool, message: impl FnOnce() -> String) -> Result<(), VerifyError> {
        if holds { Ok(()) } else { self.fail(message()) }
    }

    fn run(&mut self) -> Result<(), VerifyError> {
        let func = self.func;
        self.require(!func.blocks.is_empty(), || "it has no blocks".into())?;
        for block in func.block_ids() {
            self.block = Some(block);
            for (n, &param) in func.blocks[block.index()].params.iter().enumerate() {
                self.require(
                    func.values.get(param.index()).is_some_and(|v| v.def == ValueDef::Param(block, n as u32)),
                    || format!("{param} is listed as parameter {n} but not defined so"),
                )?;
            }
            let insts = &func.blocks[block.index()].insts;
            self.require(!insts.is_empty(), || "the block is empty".into())?;
            for (n, &inst) in insts.iter().enumerate() {
                self.require(inst.index() < func.insts.len(), || format!("no instruction {inst:?}"))?;
                self.inst = Some(inst);
                let last = n + 1 == insts.len();
                let terminator = func.insts[inst.index()].op.is_terminator();
                self.require(terminator == last, || {
                    if last {
                        "the block does not end in a terminator".into()
                    } else {
                        "a terminator stands inside the block".into()
                    }
                })?;
                self.check_inst(inst)?;
            }
            self.inst = None;
        }
        self.block = Some(Function::ENTRY);
        let entry: Vec<Type> = func.blocks[0].params.iter().map(|&v| func.ty(v)).collect();
        let params: Vec<Type> = func.signature.params.iter().map(|p| p.ty).collect();
        self.require(entry == params, || format!("entry parameters {entry:?} are not the signature's {params:?}"))?;
        self.check_dominance()
    }

    fn check_value(&self, value: Value) -> Result<Type, VerifyError> {
        match self.func.values.get(value.index()) {
            Some(data) => Ok(data.ty),
            None => self.fail(format!("{value} does not exist")),
        }
    }

    fn check_types(&self, what: &str, actual: &[Value], expected: &[Type]) -> Result<(), VerifyError> {
        self.require(actual.len() == expected.len(), || {
            format!("{} {what}s where {} are expected", actual.len(), expected.len())
        })?;
        for (&value, &ty) in actual.iter().zip(expected) {
            let found = self.check_value(value)?;
            self.require(found == ty, || format!("{what} {value} is {found} where {ty} is expected"))?;
        }
        Ok(())
    }

    fn check_inst(&self, inst: Inst) -> Result<(), VerifyError> {
        let data = &self.func.insts[inst.index()];
        let info = data.op.info();
        let stage_fits = info.stage == Stage::Machine || self.unit.stage == Stage::Value;
        self.require(stage_fits, || "a value-stage operation in a machine-stage unit".into())?;
        self.require(info.types.is_empty() || info.types.contains(&data.ty), || {
            format!("`{}` does not exist for {}", info.name, data.ty)
        })?;
        for (n, &result) in data.results.iter().enumerate() {
            self.check_value(result)?;
            self.require(self.func.values[result.index()].def == ValueDef::Result(inst, n as u32), || {
                format!("{result} is listed as result {n} but not defined so")
            })?;
        }
        self.check_imm(data)?;
        self.check_targets(data)?;
        self.check_frame_state(data)?;
        if let Operands::Fixed(patterns) = info.args {
            self.require(patterns.len() == data.args.len(), || {
                format!("{} operands where {} are expected", data.args.len(), patterns.len())
            })?;
            for (&arg, pattern) in data.args.iter().zip(patterns) {
                let found = self.check_value(arg)?;
                self.require(pattern.accepts(data.ty, found), || {
                    format!("operand {arg} is {found} where {} is expected (T = {})", pattern.describe(), data.ty)
                })?;
            }
        } else {
            data.args.iter().try_for_each(|&arg| self.check_value(arg).map(drop))?;
        }
        if let Operands::Fixed(patterns) = info.results {
            let types: Vec<Type> = patterns.iter().filter_map(|p| p.fixed(data.ty)).collect();
            self.check_types("result", &data.results, &types)?;
        }
        self.check_by_signature(data)
    }

    fn check_by_signature(&self, data: &InstData) -> Result<(), VerifyError> {
        match data.op {
            Op::Return => {
                self.require(self.unit.stage == Stage::Machine || data.frame_state.is_none(), || {
                    "a return has a frame state".into()
                })?;
                self.check_types("operand", &data.args, &self.func.signature.results)
            }
            Op::Call | Op::CallIndirect | Op::CallHelper | Op::RuntimeCall => {
                let signature = self.unit.call_signature(data).expect("checked with the immediate");
                let mut params: Vec<Type> = signature.params.iter().map(|p| p.ty).collect();
                if matches!(data.op, Op::CallIndirect | Op::CallHelper) {
                    params.insert(0, Type::I64);
                }
                self.check_types("operand", &data.args, &params)?;
                self.check_types("result", &data.results, &signature.results)
            }
            _ => Ok(()),
        }
    }

    fn check_imm(&self, data: &InstData) -> Result<(), VerifyError> {
        let unit = self.unit;
        let fits = match (data.op.info().imm, data.imm) {
            (ImmKind::None | ImmKind::Jump | ImmKind::Branch | ImmKind::Switch, Imm::None) => true,
            (ImmKind::Int, Imm::Int(bits)) => bits & !data.ty.mask() == 0,
            (ImmKind::Float, Imm::Float(_)) | (ImmKind::Slot, Imm::Slot(_)) | (ImmKind::Callee, Imm::Callee(_)) => true,
            (ImmKind::Mem, Imm::Mem { region, .. }) => region.index() < unit.regions.len(),
            (ImmKind::Func, Imm::Func(f)) => f.index() < unit.functions.len(),
            (ImmKind::Helper, Imm::Helper(h)) => h.index() < unit.helpers.len(),
            (ImmKind::Sig, Imm::Sig(s)) => s.index() < unit.signatures.len(),
            _ => false,
        };
        self.require(fits, || format!("the immediate {:?} is out of range or of the wrong kind", data.imm))
    }

    fn check_targets(&self, data: &InstData) -> Result<(), VerifyError> {
        let expected = match data.op.info().imm {
            ImmKind::Jump => 1,
            ImmKind::Branch => 2,
            ImmKind::Switch => data.cases.len() + 1,
            _ => 0,
        };
        self.require(data.targets.len() == expected, || {
            format!("{} targets where {expected} are expected", data.targets.len())
        })?;
        let mut cases = data.cases.clone();
        cases.sort_unstable();
        self.require(cases.windows(2).all(|w| w[0] != w[1]), || "two cases are equal".into())?;
        self.require(cases.iter().all(|c| c & !data.ty.mask() == 0), || "a case does not fit the type".into())?;
        self.require(cases.is_empty() || data.op == Op::Switch, || "cases without a switch".into())?;
        for target in &data.targets {
            let Some(block) = self.func.blocks.get(target.block.index()) else {
                return self.fail(format!("{} does not exist", target.block));
            };
            self.require(target.block != Function::ENTRY, || "a branch to the entry block".into())?;
            let types: Vec<Type> = block.params.iter().map(|&p| self.func.ty(p)).collect();
            self.check_types("argument", &target.args, &types)?;
        }
        Ok(())
    }

    fn check_frame_state(&self, data: &InstData) -> Result<(), VerifyError> {
        let needs = data.op.info().effect == Effect::Exit || matches!(data.op, Op::Exit | Op::CallFunction);
        self.require(!needs || data.frame_state.is_some(), || "it has no frame state".into())?;
        let mut state = data.frame_state;
        self.require(state.is_none() || self.unit.stage == Stage::Value, || {
            "a frame state in a machine-stage unit".into()
        })?;
        while let Some(id) = state {
            let Some(fs) = self.func.frame_states.get(id.index()) else {
                return self.fail(format!("{id} does not exist"));
            };
            fs.slots.iter().try_for_each(|slot| self.check_value(slot.value).map(drop))?;
            self.require(fs.caller.is_none_or(|c| c < id), || format!("the caller of {id} does not precede it"))?;
            state = fs.caller;
        }
        Ok(())
    }

    /// Each use in a reachable block must be dominated by its definition.
    fn check_dominance(&mut self) -> Result<(), VerifyError> {
        let func = self.func;
        let cfg = Cfg::new(func);
        // Position of each instruction within its block, and its block.
        let mut place: Vec<Option<(Block, u32)>> = vec![None; func.insts.len()];
        for block in func.block_ids() {
            for (n, inst) in func.blocks[block.index()].insts.iter().enumerate() {
                if place[inst.index()].replace((block, n as u32)).is_some() {
                    self.block = Some(block);
                    self.inst = Some(*inst);
                    return self.fail("the instruction stands in two places");
                }
            }
        }
        for &block in &cfg.rpo {
            self.block = Some(block);
            for (n, &inst) in func.blocks[block.index()].insts.iter().enumerate() {
                self.inst = Some(inst);
                let mut bad = None;
                func.for_each_use(&func.insts[inst.index()], |value| {
                    let defined = match func.values[value.index()].def {
                        ValueDef::Param(def, _) => {
                            cfg.dominates(def, block) && func.blocks[def.index()].params.contains(&value)
                        }
                        ValueDef::Result(def, _) => place[def.index()].is_some_and(|(def_block, at)| {
                            if def_block == block { at < n as u32 } else { cfg.dominates(def_block, block) }
                        }),
                    };
                    if !defined {
                        bad = Some(value);
                    }
                });
                if let Some(value) = bad {
                    return self.fail(format!("{value} is used where its definition does not reach"));
                }
            }
        }
        Ok(())
    }
}
