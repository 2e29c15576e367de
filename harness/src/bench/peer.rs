//! Programs from outside that run twins of the kernels: yardsticks that share no code with Lockstep.
//!
//! A twin lies in `harness/peers`. It takes the kernel's arguments on its command line and prints two lines: `checksum VALUE`, spelled as the interpreter
//! spells the result, and `seconds TIME`, the time of the kernel alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that runs twins. In its commands `SOURCE` stands for the twin, `BINARY` for what it is compiled to, `PEERS/` for the directory of twins.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its id.
    pub id: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// The ending of its twins.
    pub ending: &'static str,
    /// The command that prints its version.
    version: &'static [&'static str],
    /// The command that compiles a twin; empty if it is run from its source.
    build: &'static [&'static str],
    /// The command that runs a twin; the kernel's arguments follow.
    run: &'static [&'static str],
}

/// The id of the peer that uplift's reference is held against.
pub const INTERPRETER_YARDSTICK: &str = "lua5.4";
/// The id of the peer that native code is held against.
pub const NATIVE_YARDSTICK: &str = "gcc";

/// The id of the peer that is shown beside on Lua programs: an interpreter written in assembly.
pub const LUA_BESIDE: &str = "luajit-joff";

/// All peers.
pub const PEERS: [Peer; 5] = [
    Peer {
        id: NATIVE_YARDSTICK,
        about: "C twins, gcc -O2",
        ending: "c",
        version: &["gcc", "--version"],
        build: &["gcc", "-O2", "-o", "BINARY", "SOURCE", "-lm"],
        run: &["BINARY"],
    },
    Peer {
        id: "go",
        about: "Go twins, the Go compiler",
        ending: "go",
        version: &["go", "version"],
        build: &["go", "build", "-o", "BINARY", "SOURCE", "PEERS/peer.go"],
        run: &["BINARY"],
    },
    Peer {
        id: "luajit",
        about: "LuaJIT twins, with its JIT compiler and FFI",
        ending: "luajit.lua",
        version: &["luajit", "-v"],
        build: &[],
        run: &["luajit", "SOURCE"],
    },
    Peer {
        id: INTERPRETER_YARDSTICK,
        about: "Lua twins, PUC Lua 5.4",
        ending: "lua",
        version: &["lua5.4", "-v"],
        build: &[],
        run: &["lua5.4", "SOURCE"],
    },
    Peer {
        id: LUA_BESIDE,
        about: "Lua programs, LuaJIT without its JIT compiler",
        ending: "lua",
        version: &["luajit", "-v"],
        build: &[],
        run: &["luajit", "-joff", "SOURCE"],
    },
];

/// The twin that runs a Lua program, the first of its arguments: what that prints is the checksum.
pub const LUA_PROGRAM: &str = "program";

/// What a twin printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its checksum, as printed.
    pub checksum: String,
    /// Seconds of the kernel.
    pub seconds: f64,
}

/// The peer of that id.
pub fn find(id: &str) -> Option<&'static Peer> {
    PEERS.iter().find(|p| p.id == id)
}

impl Peer {
    /// Whether gates read its times.
    pub fn is_yardstick(&self) -> bool {
        [INTERPRETER_YARDSTICK, NATIVE_YARDSTICK].contains(&self.id)
    }

    /// The program that must be installed.
    pub fn program(&self) -> &'static str {
        self.version[0]
    }

    /// The first line of its own account of its version; `None` if it is absent from this machine.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(self.program()).args(&self.version[1..]).stdin(Stdio::null()).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
        output.status.success().then_some(line)
    }

    /// The command that runs a twin, which is compiled into `build` first if need be.
    ///
    /// # Errors
    /// There is no such twin, or it does not compile.
    pub fn prepare(&self, peers: &Path, twin: &str, build: &Path) -> Result<Vec<PathBuf>, String> {
        let source = peers.join(twin).with_extension(self.ending);
        if !source.is_file() {
            return Err(format!("no twin: {} is not there", source.display()));
        }
        // Twins of one kernel are compiled by several peers.
        let binary = build.join(format!("{twin}.{}", self.id));
        let words = |command: &[&str]| -> Vec<PathBuf> {
            let word = |word: &&str| match *word {
                "SOURCE" => source.clone(),
                "BINARY" => binary.clone(),
                word => word.strip_prefix("PEERS/").map_or_else(|| word.into(), |file| peers.join(file)),
            };
            command.iter().map(word).collect()
        };
        if let [compiler, arguments @ ..] = &words(self.build)[..] {
            std::fs::create_dir_all(build).map_err(|e| format!("{}: {e}", build.display()))?;
            let output = Command::new(compiler)
                .args(arguments)
                .stdin(Stdio::null())
                .output()
                .map_err(|e| format!("{}: {e}", compiler.display()))?;
            if !output.status.success() {
                return Err(format!("{}: {}", source.display(), String::from_utf8_lossy(&output.stderr).trim()));
            }
        }
        Ok(words(self.run))
    }
}

/// Runs a twin.
///
/// # Errors
/// It failed, took too long, or printed something else than was agreed.
pub fn run(command: &[PathBuf], args: &[String], limit: Duration) -> Result<Reading, String> {
    let [program, rest @ ..] = command else { return Err("no command".to_owned()) };
    let mut child = Command::new(program)
        .args(rest)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if started.elapsed() > limit => {
                child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
                return Err(format!("no end after {} s", limit.as_secs()));
            }
            // It measures itself: a coarse look does not disturb it.
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    // Two short lines fit into a pipe: the program cannot have waited for a reader.
    let mut text = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut text).map_err(|e| e.to_string())?;
    }
    if !status.success() {
        let mut why = String::new();
        if let Some(mut err) = child.stderr.take() {
            err.read_to_string(&mut why).map_err(|e| e.to_string())?;
        }
        return Err(format!("{status}: {}", why.trim()));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Reading, String> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(str::trim).ok_or_else(|| format!("printed no line `{name} …`"))
    };
    let seconds = field("seconds")?;
    let number = seconds.parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0);
    let seconds = number.ok_or_else(|| format!("`{seconds}` is no time"))?;
    Ok(Reading { checksum: field("checksum")?.to_owned(), seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<PathBuf> {
        vec!["sh".into(), "-c".into(), script.into(), "sh".into()]
    }

    #[test]
    fn a_reading_is_what_was_printed() {
        let minute = Duration::from_secs(60);
        let reading = run(&shell("echo checksum -$1; echo seconds 0.25"), &["17".to_owned()], minute);
        assert_eq!(reading, Ok(Reading { checksum: "-17".to_owned(), seconds: 0.25 }));
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let minute = Duration::from_secs(60);
        let error = |script: &str, limit| run(&shell(script), &[], limit).expect_err("it fails");
        assert!(error("echo seconds 1", minute).contains("checksum"));
        assert!(error("echo checksum 1; echo seconds nan", minute).contains("no time"));
        assert!(error("echo broken >&2; exit 3", minute).contains("broken"));
        assert!(error("exec sleep 60", Duration::from_millis(20)).contains("no end"));
        assert!(run(&["no-such-program".into()], &[], minute).is_err());
    }
}
