//! What the machine must have: `make`, and LLVM 22 or 19, unless told to do without. What it should have: the peers that benchmarks are held against.
//!
//! What is missing is installed where the system's package manager has it and the rights allow it; otherwise it is named with
//! the exact command. Nothing is downloaded in any other way.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

/// An LLVM that the LLVM backend is written for.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// Its major version.
    major: &'static str,
    /// The variable in which the build script of the LLVM bindings looks for an installation that is not on the path.
    prefix: &'static str,
    /// The feature of the command that builds with it.
    feature: &'static str,
}

/// The newest first: the newest found is used, and the newest is installed if none is found.
const LLVMS: [Version; 2] = [
    Version { major: "22", prefix: "LLVM_SYS_221_PREFIX", feature: "lockstep/llvm" },
    Version { major: "19", prefix: "LLVM_SYS_191_PREFIX", feature: "lockstep/llvm19" },
];

/// Which optional backends a build has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// The LLVM backend, and with which LLVM.
    pub llvm: Option<&'static Version>,
}

impl Features {
    /// The arguments of cargo that choose them, for one package or the workspace.
    pub fn arguments(self) -> Vec<&'static str> {
        // PUC Lua, the judge of Lua cases, is built from source: it needs what linking needs.
        let mut arguments = vec!["--features", "lockstep/oracle"];
        arguments.extend(self.llvm.into_iter().flat_map(|llvm| ["--features", llvm.feature]));
        arguments
    }

    /// The arguments of cargo that choose the packages that can be built.
    pub fn workspace(self) -> Vec<&'static str> {
        let mut arguments = vec!["--workspace"];
        if self.llvm.is_none() {
            arguments.extend(["--exclude", "lockstep-llvm"]);
        }
        arguments.extend(self.arguments());
        arguments
    }
}

/// A program that benchmarks and judges compare with; each may be absent.
struct Peer {
    program: &'static str,
    package: &'static str,
    serves: &'static str,
}

const PEERS: [Peer; 5] = [
    Peer { program: "gcc", package: "gcc", serves: "the C twins and the outside judge of operations" },
    Peer { program: "python3", package: "python3", serves: "the judge of bytecode and the gcc backend of examples/" },
    Peer { program: "lua5.4", package: "lua5.4", serves: "the yardstick of the interpreter" },
    Peer { program: "luajit", package: "luajit", serves: "the LuaJIT twins, and a VM from outside under test" },
    Peer { program: "go", package: "golang-go", serves: "the Go twins" },
];

/// Makes sure that every backend can be built.
///
/// # Errors
/// `make` or LLVM is missing and cannot be installed from here; the error says how to get it.
pub fn backends(sh: &mut Shell, without_llvm: bool) -> Result<Features, String> {
    make(sh)?;
    if without_llvm {
        return Ok(Features { llvm: None });
    }
    let newest = &LLVMS[0];
    let found = LLVMS.iter().find_map(|version| find_llvm(sh, version)).or_else(|| {
        let packages = ["llvm", "libpolly"].map(|name| format!("{name}-{}-dev", newest.major));
        eprintln!("LLVM is missing; trying to install {}", packages.join(" "));
        install(sh, &packages).then(|| find_llvm(sh, newest)).flatten()
    });
    let Some((version, prefix)) = found else { return Err(how_to_get_llvm(sh, newest)) };
    if let Some(prefix) = prefix {
        sh.set_var(version.prefix, prefix);
    }
    Ok(Features { llvm: Some(version) })
}

/// Makes sure of `make`: libffi, through which the runtime calls foreign functions, is built from source with it and the C compiler that linking needs anyway.
fn make(sh: &Shell) -> Result<(), String> {
    if on_path(sh, "make") {
        return Ok(());
    }
    eprintln!("make is missing; trying to install it");
    if install(sh, &["make".to_owned()]) && on_path(sh, "make") { Ok(()) } else { Err(how_to_get_make(sh)) }
}

fn how_to_get_make(sh: &Shell) -> String {
    let ways = [
        ("apt-get", "sudo apt-get install make"),
        ("brew", "brew install make"),
        ("dnf", "sudo dnf install make"),
        ("zypper", "sudo zypper install make"),
        ("pacman", "sudo pacman -S make"),
    ];
    let way = ways.iter().find(|(manager, _)| on_path(sh, manager)).map_or("install it", |(_, command)| command);
    format!(
        "`make` is missing, and could not be installed from here (libffi, which the runtime needs, is built with it): {way}"
    )
}

/// Installs missing peers where that is possible, and says what was found. Never an error: an absent peer is shown as absent.
pub fn peers(sh: &Shell) {
    let missing: Vec<&Peer> = PEERS.iter().filter(|p| !on_path(sh, p.program)).collect();
    if !missing.is_empty() {
        eprintln!(
            "missing peers; trying to install {}",
            missing.iter().map(|p| p.package).collect::<Vec<_>>().join(" ")
        );
        let packages: Vec<String> = missing.iter().map(|p| p.package.to_owned()).collect();
        // One package that a system does not have must not keep the others away.
        if !install(sh, &packages) && packages.len() > 1 {
            for package in packages {
                install(sh, &[package]);
            }
        }
    }
    for peer in &PEERS {
        let state = if on_path(sh, peer.program) { "found" } else { "absent" };
        println!("{:8} {state}: {}", peer.program, peer.serves);
    }
}

/// Names under which the browser is installed that the tests of the report look at it with.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The variable that tells tests what to do without.
const WITHOUT: &str = "LOCKSTEP_WITHOUT";

/// Tells the tests to do without a browser.
pub fn without_browser(sh: &mut Shell) {
    sh.set_var(WITHOUT, "browser");
}

/// Installs the browser if it is missing, needed, and can be installed. Never an error: the tests that need it fail, and say how to get it.
pub fn browser(sh: &Shell) {
    let told = sh.var_os(WITHOUT).is_some_and(|without| without == "browser");
    let found = || BROWSERS.iter().any(|program| on_path(sh, program));
    if !told && !found() {
        eprintln!("no browser; trying to install chromium");
        install(sh, &["chromium".to_owned()]);
    }
    let state = if told {
        "left out"
    } else if found() {
        "found"
    } else {
        "absent"
    };
    println!("{:8} {state}: the tests of the report in a browser", "chromium");
}

/// An LLVM, and the prefix that the bindings must be told, if they do not find it by themselves.
fn find_llvm(sh: &Shell, version: &'static Version) -> Option<(&'static Version, Option<PathBuf>)> {
    let major = version.major;
    let right =
        |config: &Path| cmd!(sh, "{config} --version").read().is_ok_and(|v| v.starts_with(&format!("{major}.")));
    if let Some(prefix) = sh.var_os(version.prefix).map(PathBuf::from) {
        return right(&prefix.join("bin/llvm-config")).then_some((version, None));
    }
    if right(Path::new(&format!("llvm-config-{major}"))) {
        return Some((version, None));
    }
    let places = [
        format!("/usr/lib/llvm-{major}"),
        format!("/usr/lib64/llvm{major}"),
        format!("/opt/homebrew/opt/llvm@{major}"),
        format!("/usr/local/opt/llvm@{major}"),
    ];
    let prefix = places.into_iter().map(PathBuf::from).find(|place| right(&place.join("bin/llvm-config")))?;
    Some((version, Some(prefix)))
}

/// Installs packages with apt, if it is there and the rights suffice. Whether that worked.
fn install(sh: &Shell, packages: &[String]) -> bool {
    if !on_path(sh, "apt-get") {
        return false;
    }
    let sudo: &[&str] = match cmd!(sh, "id -u").read().as_deref() {
        Ok("0") => &[],
        _ if cmd!(sh, "sudo -n true").run().is_ok() => &["sudo", "-n"],
        _ => return false,
    };
    let words = |rest: &[&str]| [sudo, &["apt-get"], rest].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    // A fresh machine has no lists of packages yet; old ones may name files that are gone.
    let update = words(&["update", "--quiet=2"]);
    let mut get = words(&["install", "--yes", "--no-install-recommends", "--quiet=2"]);
    get.extend_from_slice(packages);
    [update, get].iter().all(|words| {
        let (program, args) = (&words[0], &words[1..]);
        let sh = sh.with_var("DEBIAN_FRONTEND", "noninteractive");
        let done = cmd!(sh, "{program} {args...}").run();
        if let Err(error) = &done {
            eprintln!("{error}");
        }
        done.is_ok()
    })
}

fn how_to_get_llvm(sh: &Shell, version: &Version) -> String {
    let Version { major, prefix, .. } = version;
    let ways: [(&str, String); 5] = [
        (
            "apt-get",
            format!(
                "sudo apt-get update && sudo apt-get install llvm-{major}-dev libpolly-{major}-dev\n    \
                 (where the system has no such package: wget https://apt.llvm.org/llvm.sh && sudo bash llvm.sh {major} && \
                 sudo apt-get install llvm-{major}-dev libpolly-{major}-dev)"
            ),
        ),
        ("brew", format!("brew install llvm@{major}")),
        ("dnf", format!("sudo dnf install llvm{major}-devel")),
        ("zypper", format!("sudo zypper install llvm{major}-devel")),
        ("pacman", "sudo pacman -S llvm".to_owned()),
    ];
    let way = ways
        .iter()
        .find(|(manager, _)| on_path(sh, manager))
        .map_or_else(|| format!("install LLVM {major} and set {prefix} to its prefix"), |(_, command)| command.clone());
    format!(
        "LLVM {major} is missing, and could not be installed from here. Either\n    {way}\nor go on without that backend: \
         add `--without llvm`"
    )
}

/// Whether a program is on the path; it is not started.
pub fn on_path(sh: &Shell, program: &str) -> bool {
    sh.var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_make_nothing_is_built_and_the_error_says_what_to_do() {
        let mut sh = Shell::new().expect("a shell");
        sh.set_var("PATH", "/nowhere");
        let error = backends(&mut sh, true).expect_err("libffi cannot be built");
        assert!(error.starts_with("`make` is missing") && error.ends_with("install it"), "{error}");
        // With it there is nothing more to be had.
        let tools = std::env::temp_dir().join(format!("lockstep-setup-{}", std::process::id()));
        std::fs::create_dir_all(&tools).expect("a directory");
        std::fs::write(tools.join("make"), "").expect("a file");
        sh.set_var("PATH", &tools);
        assert_eq!(backends(&mut sh, true), Ok(Features { llvm: None }));
        std::fs::remove_dir_all(&tools).expect("its own");
    }
}
