//! Exits: cold blocks that write the frame back and say where they came from.

use lockstep_ir::{Block, Builder, FrameStateId, Op, Type};
use lockstep_layout::{frame_offset, payload_offset, tag_offset};

use super::Lowering;
use crate::build::FRAME;
use crate::regions;

impl Lowering<'_> {
    /// The block that leaves with a frame state: stores the pc and the live payloads, and goes to the tail.
    pub(super) fn exit(&mut self, state: FrameStateId) -> Block {
        let state = self.states[state.index()].clone();
        if let Some(&block) = self.exits.get(&state) {
            return block;
        }
        assert!(state.caller.is_none(), "nothing is inlined");
        let status = self.symbols.exit_status(&state);
        let tail = self.tail();
        let block = self.make_cold();
        let mut b = Builder::new(&mut self.func);
        b.switch_to(block);
        b.set_loc(lockstep_ir::SourceLoc(state.pc));
        let pc = b.iconst(Type::I32, i64::from(state.pc));
        b.store(regions::FRAME, pc, FRAME, frame_offset::PC as i32);
        for slot in &state.slots {
            let payload = match b.func.ty(slot.value) {
                Type::I64 | Type::F64 => slot.value,
                _ => b.one(Op::Zext, Type::I64, &[slot.value]),
            };
            b.store(regions::FRAME, payload, FRAME, payload_offset(slot.slot) as i32);
        }
        let status = b.iconst(Type::I32, i64::from(status));
        b.jump(tail, &[status]);
        self.exits.insert(state, block);
        block
    }

    /// The end of all exits of the function: writes the tags of all registers, those of dead ones included, as the interpreter
    /// writes payloads alone.
    fn tail(&mut self) -> Block {
        if let Some(tail) = self.tail {
            return tail;
        }
        let tail = self.make_cold();
        self.tail = Some(tail);
        let status = self.func.add_param(tail, Type::I32);
        let mut b = Builder::new(&mut self.func);
        b.switch_to(tail);
        for (n, register) in (0..).zip(&self.code.function.registers) {
            let tag = b.iconst(Type::I64, register.kind.tag() as i64);
            b.store(regions::FRAME, tag, FRAME, tag_offset(n) as i32);
        }
        self.return_status(tail, status);
        tail
    }
}
