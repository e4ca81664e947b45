//! Any further program of a test, above all the controller: started, killed, waited for.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use rustix::process::Signal;
use tokio::time::timeout;

use crate::{
    Error, file,
    layout::Layout,
    run::{Run, Spec},
    thread,
};

const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// What to start.
///
/// The child gets PATH, a HOME inside the bed, and what is named here; nothing else of the
/// test's environment.
#[derive(Debug, Clone)]
pub struct Invocation {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Invocation {
    /// A program under a name, which is also its log's.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, all: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(all.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// A started program. Dropping it kills it, with all that it started, and waits for its end.
#[derive(Debug)]
pub struct Program {
    name: String,
    log: PathBuf,
    run: Run,
}

impl Program {
    pub(crate) async fn start(layout: &Layout, invocation: Invocation) -> Result<Self, Error> {
        let Invocation {
            name,
            program,
            arguments,
            environment,
        } = invocation;
        let spec = Spec {
            arguments,
            environment,
            ..Spec::new(&name, program, layout)
        };
        let log = spec.log.clone();
        let run = thread::run(async move { Run::start(&spec) }).await?;
        Ok(Self { name, log, run })
    }

    /// The process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.run.id()
    }

    /// The log file, shared by all programs of the same name.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Everything logged so far.
    pub fn log_text(&self) -> Result<String, Error> {
        file::read(&self.log)
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.run.status()
    }

    /// Kills it like `kill -9` and waits until it is gone.
    pub async fn kill(&self) -> ExitStatus {
        self.run.signal(Signal::KILL);
        self.run.ended().await
    }

    /// Asks it to end (SIGTERM), without waiting.
    pub fn terminate(&self) {
        self.run.signal(Signal::TERM);
    }

    /// Stops it where it is (SIGSTOP).
    pub fn pause(&self) {
        self.run.signal(Signal::STOP);
    }

    /// Lets it go on after a pause (SIGCONT).
    pub fn resume(&self) {
        self.run.signal(Signal::CONT);
    }

    /// Waits for its end; an error with the end of its log when it is still running then.
    pub async fn wait(&self, limit: Duration) -> Result<ExitStatus, Error> {
        // The timer belongs to the caller's runtime, the process does not.
        timeout(limit, self.run.ended())
            .await
            .map_err(|_| Error::StillRunning {
                name: self.name.clone(),
                seconds: limit.as_secs(),
                log: self.log.clone(),
                tail: file::tail(&self.log),
            })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let run = self.run.clone();
        let end = async move { run.end(Signal::KILL, DROP_PATIENCE).await };
        thread::run_blocking(end, DROP_PATIENCE * 2);
    }
}
