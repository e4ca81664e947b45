//! What the process was asked for, checked and derived once: no later part reads a flag.

mod error;
mod value;

use std::{fmt, time::Duration};

use url::Url;

use super::{
    args::{Args, default},
    listen::Address,
    telemetry::LogConfig,
};

use crate::{coderd::TokenSource, controller::import::Imports, sync::build_wait::BuildWait};

pub use error::ConfigError;
use value::{or, present};

/// Everything that a run of the process depends on.
#[derive(Clone, Debug)]
pub struct Config {
    /// The controller and its static control plane.
    pub controller: ControllerConfig,
    /// Where probes are answered; none is nowhere.
    pub health: Option<Address>,
    /// Where metrics are served; none is nowhere.
    pub metrics: Option<Address>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// What the controller of one static control plane works with.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The deployment.
    pub coder_url: Url,
    /// How it knows us.
    pub token: TokenSource,
    /// The namespace its objects live in.
    pub namespace: String,
    /// The longest that one request to coderd may take; never zero.
    pub request_timeout: Duration,
    /// The shortest time between two sweeps; never zero.
    pub sweep_interval: Duration,
    /// What gets an object without being asked for.
    pub imports: Imports,
    /// How many objects are worked on at the same time; never zero.
    pub workers: usize,
    /// How long and how often a template build is waited for.
    pub build_wait: BuildWait,
}

/// What a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    All,
    /// Operator and sync.
    Controller,
    /// The aggregated API.
    AggregatedApiserver,
    /// The MCP server.
    McpHttp,
}

impl Config {
    /// Judges the flags: the URL first and in every mode, then the mode, then the rest.
    /// `variable` reads the environment, for what has no flag.
    pub fn check(
        args: Args,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let Args {
            app,
            coder_url,
            coder_session_token,
            coder_session_token_file,
            coder_namespace,
            coder_request_timeout,
            sweep_interval,
            import,
            workers,
            health_bind_address,
            metrics_bind_address,
            leader_elect,
            log_level,
            log_format,
            action: _,
        } = args;
        let coder_url = present(&coder_url).map(value::coder_url).transpose()?;
        match value::mode(or(&app, default::APP))? {
            Mode::Controller => {}
            mode @ (Mode::All | Mode::AggregatedApiserver | Mode::McpHttp) => {
                return Err(ConfigError::UnavailableMode(mode));
            }
        }
        if value::leader_elect(or(&leader_elect, default::LEADER_ELECT))? {
            return Err(ConfigError::LeaderElection);
        }
        let (coder_url, token, namespace) = complete(
            coder_url,
            value::token(&coder_session_token, &coder_session_token_file)?,
            present(&coder_namespace)
                .map(value::namespace)
                .transpose()?,
        )?;
        Ok(Self {
            controller: ControllerConfig {
                coder_url,
                token,
                namespace,
                request_timeout: value::request_timeout(or(
                    &coder_request_timeout,
                    default::CODER_REQUEST_TIMEOUT,
                ))?,
                sweep_interval: value::sweep_interval(or(
                    &sweep_interval,
                    default::SWEEP_INTERVAL,
                ))?,
                imports: value::import(or(&import, default::IMPORT))?,
                workers: value::workers(or(&workers, default::WORKERS))?,
                build_wait: BuildWait::from_variables(variable)?,
            },
            health: value::address(
                "health-bind-address",
                or(&health_bind_address, default::HEALTH_BIND_ADDRESS),
            )?,
            metrics: value::address(
                "metrics-bind-address",
                or(&metrics_bind_address, default::METRICS_BIND_ADDRESS),
            )?,
            log: value::log(
                or(&log_level, default::LOG_LEVEL),
                or(&log_format, default::LOG_FORMAT),
            )?,
        })
    }
}

/// The three things that make a static control plane, or all that are missing.
fn complete(
    coder_url: Option<Url>,
    token: Option<TokenSource>,
    namespace: Option<String>,
) -> Result<(Url, TokenSource, String), ConfigError> {
    let missing: Vec<_> = [
        ("--coder-url", coder_url.is_none()),
        ("--coder-session-token-file", token.is_none()),
        ("--coder-namespace", namespace.is_none()),
    ]
    .into_iter()
    .filter_map(|(flag, missing)| missing.then_some(flag))
    .collect();
    match (coder_url, token, namespace) {
        (Some(coder_url), Some(token), Some(namespace)) => Ok((coder_url, token, namespace)),
        (_, _, _) => Err(ConfigError::Missing(missing.join(", "))),
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::All => "all",
            Self::Controller => "controller",
            Self::AggregatedApiserver => "aggregated-apiserver",
            Self::McpHttp => "mcp-http",
        })
    }
}

#[cfg(test)]
mod tests;
