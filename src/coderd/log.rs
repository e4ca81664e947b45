//! The log of a job: where a failure's true reason is.

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    client::Client,
    error::Error,
    request::Request,
    said::Said,
    wire::{null_as_default, open_enum},
};

open_enum! {
    /// How much a line matters.
    LogLevel {
        /// Finest.
        Trace = "trace",
        /// Fine.
        Debug = "debug",
        /// Usual.
        Info = "info",
        /// A warning.
        Warn = "warn",
        /// Part of the reason of a failure.
        Error = "error",
    }
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// When it was written.
    pub created_at: Timestamp,
    /// How much it matters.
    pub log_level: LogLevel,
    /// The step of the job, like `Detecting persistent resources`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stage: String,
    /// The text. Written by Terraform: may hold escape sequences.
    #[serde(default, deserialize_with = "null_as_default")]
    pub output: Said,
}

impl Client {
    /// Reads a log (coderd keeps 1 MiB a job) and gives its last `lines`, oldest first.
    pub(super) async fn log_tail(
        &self,
        request: Request,
        lines: usize,
    ) -> Result<Vec<LogLine>, Error> {
        let mut log = self
            .json::<Option<Vec<LogLine>>>(request)
            .await?
            .unwrap_or_default();
        Ok(log.split_off(log.len().saturating_sub(lines)))
    }
}
