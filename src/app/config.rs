//! What the process was asked for, checked and derived once: no later part reads a flag.

mod error;
mod mcp;
mod value;

use std::{collections::BTreeSet, fmt, time::Duration};

use url::Url;

use super::{
    args::{Args, default},
    listen::Address,
    telemetry::LogConfig,
};

use crate::{
    apiserver::Certificate, coderd::TokenSource, controller::Imports, sync::build_wait::BuildWait,
};

pub use error::ConfigError;
pub use mcp::McpConfig;
use value::{or, present};

/// Everything that a run of the process depends on.
#[derive(Clone, Debug)]
pub struct Config {
    /// The controller and its static control plane, where this process runs it.
    pub controller: Option<ControllerConfig>,
    /// The aggregated API, where this process serves it.
    pub apiserver: Option<ApiserverConfig>,
    /// The MCP server, where this process serves it.
    pub mcp: Option<McpConfig>,
    /// Where probes are answered; none is nowhere.
    pub health: Option<Address>,
    /// Where metrics are served; none is nowhere.
    pub metrics: Option<Address>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// What the controller works with.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The deployment that the flags name, if they name one.
    pub fixed: Option<FixedConfig>,
    /// Whether each other deployment is found by its `CoderControlPlane`.
    pub discovers: bool,
    /// The namespaces that are watched; all where none is named.
    pub namespaces: BTreeSet<String>,
    /// The longest that one request to coderd may take; never zero.
    pub request_timeout: Duration,
    /// The shortest time between two sweeps; never zero.
    pub sweep_interval: Duration,
    /// What gets an object without being asked for.
    pub imports: Imports,
    /// How many objects are worked on at the same time; never zero.
    pub workers: usize,
    /// How many of our builds are active at the same time; never zero.
    pub max_active_builds: usize,
    /// Whether it works only while it holds the Lease.
    pub leader_elect: bool,
    /// How long and how often a template build is waited for.
    pub build_wait: BuildWait,
}

/// A deployment that the flags name.
#[derive(Clone, Debug)]
pub struct FixedConfig {
    /// Where it is.
    pub coder_url: Url,
    /// How it knows us.
    pub token: TokenSource,
    /// The namespace its objects live in.
    pub namespace: String,
}

/// What the aggregated API is served with.
#[derive(Clone, Debug)]
pub struct ApiserverConfig {
    /// Where.
    pub address: Address,
    /// With which certificate.
    pub certificate: Certificate,
    /// How long it goes on after the order to stop.
    pub shutdown_delay: Duration,
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
        let coder_url = present(&args.coder_url).map(value::coder_url).transpose()?;
        let mode = value::mode(or(&args.app, default::APP))?;
        let leader_elect = value::bool(
            "leader-elect",
            or(&args.leader_elect, default::LEADER_ELECT),
        )?;
        let (syncs, serves) = match mode {
            Mode::All => (Syncs::All, true),
            Mode::Controller => (Syncs::All, false),
            Mode::AggregatedApiserver => (Syncs::Fixed, true),
            Mode::McpHttp => (Syncs::Nothing, false),
        };
        let Args {
            app: _,
            coder_url: _,
            coder_session_token,
            coder_session_token_file,
            coder_namespace,
            watch_namespaces,
            coder_request_timeout,
            sweep_interval,
            import,
            workers,
            max_active_builds,
            health_bind_address,
            metrics_bind_address,
            apiserver_bind_address,
            apiserver_tls_cert_file,
            apiserver_tls_private_key_file,
            apiserver_service,
            apiserver_shutdown_delay,
            mcp,
            leader_elect: _,
            log_level,
            log_format,
            action: _,
        } = args;
        let fixed = fixed(
            mode,
            coder_url,
            value::token(&coder_session_token, &coder_session_token_file)?,
            present(&coder_namespace)
                .map(value::namespace)
                .transpose()?,
        )?;
        let watched = present(&watch_namespaces);
        // Who names one Coder means that one, unless he says where to look for others.
        let discovers = syncs == Syncs::All && (fixed.is_none() || watched.is_some());
        let namespaces = value::namespaces(watched, fixed.as_ref().map(|it| &it.namespace[..]))?;
        let request_timeout =
            value::request_timeout(or(&coder_request_timeout, default::CODER_REQUEST_TIMEOUT))?;
        let sweep_interval = value::sweep_interval(or(&sweep_interval, default::SWEEP_INTERVAL))?;
        let imports = value::import(or(&import, default::IMPORT))?;
        let workers = value::workers(or(&workers, default::WORKERS))?;
        let max_active_builds =
            value::max_active_builds(or(&max_active_builds, default::MAX_ACTIVE_BUILDS))?;
        let build_wait = BuildWait::from_variables(variable)?;
        let apiserver = ApiserverConfig {
            address: value::apiserver_address(or(
                &apiserver_bind_address,
                default::APISERVER_BIND_ADDRESS,
            ))?,
            certificate: value::certificate(
                &apiserver_tls_cert_file,
                &apiserver_tls_private_key_file,
                or(&apiserver_service, default::APISERVER_SERVICE),
            )?,
            shutdown_delay: value::shutdown_delay(
                "apiserver-shutdown-delay",
                or(&apiserver_shutdown_delay, default::APISERVER_SHUTDOWN_DELAY),
            )?,
        };
        Ok(Self {
            controller: syncs.anything(fixed.as_ref()).then_some(ControllerConfig {
                fixed,
                discovers,
                namespaces,
                request_timeout,
                sweep_interval,
                imports,
                workers,
                max_active_builds,
                leader_elect,
                build_wait,
            }),
            apiserver: serves.then_some(apiserver),
            mcp: mcp::check(mode, mcp)?,
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

/// Which control planes a mode synchronises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syncs {
    /// That of the flags, and each that is found.
    All,
    /// That of the flags.
    Fixed,
    /// None.
    Nothing,
}

impl Syncs {
    /// Whether there is anything, where the flags name `fixed`.
    fn anything(self, fixed: Option<&FixedConfig>) -> bool {
        match self {
            Self::All => true,
            Self::Fixed => fixed.is_some(),
            Self::Nothing => false,
        }
    }
}

/// The three things that make a control plane of the flags; none where none of them is given.
fn fixed(
    mode: Mode,
    coder_url: Option<Url>,
    token: Option<TokenSource>,
    namespace: Option<String>,
) -> Result<Option<FixedConfig>, ConfigError> {
    let missing: Vec<_> = [
        ("--coder-url", coder_url.is_none()),
        ("--coder-session-token-file", token.is_none()),
        ("--coder-namespace", namespace.is_none()),
    ]
    .into_iter()
    .filter_map(|(flag, missing)| missing.then_some(flag))
    .collect();
    match (coder_url, token, namespace) {
        (Some(coder_url), Some(token), Some(namespace)) => Ok(Some(FixedConfig {
            coder_url,
            token,
            namespace,
        })),
        (None, None, None) => Ok(None),
        (_, _, _) if mode == Mode::McpHttp => Ok(None),
        (_, _, _) => Err(ConfigError::Missing {
            mode,
            flags: missing.join(", "),
        }),
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
