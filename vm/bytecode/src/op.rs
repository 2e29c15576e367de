//! [`Op`] and [`Instr`], and the table's rows as run-time data ([`OpInfo`]): all derived from the table.

use crate::Family;
use crate::group::Group;
use crate::operand::{Field, Operands, Value};
use crate::role::{OperandInfo, OperandKind, Role, field_type, operand_kind, role};
use crate::sem::{AnyOp, AnyUnOp, BinOp, Cc, ConvertMode, NumberKind, Sem, Test, UnOp};
use crate::{
    ConstId, Count, ErrorKind, FuncId, Function, Kind, Near, Pc, Reg, Seen, SiteId, StrId, TableId, TemplateId,
    UpvalueId,
};
use std::fmt;
use std::ops::BitOr;

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

    /// The kind of the constant of the pool that the instruction loads, if it does.
    pub fn pool_kind(&self) -> Option<Kind> {
        match self.sem {
            Sem::Number(NumberKind::Int) => Some(Kind::I64),
            Sem::Number(NumberKind::Float) => Some(Kind::F64),
            Sem::Pool => self.kind,
            _ => None,
        }
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
    (BranchTruth($when:literal)) => {
        Sem::BranchTruth($when)
    };
    (BranchNil($when:literal)) => {
        Sem::BranchNil($when)
    };
    (Number($kind:ident)) => {
        Sem::Number(NumberKind::$kind)
    };
    (Arith($op:ident)) => {
        Sem::Arith(AnyOp::$op)
    };
    (ArithImm($op:ident)) => {
        Sem::ArithImm(AnyOp::$op)
    };
    (AnyUnary($op:ident)) => {
        Sem::AnyUnary(AnyUnOp::$op)
    };
    (AnyCompare($test:ident)) => {
        Sem::AnyCompare(Test::$test)
    };
    (AnyBranch($test:ident)) => {
        Sem::AnyBranch(Test::$test)
    };
    (AnyBranchImm($test:ident)) => {
        Sem::AnyBranchImm(Test::$test)
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

            /// What was seen here, if the instruction keeps it.
            pub fn seen(&mut self) -> Option<&mut Seen> {
                match self {
                    $(Instr::$Name { $($field),* } => {
                        let seen = None;
                        $(let seen = seen.or(Field::seen($field));)*
                        seen
                    })*
                }
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
    /// The instructions of the typed half: those that the case grid and the generator of typed programs enumerate.
    pub fn typed() -> impl Iterator<Item = Op> + Clone {
        Self::ALL.iter().copied().filter(|op| !op.info().family.is_dynamic())
    }

    /// The instructions on dynamic values.
    pub fn dynamic() -> impl Iterator<Item = Op> + Clone {
        Self::ALL.iter().copied().filter(|op| op.info().family.is_dynamic())
    }

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

    /// The register that an instruction of the typed half writes, if any; of others that of the role `def`.
    pub fn def(self) -> Option<Reg> {
        self.declared().find(|(o, _)| matches!(o.role, Role::Def | Role::InOut)).and_then(|(_, v)| v.reg())
    }

    /// Calls `visit` for each register written.
    pub fn for_each_def(self, mut visit: impl FnMut(Reg)) {
        self.def().into_iter().for_each(&mut visit);
        if let Some(group) = self.group() {
            group.writes().for_each(visit);
        }
    }

    /// The group of registers that the instruction works on, if it does.
    pub fn group(self) -> Option<Group> {
        let (operand, value) = self.declared().find(|(o, _)| o.role.is_group())?;
        let count = |role: Role| {
            let found = self.declared().find(|(o, _)| o.role == role);
            found.map_or(Count::from_raw(0), |(_, value)| match value {
                Value::Count(count) => count,
                _ => Count::from_raw(0),
            })
        };
        Some(Group { role: operand.role, first: value.reg()?, reads: count(Role::Reads), writes: count(Role::Writes) })
    }

    /// Whether the instruction leaves an open list for the next one.
    pub fn leaves_open(self) -> bool {
        self.group().is_some_and(|group| group.writes.is_open())
    }

    /// Whether the instruction takes the open list that the one before has left.
    pub fn takes_open(self) -> bool {
        self.group().is_some_and(|group| group.reads.is_open())
    }

    /// Calls `visit` for each register read by this instruction of `function`. `params` says how many arguments a function takes.
    pub fn for_each_use(self, function: &Function, params: impl Fn(FuncId) -> usize, mut visit: impl FnMut(Reg)) {
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
        if let Some(group) = self.group() {
            group.reads().for_each(&mut visit);
        }
        if let Some(template) = self.template().and_then(|id| function.templates.get(usize::from(id.0))) {
            template.captured().for_each(visit);
        }
    }

    /// The closure template, if the instruction has one.
    pub fn template(self) -> Option<TemplateId> {
        self.operands().iter().find_map(|value| if let Value::Template(id) = value { Some(*id) } else { None })
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
                let group = operand.role == Role::Args || operand.role.is_group();
                let kinded = operand.role.is_register() && !group;
                assert_eq!(kinded, operand.kind != OperandKind::None, "{op}: {}", operand.name);
            }
            let defs = info.operands.iter().filter(|o| matches!(o.role, Role::Def | Role::InOut)).count();
            let groups = info.operands.iter().filter(|o| o.role.is_group()).count();
            assert!(defs <= 1 && groups <= 1, "{op} writes {defs} registers and has {groups} groups");
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
        call.for_each_use(&Function::default(), |_| 2, |reg| used.push(reg));
        assert_eq!((used, call.def()), (vec![Reg(4), Reg(5)], Some(Reg(0))));
    }
}
