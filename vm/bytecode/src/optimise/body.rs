//! A function while passes change it: its code with what belongs to each instruction, and the removal of instructions.
//!
//! Instructions are replaced where they stand and removed in one go ([`Body::retain`]), which moves targets, jump tables and the numbers of places that
//! keep what was seen. Nothing is ever put between two instructions or moved past another, so that back edges stay back edges.

use crate::{
    Cfg, ConstId, FuncId, Function, Instr, JumpTable, LineTable, Liveness, Module, Op, Pc, Reg, RegSet, Role, Sem,
    SiteId, Value,
};

/// A function under optimisation.
pub struct Body<'m> {
    /// The module it is called in: the signatures of its callees.
    pub module: &'m Module,
    /// The function; its line table is made anew at the end.
    pub function: Function,
    /// Per instruction: the source line.
    lines: Vec<u32>,
    /// Per instruction: the instruction of the program as it was written.
    origin: Vec<Pc>,
    /// Registers that others than the instructions that name them can see: those captured by closures, and variables to be closed.
    pinned: RegSet,
}

impl<'m> Body<'m> {
    /// The function of a verified module.
    pub fn new(module: &'m Module, func: FuncId) -> Self {
        let mut function = module.function(func).clone();
        // Names are the origin's.
        function.locals.clear();
        let pcs = || (0..function.code.len() as u32).map(Pc);
        let lines = pcs().map(|pc| function.lines.line(pc)).collect();
        let origin = match &module.origin {
            Some(origin) => origin.pcs[func.index()].clone(),
            None => pcs().collect(),
        };
        let mut pinned: RegSet = function.templates.iter().flat_map(|template| template.captured()).collect();
        for instr in function.code.iter().filter(|instr| instr.info().sem == Sem::ToBeClosed) {
            instr.operands().iter().filter_map(|value| value.reg()).for_each(|reg| pinned.insert(reg));
        }
        Self { module, function, lines, origin, pinned }
    }

    /// The function and the origins of its instructions.
    pub fn finish(mut self) -> (Function, Vec<Pc>) {
        let mut lines = LineTable::default();
        self.lines.iter().enumerate().for_each(|(pc, line)| lines.push(Pc(pc as u32), *line));
        self.function.lines = lines;
        // Messages take names from the function as it was written.
        self.function.locals.clear();
        (self.function, self.origin)
    }

    /// Every instruction's place.
    pub fn pcs(&self) -> impl DoubleEndedIterator<Item = Pc> + use<> {
        (0..self.function.code.len() as u32).map(Pc)
    }

    /// The instruction at `pc`.
    pub fn instr(&self, pc: Pc) -> Instr {
        self.function.code[pc.index()]
    }

    /// Puts another instruction in the place of the one at `pc`, for which it stands.
    pub fn replace(&mut self, pc: Pc, instr: Instr) {
        self.function.code[pc.index()] = instr;
    }

    /// Puts a copy of the instruction at `from`, with its line and origin, in the place of the one at `pc`.
    pub fn copy(&mut self, from: Pc, pc: Pc) {
        self.function.code[pc.index()] = self.instr(from);
        self.stand_for(pc, from);
    }

    /// From now on the instruction at `pc` has the line and origin of the one at `other`.
    pub fn stand_for(&mut self, pc: Pc, other: Pc) {
        self.lines[pc.index()] = self.lines[other.index()];
        self.origin[pc.index()] = self.origin[other.index()];
    }

    /// Whether others than the instructions that name the register can see it.
    pub fn is_pinned(&self, reg: Reg) -> bool {
        self.pinned.contains(reg)
    }

    /// Follows the pinned registers to their new places.
    pub fn repin(&mut self, place: &[Option<Reg>]) {
        self.pinned = self.pinned.iter().filter_map(|reg| place.get(reg.index()).copied().flatten()).collect();
    }

    /// The blocks.
    pub fn cfg(&self) -> Cfg {
        Cfg::new(&self.function)
    }

    /// The live registers.
    pub fn liveness(&self, cfg: &Cfg) -> Liveness {
        Liveness::new(self.module, &self.function, cfg)
    }

    /// How many arguments a function takes.
    pub fn params(&self, callee: FuncId) -> usize {
        self.module.function(callee).params().len()
    }

    /// Whether an instruction reads or writes a register, or has it in its group.
    pub fn mentions(&self, instr: Instr, reg: Reg) -> bool {
        let mut hit = clobbers(instr).any(|own| own == reg);
        instr.for_each_use(&self.function, |callee| self.params(callee), |own| hit |= own == reg);
        hit
    }

    /// The number of a constant of the pool with these bits, added if it is new and there is room.
    pub fn constant(&mut self, bits: u64) -> Option<ConstId> {
        let function = &mut self.function;
        let index = match function.pool.iter().position(|own| *own == bits) {
            Some(index) => index,
            None => {
                // As many words in front of the code as the verifier allows.
                let words = function.strings.len() + function.pool.len() + function.site_count();
                if words + 1 >= 1 << 16 {
                    return None;
                }
                function.pool.push(bits);
                function.pool.len() - 1
            }
        };
        Some(ConstId(index as u32))
    }

    /// Removes the instructions that are not kept. Who led to one of them leads to the next one that is kept.
    pub fn retain(&mut self, keep: &[bool]) {
        if keep.iter().all(|kept| *kept) {
            return;
        }
        let mut place = Vec::with_capacity(keep.len());
        let mut count = 0;
        for kept in keep {
            place.push(Pc(count));
            count += u32::from(*kept);
        }
        let moved = |pc: Pc| place[pc.index()].min(Pc(count.saturating_sub(1)));
        let mut kept = keep.iter();
        self.function.code.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        self.lines.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        self.origin.retain(|_| *kept.next().unwrap_or(&true));
        let mut used = vec![false; self.function.tables.len()];
        let mut sites = 0;
        for instr in &mut self.function.code {
            *instr = map_values(*instr, |role, value| match value {
                Value::Label(target) => Value::Label(moved(target)),
                Value::Table(table) => {
                    used[table.index()] = true;
                    value
                }
                Value::Site(_) => {
                    debug_assert!(role == Role::Site);
                    sites += 1;
                    Value::Site(SiteId(sites - 1))
                }
                value => value,
            });
        }
        for (table, used) in self.function.tables.iter_mut().zip(used) {
            match used {
                true => table.targets.iter_mut().chain([&mut table.default]).for_each(|to| *to = moved(*to)),
                // The switch is gone.
                false => *table = JumpTable::default(),
            }
        }
    }
}

/// The instruction with other values of its operands. Panics if they do not fit the table's row.
pub fn map_values(instr: Instr, mut map: impl FnMut(Role, Value) -> Value) -> Instr {
    let values: Vec<Value> = instr.declared().map(|(operand, value)| map(operand.role, value)).collect();
    build(instr.op(), &values)
}

/// The instruction with these operands. Panics if they do not fit the table's row.
pub fn build(op: Op, values: &[Value]) -> Instr {
    Instr::build(op, values).unwrap_or_else(|| panic!("`{op}` does not take {values:?}"))
}

/// Registers whose values an instruction changes or loses; of a group that it writes or loses anything of, all.
pub fn clobbers(instr: Instr) -> impl Iterator<Item = Reg> {
    let group = instr.group().into_iter().flat_map(|group| {
        let first = group.first.index();
        (first..first + group.len()).filter_map(|reg| u8::try_from(reg).ok()).map(Reg)
    });
    instr.def().into_iter().chain(group)
}
