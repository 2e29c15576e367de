//! The macro that turns the rows of the operation table into the `Op` enum and its run-time description.

/// `Name "mnemonic" Stage [controlling types] (operands) -> (results) imm effect "doc";`
macro_rules! operation_table {
    ($($name:ident $mnemonic:literal $stage:ident [$($ty:ident)*] ($($arg:tt)*) -> ($($res:tt)*) $imm:ident $effect:ident $doc:literal;)*) => {
        /// An operation of the IR. Its row in the table is [`Op::info`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op {
            $(#[doc = $doc] $name,)*
        }

        impl Op {
            /// All operations, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$name,)*];

            /// The operation's row.
            pub const fn info(self) -> &'static OpInfo {
                const TABLE: &[OpInfo] = &[$(OpInfo {
                    op: Op::$name,
                    name: $mnemonic,
                    stage: Stage::$stage,
                    types: &[$(Type::$ty,)*],
                    args: operation_table!(@pattern $($arg)*),
                    results: operation_table!(@pattern $($res)*),
                    imm: ImmKind::$imm,
                    effect: Effect::$effect,
                    doc: $doc,
                },)*];
                &TABLE[self as usize]
            }
        }
    };
    (@pattern variadic) => { Operands::BySignature };
    (@pattern $($p:ident)*) => { Operands::Fixed(&[$(operation_table!(@one $p),)*]) };
    (@one T) => { TypePattern::Controlling };
    (@one Narrower) => { TypePattern::NarrowerInt };
    (@one Wider) => { TypePattern::WiderInt };
    (@one $t:ident) => { TypePattern::Exactly(Type::$t) };
}

pub(crate) use operation_table;
