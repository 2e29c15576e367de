//! docs/bytecode.md says what the table says.

#[test]
fn the_reference_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bytecode.md");
    let wanted = lockstep_bytecode::reference();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &wanted).expect("docs/bytecode.md can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/bytecode.md is stale; refresh it with `BLESS=1 cargo test -p lockstep-bytecode --test reference`"
    );
}
