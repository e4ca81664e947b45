//! The flags of the MCP server, judged.

use std::{path::PathBuf, time::Duration};

use url::Url;

use super::{
    ConfigError, Mode,
    value::{self, or, present},
};
use crate::{
    app::{
        args::{McpArgs, default},
        listen::Address,
    },
    k8s::serving::{Files, Flags},
    mcp::{Hosts, Identification},
};

/// What the MCP server is served with.
#[derive(Clone, Debug)]
pub struct McpConfig {
    /// Where.
    pub address: Address,
    /// How callers are known, and what they may do.
    pub identification: Identification,
    /// Who issues tokens.
    pub issuer: Option<Url>,
    /// Where it is reached from outside.
    pub public_url: Option<Url>,
    /// Whom requests may be addressed to, and by which pages they may be sent.
    pub hosts: Hosts,
    /// With which certificate; none is plain HTTP.
    pub tls: Option<Files>,
    /// How long it goes on after the order to stop.
    pub shutdown_delay: Duration,
}

/// The MCP server of `mode`; none where nobody asked for one.
pub(super) fn check(mode: Mode, args: McpArgs) -> Result<Option<McpConfig>, ConfigError> {
    let McpArgs {
        mcp_bind_address,
        mcp_token_file,
        mcp_allow_writes,
        mcp_audience,
        mcp_issuer,
        mcp_public_url,
        mcp_service,
        mcp_allowed_hosts,
        mcp_allowed_origins,
        mcp_tls_cert_file,
        mcp_tls_private_key_file,
        mcp_shutdown_delay,
    } = args;
    let issuer = present(&mcp_issuer).map(|url| web_url("mcp-issuer", url));
    let public_url = present(&mcp_public_url).map(|url| web_url("mcp-public-url", url));
    let public_url = public_url.transpose()?;
    let config = McpConfig {
        address: address(or(&mcp_bind_address, default::MCP_BIND_ADDRESS))?,
        identification: identification(
            mode,
            present(&mcp_token_file),
            present(&mcp_audience),
            value::bool(
                "mcp-allow-writes",
                or(&mcp_allow_writes, default::MCP_ALLOW_WRITES),
            )?,
        )?,
        issuer: issuer.transpose()?,
        hosts: hosts(
            or(&mcp_service, default::MCP_SERVICE),
            public_url.as_ref(),
            &mcp_allowed_hosts,
            &mcp_allowed_origins,
        )?,
        public_url,
        tls: tls(&mcp_tls_cert_file, &mcp_tls_private_key_file)?,
        shutdown_delay: value::shutdown_delay(
            "mcp-shutdown-delay",
            or(&mcp_shutdown_delay, default::MCP_SHUTDOWN_DELAY),
        )?,
    };
    let is_wanted = match mode {
        Mode::McpHttp => true,
        Mode::All => present(&mcp_bind_address).is_some(),
        Mode::Controller | Mode::AggregatedApiserver => false,
    };
    Ok(is_wanted.then_some(config))
}

fn address(value: &str) -> Result<Address, ConfigError> {
    const FLAG: &str = "mcp-bind-address";
    value::address(FLAG, value)?
        .ok_or_else(|| value::invalid(FLAG, value, "the MCP server has to be served somewhere"))
}

/// The secret gives the rights of the process: those of the controller would be far too many.
fn identification(
    mode: Mode,
    token_file: Option<&str>,
    audience: Option<&str>,
    allow_writes: bool,
) -> Result<Identification, ConfigError> {
    let problem =
        |value: &str, problem: &str| Err(value::invalid("mcp-token-file", value, problem));
    match token_file {
        None => Ok(Identification::Token {
            audience: audience.map(str::to_owned),
        }),
        Some(file) if mode != Mode::McpHttp => problem(
            file,
            "only --app=mcp-http takes it, with an account of its own: here it would give away all \
             rights of this process",
        ),
        Some(file) if audience.is_some() => problem(
            file,
            "a shared secret has no audience; leave --mcp-audience out",
        ),
        Some(file) => Ok(Identification::Secret {
            file: PathBuf::from(file),
            allow_writes,
        }),
    }
}

fn web_url(flag: &'static str, value: &str) -> Result<Url, ConfigError> {
    let problem = "must be a URL with https (or http) and a host, and no user, query or fragment";
    let url = Url::parse(value).map_err(|_| value::invalid(flag, value, problem))?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if ["http", "https"].contains(&url.scheme()) && url.has_host() && is_plain {
        return Ok(url);
    }
    Err(value::invalid(flag, value, problem))
}

fn hosts(
    service: &str,
    public_url: Option<&Url>,
    allowed: &str,
    origins: &str,
) -> Result<Hosts, ConfigError> {
    let (namespace, name) = value::service("mcp-service", service)?;
    let mut hosts = Hosts::of_service(&namespace, &name);
    if let Some(host) = public_url.and_then(Url::host_str) {
        hosts.allow_host(host);
    }
    for host in allowed.split(',').filter_map(present) {
        if host.contains(['/', '*', ' ']) {
            let problem =
                "must be names of hosts, each with a port or without, as in mcp.example.com";
            return Err(value::invalid("mcp-allowed-hosts", allowed, problem));
        }
        hosts.allow_host(host);
    }
    for origin in origins.split(',').filter_map(present) {
        let url = web_url("mcp-allowed-origins", origin)?;
        hosts.allow_origin(&url.origin().ascii_serialization());
    }
    Ok(hosts)
}

fn tls(certificate: &str, key: &str) -> Result<Option<Files>, ConfigError> {
    match (present(certificate), present(key)) {
        (Some(certificate), Some(key)) => Ok(Some(Files {
            certificate: PathBuf::from(certificate),
            key: PathBuf::from(key),
            flags: Flags {
                certificate: "mcp-tls-cert-file",
                key: "mcp-tls-private-key-file",
            },
        })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(ConfigError::HalfMcpCertificate),
    }
}
