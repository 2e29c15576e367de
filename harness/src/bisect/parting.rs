//! Where two runs part: the first event at which the frames differ, and the instruction before it.
//!
//! An exit is forced at the K-th event, in the interpreter's run and in the other, and the frames are compared; bisection over K finds the first
//! event at which they differ. If it still shows when every instruction is an event, that is one instruction; otherwise a stretch
//! between two back edges or calls.

use lockstep_bytecode::{FuncId, Function, Module, Pc};

use super::lab::{Frames, Lab};
use super::probe::{Frame, Subject, Way};
use super::verdict::{Manner, Parting, Place, View};

/// The first difference on a way that fails. `None` if frames never differ, however the code is left.
///
/// # Errors
/// It cannot be tried.
pub fn first_difference(lab: &Lab, subject: &Subject, module: &Module, way: &Way) -> Result<Option<Parting>, String> {
    let search = Search { lab, subject, module, way };
    if let Some(&k) = way.exits.first() {
        // The exit itself is suspected.
        let frames = search.frames(k, false)?;
        if !frames.agree() {
            return Ok(Some(search.parting(k, false, Manner::WrittenBack, frames)?));
        }
    }
    for step in [true, false] {
        if step && subject.limits.budget.is_some() {
            // A budget would count instructions.
            continue;
        }
        if let Some(parting) = search.bisect(step)? {
            return Ok(Some(parting));
        }
    }
    Ok(None)
}

struct Search<'s> {
    lab: &'s Lab,
    subject: &'s Subject,
    module: &'s Module,
    way: &'s Way,
}

impl Search<'_> {
    fn frames(&self, k: u64, step: bool) -> Result<Frames, String> {
        self.lab.frames(self.subject, &Way { exits: vec![k], step, ..self.way.clone() })
    }

    fn bisect(&self, step: bool) -> Result<Option<Parting>, String> {
        let events = self.lab.events(self.subject, step)?;
        // Beyond the last event there is the end, which differs if nothing is forced.
        let whole = Way { exits: vec![events + 1], step, ..self.way.clone() };
        let (mut low, mut high) = (0, events + 1);
        if !self.lab.differs(self.subject, &whole)? {
            // It shows only where code is left: look for any event at which it does.
            let stride = 1 + events / 200;
            let mut found = None;
            for k in (1..=events).step_by(stride as usize) {
                if !self.frames(k, step)?.agree() {
                    found = Some(k);
                    break;
                }
            }
            let Some(k) = found else { return Ok(None) };
            (low, high) = (k - 1, k);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.frames(middle, step)?.agree() { low = middle } else { high = middle }
        }
        let frames = self.frames(high, step)?;
        let manner = self.manner(high, step, &frames)?;
        self.parting(high, step, manner, frames).map(Some)
    }

    /// What a difference at event `k`, and none at the one before, means.
    fn manner(&self, k: u64, step: bool, frames: &Frames) -> Result<Manner, String> {
        let (Some(here), Ok(Some(other))) = (&frames.interpreter, &frames.other) else {
            return Ok(if step { Manner::Executed } else { Manner::Since });
        };
        let before = if k > 1 { self.frames(k - 1, step)?.interpreter } else { None };
        let Some(before) = before else {
            // Nothing was executed yet.
            return Ok(Manner::WrittenBack);
        };
        let header = |unit: &(u32, Option<u32>)| *unit == (here.func, Some(here.pc));
        let at_loop = self.way.only.iter().flatten().any(header) && before.func == here.func && here.pc <= before.pc;
        // The step before the arrival is the back edge itself: what came before that is asked for.
        if step && at_loop && !self.lab.went_round(self.subject, (here.func, here.pc), k - 1)? {
            return Ok(Manner::Entered);
        }
        let mistagged = |frame: &Frame| frame.registers.iter().any(|(_, text)| text.contains(" tagged "));
        if mistagged(other) || step && !self.may_follow(&before, other) {
            return Ok(Manner::WrittenBack);
        }
        // What is right again at a later event was never wrong: only what was written back here.
        let mut later = k + 1;
        while later <= k + 3 {
            let frames = self.frames(later, step)?;
            if frames.interpreter.is_some() && frames.agree() {
                return Ok(Manner::WrittenBack);
            }
            later += 1;
        }
        Ok(if step { Manner::Executed } else { Manner::Since })
    }

    /// Whether a frame can be that of the instruction after another's.
    fn may_follow(&self, before: &Frame, after: &Frame) -> bool {
        if before.func != after.func || before.depth != after.depth {
            return true;
        }
        let function: &Function = self.module.function(FuncId(before.func));
        let mut may = function.instr(Pc(before.pc)).callee().is_some();
        function.for_each_successor(Pc(before.pc), |to| may |= to == Pc(after.pc));
        may
    }

    fn parting(&self, k: u64, step: bool, manner: Manner, frames: Frames) -> Result<Parting, String> {
        let place = |frame: &Frame| Place::new(self.module, frame.func, frame.pc);
        let at = match (manner, &frames.interpreter) {
            (Manner::WrittenBack | Manner::Entered, Some(here)) => place(here),
            _ if k > 1 => self.frames(k - 1, step)?.interpreter.as_ref().and_then(place),
            _ => frames.interpreter.as_ref().and_then(place),
        };
        let view = |frame: &Frame| View::new(self.module, frame);
        let (other, died) = match &frames.other {
            Ok(frame) => (frame.as_ref().and_then(view), None),
            Err(how) => (None, Some(how.clone())),
        };
        let interpreter = frames.interpreter.as_ref().and_then(view);
        Ok(Parting { event: k, step, manner, place: at, interpreter, other, died })
    }
}
