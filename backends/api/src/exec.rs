//! Backends as processes: `exec:CMD`.
//!
//! `CMD` is started (words split at spaces, no shell) and answers requests until its standard input ends. Each request and each response is one line of
//! JSON. The protocol is versioned by the field `lockstep_exec`; an unknown version is refused, unknown fields are ignored.
//!
//! ```text
//! -> {"lockstep_exec":1,"request":"describe"}
//! <- {"lockstep_exec":1,"version":"gcc 12.2","summary":"…","levels":["speed"],"default_level":"speed","unsupported":[]}
//! -> {"lockstep_exec":1,"request":"compile","target":{"arch":"x86_64","features":["lzcnt"]},"level":"speed","verify":false,"ir":"lockstep_ir 1 machine\n…"}
//! <- {"lockstep_exec":1,"artifact":{"arch":"x86_64","code":"<hex>","align":16,"functions":[0,64],"phases":[["gcc",0.0123]]}}
//! <- {"lockstep_exec":1,"error":{"kind":"unsupported","op":"fmin","detail":"…"}}
//! <- {"lockstep_exec":1,"error":{"kind":"internal","detail":"…"}}
//! ```
//!
//! A process that dies, prints something else or does not answer costs one [`CompileError::Process`]; the next request starts it anew.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use lockstep_ir::{Op, Unit};
use serde::{Deserialize, Serialize};

use crate::{Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Level, Options, PhaseTime, Target};

/// Version of the protocol.
pub const PROTOCOL_VERSION: u32 = 1;

/// How long a process may take over one request, unless [`ExecBackend::start_with`] says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Request {
    /// [`PROTOCOL_VERSION`].
    pub lockstep_exec: u32,
    /// What is asked for.
    #[serde(flatten)]
    pub body: RequestBody,
}

/// The requests there are.
#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum RequestBody {
    /// What are you?
    Describe,
    /// Compile this.
    Compile {
        /// For this target.
        target: Target,
        /// At this level.
        level: Level,
        /// Check your own work.
        verify: bool,
        /// The unit's text.
        ir: String,
    },
}

/// The answer to [`RequestBody::Describe`].
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Description {
    /// [`PROTOCOL_VERSION`].
    pub lockstep_exec: u32,
    /// Version of the code generator.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Levels known.
    pub levels: Vec<Level>,
    /// The level to take where none is asked for.
    pub default_level: Level,
    /// Mnemonics of the operations it does not lower.
    #[serde(default)]
    pub unsupported: Vec<String>,
}

/// The answer to [`RequestBody::Compile`].
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Response {
    /// [`PROTOCOL_VERSION`].
    pub lockstep_exec: u32,
    /// The artifact, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<WireArtifact>,
    /// why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

/// An artifact on the wire.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct WireArtifact {
    /// What it runs on.
    pub arch: Arch,
    /// Bytes in hexadecimal.
    pub code: String,
    /// Alignment in bytes.
    pub align: u32,
    /// Offset of each function.
    pub functions: Vec<u32>,
    /// Phases with their seconds.
    #[serde(default)]
    pub phases: Vec<(String, f64)>,
}

/// A refusal on the wire.
#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WireError {
    /// An operation it does not lower.
    Unsupported {
        /// The mnemonic.
        op: String,
        /// Why.
        detail: String,
    },
    /// Anything else.
    Internal {
        /// What happened.
        detail: String,
    },
}

/// A backend that is a process.
pub struct ExecBackend {
    id: String,
    command: Vec<String>,
    timeout: Duration,
    description: Description,
    process: Mutex<Option<Process>>,
}

/// Requests are written and answers read on threads of their own, so that one that neither reads nor answers can be given up.
struct Process {
    child: Child,
    requests: mpsc::Sender<String>,
    answers: mpsc::Receiver<std::io::Result<String>>,
}

impl Process {
    fn start(command: &[String]) -> Result<Self, CompileError> {
        let (program, args) =
            command.split_first().ok_or_else(|| CompileError::Process("`exec:` names no command".into()))?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| CompileError::Process(format!("cannot start `{program}`: {e}")))?;
        let mut stdin = child.stdin.take().expect("piped");
        let stdout: BufReader<ChildStdout> = BufReader::new(child.stdout.take().expect("piped"));
        let (requests, to_write) = mpsc::channel::<String>();
        std::thread::spawn(move || {
            for line in to_write {
                // Whoever cannot be written to has ended, which the lack of an answer tells better.
                if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
                    break;
                }
            }
        });
        let (send, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let failed = line.is_err();
                if send.send(line).is_err() || failed {
                    break;
                }
            }
        });
        Ok(Self { child, requests, answers })
    }

    fn ask(&mut self, body: RequestBody, timeout: Duration) -> Result<String, String> {
        let request = Request { lockstep_exec: PROTOCOL_VERSION, body };
        let mut line = serde_json::to_string(&request).expect("requests are JSON");
        line.push('\n');
        // If the writer has gone, so has the process, and there will be no answer.
        let _ = self.requests.send(line);
        match self.answers.recv_timeout(timeout) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(e)) => Err(format!("cannot read from it: {e}")),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("no answer within {} s", timeout.as_secs_f64())),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.ending()),
        }
    }

    /// How it ended, whose output did. The two happen at nearly the same time, in either order.
    fn ending(&mut self) -> String {
        for _ in 0..50 {
            match self.child.try_wait() {
                Ok(Some(status)) => return format!("it ended with {status} before answering"),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(e) => return format!("it ended before answering: {e}"),
            }
        }
        "it closed its output before answering".to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already; either way nothing is left to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ExecBackend {
    /// Starts the command and asks what it is.
    ///
    /// # Errors
    /// It cannot be started, does not answer, or speaks another version.
    pub fn start(command: &str) -> Result<Self, CompileError> {
        Self::start_with(command, REQUEST_TIMEOUT)
    }

    /// As [`ExecBackend::start`], with a limit of one's own on the time that each request may take.
    ///
    /// # Errors
    /// As [`ExecBackend::start`].
    pub fn start_with(command: &str, timeout: Duration) -> Result<Self, CompileError> {
        let command_words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let mut process = Process::start(&command_words)?;
        let line = process.ask(RequestBody::Describe, timeout).map_err(CompileError::Process)?;
        let description: Description = parse(&line)?;
        check_version(description.lockstep_exec)?;
        Ok(Self {
            id: format!("exec:{command}"),
            command: command_words,
            timeout,
            description,
            process: Mutex::new(Some(process)),
        })
    }

    fn ask(&self, body: RequestBody) -> Result<Response, CompileError> {
        let mut guard = self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut process = match guard.take() {
            Some(process) => process,
            None => Process::start(&self.command)?,
        };
        let line = process.ask(body, self.timeout).map_err(CompileError::Process)?;
        let response: Response = parse(&line)?;
        check_version(response.lockstep_exec)?;
        *guard = Some(process);
        Ok(response)
    }
}

fn parse<T: for<'de> Deserialize<'de>>(line: &str) -> Result<T, CompileError> {
    serde_json::from_str(line).map_err(|e| {
        let shown: String = line.chars().take(80).collect();
        CompileError::Process(format!("its answer is not of the protocol ({e}): {shown}"))
    })
}

fn check_version(version: u32) -> Result<(), CompileError> {
    if version == PROTOCOL_VERSION {
        Ok(())
    } else {
        Err(CompileError::Process(format!("it speaks version {version} of the protocol, not {PROTOCOL_VERSION}")))
    }
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hexadecimal digits as bytes; `None` if they are not.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |d: u8| char::from(d).to_digit(16).map(|d| d as u8);
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|d| Some(digit(d[0])? << 4 | digit(d[1])?)).collect())?
}

impl Backend for ExecBackend {
    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> String {
        self.description.version.clone()
    }

    fn summary(&self) -> String {
        self.description.summary.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            targets: Arch::host().into_iter().collect(),
            levels: self.description.levels.clone(),
            default_level: self.description.default_level,
            unsupported: self.description.unsupported.iter().filter_map(|name| Op::from_name(name)).collect(),
            execution: Execution::Native,
        }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        if !self.description.levels.contains(&options.level) {
            return Err(CompileError::UnsupportedLevel(options.level));
        }
        let ir = lockstep_ir::text::print(unit);
        let response =
            self.ask(RequestBody::Compile { target: *target, level: options.level, verify: options.verify, ir })?;
        match (response.artifact, response.error) {
            (Some(wire), None) => {
                let bytes =
                    from_hex(&wire.code).ok_or_else(|| CompileError::Process("its code is not hexadecimal".into()))?;
                let total: f64 = wire.phases.iter().map(|p| p.1).filter(|s| s.is_finite() && *s > 0.0).sum();
                let artifact = Artifact {
                    code: Code::Native { arch: wire.arch, bytes, align: wire.align },
                    functions: wire.functions,
                    phases: vec![PhaseTime {
                        name: "process",
                        time: Duration::try_from_secs_f64(total).unwrap_or_default(),
                    }],
                    source_map: Vec::new(),
                };
                artifact.check(unit.functions.len()).map_err(CompileError::Process)?;
                Ok(artifact)
            }
            (None, Some(WireError::Unsupported { op, detail })) => match Op::from_name(&op) {
                Some(op) => Err(CompileError::Unsupported { op, detail }),
                None => Err(CompileError::Process(format!("it refuses `{op}`, which is no operation: {detail}"))),
            },
            (None, Some(WireError::Internal { detail })) => Err(CompileError::Internal(detail)),
            _ => Err(CompileError::Process("its answer must hold either an artifact or an error".into())),
        }
    }
}
