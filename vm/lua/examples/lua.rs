//! `lua FILE ARGS…`: a program on the interpreter, without the harness around it.

use std::process::ExitCode;

use lockstep_lua::standalone::{Conditions, Invocation, run};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let script = args.next();
    let invocation = Invocation { steps: Vec::new(), script, args: args.collect(), before: Vec::new() };
    ExitCode::from(run(invocation, Conditions::default()))
}
