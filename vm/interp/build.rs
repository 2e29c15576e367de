//! Says whether LLVM may give every arm of the dispatch loop a jump of its own: see `src/dispatch.rs` and `.cargo/config.toml`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=profile/vm.profdata");
    println!("cargo::rustc-check-cfg=cfg(threaded)");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if ["-tail-dup-pred-size=", "-tail-dup-succ-size="].iter().all(|flag| flags.contains(flag)) {
        println!("cargo::rustc-cfg=threaded");
    }
}
