//! Which registers hold a value that is still needed, before and after each instruction.
//!
//! A backward data flow over blocks; the transfer of an instruction comes from its operands' roles in the table. Collector,
//! debugger and every exit read a frame through this map.

use crate::{Cfg, Function, Module, Pc, Reg};
use std::fmt;

/// A set of registers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RegSet([u64; 4]);

impl RegSet {
    /// The set of all registers.
    pub const ALL: RegSet = RegSet([u64::MAX; 4]);

    /// Adds a register.
    pub fn insert(&mut self, reg: Reg) {
        self.0[reg.index() / 64] |= 1 << (reg.0 % 64);
    }

    /// Removes a register.
    pub fn remove(&mut self, reg: Reg) {
        self.0[reg.index() / 64] &= !(1 << (reg.0 % 64));
    }

    /// Whether the register is in the set.
    pub fn contains(self, reg: Reg) -> bool {
        self.0[reg.index() / 64] >> (reg.0 % 64) & 1 == 1
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// How many registers are in the set.
    pub fn len(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The registers of either set.
    pub fn union(self, other: RegSet) -> RegSet {
        RegSet(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// The registers of both sets.
    pub fn intersection(self, other: RegSet) -> RegSet {
        RegSet(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    /// The registers in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Reg> {
        (0..=u8::MAX).map(Reg).filter(move |reg| self.contains(*reg))
    }
}

impl FromIterator<Reg> for RegSet {
    fn from_iter<I: IntoIterator<Item = Reg>>(registers: I) -> Self {
        let mut set = Self::default();
        registers.into_iter().for_each(|reg| set.insert(reg));
        set
    }
}

impl fmt::Debug for RegSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|reg| reg.0)).finish()
    }
}

/// Live registers of one function.
#[derive(Clone, Debug)]
pub struct Liveness {
    before: Vec<RegSet>,
    after: Vec<RegSet>,
}

impl Liveness {
    /// Computes the live registers of `function`, which is one of `module`'s and verified.
    pub fn new(module: &Module, function: &Function, cfg: &Cfg) -> Self {
        let params = |callee| module.function(callee).params().len();
        let mut before = vec![RegSet::default(); function.code.len()];
        let mut after = before.clone();
        let mut changed = true;
        while changed {
            changed = false;
            for block in cfg.blocks().iter().rev() {
                let mut live = RegSet::default();
                for successor in &block.successors {
                    live = live.union(before[cfg.block(*successor).start.index()]);
                }
                for pc in block.pcs().rev() {
                    after[pc.index()] = live;
                    let instr = function.instr(pc);
                    instr.for_each_def(|def| live.remove(def));
                    instr.for_each_use(function, params, |reg| live.insert(reg));
                    changed |= before[pc.index()] != live;
                    before[pc.index()] = live;
                }
            }
        }
        Self { before, after }
    }

    /// Registers whose values the instruction at `pc` or one that can follow it reads.
    pub fn before(&self, pc: Pc) -> RegSet {
        self.before[pc.index()]
    }

    /// Registers whose values are read after the instruction at `pc`; its own result is among them if it is needed.
    pub fn after(&self, pc: Pc) -> RegSet {
        self.after[pc.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble;

    #[test]
    fn a_loop_keeps_what_the_next_round_reads() {
        let source = "func f(n: i64) -> i64 {\n reg s: i64, i: i64, t: i64\n const.i64 s, 0\n const.i64 i, 0\nhead:\n \
                      move.i64 t, i\n add.i64 s, s, t\n loop_lt.i64 i, n, head\n ret s\n}\n";
        let module = assemble("t.lks", source).expect("assembles");
        let function = &module.functions[0];
        let live = Liveness::new(&module, function, &Cfg::new(function));
        let set = |registers: &[u8]| registers.iter().map(|r| Reg(*r)).collect::<RegSet>();
        assert_eq!(live.before(Pc(0)), set(&[0]));
        assert_eq!(live.before(Pc(2)), set(&[0, 1, 2]));
        assert_eq!(live.before(Pc(3)), set(&[0, 1, 2, 3]));
        assert_eq!(live.after(Pc(3)), set(&[0, 1, 2]));
        assert_eq!(live.after(Pc(4)), set(&[0, 1, 2]));
        assert_eq!(live.after(Pc(5)), set(&[]));
    }
}
