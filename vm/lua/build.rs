//! Builds the crate anew when the profile changes that its compilation goes by: see `vm/interp/profile/README.md`.

fn main() {
    println!("cargo::rerun-if-changed=../interp/profile/vm.profdata");
}
