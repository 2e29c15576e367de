//! Machine code as regalloc2 sees it, and the run of the allocator.

use lockstep_backend_api::CompileError;
use regalloc2::{
    Algorithm, Block, Function, Inst, InstRange, MachineEnv, Operand, PRegSet, RegClass, RegallocOptions, VReg,
};

use crate::abi;
use crate::mach::{Code, Mach};

impl Function for Code {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let range = self.blocks[block.index()].insts.range();
        InstRange::new(Inst::new(range.start), Inst::new(range.end))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.succs[self.blocks[block.index()].succs.range()]
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.preds[self.blocks[block.index()].preds.range()]
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.params[self.blocks[block.index()].params.range()]
    }

    fn is_ret(&self, inst: Inst) -> bool {
        matches!(self.insts[inst.index()].mach, Mach::Ret)
    }

    fn is_branch(&self, inst: Inst) -> bool {
        matches!(self.insts[inst.index()].mach, Mach::Jmp(_) | Mach::Jcc { .. } | Mach::Switch(_))
    }

    fn branch_blockparams(&self, block: Block, _: Inst, _: usize) -> &[VReg] {
        // Only jumps pass arguments: critical edges are split, and parameters of blocks with one predecessor are aliases.
        &self.args[self.blocks[block.index()].args.range()]
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        let inst = &self.insts[inst.index()];
        &self.operands[inst.start as usize..inst.start as usize + usize::from(inst.count)]
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        match self.insts[inst.index()].mach {
            Mach::Call { results, .. } => abi::clobbers(results),
            _ => PRegSet::empty(),
        }
    }

    fn num_vregs(&self) -> usize {
        self.vregs
    }

    fn spillslot_size(&self, _: RegClass) -> usize {
        1
    }
}

/// Assigns registers. The result is in `ctx.output`.
pub(crate) fn allocate(
    code: &Code,
    env: &MachineEnv,
    fast: bool,
    verify: bool,
    ctx: &mut regalloc2::Ctx,
) -> Result<(), CompileError> {
    let options = RegallocOptions {
        verbose_log: false,
        validate_ssa: verify,
        algorithm: if fast { Algorithm::Fastalloc } else { Algorithm::Ion },
    };
    regalloc2::run_with_ctx(code, env, &options, ctx)
        .map_err(|e| CompileError::Internal(format!("register allocation: {e:?}")))?;
    if verify {
        let mut checker = regalloc2::checker::Checker::new(code, env);
        checker.prepare(&ctx.output);
        checker.run().map_err(|e| CompileError::Internal(format!("register allocation is wrong: {e:?}")))?;
    }
    Ok(())
}
