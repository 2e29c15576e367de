//! Where the prompt of `lockstep run -i` gets its lines: from an editor with a history where somebody types, and plainly where not.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use lockstep_lua::Terminal;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

/// The terminal for the process's standard input.
pub(super) fn terminal() -> Box<dyn Terminal> {
    let editor = if std::io::stdin().is_terminal() { DefaultEditor::new().ok() } else { None };
    match editor {
        Some(mut editor) => {
            let file = history_file();
            // There may be none yet.
            drop(file.as_ref().map(|file| editor.load_history(file)));
            Box::new(Edited { editor, file })
        }
        None => Box::new(Plain),
    }
}

/// Where the history is kept: in the user's directory for state.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))?;
    Some(state.join("lockstep/lua_history"))
}

/// Shows a message on standard error, in red where that shows colours and `NO_COLOR` does not forbid them.
fn complain(message: &[u8]) {
    let style = anstyle::AnsiColor::Red.on_default();
    let text = String::from_utf8_lossy(message);
    // There is nowhere else to say it.
    drop(writeln!(anstream::stderr(), "{style}{text}{style:#}"));
}

struct Edited {
    editor: DefaultEditor,
    file: Option<PathBuf>,
}

impl Terminal for Edited {
    fn line(&mut self, prompt: &str) -> Option<String> {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => return Some(line),
                // What was typed is dropped.
                Err(ReadlineError::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }

    fn remember(&mut self, entry: &str) {
        // A history that cannot be kept is no reason to stop.
        drop(self.editor.add_history_entry(entry));
        if let Some(file) = &self.file {
            drop(file.parent().map(std::fs::create_dir_all));
            drop(self.editor.save_history(file));
        }
    }

    fn complain(&mut self, message: &[u8]) {
        complain(message);
    }
}

struct Plain;

impl Terminal for Plain {
    fn line(&mut self, prompt: &str) -> Option<String> {
        print!("{prompt}");
        drop(std::io::stdout().flush());
        let mut line = String::new();
        let count = std::io::stdin().lock().read_line(&mut line).unwrap_or(0);
        if count == 0 {
            println!();
            return None;
        }
        Some(line.trim_end_matches('\n').to_owned())
    }

    fn remember(&mut self, _entry: &str) {}

    fn complain(&mut self, message: &[u8]) {
        complain(message);
    }
}
