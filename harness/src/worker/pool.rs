//! Workers kept for reuse. As many are alive as tasks run at once; one that died is not replaced before it is needed.

use std::path::PathBuf;
use std::sync::Mutex;

use super::client::{Death, How, Limits, Worker};
use super::task::{Answer, Task};

/// A pool of workers, shared by threads.
#[derive(Default)]
pub struct Pool {
    program: Option<PathBuf>,
    limits: Limits,
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    /// A pool whose workers are this program.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A pool whose workers are another build of this program: for tests, which are programs of their own.
    pub fn of(program: PathBuf, limits: Limits) -> Self {
        Self { program: Some(program), limits, idle: Mutex::default() }
    }

    /// Has a task done by an idle worker, or by a new one.
    ///
    /// # Errors
    /// How the worker died instead of answering.
    pub fn run(&self, task: &Task) -> Result<Answer, Box<Death>> {
        self.run_watched(task, &mut |_| {})
    }

    /// As [`Pool::run`], and reports progress as it comes.
    ///
    /// # Errors
    /// How the worker died instead of answering.
    pub fn run_watched(&self, task: &Task, watch: &mut dyn FnMut(&str)) -> Result<Answer, Box<Death>> {
        let idle = self.lock().pop();
        let mut worker = match idle {
            Some(worker) => worker,
            None => Worker::start(self.program.as_ref(), &self.limits).map_err(|e| {
                Box::new(Death { how: How::Channel(format!("cannot start it: {e}")), at: None, output: String::new() })
            })?,
        };
        let answer = worker.run_watched(task, watch)?;
        self.lock().push(worker);
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
