//! The typed client of coderd's REST API.
//!
//! Only the calls that the sync controllers make, one file a resource. What coderd does that is
//! not in its documentation (a missing right as 500, races as 500, quiet 404s) is judged here, by
//! the methods of [`Error`], and nowhere else.
//!
//! Everything is sent through one tower service: in production [`ClientBuilder::connect`] makes it
//! of reqwest, in tests [`ClientBuilder::with_service`] takes any `service_fn`, so that the whole
//! client runs without a network and on tokio's paused clock.
//!
//! What this module never does: repeat a write, follow a redirect, keep a cookie, read a clock of
//! the machine, or let the session token reach a log line, an error or `Debug`.

mod base_url;
mod build;
mod build_info;
mod client;
mod entitlements;
mod error;
mod exchange;
mod file;
mod job;
mod limits;
mod log;
mod observation;
mod organization;
mod refusal;
mod reply;
mod request;
mod retry;
mod said;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod transport;
pub mod types;
mod user;
mod version;
mod wire;
mod workspace;

pub use self::{
    base_url::{BaseUrl, UrlError},
    build::{Agent, Build, BuildReason, BuildStatus, NewBuild, Parameter, Resource, Transition},
    build_info::{BuildInfo, ServerVersion, VersionError},
    client::{Client, ClientBuilder, ConnectError, Exchange},
    error::Error,
    job::{Job, JobInput, JobMetadata, JobStatus, JobType},
    limits::Limits,
    log::{LogLevel, LogLine},
    observation::{RequestOutcome, RequestResult},
    organization::Organization,
    refusal::{Refusal, Validation},
    reply::Lookup,
    request::Call,
    said::{Said, Secrets},
    token::{TokenError, TokenSource},
    transport::{Delivery, ReplyLimit, TransportError},
    types::Template,
    user::{User, UserStatus},
    version::{NewVersion, RichParameter, Variable, Version, VersionVariable},
    workspace::{AutomaticUpdates, Autostart, Health, NewWorkspace, Workspace, WorkspaceList},
};
