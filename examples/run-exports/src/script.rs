//! WebAssembly scripts: modules, invocations, and assertions on what comes back, which is integers throughout.

use wasmi::{Engine, Instance, Linker, Module, Store, Val};
use wast::core::{WastArgCore, WastRetCore};
use wast::parser::{ParseBuffer, parse};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

use crate::Tally;

/// A module that runs.
struct Running {
    store: Store<()>,
    instance: Instance,
}

fn instantiate(mut module: QuoteWat<'_>) -> Result<Running, String> {
    let engine = Engine::default();
    let bytes = module.encode().map_err(|e| e.to_string())?;
    let module = Module::new(&engine, &bytes[..]).map_err(|e| e.to_string())?;
    let mut store = Store::new(&engine, ());
    let linker = Linker::new(&engine);
    let instance = linker.instantiate_and_start(&mut store, &module).map_err(|e| e.to_string())?;
    Ok(Running { store, instance })
}

fn invoke(running: Option<&mut Running>, call: &WastInvoke<'_>) -> Result<Vec<Val>, String> {
    let Running { store, instance } = running.ok_or("no module comes before it")?;
    let argument = |arg: &WastArg<'_>| match arg {
        WastArg::Core(WastArgCore::I32(value)) => Ok(Val::I32(*value)),
        WastArg::Core(WastArgCore::I64(value)) => Ok(Val::I64(*value)),
        other => Err(format!("an argument that is no integer: {other:?}")),
    };
    let args: Vec<Val> = call.args.iter().map(argument).collect::<Result<_, _>>()?;
    let func = instance.get_func(&*store, call.name).ok_or_else(|| format!("no function `{}`", call.name))?;
    let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
    func.call(store, &args, &mut results).map_err(|e| format!("{}: {e}", call.name))?;
    Ok(results)
}

fn same(expected: &WastRet<'_>, found: &Val) -> bool {
    match (expected, found) {
        (WastRet::Core(WastRetCore::I32(a)), Val::I32(b)) => a == b,
        (WastRet::Core(WastRetCore::I64(a)), Val::I64(b)) => a == b,
        _ => false,
    }
}

/// Runs a script.
pub fn run(text: &str) -> Result<Tally, String> {
    let buffer = ParseBuffer::new(text).map_err(|e| e.to_string())?;
    let script: Wast<'_> = parse(&buffer).map_err(|e| e.to_string())?;
    let (mut running, mut tally) = (None, Tally::default());
    for directive in script.directives {
        match directive {
            WastDirective::Module(module) => running = Some(instantiate(module)?),
            WastDirective::Invoke(call) => drop(invoke(running.as_mut(), &call)?),
            WastDirective::AssertReturn { exec: WastExecute::Invoke(call), results, span } => {
                tally.made += 1;
                let wrong = match invoke(running.as_mut(), &call) {
                    Ok(found)
                        if results.len() == found.len() && results.iter().zip(&found).all(|(a, b)| same(a, b)) =>
                    {
                        continue;
                    }
                    Ok(found) => format!("expected {results:?}, found {found:?}"),
                    Err(error) => error,
                };
                tally.wrong.push(format!("line {}: {wrong}", span.linecol_in(text).0 + 1));
            }
            _ => return Err("a directive of another kind".to_owned()),
        }
    }
    Ok(tally)
}

#[test]
fn a_changed_expectation_fails() {
    let script = |sum: u32| {
        format!(
            "(module (func (export \"f\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))\n\
             (assert_return (invoke \"f\" (i32.const 2) (i32.const 3)) (i32.const {sum}))"
        )
    };
    let tally = run(&script(5)).expect("it is run");
    assert_eq!((tally.made, tally.wrong.len()), (1, 0));
    let tally = run(&script(6)).expect("it is run");
    assert_eq!((tally.made, tally.wrong.len()), (1, 1));
}
