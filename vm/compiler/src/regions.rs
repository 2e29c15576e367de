//! The alias regions of compiled code, as one table: what lies in each, and what passes may assume of it.
//!
//! A byte of memory belongs to one region for all code there is, since calls may be inlined by a backend.

use lockstep_bytecode::Kind;
use lockstep_ir::{Region, Unit};

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct RegionInfo {
    /// Its name in units.
    pub name: &'static str,
    /// Whether its contents never change while anybody can reach them.
    pub immutable: bool,
    /// Whether addresses of it may be read wherever they can be computed, checks notwithstanding.
    pub readable: bool,
}

const fn row(name: &'static str, immutable: bool, readable: bool) -> RegionInfo {
    RegionInfo { name, immutable, readable }
}

/// Every region but `any`, in the order of their numbers from 1.
pub const REGIONS: [RegionInfo; 13] = [
    row("frame", false, true),
    row("ctx", false, true),
    row("constants", true, true),
    row("valid", false, true),
    row("counters", false, true),
    row("functions", false, true),
    // An array reference is valid wherever it has a value, since registers are definitely assigned before use.
    row("array_header", true, true),
    row("array_i32", false, false),
    row("array_i64", false, false),
    row("array_u32", false, false),
    row("array_u64", false, false),
    row("array_f64", false, false),
    row("array_bool", false, false),
];

/// Frames: headers and slots.
pub const FRAME: Region = Region(1);
/// The context.
pub const CTX: Region = Region(2);
/// Words of the data block that never change.
pub const CONSTANTS: Region = Region(3);
/// The `Valid` word of the data block.
pub const VALID: Region = Region(4);
/// Counters in the data block.
pub const COUNTERS: Region = Region(5);
/// The table of functions.
pub const FUNCTIONS: Region = Region(6);
/// Headers of arrays.
pub const ARRAY_HEADER: Region = Region(7);

/// The region of the elements of an array kind.
pub fn elements(array: Kind) -> Region {
    Region(match array {
        Kind::ArrI32 => 8,
        Kind::ArrI64 => 9,
        Kind::ArrU32 => 10,
        Kind::ArrU64 => 11,
        Kind::ArrF64 => 12,
        Kind::ArrBool => 13,
        _ => panic!("{array} is no array kind"),
    })
}

/// Declares all regions in a fresh unit.
pub fn declare(unit: &mut Unit) {
    for info in &REGIONS {
        unit.region(info.name);
    }
}

/// What passes may assume of a region of any unit: nothing, if the name is not in the table.
pub fn info(unit: &Unit, region: Region) -> RegionInfo {
    let name = unit.regions.get(region.index()).map_or("any", |name| name);
    REGIONS.into_iter().find(|info| info.name == name).unwrap_or(row("any", false, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_ir::Stage;

    #[test]
    fn numbers_name_the_rows() {
        let mut unit = Unit::new("u", Stage::Value);
        declare(&mut unit);
        let named = [
            (FRAME, "frame"),
            (CTX, "ctx"),
            (CONSTANTS, "constants"),
            (VALID, "valid"),
            (COUNTERS, "counters"),
            (FUNCTIONS, "functions"),
            (ARRAY_HEADER, "array_header"),
            (elements(Kind::ArrI32), "array_i32"),
            (elements(Kind::ArrBool), "array_bool"),
        ];
        for (region, name) in named {
            assert_eq!(unit.regions[region.index()], name);
            assert_eq!(info(&unit, region).name, name);
        }
        assert!(!info(&unit, Region::ANY).immutable);
    }
}
