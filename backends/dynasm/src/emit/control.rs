//! Branches, calls, returns, switches.

use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

use super::forms::{Addr, Allocs, by_code, mem, x64};
use super::{Emitter, JumpTable};
use crate::mach::{Callee, Cc, Code, Cond, Mach, Size, SwitchTable};

/// Fewer cases than this are compared with one by one.
const LINEAR_CASES: usize = 4;

impl Emitter<'_> {
    pub(super) fn control(&mut self, code: &Code, mach: &Mach, ops: &mut Allocs<'_>) {
        match *mach {
            Mach::Ret => self.epilogue(),
            Mach::StackPointer => {
                let d = ops.reg();
                x64!(self ; mov Rq(d), rsp);
            }
            Mach::Call { callee, .. } => match callee {
                Callee::Direct(func) => {
                    let label = self.functions[func as usize];
                    x64!(self ; call =>label);
                }
                Callee::Reg => {
                    let target = ops.reg();
                    x64!(self ; call Rq(target));
                }
                Callee::Mem(am) => {
                    let addr = ops.addr(am);
                    mem!(self, addr, [call QWORD]);
                }
            },
            Mach::Jmp(to) => self.go(to),
            Mach::Jcc { cond, then, otherwise } => {
                let (then, otherwise) = (self.thread[then as usize], self.thread[otherwise as usize]);
                if then == otherwise {
                    self.go(then);
                } else if then == self.next {
                    let label = self.labels[otherwise as usize];
                    self.jump_if(cond.invert(), label);
                } else {
                    let label = self.labels[then as usize];
                    self.jump_if(cond, label);
                    self.go(otherwise);
                }
            }
            Mach::Switch(table) => self.switch(&code.switches[table as usize], ops),
            _ => self.broken = true,
        }
    }

    /// Goes on at a machine block.
    fn go(&mut self, to: u32) {
        let to = self.thread[to as usize];
        if to != self.next {
            let label = self.labels[to as usize];
            x64!(self ; jmp =>label);
        }
    }

    pub(super) fn jump_if(&mut self, cond: Cond, to: DynamicLabel) {
        match cond {
            Cond::One(cc) => self.jcc(cc, to),
            Cond::DifferentUnordered => {
                self.jcc(Cc::Ne, to);
                self.jcc(Cc::P, to);
            }
            Cond::EqualOrdered => {
                let skip = self.asm.new_dynamic_label();
                self.jcc(Cc::P, skip);
                self.jcc(Cc::E, to);
                x64!(self ; =>skip);
            }
        }
    }

    pub(super) fn jcc(&mut self, cc: Cc, to: DynamicLabel) {
        by_code!(self, cc, [jo jno jb jae je jne jbe ja js jns jp jnp jl jge jle jg], =>to);
    }

    fn block_label(&self, block: u32) -> DynamicLabel {
        self.labels[self.thread[block as usize] as usize]
    }

    fn switch(&mut self, table: &SwitchTable, ops: &mut Allocs<'_>) {
        let (index, base, temp) = (ops.reg(), ops.reg(), ops.reg());
        let size = table.size;
        let dense = match (table.cases.first(), table.cases.last()) {
            // At least two cases for five places of the table.
            (Some(&(low, _)), Some(&(high, _))) if table.cases.len() > LINEAR_CASES => {
                (high - low < table.cases.len() as u64 * 5 / 2).then_some((low, high))
            }
            _ => None,
        };
        match dense {
            Some((low, high)) => self.jump_table(table, size, (index, base, temp), low, high),
            None => {
                self.compare_tree(&table.cases, table.default, size, index, temp);
            }
        }
    }

    fn jump_table(&mut self, table: &SwitchTable, size: Size, regs: (u8, u8, u8), low: u64, high: u64) {
        let (index, base, temp) = regs;
        let minus = low.wrapping_neg();
        match (size, i32::try_from(minus as i64)) {
            (Size::Q, Ok(disp)) => x64!(self ; lea Rq(temp), [DWORD Rq(index) + disp]),
            (Size::Q, Err(_)) => {
                self.mov_imm(temp, minus);
                x64!(self ; add Rq(temp), Rq(index));
            }
            _ => x64!(self ; lea Rd(temp), [DWORD Rq(index) + minus as i32]),
        }
        let last = (high - low) as i32;
        match size {
            Size::Q => x64!(self ; cmp Rq(temp), DWORD last),
            _ => x64!(self ; cmp Rd(temp), DWORD last),
        }
        let default = self.block_label(table.default);
        let label = self.asm.new_dynamic_label();
        x64!(self
            ; ja =>default
            ; lea Rq(base), [=>label]
            ; movsxd Rq(temp), DWORD [Rq(base) + 4 * Rq(temp)]
            ; add Rq(temp), Rq(base)
            ; jmp Rq(temp)
        );
        let mut targets = vec![default; last as usize + 1];
        for &(case, block) in &table.cases {
            targets[(case - low) as usize] = self.block_label(block);
        }
        self.tables.push(JumpTable { label, targets });
    }

    /// Compares with the middle case until few are left. Ends in a jump.
    fn compare_tree(&mut self, cases: &[(u64, u32)], default: u32, size: Size, index: u8, temp: u8) {
        if cases.len() <= LINEAR_CASES {
            for &(case, block) in cases {
                self.compare_case(case, size, index, temp);
                let label = self.block_label(block);
                x64!(self ; je =>label);
            }
            let label = self.block_label(default);
            x64!(self ; jmp =>label);
            return;
        }
        let (low, high) = cases.split_at(cases.len() / 2);
        let upper = self.asm.new_dynamic_label();
        self.compare_case(high[0].0, size, index, temp);
        x64!(self ; jae =>upper);
        self.compare_tree(low, default, size, index, temp);
        x64!(self ; =>upper);
        self.compare_tree(high, default, size, index, temp);
    }

    fn compare_case(&mut self, case: u64, size: Size, index: u8, temp: u8) {
        match (size, i32::try_from(case as i64)) {
            (Size::Q, Ok(case)) => x64!(self ; cmp Rq(index), DWORD case),
            (Size::Q, Err(_)) => {
                self.mov_imm(temp, case);
                x64!(self ; cmp Rq(index), Rq(temp));
            }
            _ => x64!(self ; cmp Rd(index), DWORD case as u32 as i32),
        }
    }
}
