//! Set-up, CI and chores; thin, over xshell.
fn main() {}
