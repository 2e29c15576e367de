//! Backends as processes: `exec:CMD`.
//!
//! `CMD` is started (words split at spaces, no shell) and answers requests until its standard input ends. Each request and each answer is one
//! line of JSON; docs/exec-protocol.md describes them, [`wire`] is their Rust side, [`Server`] the process.
//!
//! A process that dies, prints something else or does not answer costs one [`CompileError::Process`]; the next request starts it anew.

mod server;
pub mod wire;

pub use server::{Server, Silence, running};
pub use wire::PROTOCOL_VERSION;

use std::sync::Mutex;
use std::time::Duration;

use lockstep_ir::{Op, Stage, Unit};

use crate::{Arch, Artifact, Backend, Capabilities, Code, CompileError, Execution, Options, PhaseTime, Target};
use wire::{Answer, Description, ErrorKind, Request, RequestBody, WireArtifact, WireError, from_hex};

/// How long a process may take over one request, unless [`ExecBackend::start_with`] says otherwise: less than a worker process may
/// be silent by default, so that it is the request that fails.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(50);

/// A backend that is a process.
pub struct ExecBackend {
    id: String,
    command: Vec<String>,
    timeout: Duration,
    description: Description,
    unsupported: Vec<Op>,
    connection: Mutex<Option<Connection>>,
}

/// A server, and the id of its next request.
struct Connection {
    server: Server,
    next: u64,
}

impl Connection {
    fn start(command: &[String]) -> Result<Self, CompileError> {
        Ok(Self { server: Server::start(command).map_err(CompileError::Process)?, next: 1 })
    }

    /// Asks, and checks that the answer is one to this request.
    fn ask(&mut self, body: RequestBody, timeout: Duration) -> Result<Answer, CompileError> {
        self.quiet()?;
        let id = self.next;
        self.next += 1;
        let request = Request { lockstep_exec: PROTOCOL_VERSION, id, body };
        self.server.send(serde_json::to_string(&request).expect("requests are JSON") + "\n");
        let line = self.server.answer(timeout).map_err(|e| CompileError::Process(e.to_string()))?;
        let answer = parse(&line)?;
        if answer.id != Some(id) {
            let found = answer.id.map_or_else(|| "no id".to_owned(), |id| format!("id {id}"));
            return Err(CompileError::Process(format!("its answer has {found}, not the request's, {id}")));
        }
        self.quiet()?;
        Ok(answer)
    }

    /// Nothing may be printed that was not asked for.
    fn quiet(&mut self) -> Result<(), CompileError> {
        match self.server.unasked() {
            Some(line) => Err(CompileError::Process(format!("it printed what nobody had asked for: {}", shown(&line)))),
            None => Ok(()),
        }
    }
}

impl ExecBackend {
    /// Starts the command and asks what it is.
    ///
    /// # Errors
    /// It cannot be started, does not answer, speaks another version, or describes what makes no sense.
    pub fn start(command: &str) -> Result<Self, CompileError> {
        Self::start_with(command, REQUEST_TIMEOUT)
    }

    /// As [`ExecBackend::start`], with a limit of one's own on the time that each request may take.
    ///
    /// # Errors
    /// As [`ExecBackend::start`].
    pub fn start_with(command: &str, timeout: Duration) -> Result<Self, CompileError> {
        let words = words(command);
        let mut connection = Connection::start(&words)?;
        let answer = connection.ask(RequestBody::Describe, timeout)?;
        let description = match (answer.description, answer.error) {
            (Some(description), None) => description,
            (None, Some(error)) => return Err(refusal(error)),
            _ => return Err(CompileError::Process("its answer must hold either a description or an error".into())),
        };
        let unsupported = check_description(&description).map_err(CompileError::Process)?;
        Ok(Self {
            id: format!("exec:{command}"),
            command: words,
            timeout,
            description,
            unsupported,
            connection: Mutex::new(Some(connection)),
        })
    }

    fn ask(&self, body: RequestBody) -> Result<Answer, CompileError> {
        let mut guard = self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut connection = match guard.take() {
            Some(connection) => connection,
            None => Connection::start(&self.command)?,
        };
        // One that broke the protocol is dropped here, and with it the process.
        let answer = connection.ask(body, self.timeout)?;
        *guard = Some(connection);
        Ok(answer)
    }
}

/// A command's words.
pub fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

/// The operations that a description declares unsupported.
///
/// # Errors
/// What in it makes no sense.
pub fn check_description(description: &Description) -> Result<Vec<Op>, String> {
    let Description { levels, default_level, unsupported, .. } = description;
    if !levels.contains(default_level) {
        return Err(format!("its default level, `{default_level}`, is not among its levels"));
    }
    if levels.iter().enumerate().any(|(n, level)| levels[..n].contains(level)) {
        return Err("it names a level twice".to_owned());
    }
    let op = |name: &String| {
        Op::from_name(name)
            .filter(|op| op.info().stage == Stage::Machine)
            .ok_or_else(|| format!("it declares `{name}` unsupported, which is no operation of the machine stage"))
    };
    unsupported.iter().map(op).collect()
}

/// An answer of this version.
///
/// # Errors
/// It is no answer, or of another version.
pub fn parse(line: &str) -> Result<Answer, CompileError> {
    let answer: Answer = serde_json::from_str(line)
        .map_err(|e| CompileError::Process(format!("its answer is not of the protocol ({e}): {}", shown(line))))?;
    match answer.lockstep_exec {
        PROTOCOL_VERSION => Ok(answer),
        version => {
            Err(CompileError::Process(format!("it speaks version {version} of the protocol, not {PROTOCOL_VERSION}")))
        }
    }
}

/// A line, as much as fits into a message.
fn shown(line: &str) -> String {
    line.chars().take(80).collect()
}

/// An artifact as the interface has it, checked for a unit of so many functions.
///
/// # Errors
/// What is malformed.
pub fn artifact(wire: WireArtifact, functions: usize) -> Result<Artifact, String> {
    let bytes = from_hex(&wire.code).ok_or("its code is not hexadecimal")?;
    let total: f64 = wire.phases.iter().map(|p| p.1).filter(|s| s.is_finite() && *s > 0.0).sum();
    let artifact = Artifact {
        code: Code::Native { arch: wire.arch, bytes, align: wire.align },
        functions: wire.functions,
        phases: vec![PhaseTime { name: "process", time: Duration::try_from_secs_f64(total).unwrap_or_default() }],
        source_map: Vec::new(),
    };
    artifact.check(functions)?;
    Ok(artifact)
}

/// An error on the wire as the interface has it.
fn refusal(error: WireError) -> CompileError {
    let WireError { kind, op, detail } = error;
    match ErrorKind::from_name(&kind) {
        Some(ErrorKind::Unsupported) => match op.as_deref().map(|name| (name, Op::from_name(name))) {
            Some((_, Some(op))) => CompileError::Unsupported { op, detail },
            Some((name, None)) => {
                CompileError::Process(format!("it refuses `{name}`, which is no operation: {detail}"))
            }
            None => CompileError::Process(format!("it refuses an operation, and does not say which: {detail}")),
        },
        Some(ErrorKind::TooLarge) => CompileError::TooLarge(detail),
        Some(ErrorKind::InvalidUnit) => CompileError::InvalidUnit(detail),
        Some(ErrorKind::Internal) => CompileError::Internal(detail),
        Some(_) => CompileError::Process(format!("it refuses the request ({kind}): {detail}")),
        None => CompileError::Process(format!("its error is of no known kind, `{kind}`: {detail}")),
    }
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
            unsupported: self.unsupported.clone(),
            execution: Execution::Native,
        }
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        let Options { level, verify }: Options = *options;
        if !self.description.levels.contains(&level) {
            return Err(CompileError::UnsupportedLevel(level));
        }
        let ir = lockstep_ir::text::print(unit);
        let answer = self.ask(RequestBody::Compile { target: *target, level, verify, ir })?;
        match (answer.artifact, answer.error) {
            (Some(wire), None) => artifact(wire, unit.functions.len()).map_err(CompileError::Process),
            (None, Some(error)) => match ErrorKind::from_name(&error.kind) {
                Some(ErrorKind::UnsupportedTarget) => Err(CompileError::UnsupportedTarget(target.arch)),
                Some(ErrorKind::UnsupportedLevel) => Err(CompileError::UnsupportedLevel(level)),
                _ => Err(refusal(error)),
            },
            _ => Err(CompileError::Process("its answer must hold either an artifact or an error".into())),
        }
    }
}
