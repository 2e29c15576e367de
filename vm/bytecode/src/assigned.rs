//! Which registers are assigned on every path to an instruction; and which hold variables in scope, so that whoever looks at them finds values.

use crate::liveness::RegSet;
use crate::{Cfg, Function, Instr, Liveness, Pc, Reg};

/// The registers that are assigned on every path, per instruction of one function.
#[derive(Clone, Debug)]
pub struct Assigned {
    before: Vec<RegSet>,
}

impl Assigned {
    /// Computes them. Instructions that nothing leads to count as reached with every register assigned.
    pub fn new(function: &Function, cfg: &Cfg) -> Assigned {
        Assigned::that_keep(function, cfg, |_| RegSet::ALL)
    }

    /// The registers that are assigned on every path, and that every instruction since then `keeps`.
    fn that_keep(function: &Function, cfg: &Cfg, keeps: impl Fn(Pc) -> RegSet) -> Assigned {
        let step = |pc: Pc, assigned: &mut RegSet| {
            *assigned = assigned.intersection(keeps(pc));
            assign(function.instr(pc), assigned);
        };
        let mut entry = vec![RegSet::ALL; cfg.blocks().len()];
        entry[0] = (0..function.param_count).map(Reg).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for id in cfg.reverse_postorder() {
                let block = cfg.block(*id);
                let mut assigned = entry[id.index()];
                block.pcs().for_each(|pc| step(pc, &mut assigned));
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
                step(pc, &mut assigned);
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
    /// Per instruction, the registers that hold variables in scope ([`Function::locals`]) and are assigned; and those of variables that are assigned, and whose scope begins once others
    /// of the same statement are. Empty if there are no variables.
    ///
    /// The collector marks these beside the live ones: a register is among them only if it was marked at every instruction since it was assigned, as what it refers to may be freed otherwise.
    pub fn variables_held(&self, cfg: &Cfg, liveness: &Liveness) -> Vec<RegSet> {
        if self.locals.is_empty() {
            return Vec::new();
        }
        let mut wanted = vec![RegSet::default(); self.code.len()];
        for local in &self.locals {
            let defines = |pc: Pc| {
                let mut found = false;
                self.instr(pc).for_each_def(|reg| found |= reg == local.register);
                found
            };
            (local.start.0..local.end.0).for_each(|pc| wanted[pc as usize].insert(local.register));
            // A loop without a body: what its instruction assigns is in scope nowhere.
            let mut begins =
                if local.start < local.end || !defines(local.start) { vec![local.start] } else { Vec::new() };
            while let Some(pc) = begins.pop() {
                cfg.for_each_predecessor(pc, |before| {
                    if !defines(before) && !wanted[before.index()].contains(local.register) {
                        wanted[before.index()].insert(local.register);
                        begins.push(before);
                    }
                });
            }
        }
        let marked = |pc: Pc| liveness.before(pc).union(wanted[pc.index()]);
        let kept = Assigned::that_keep(self, cfg, marked);
        (0..self.code.len() as u32).map(Pc).map(|pc| wanted[pc.index()].intersection(kept.before(pc))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalName, assemble};

    /// Whether r1, the variable `x` in scope at some instructions, is held, per instruction.
    fn held(code: &str, start: u32, end: u32) -> Vec<bool> {
        let text = format!("func f(c: any) -> ... {{\n reg x: any\n {code}}}\n");
        let mut module = assemble("t", &text).expect("it assembles").into_inner();
        let (start, end) = (Pc(start), Pc(end));
        module.functions[0].locals.push(LocalName { name: "x".to_owned(), register: Reg(1), start, end });
        let function = &module.functions[0];
        let cfg = Cfg::new(function);
        let held = function.variables_held(&cfg, &Liveness::new(&module, function, &cfg));
        held.iter().map(|held| held.contains(Reg(1))).collect()
    }

    #[test]
    fn variables_are_held_from_their_assignment_to_the_end_of_their_scope() {
        let code = "int.any c, 1\n int.any x, 2\n not.any c, c\n ret.any c, 1\n";
        assert_eq!(held(code, 0, 3), [false, false, true, false]);
    }

    #[test]
    fn variables_are_held_until_their_scope_begins() {
        let code = "int.any x, 1\n table.any c, 0, 0\n not.any c, c\n ret.any c, 1\n";
        assert_eq!(held(code, 2, 3), [false, true, true, false]);
    }

    #[test]
    fn what_a_register_held_before_a_loop_is_not_taken_for_its_variable() {
        // `x` is the loop's variable; a table was in its register before.
        let code = "table.any x, 0, 0\n not.any c, c\n jump on\n body:\n not.any c, c\n on:\n jtrue.any c, assign\n ret.any c, 1\n assign:\n int.any x, 1\n jump body\n";
        assert_eq!(held(code, 3, 4), [false, false, false, true, false, false, false, true]);
        // A loop without a body, which its own instruction assigns.
        let code = "table.any x, 0, 0\n not.any c, c\n on:\n int.any x, 1\n jtrue.any c, on\n ret.any c, 1\n";
        assert_eq!(held(code, 2, 2), [false; 5]);
    }

    #[test]
    fn what_a_register_held_before_its_variable_is_not_taken_for_it() {
        // The scope begins before the assignment: what the register held is kept meanwhile …
        let code = "table.any x, 0, 0\n int.any c, 2\n table.any x, 0, 0\n ret.any c, 1\n";
        assert_eq!(held(code, 2, 4), [false, true, true, true]);
        // … or not taken for the variable.
        let code = "jump on\n on:\n int.any c, 2\n table.any x, 0, 0\n ret.any c, 1\n";
        assert_eq!(held(code, 2, 4), [false, false, false, true]);
        // Two ways lead to the scope, and only one assigns it …
        let code = "jtrue.any c, on\n table.any x, 0, 0\n on:\n not.any c, c\n ret.any c, 1\n";
        assert_eq!(held(code, 2, 4), [false, false, false, false]);
        // … or both do.
        let code = "table.any x, 0, 0\n jtrue.any c, on\n table.any c, 0, 0\n table.any x, 0, 0\n on:\n not.any c, c\n ret.any c, 1\n";
        assert_eq!(held(code, 4, 6), [false, true, false, false, true, true]);
    }
}
