//! What a build must know about itself and cargo alone can tell: the compiler and the features. Both go into certificates.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok().filter(|output| output.status.success());
    let version = version.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("cargo::rustc-env=LOCKSTEP_RUSTC={version}");
    let feature =
        |(name, _): (String, String)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase().replace('_', "-"));
    let mut features: Vec<String> = env::vars().filter_map(feature).filter(|name| name != "default").collect();
    features.sort();
    println!("cargo::rustc-env=LOCKSTEP_FEATURES={}", features.join(" "));
}
