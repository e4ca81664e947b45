//! What can go wrong in the test bed, said so that the reader knows what to do next.
//!
//! `Debug` prints the whole chain as text: a test that unwraps shows the log tail of the process
//! that failed as lines, not as one escaped string.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Why a step of the test bed failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that the machine has to provide is not there.
    #[error("{tool} was not found: install {package}")]
    MissingTool {
        /// What was looked for.
        tool: String,
        /// Where it comes from.
        package: &'static str,
    },
    /// A program of the machine is too old.
    #[error("{tool} is version {found}, at least {wanted} is needed: install a newer {package}")]
    OldTool {
        /// Which program.
        tool: &'static str,
        /// The version that it tells.
        found: String,
        /// The oldest version that will do.
        wanted: u32,
        /// Where a newer one comes from.
        package: &'static str,
    },
    /// An environment variable names something that cannot be used.
    #[error("{variable} names {path}, {problem}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}")]
    Spawn {
        /// Which program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A short-lived program said no.
    #[error("{command} failed ({status}):\n{output}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A server ended while it was waited for.
    #[error("{name} ended by itself ({status}); the end of {log}:\n{tail}")]
    Died {
        /// Which server.
        name: String,
        /// How it ended.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A server or condition was not ready in time.
    #[error("{name} was not ready within {seconds} s ({problem}); the end of {log}:\n{tail}")]
    NotReady {
        /// Which server.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// What the last look said.
        problem: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A program was still running after the given time.
    #[error("{name} is still running after {seconds} s; the end of {log}:\n{tail}")]
    StillRunning {
        /// Which program.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A request to coderd got no answer.
    #[error("cannot {action} in coderd")]
    Request {
        /// What was tried, as a verb.
        action: &'static str,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// coderd answered a request of the set-up with an error.
    #[error("cannot {action} in coderd: it answered {status}: {body}")]
    Refused {
        /// What was tried, as a verb.
        action: &'static str,
        /// The status code.
        status: u16,
        /// The body as text.
        body: String,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate {name}")]
    Certificate {
        /// Which one.
        name: &'static str,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
    /// The folder belongs to a running bed.
    #[error("{directory} holds a running test bed (process {process}): end it with `testbed down`")]
    InUse {
        /// The folder.
        directory: PathBuf,
        /// Its owner.
        process: u32,
    },
    /// The folder holds something else.
    #[error("{directory} is not empty and not a test bed's folder: give an empty or new one")]
    NotABed {
        /// The folder.
        directory: PathBuf,
    },
    /// A folder that should hold a running bed does not.
    #[error("{directory} holds no running test bed: start one with `testbed up`")]
    NoBed {
        /// The folder.
        directory: PathBuf,
    },
    /// No block of loopback ports is free.
    #[error("no free block of loopback ports between {first} and {last}: end other test beds")]
    NoPorts {
        /// The lowest port looked at.
        first: u16,
        /// The highest port looked at.
        last: u16,
    },
    /// The thread that owns all processes cannot be had.
    #[error("the thread that owns the test bed's processes has ended")]
    Thread,
    /// The start was given up on request.
    #[error("the start of the test bed was cancelled; nothing is left of it")]
    Cancelled,
    /// This bed does not run the server that should be broken.
    #[error("{name} was not started by this bed ({variable} names another one)")]
    NotOurs {
        /// Which server.
        name: &'static str,
        /// The variable that replaced it.
        variable: &'static str,
    },
    /// A pattern of a proxy rule is no regular expression.
    #[error("the path pattern {pattern:?} is no regular expression")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        #[source]
        source: regex::Error,
    },
    /// Nothing was held by the proxy in time.
    #[error("no request was held within {seconds} s; seen: {seen}")]
    NothingHeld {
        /// How long was waited.
        seconds: u64,
        /// The requests counted so far.
        seen: String,
    },
}

impl Error {
    /// For `map_err` on file operations: names the action and the path.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// For `map_err` when starting a program: names it.
    pub(crate) fn spawn(program: &str) -> impl FnOnce(std::io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Spawn { program, source }
    }

    /// The error and all its causes on one line (log tails keep their lines).
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.chain())
    }
}
