//! [`Op`] and [`Instr`], and the table's rows as run-time data ([`OpInfo`]): all derived from the table.

use crate::sem::{BinOp, Cc, ConvertMode, Sem, UnOp};
use crate::{ConstId, ErrorKind, FuncId, Kind, Pc, Reg, TableId};
use std::fmt;
use std::ops::{BitOr, Deref};

/// What an operand is to its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A register that is written.
    Def,
    /// A register that is read.
    Use,
    /// A register that is read and written (possibly not written, as in a loop's last step).
    InOut,
    /// The first of the consecutive registers that hold a call's arguments; how many the callee says.
    Args,
    /// A signed 32-bit immediate.
    Imm32,
    /// An unsigned 32-bit immediate.
    ImmU32,
    /// A signed 8-bit immediate.
    Imm8,
    /// An unsigned 8-bit immediate.
    ImmU8,
    /// `true` or `false`.
    Flag,
    /// The target of a branch.
    Label,
    /// A constant of the pool.
    Pool,
    /// A function.
    Func,
    /// A jump table.
    Table,
}

impl Role {
    /// Whether operands of this role are registers.
    pub const fn is_register(self) -> bool {
        matches!(self, Role::Def | Role::Use | Role::InOut | Role::Args)
    }

    /// The least and greatest value of an immediate role.
    pub const fn immediate_range(self) -> Option<(i64, i64)> {
        match self {
            Role::Imm32 => Some((i32::MIN as i64, i32::MAX as i64)),
            Role::ImmU32 => Some((0, u32::MAX as i64)),
            Role::Imm8 => Some((i8::MIN as i64, i8::MAX as i64)),
            Role::ImmU8 => Some((0, u8::MAX as i64)),
            Role::Flag => Some((0, 1)),
            _ => None,
        }
    }
}

/// Which kind a register operand must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperandKind {
    /// No register, or checked by other means (arguments).
    None,
    /// This kind.
    Fixed(Kind),
    /// The result kind of the function called.
    CalleeResult,
    /// The result kind of the function the instruction stands in.
    OwnResult,
}

/// One operand of an instruction, as the table declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperandInfo {
    /// Its name, which is also the field's name in [`Instr`].
    pub name: &'static str,
    /// Its role.
    pub role: Role,
    /// The kind a register must have.
    pub kind: OperandKind,
}

/// What an instruction does besides computing its result: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Effects(u8);

impl Effects {
    /// Nothing: equal inputs give equal results or the same error.
    pub const PURE: Effects = Effects(0);
    /// Depends on memory.
    pub const READS: Effects = Effects(1);
    /// Changes memory or writes output.
    pub const WRITES: Effects = Effects(2);
    /// Allocates an object of its own identity.
    pub const ALLOCATES: Effects = Effects(4);
    /// Runs another function.
    pub const CALLS: Effects = Effects(8);
    /// May continue somewhere else than at the next instruction, or there.
    pub const BRANCHES: Effects = Effects(16);
    /// Never continues at the next instruction of itself.
    pub const TERMINATES: Effects = Effects(32);

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Effects) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether this is the empty set.
    pub const fn is_pure(self) -> bool {
        self.0 == 0
    }

    /// Names of the effects.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (Self::READS, "reads"),
            (Self::WRITES, "writes"),
            (Self::ALLOCATES, "allocates"),
            (Self::CALLS, "calls"),
            (Self::BRANCHES, "branches"),
            (Self::TERMINATES, "terminates"),
        ];
        all.into_iter().filter(|(effect, _)| self.contains(*effect)).map(|(_, name)| name).collect()
    }
}

impl BitOr for Effects {
    type Output = Effects;

    fn bitor(self, other: Effects) -> Effects {
        Effects(self.0 | other.0)
    }
}

const fn union(effects: &[Effects]) -> Effects {
    let (mut bits, mut i) = (0, 0);
    while i < effects.len() {
        bits |= effects[i].0;
        i += 1;
    }
    Effects(bits)
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The instruction.
    pub op: Op,
    /// Name of the [`Op`] and [`Instr`] variant.
    pub name: &'static str,
    /// The mnemonic.
    pub mnemonic: &'static str,
    /// The mnemonic without its kind suffix.
    pub stem: &'static str,
    /// One sentence: what it does.
    pub doc: &'static str,
    /// The family it belongs to.
    pub family: Family,
    /// The kind it works on: `K` of the table; of a conversion the target, of an array instruction the element.
    pub kind: Option<Kind>,
    /// The second kind: `J` of the table; of a conversion the source, of an array instruction the array.
    pub from: Option<Kind>,
    /// Its operands in order.
    pub operands: &'static [OperandInfo],
    /// What it means.
    pub sem: Sem,
    /// What else it does.
    pub effects: Effects,
    /// The errors of its own it may raise. Every back edge and call may also raise `budget_exhausted` and `interrupted`.
    pub errors: &'static [ErrorKind],
    /// Whether native code may do its work through a run-time helper.
    pub helper: bool,
}

impl OpInfo {
    /// Index of the operand called `name`.
    pub fn operand(&self, name: &str) -> Option<usize> {
        self.operands.iter().position(|operand| operand.name == name)
    }

    /// Index of the branch target among the operands.
    pub fn label(&self) -> Option<usize> {
        self.operands.iter().position(|operand| operand.role == Role::Label)
    }

    /// Whether the next instruction can follow.
    pub fn falls_through(&self) -> bool {
        !self.effects.contains(Effects::TERMINATES)
    }
}

/// A family of instructions: the sections of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Constants.
    Constants,
    /// Copies and selections.
    Moves,
    /// Integer arithmetic.
    Arithmetic,
    /// Integer division and remainder.
    Division,
    /// Bitwise operations.
    Bitwise,
    /// Shifts and rotations.
    Shifts,
    /// Floating-point arithmetic.
    Float,
    /// Operations on truth values.
    Boolean,
    /// Comparisons to a truth value.
    Comparison,
    /// Conversions between kinds.
    Conversion,
    /// Branches.
    Control,
    /// Counted loops.
    Loops,
    /// Calls and returns.
    Calls,
    /// Typed arrays.
    Arrays,
    /// Output.
    Output,
}

impl Family {
    /// Every family, in the order of the table.
    pub const ALL: [Family; 15] = [
        Family::Constants,
        Family::Moves,
        Family::Arithmetic,
        Family::Division,
        Family::Bitwise,
        Family::Shifts,
        Family::Float,
        Family::Boolean,
        Family::Comparison,
        Family::Conversion,
        Family::Control,
        Family::Loops,
        Family::Calls,
        Family::Arrays,
        Family::Output,
    ];

    /// The family's title in the reference.
    pub const fn title(self) -> &'static str {
        match self {
            Family::Constants => "Constants",
            Family::Moves => "Moves and selection",
            Family::Arithmetic => "Integer arithmetic",
            Family::Division => "Integer division",
            Family::Bitwise => "Bitwise operations",
            Family::Shifts => "Shifts and rotations",
            Family::Float => "Floating point",
            Family::Boolean => "Truth values",
            Family::Comparison => "Comparisons",
            Family::Conversion => "Conversions",
            Family::Control => "Branches",
            Family::Loops => "Counted loops",
            Family::Calls => "Calls and returns",
            Family::Arrays => "Typed arrays",
            Family::Output => "Output",
        }
    }
}

/// An operand's value in any instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A register.
    Reg(Reg),
    /// An immediate value; of a flag 0 or 1.
    Imm(i64),
    /// A branch target.
    Label(Pc),
    /// A constant of the pool.
    Pool(ConstId),
    /// A function.
    Func(FuncId),
    /// A jump table.
    Table(TableId),
}

impl Value {
    /// The register, if the operand is one.
    pub const fn reg(self) -> Option<Reg> {
        if let Value::Reg(reg) = self { Some(reg) } else { None }
    }

    /// The immediate value, if the operand is one.
    pub const fn imm(self) -> Option<i64> {
        if let Value::Imm(imm) = self { Some(imm) } else { None }
    }

    /// The branch target, if the operand is one.
    pub const fn label(self) -> Option<Pc> {
        if let Value::Label(pc) = self { Some(pc) } else { None }
    }

    /// The function, if the operand is one.
    pub const fn func(self) -> Option<FuncId> {
        if let Value::Func(func) = self { Some(func) } else { None }
    }
}

/// A field of an instruction: to and from [`Value`].
trait Field: Copy {
    fn value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! fields {
    ($($Type:ty: $Variant:ident),* ; $($Int:ty),*) => {
        $(impl Field for $Type {
            fn value(self) -> Value { Value::$Variant(self) }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::$Variant(v) = value { Some(v) } else { None }
            }
        })*
        $(impl Field for $Int {
            fn value(self) -> Value { Value::Imm(i64::from(self)) }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::Imm(v) = value { <$Int>::try_from(v).ok() } else { None }
            }
        })*
    };
}

fields! { Reg: Reg, Pc: Label, ConstId: Pool, FuncId: Func, TableId: Table; i32, u32, i8, u8 }

impl Field for bool {
    fn value(self) -> Value {
        Value::Imm(i64::from(self))
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Imm(0) => Some(false),
            Value::Imm(1) => Some(true),
            _ => None,
        }
    }
}

/// The operands of one instruction.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    values: [Value; 4],
    count: u8,
}

impl Operands {
    fn new(values: &[Value]) -> Self {
        let mut all = [Value::Imm(0); 4];
        all[..values.len()].copy_from_slice(values);
        Self { values: all, count: values.len() as u8 }
    }
}

impl Deref for Operands {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.values[..usize::from(self.count)]
    }
}

macro_rules! field_type {
    (def) => {
        Reg
    };
    (use) => {
        Reg
    };
    (inout) => {
        Reg
    };
    (args) => {
        Reg
    };
    (imm32) => {
        i32
    };
    (immu32) => {
        u32
    };
    (imm8) => {
        i8
    };
    (immu8) => {
        u8
    };
    (flag) => {
        bool
    };
    (label) => {
        Pc
    };
    (pool) => {
        ConstId
    };
    (func) => {
        FuncId
    };
    (table) => {
        TableId
    };
}

macro_rules! role {
    (def) => {
        Role::Def
    };
    (use) => {
        Role::Use
    };
    (inout) => {
        Role::InOut
    };
    (args) => {
        Role::Args
    };
    (imm32) => {
        Role::Imm32
    };
    (immu32) => {
        Role::ImmU32
    };
    (imm8) => {
        Role::Imm8
    };
    (immu8) => {
        Role::ImmU8
    };
    (flag) => {
        Role::Flag
    };
    (label) => {
        Role::Label
    };
    (pool) => {
        Role::Pool
    };
    (func) => {
        Role::Func
    };
    (table) => {
        Role::Table
    };
}

macro_rules! operand_kind {
    (() $kinds:tt) => {
        OperandKind::None
    };
    ((K) ($K:ident $($J:ident)?)) => {
        OperandKind::Fixed(Kind::$K)
    };
    ((J) ($K:ident $J:ident)) => {
        OperandKind::Fixed(Kind::$J)
    };
    ((CalleeResult) $kinds:tt) => {
        OperandKind::CalleeResult
    };
    ((OwnResult) $kinds:tt) => {
        OperandKind::OwnResult
    };
    (($Kind:ident) $kinds:tt) => {
        OperandKind::Fixed(Kind::$Kind)
    };
}

macro_rules! first_kind {
    (()) => {
        None
    };
    (($K:ident $($J:ident)?)) => {
        Some(Kind::$K)
    };
}

macro_rules! second_kind {
    (($K:ident $J:ident)) => {
        Some(Kind::$J)
    };
    ($kinds:tt) => {
        None
    };
}

macro_rules! sem {
    (Binary($op:ident)) => {
        Sem::Binary(BinOp::$op)
    };
    (BinaryImm($op:ident)) => {
        Sem::BinaryImm(BinOp::$op)
    };
    (Unary($op:ident)) => {
        Sem::Unary(UnOp::$op)
    };
    (Compare($cc:ident)) => {
        Sem::Compare(Cc::$cc)
    };
    (Branch($cc:ident)) => {
        Sem::Branch(Cc::$cc)
    };
    (BranchImm($cc:ident)) => {
        Sem::BranchImm(Cc::$cc)
    };
    (Loop($cc:ident)) => {
        Sem::Loop(Cc::$cc)
    };
    (Convert($mode:ident)) => {
        Sem::Convert(ConvertMode::$mode)
    };
    (BranchBool($when:literal)) => {
        Sem::BranchBool($when)
    };
    ($other:ident) => {
        Sem::$other
    };
}

macro_rules! helper {
    (Inline) => {
        false
    };
    (Helper) => {
        true
    };
}

macro_rules! derive_instructions {
    ([] $({
        name: $Name:ident, mnemonic: ($stem:literal $suffix:literal), doc: $doc:literal, family: $family:ident,
        kinds: $kinds:tt, operands: ($($field:ident: $role:ident $(($kind:ident))?),*), sem: [$($sem:tt)*],
        effects: [$($effect:ident)|+], errors: [$($error:ident),*], helper: $helper:ident
    })*) => {
        /// An instruction without its operands: a row of the table. The order is the table's and may change with it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Op {
            $(#[doc = $doc] $Name,)*
        }

        /// An instruction with its operands, in eight bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Instr {
            $(
                #[doc = $doc]
                #[allow(missing_docs)] // fields are documented by their roles
                $Name { $($field: field_type!($role)),* },
            )*
        }

        impl Op {
            /// Every instruction, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$Name),*];
        }

        static INFO: &[OpInfo] = &[$(OpInfo {
            op: Op::$Name,
            name: stringify!($Name),
            mnemonic: concat!($stem, $suffix),
            stem: $stem,
            doc: $doc,
            family: Family::$family,
            kind: first_kind!($kinds),
            from: second_kind!($kinds),
            operands: &[$(OperandInfo {
                name: stringify!($field),
                role: role!($role),
                kind: operand_kind!(($($kind)?) $kinds),
            }),*],
            sem: sem!($($sem)*),
            effects: union(&[$(Effects::$effect),+]),
            errors: &[$(ErrorKind::$error),*],
            helper: helper!($helper),
        }),*];

        impl Instr {
            /// The instruction without its operands.
            #[inline]
            pub const fn op(self) -> Op {
                match self { $(Instr::$Name { .. } => Op::$Name,)* }
            }

            /// The operands in the order of the table.
            pub fn operands(self) -> Operands {
                match self { $(Instr::$Name { $($field),* } => Operands::new(&[$(Field::value($field)),*]),)* }
            }

            /// The instruction `op` with these operands; `None` if their number, types or ranges are not the table's.
            pub fn build(op: Op, operands: &[Value]) -> Option<Instr> {
                let mut values = operands.iter().copied();
                let instr = match op {
                    $(Op::$Name => Instr::$Name { $($field: Field::from_value(values.next()?)?),* },)*
                };
                values.next().is_none().then_some(instr)
            }
        }
    };
}

crate::for_each_instruction!(derive_instructions);

const _: () = assert!(size_of::<Instr>() == 8, "an instruction is eight bytes");
const _: () = assert!(align_of::<Instr>() == 4, "an instruction is aligned to four bytes");

impl Op {
    /// The row of the table.
    pub fn info(self) -> &'static OpInfo {
        &INFO[self as usize]
    }

    /// The mnemonic.
    pub fn mnemonic(self) -> &'static str {
        self.info().mnemonic
    }

    /// The instruction with this number.
    pub fn from_number(number: u16) -> Option<Op> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The instruction with this mnemonic.
    pub fn from_mnemonic(mnemonic: &str) -> Option<Op> {
        use std::collections::HashMap;
        use std::sync::LazyLock;
        static MAP: LazyLock<HashMap<&'static str, Op>> =
            LazyLock::new(|| Op::ALL.iter().map(|op| (op.mnemonic(), *op)).collect());
        MAP.get(mnemonic).copied()
    }

    /// The instruction with this meaning on these kinds.
    pub fn find(sem: Sem, kind: Option<Kind>, from: Option<Kind>) -> Option<Op> {
        let hit = INFO.iter().find(|info| info.sem == sem && info.kind == kind && info.from == from);
        hit.map(|info| info.op)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mnemonic())
    }
}

impl Instr {
    /// The row of the table.
    pub fn info(self) -> &'static OpInfo {
        self.op().info()
    }

    /// Operands paired with their declarations.
    pub fn declared(self) -> impl Iterator<Item = (&'static OperandInfo, Value)> {
        let values = self.operands();
        self.info().operands.iter().enumerate().map(move |(i, operand)| (operand, values[i]))
    }

    /// The register the instruction writes, if any.
    pub fn def(self) -> Option<Reg> {
        self.declared().find(|(o, _)| matches!(o.role, Role::Def | Role::InOut)).and_then(|(_, v)| v.reg())
    }

    /// Calls `visit` for each register read. `params` says how many arguments a function takes.
    pub fn for_each_use(self, params: impl Fn(FuncId) -> usize, mut visit: impl FnMut(Reg)) {
        for (operand, value) in self.declared() {
            let Some(reg) = value.reg() else { continue };
            match operand.role {
                Role::Use | Role::InOut => visit(reg),
                Role::Args => {
                    let count = self.callee().map_or(0, &params);
                    // Arguments past the last register are the verifier's to report.
                    (0..count).filter_map(|i| u8::try_from(reg.index() + i).ok()).for_each(|r| visit(Reg(r)));
                }
                _ => {}
            }
        }
    }

    /// The branch target, if there is one (jump tables have their own).
    pub fn target(self) -> Option<Pc> {
        self.operands().iter().find_map(|value| value.label())
    }

    /// The same instruction with another branch target.
    pub fn with_target(self, target: Pc) -> Instr {
        let mut values = self.operands();
        let count = usize::from(values.count);
        for value in &mut values.values[..count] {
            if matches!(value, Value::Label(_)) {
                *value = Value::Label(target);
            }
        }
        Instr::build(self.op(), &values).unwrap_or(self)
    }

    /// The function called, if there is one.
    pub fn callee(self) -> Option<FuncId> {
        self.operands().iter().find_map(|value| value.func())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_stand_at_their_own_number_and_names_are_unique() {
        let mut mnemonics = HashSet::new();
        let mut meanings = HashSet::new();
        for (i, op) in Op::ALL.iter().enumerate() {
            let info = op.info();
            assert_eq!(*op as usize, i);
            assert_eq!(info.op, *op);
            assert_eq!(Op::from_number(i as u16), Some(*op));
            assert_eq!(Op::from_mnemonic(info.mnemonic), Some(*op));
            assert!(mnemonics.insert(info.mnemonic), "{} twice", info.mnemonic);
            assert!(
                meanings.insert((info.sem, info.kind, info.from)),
                "{} means what another row means",
                info.mnemonic
            );
            assert_eq!(Op::find(info.sem, info.kind, info.from), Some(*op));
        }
    }

    #[test]
    fn declarations_agree_with_roles() {
        for op in Op::ALL {
            let info = op.info();
            for operand in info.operands {
                let kinded = operand.role.is_register() && operand.role != Role::Args;
                assert_eq!(kinded, operand.kind != OperandKind::None, "{op}: {}", operand.name);
            }
            let defs = info.operands.iter().filter(|o| matches!(o.role, Role::Def | Role::InOut)).count();
            assert!(defs <= 1, "{op} writes {defs} registers");
            assert_eq!(
                info.label().is_some(),
                info.effects.contains(Effects::BRANCHES) || info.sem == Sem::Jump,
                "{op}"
            );
        }
    }

    #[test]
    fn build_inverts_operands() {
        let instr = Instr::AddI64 { dst: Reg(1), a: Reg(2), b: Reg(3) };
        assert_eq!(Instr::build(Op::AddI64, &instr.operands()), Some(instr));
        assert_eq!(Instr::build(Op::AddI64, &instr.operands()[..2]), None);
        assert_eq!(Instr::build(Op::AddImmI64, &[Value::Reg(Reg(0)), Value::Reg(Reg(0)), Value::Imm(1 << 31)]), None);
        let call = Instr::Call { dst: Reg(0), args: Reg(4), func: FuncId(1) };
        let mut used = Vec::new();
        call.for_each_use(|_| 2, |reg| used.push(reg));
        assert_eq!((used, call.def()), (vec![Reg(4), Reg(5)], Some(Reg(0))));
    }
}
