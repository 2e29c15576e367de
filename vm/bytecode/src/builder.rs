//! Puts functions together: labels, constants and jump tables by use. The assembler, generators and front ends share it.

use crate::{
    ConstId, Function, Instr, JumpTable, Kind, Pc, Reg, Register, SiteId, StrId, TableId, Template, TemplateId,
    UpvalueId,
};
use std::collections::HashMap;

/// A place in the code that may not be known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label(u32);

impl Label {
    /// The label as the target of an instruction handed to [`FunctionBuilder::emit`].
    pub const fn target(self) -> Pc {
        Pc(self.0)
    }
}

/// A function under construction.
///
/// Until [`finish`](Self::finish) the targets of its instructions and jump tables are labels ([`Label::target`]), not
/// positions.
#[derive(Debug)]
pub struct FunctionBuilder {
    function: Function,
    labels: Vec<Option<Pc>>,
    constants: HashMap<u64, ConstId>,
    strings: HashMap<Vec<u8>, StrId>,
    sites: u16,
}

impl FunctionBuilder {
    /// A function without parameters and instructions.
    pub fn new(name: &str, result: Option<Kind>) -> Self {
        let function = Function { name: name.to_owned(), result, ..Function::default() };
        Self { function, labels: Vec::new(), constants: HashMap::new(), strings: HashMap::new(), sites: 0 }
    }

    /// Sets the kind of the result.
    pub fn set_result(&mut self, result: Option<Kind>) {
        self.function.result = result;
    }

    /// Declares the next parameter; `None` if there are registers other than parameters already, or too many.
    pub fn param(&mut self, kind: Kind, name: Option<&str>) -> Option<Reg> {
        let count = usize::from(self.function.param_count);
        if count != self.function.registers.len() {
            return None;
        }
        self.function.param_count = self.function.param_count.checked_add(1)?;
        self.register(kind, name)
    }

    /// Declares a register; `None` if there are 256 already.
    pub fn register(&mut self, kind: Kind, name: Option<&str>) -> Option<Reg> {
        let reg = u8::try_from(self.function.registers.len()).ok()?;
        self.function.registers.push(Register { kind, name: name.map(str::to_owned) });
        Some(Reg(reg))
    }

    /// The kind of a declared register.
    pub fn kind(&self, reg: Reg) -> Option<Kind> {
        self.function.registers.get(reg.index()).map(|register| register.kind)
    }

    /// A new label, not bound yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() as u32 - 1)
    }

    /// Binds a label to the next instruction.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = Some(self.here());
    }

    /// Where the next instruction will stand.
    pub fn here(&self) -> Pc {
        Pc(self.function.code.len() as u32)
    }

    /// The constant with these bits, added to the pool if it is new.
    pub fn constant(&mut self, bits: u64) -> ConstId {
        *self.constants.entry(bits).or_insert_with(|| {
            self.function.pool.push(bits);
            ConstId(self.function.pool.len() as u32 - 1)
        })
    }

    /// The string constant with these bytes, added if it is new; `None` if there are 65,536 already.
    pub fn string(&mut self, bytes: &[u8]) -> Option<StrId> {
        if let Some(id) = self.strings.get(bytes) {
            return Some(*id);
        }
        let id = StrId(u16::try_from(self.function.strings.len()).ok()?);
        self.function.strings.push(bytes.to_vec());
        self.strings.insert(bytes.to_vec(), id);
        Some(id)
    }

    /// A new place that keeps what is seen; `None` if there are 65,535 already. Instructions take them in the order of the code.
    pub fn site(&mut self) -> Option<SiteId> {
        let id = SiteId(self.sites);
        self.sites = self.sites.checked_add(1)?;
        Some(id)
    }

    /// Makes the function one that takes and returns any number of values.
    pub fn set_generic(&mut self, is_vararg: bool) {
        self.function.is_generic = true;
        self.function.is_vararg = is_vararg;
    }

    /// Whether the function takes and returns any number of values.
    pub fn is_generic(&self) -> bool {
        self.function.is_generic
    }

    /// The first upvalue called `name`.
    pub fn find_upvalue(&self, name: &str) -> Option<UpvalueId> {
        self.function.upvalues.iter().position(|own| own == name).map(|index| UpvalueId(index as u8))
    }

    /// Declares the next upvalue; `None` if there are 255 already.
    pub fn upvalue(&mut self, name: &str) -> Option<UpvalueId> {
        let id = u8::try_from(self.function.upvalues.len()).ok().filter(|id| *id < u8::MAX)?;
        self.function.upvalues.push(name.to_owned());
        Some(UpvalueId(id))
    }

    /// A new closure template; `None` if there are 65,536 already.
    pub fn template(&mut self, template: Template) -> Option<TemplateId> {
        let id = u16::try_from(self.function.templates.len()).ok()?;
        self.function.templates.push(template);
        Some(TemplateId(id))
    }

    /// A new jump table.
    pub fn table(&mut self, targets: &[Label], default: Label) -> TableId {
        let targets = targets.iter().map(|label| label.target()).collect();
        self.function.tables.push(JumpTable { targets, default: default.target() });
        TableId(self.function.tables.len() as u32 - 1)
    }

    /// Says that the instructions that follow come from `line`.
    pub fn line(&mut self, line: u32) {
        let pc = self.here();
        self.function.lines.push(pc, line);
    }

    /// Adds an instruction; its target, if it has one, is [`Label::target`] of one of this builder's labels.
    pub fn emit(&mut self, instr: Instr) {
        self.function.code.push(instr);
    }

    /// The function, with labels resolved.
    ///
    /// # Errors
    /// The first label that is used and not bound.
    pub fn finish(mut self) -> Result<Function, Label> {
        let labels = self.labels;
        let resolve = |pc: Pc| labels.get(pc.index()).copied().flatten().ok_or(Label(pc.0));
        for instr in &mut self.function.code {
            if let Some(label) = instr.target() {
                *instr = instr.with_target(resolve(label)?);
            }
        }
        for table in &mut self.function.tables {
            for target in table.targets.iter_mut().chain([&mut table.default]) {
                *target = resolve(*target)?;
            }
        }
        Ok(self.function)
    }
}
