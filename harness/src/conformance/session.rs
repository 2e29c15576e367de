//! A server under test, what it said of itself, and requests to it.

use std::time::Instant;

use lockstep_backend_api::exec::wire::{Answer, Description, ErrorKind, Request, RequestBody, WireArtifact};
use lockstep_backend_api::exec::{PROTOCOL_VERSION, Server, check_description, parse, words};
use lockstep_backend_api::{Arch, Artifact, Level, Target};
use serde_json::{Value, json};

use super::Patience;

/// A server, and the id of the next request.
pub struct Session {
    command: String,
    server: Server,
    patience: Patience,
    next: u64,
    /// Whether its input was closed by the check itself.
    closed: bool,
}

impl Session {
    pub(super) fn new(command: &str, server: Server, patience: Patience) -> Self {
        Self { command: command.to_owned(), server, patience, next: 1, closed: false }
    }

    /// Another server of the same command.
    pub(super) fn another(&self) -> Result<Self, String> {
        Ok(Self::new(&self.command, Server::start(&words(&self.command))?, self.patience))
    }

    /// Sends text as it is.
    pub(super) fn send(&self, text: impl Into<String>) {
        self.server.send(text.into());
    }

    /// Sends a request and returns its id.
    pub(super) fn request(&mut self, body: RequestBody) -> u64 {
        let request = Request { lockstep_exec: PROTOCOL_VERSION, id: self.next, body };
        self.send(serde_json::to_string(&request).expect("requests are JSON") + "\n");
        self.next += 1;
        self.next - 1
    }

    /// Sends a request given as JSON, changed in some way, and returns its id.
    pub(super) fn changed(&mut self, body: RequestBody, change: impl FnOnce(&mut Value)) -> u64 {
        let request = Request { lockstep_exec: PROTOCOL_VERSION, id: self.next, body };
        let mut value = json!(request);
        change(&mut value);
        self.send(format!("{value}\n"));
        self.next += 1;
        self.next - 1
    }

    /// The next line, as an answer; its id must be that of the request.
    pub(super) fn answer(&mut self, id: Option<u64>) -> Result<Answer, String> {
        let line = self.server.answer(self.patience.answer).map_err(|e| e.to_string())?;
        let answer = parse(&line).map_err(|e| e.to_string())?;
        if answer.id != id && id.is_some() {
            return Err(format!("the answer to request {} has the id {:?}", id.unwrap_or(0), answer.id));
        }
        let parts = [answer.description.is_some(), answer.artifact.is_some(), answer.error.is_some()];
        if parts.iter().filter(|&&part| part).count() != 1 {
            return Err("an answer holds exactly one of `description`, `artifact` and `error`".to_owned());
        }
        if let Some(error) = &answer.error
            && ErrorKind::from_name(&error.kind).is_none()
        {
            return Err(format!("`{}` is no kind of error", error.kind));
        }
        Ok(answer)
    }

    /// Asks for the description.
    pub(super) fn describe(&mut self) -> Result<Description, String> {
        let id = self.request(RequestBody::Describe);
        let description = self.answer(Some(id))?.description.ok_or("the answer holds no description")?;
        check_description(&description)?;
        Ok(description)
    }

    /// A request to compile for this machine's architecture without extensions.
    pub(super) fn compile_request(level: Level, ir: &str) -> RequestBody {
        let target = Target::baseline(Arch::host().unwrap_or(Arch::X86_64));
        RequestBody::Compile { target, level, verify: false, ir: ir.to_owned() }
    }

    /// Has a unit of so many functions compiled.
    pub(super) fn compile(&mut self, level: Level, ir: &str, functions: usize) -> Result<WireArtifact, String> {
        let id = self.request(Self::compile_request(level, ir));
        self.artifact(id, functions)
    }

    /// An answer that must be an artifact, well-formed.
    pub(super) fn artifact(&mut self, id: u64, functions: usize) -> Result<WireArtifact, String> {
        let answer = self.answer(Some(id))?;
        match (answer.artifact, answer.error) {
            (Some(wire), _) => {
                let _: Artifact = lockstep_backend_api::exec::artifact(wire.clone(), functions)?;
                Ok(wire)
            }
            (None, Some(error)) => Err(format!("it refuses ({}): {}", error.kind, error.detail)),
            (None, None) => Err("the answer holds no artifact".to_owned()),
        }
    }

    /// An answer that must be an error of this kind.
    pub(super) fn refusal(&mut self, id: Option<u64>, kind: ErrorKind) -> Result<Answer, String> {
        let answer = self.answer(id)?;
        match &answer.error {
            Some(error) if error.kind == kind.name() => Ok(answer),
            Some(error) => Err(format!("the error is `{}` ({}), not `{}`", error.kind, error.detail, kind.name())),
            None => Err(format!("it is no error; it must be `{}`", kind.name())),
        }
    }

    /// Closes the server's input; what a check has still to say comes before.
    pub(super) fn close(&mut self) {
        self.server.close_input();
        self.closed = true;
    }

    /// It ends with status 0, soon, and prints nothing more.
    pub(super) fn ends(&mut self) -> Result<(), String> {
        let began = Instant::now();
        match self.server.wait(self.patience.end) {
            None => Err(format!("its input has ended, and {} s later it runs on", began.elapsed().as_secs())),
            Some(status) if !status.success() => Err(format!("its input has ended, and it ended with {status}")),
            Some(_) => match self.server.answer(self.patience.end) {
                Ok(line) => {
                    Err(format!("it printed what was not asked for: {}", line.chars().take(80).collect::<String>()))
                }
                Err(_) => Ok(()),
            },
        }
    }

    /// What every check ends with: the input is closed, and the server ends.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        if !self.closed {
            self.close();
        }
        self.ends()
    }
}
