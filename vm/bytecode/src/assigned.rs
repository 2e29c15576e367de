//! Which registers are assigned on every path to an instruction; and which hold variables in scope, so that whoever looks at them finds values.

use crate::liveness::RegSet;
use crate::{Cfg, Function, Instr, Pc, Reg};

/// The registers that are assigned on every path, per instruction of one function.
#[derive(Clone, Debug)]
pub struct Assigned {
    before: Vec<RegSet>,
}

impl Assigned {
    /// Computes them. Instructions that nothing leads to count as reached with every register assigned.
    pub fn new(function: &Function, cfg: &Cfg) -> Assigned {
        let mut entry = vec![RegSet::ALL; cfg.blocks().len()];
        entry[0] = (0..function.param_count).map(Reg).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for id in cfg.reverse_postorder() {
                let block = cfg.block(*id);
                let mut assigned = entry[id.index()];
                block.pcs().for_each(|pc| assign(function.instr(pc), &mut assigned));
                for successor in &block.successors {
                    let merged = entry[successor.index()].intersection(assigned);
                    changed |= merged != entry[successor.index()];
                    entry[successor.index()] = merged;
                }
            }
        }
        let mut before = vec![RegSet::ALL; function.code.len()];
        for id in cfg.reverse_postorder() {
            let mut assigned = entry[id.index()];
            for pc in cfg.block(*id).pcs() {
                before[pc.index()] = assigned;
                assign(function.instr(pc), &mut assigned);
            }
        }
        Assigned { before }
    }

    /// The registers that are assigned on every path to the instruction.
    pub fn before(&self, pc: Pc) -> RegSet {
        self.before[pc.index()]
    }
}

/// Which registers are assigned after an instruction, if `assigned` are before it.
fn assign(instr: Instr, assigned: &mut RegSet) {
    if let Some(group) = instr.group() {
        group.loses().for_each(|reg| assigned.remove(reg));
    }
    instr.for_each_def(|reg| assigned.insert(reg));
}

impl Function {
    /// Per instruction, the registers that hold variables in scope ([`Function::locals`]) and are assigned. Empty if there are no such variables.
    pub fn variables_held(&self, cfg: &Cfg) -> Vec<RegSet> {
        if self.locals.is_empty() {
            return Vec::new();
        }
        let assigned = Assigned::new(self, cfg);
        let mut held = vec![RegSet::default(); self.code.len()];
        for local in &self.locals {
            for pc in (local.start.0..local.end.0).map(Pc) {
                if assigned.before(pc).contains(local.register) {
                    held[pc.index()].insert(local.register);
                }
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalName, assemble};

    #[test]
    fn variables_are_held_from_their_assignment_to_the_end_of_their_scope() {
        let text =
            "func f(c: any) -> ... {\n reg x: any\n int.any c, 1\n int.any x, 2\n not.any c, c\n ret.any c, 1\n}\n";
        let mut function = assemble("t", text).expect("it assembles").into_inner().functions.remove(0);
        function.locals.push(LocalName { name: "x".to_owned(), register: Reg(1), start: Pc(0), end: Pc(3) });
        let held = function.variables_held(&Cfg::new(&function));
        let held: Vec<bool> = held.iter().map(|held| held.contains(Reg(1))).collect();
        assert_eq!(held, [false, false, true, false]);
    }
}
