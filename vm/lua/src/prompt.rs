//! The interactive prompt: statements and expressions line by line, as `lua -i` takes them. How lines are read and errors shown is the terminal's affair.

use lockstep_runtime::{HostResult, Local, Scope};

use crate::library::{self, Standard};
use crate::standalone::protected;

/// Where lines come from, and where errors go.
pub trait Terminal {
    /// The next line, without its end; `None` when there are no more.
    fn line(&mut self, prompt: &str) -> Option<String>;

    /// Keeps what was entered for the history.
    fn remember(&mut self, entry: &str);

    /// Shows what went wrong.
    fn complain(&mut self, message: &[u8]);
}

/// What the parser says at the end of what is not complete.
const END: &[u8] = b"<eof>";

/// The name of what is entered.
const CHUNK: &[u8] = b"=stdin";

/// Reads, runs and prints until there are no more lines. Errors do not end it.
///
/// # Errors
/// There is no memory, or the run was interrupted.
pub fn run(
    scope: &mut Scope<'_>,
    standard: &Standard,
    terminal: &mut dyn Terminal,
    globals: Local<'_>,
    handler: Local<'_>,
) -> HostResult {
    loop {
        standard.flush();
        let is_over = scope.scope(|scope| -> HostResult<bool> {
            let Some(function) = read(scope, terminal, globals)? else { return Ok(true) };
            let results = match function {
                Ok(function) => protected(scope, function, &[], handler)?,
                Err(message) => Err(message),
            };
            match results {
                Ok(results) => print(scope, terminal, globals, handler, &results)?,
                Err(message) => terminal.complain(&message),
            }
            Ok(false)
        })?;
        if is_over {
            return Ok(());
        }
    }
}

/// The next chunk, or what is wrong with it; `None` when there are no more lines.
fn read<'s>(
    scope: &mut Scope<'s>,
    terminal: &mut dyn Terminal,
    globals: Local<'_>,
) -> HostResult<Option<Result<Local<'s>, Vec<u8>>>> {
    let prompt = text_of(scope, globals, "_PROMPT", "> ")?;
    let Some(mut entry) = terminal.line(&prompt) else { return Ok(None) };
    if let Some(expression) = entry.strip_prefix('=') {
        entry = format!("return {expression}");
    }
    // An expression is a statement that returns its values.
    let expression = library::chunk(scope, format!("return {entry}").as_bytes(), CHUNK, b"t", globals)?;
    if expression.is_ok() {
        terminal.remember(&entry);
        return Ok(Some(expression));
    }
    loop {
        let chunk = library::chunk(scope, entry.as_bytes(), CHUNK, b"t", globals)?;
        let is_incomplete = chunk.as_ref().is_err_and(|message| message.ends_with(END));
        if is_incomplete {
            let prompt = text_of(scope, globals, "_PROMPT2", ">> ")?;
            if let Some(line) = terminal.line(&prompt) {
                entry = entry + "\n" + &line;
                continue;
            }
        }
        terminal.remember(&entry);
        return Ok(Some(chunk));
    }
}

/// A global variable's text, or the default where it is nil.
fn text_of(scope: &mut Scope<'_>, globals: Local<'_>, name: &str, default: &str) -> HostResult<String> {
    let value = scope.get(globals, name)?;
    if value.is_nil() {
        return Ok(default.to_owned());
    }
    Ok(String::from_utf8_lossy(scope.text(value)?.bytes()).into_owned())
}

/// Prints values by the program's `print`.
fn print(
    scope: &mut Scope<'_>,
    terminal: &mut dyn Terminal,
    globals: Local<'_>,
    handler: Local<'_>,
    values: &[Local<'_>],
) -> HostResult {
    if values.is_empty() {
        return Ok(());
    }
    let print = scope.get(globals, "print")?;
    if let Err(message) = protected(scope, print, values, handler)? {
        terminal.complain(&[b"error calling 'print' (", &message[..], b")"].concat());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    use super::Terminal;
    use crate::Standard;
    use crate::standalone::{Conditions, Invocation, run_with};

    /// What has happened, in order.
    type Record = Rc<RefCell<String>>;

    struct Script {
        lines: std::vec::IntoIter<&'static str>,
        record: Record,
    }

    impl Terminal for Script {
        fn line(&mut self, prompt: &str) -> Option<String> {
            let line = self.lines.next().map(str::to_owned);
            *self.record.borrow_mut() += &format!("{prompt}{}\n", line.as_deref().unwrap_or("EOF"));
            line
        }

        fn remember(&mut self, entry: &str) {
            *self.record.borrow_mut() += &format!("[{}]\n", entry.replace('\n', "/"));
        }

        fn complain(&mut self, message: &[u8]) {
            let text = String::from_utf8_lossy(message).into_owned();
            *self.record.borrow_mut() += &format!("! {}\n", text.lines().next().unwrap_or_default());
        }
    }

    struct Output(Record);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0.borrow_mut() += &String::from_utf8_lossy(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn session(lines: Vec<&'static str>) -> String {
        let record = Record::default();
        let output = |record: &Record| Box::new(Output(record.clone()));
        let standard = Standard::new(Box::new(io::empty()), output(&record), output(&record));
        let terminal = Script { lines: lines.into_iter(), record: record.clone() };
        let status =
            run_with(Invocation::default(), Conditions::default(), Rc::new(standard), Some(Box::new(terminal)));
        assert_eq!(status, 0);
        record.take()
    }

    #[test]
    fn values_are_printed_and_incomplete_statements_go_on() {
        let seen = session(vec!["1 + 1, nil", "x = 3", "for i = 1, 2 do", "print(i)", "end", "=x"]);
        let expected = "> 1 + 1, nil\n[1 + 1, nil]\n2\tnil\n> x = 3\n[x = 3]\n> for i = 1, 2 do\n>> print(i)\n>> end\n\
                        [for i = 1, 2 do/print(i)/end]\n1\n2\n> =x\n[return x]\n3\n> EOF\n";
        assert_eq!(seen, expected);
    }

    #[test]
    fn errors_do_not_end_the_session() {
        let seen =
            session(vec!["error('no')", "x +", "y = 1 +", "2", "_PROMPT = '? '", "nope.x", "print = nil", "1", "if"]);
        for line in [
            "! stdin:1: no",
            "! stdin:1: syntax error near '+'",
            ">> 2\n[y = 1 +/2]",
            "? nope.x",
            "! stdin:1: attempt to index a nil value (global 'nope')",
            "! error calling 'print' (attempt to call a nil value",
        ] {
            assert!(seen.contains(line), "{line} in {seen}");
        }
        assert!(seen.ends_with(">> EOF\n[if]\n! stdin:1: unexpected symbol near <eof>\n? EOF\n"), "{seen}");
    }
}
