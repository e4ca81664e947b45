//! One function a flag: from its text to what it means.

use std::{collections::BTreeSet, fmt, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Certificate, ConfigError, Imports, Mode, TokenSource};
use crate::apiserver::ServiceName;
use crate::app::{
    args::default,
    duration,
    listen::Address,
    telemetry::{Filter, Format, LogConfig},
};
use crate::k8s::serving::{Files, Flags};

/// A request that may take no time could never succeed, and one sweep after the other would leave
/// coderd no peace.
const SHORTEST_SWEEP_INTERVAL: Duration = Duration::from_millis(100);
const MOST_WORKERS: usize = 256;
const MOST_ACTIVE_BUILDS: usize = 10_000;
const LONGEST_NAMESPACE: usize = 63;
/// More would outlast every grace period.
const LONGEST_SHUTDOWN_DELAY: Duration = Duration::from_secs(300);

/// A value without the blanks around it; a blank one is none.
pub(super) fn present(value: &str) -> Option<&str> {
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}

/// A value without the blanks around it; a blank one is the default.
pub(super) fn or<'a>(value: &'a str, default: &'a str) -> &'a str {
    present(value).unwrap_or(default)
}

pub(super) fn mode(value: &str) -> Result<Mode, ConfigError> {
    match value {
        "all" => Ok(Mode::All),
        "controller" => Ok(Mode::Controller),
        "aggregated-apiserver" => Ok(Mode::AggregatedApiserver),
        "mcp-http" => Ok(Mode::McpHttp),
        _ => Err(ConfigError::UnsupportedMode(value.to_owned())),
    }
}

/// Scheme and host are looked for in the text: the URL standard invents a host for `https:a` and
/// `http:///a`, which Go refuses.
pub(super) fn coder_url(value: &str) -> Result<Url, ConfigError> {
    let problem = |problem: &str| ConfigError::CoderUrl {
        value: value.to_owned(),
        problem: problem.to_owned(),
    };
    let (scheme, rest) = value.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(ConfigError::CoderUrlCredentials);
    }
    if scheme.is_empty() || authority.is_empty() {
        return Err(problem(
            "must include scheme and host (for example, https://coder.example.com)",
        ));
    }
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(problem("scheme must be http or https"));
    }
    Url::parse(value).map_err(|error| problem(&error.to_string()))
}

pub(super) fn token(given: &SecretString, file: &str) -> Result<Option<TokenSource>, ConfigError> {
    match (present(given.expose_secret()), present(file)) {
        (Some(_), Some(_)) => Err(ConfigError::TwoTokens),
        (Some(given), None) => Ok(Some(TokenSource::Fixed(given.into()))),
        (None, Some(file)) => Ok(Some(TokenSource::File(PathBuf::from(file)))),
        (None, None) => Ok(None),
    }
}

pub(super) fn namespace(value: &str) -> Result<String, ConfigError> {
    if is_label(value) {
        return Ok(value.to_owned());
    }
    Err(invalid(
        "coder-namespace",
        value,
        "must be one namespace: at most 63 lower case letters, digits and inner hyphens",
    ))
}

/// The namespaces that are watched, all where there are none: those that are `listed`, else that of the control
/// plane of the flags.
pub(super) fn namespaces(
    listed: Option<&str>,
    fixed: Option<&str>,
) -> Result<BTreeSet<String>, ConfigError> {
    const FLAG: &str = "watch-namespaces";
    let Some(listed) = listed else {
        return Ok(fixed.into_iter().map(str::to_owned).collect());
    };
    let names: BTreeSet<_> = listed.split(',').filter_map(present).collect();
    let is_odd = |name: &&str| !is_label(name);
    match (names.iter().copied().find(is_odd), fixed) {
        (Some("*"), _) if names.len() == 1 => return Ok(BTreeSet::new()),
        (Some(odd), _) => {
            let problem = format!("{odd} is not a namespace; it must be namespaces, or * for all");
            return Err(invalid(FLAG, listed, problem));
        }
        (None, _) if names.is_empty() => {
            return Err(invalid(FLAG, listed, "must be namespaces, or * for all"));
        }
        (None, Some(fixed)) if !names.contains(fixed) => {
            let problem = format!("must hold {fixed}, which --coder-namespace names");
            return Err(invalid(FLAG, listed, problem));
        }
        (None, _) => {}
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Whether Kubernetes takes `value` for the name of a namespace or Service.
fn is_label(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    value.len() <= LONGEST_NAMESPACE
        && value.bytes().all(|byte| inner(byte) || byte == b'-')
        && value.bytes().next().is_some_and(inner)
        && value.bytes().next_back().is_some_and(inner)
}

/// As in Go, zero is the default.
pub(super) fn request_timeout(value: &str) -> Result<Duration, ConfigError> {
    const FLAG: &str = "coder-request-timeout";
    let timeout = duration::parse(value).map_err(|error| invalid(FLAG, value, error))?;
    if timeout.is_zero() {
        return duration::parse(default::CODER_REQUEST_TIMEOUT)
            .map_err(|error| invalid(FLAG, value, error));
    }
    Ok(timeout)
}

pub(super) fn sweep_interval(value: &str) -> Result<Duration, ConfigError> {
    const FLAG: &str = "sweep-interval";
    let interval = duration::parse(value).map_err(|error| invalid(FLAG, value, error))?;
    if interval < SHORTEST_SWEEP_INTERVAL {
        let problem = format!("must be at least {SHORTEST_SWEEP_INTERVAL:?}");
        return Err(invalid(FLAG, value, problem));
    }
    Ok(interval)
}

pub(super) fn import(value: &str) -> Result<Imports, ConfigError> {
    let names: Vec<String> = value
        .split(',')
        .filter_map(present)
        .map(str::to_lowercase)
        .collect();
    let problem = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["all"] => return Ok(Imports::All),
        ["none"] => return Ok(Imports::None),
        [] => "must be all, none or names of organizations",
        _ if names.iter().any(|name| name == "all" || name == "none") => "all and none stand alone",
        _ if names.iter().any(|name| name.contains(char::is_whitespace)) => {
            "names of organizations are separated by commas"
        }
        _ => return Ok(Imports::Organizations(names.into_iter().collect())),
    };
    Err(invalid("import", value, problem))
}

pub(super) fn workers(value: &str) -> Result<usize, ConfigError> {
    match value.parse() {
        Ok(workers @ 1..=MOST_WORKERS) => Ok(workers),
        Ok(_) | Err(_) => Err(invalid(
            "workers",
            value,
            format_args!("must be a number from 1 to {MOST_WORKERS}"),
        )),
    }
}

pub(super) fn max_active_builds(value: &str) -> Result<usize, ConfigError> {
    match value.parse() {
        Ok(most @ 1..=MOST_ACTIVE_BUILDS) => Ok(most),
        Ok(_) | Err(_) => Err(invalid(
            "max-active-builds",
            value,
            format_args!("must be a number from 1 to {MOST_ACTIVE_BUILDS}"),
        )),
    }
}

/// The words that Go takes for a bool.
pub(super) fn bool(flag: &'static str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(invalid(flag, value, "must be true or false")),
    }
}

pub(super) fn address(flag: &'static str, value: &str) -> Result<Option<Address>, ConfigError> {
    Address::parse(flag, value).map_err(|problem| invalid(flag, value, problem))
}

pub(super) fn apiserver_address(value: &str) -> Result<Address, ConfigError> {
    const FLAG: &str = "apiserver-bind-address";
    address(FLAG, value)?
        .ok_or_else(|| invalid(FLAG, value, "the aggregated API has to be served somewhere"))
}

pub(super) fn certificate(
    certificate: &str,
    key: &str,
    service: &str,
) -> Result<Certificate, ConfigError> {
    match (present(certificate), present(key)) {
        (Some(certificate), Some(key)) => Ok(Certificate::Files(Files {
            certificate: PathBuf::from(certificate),
            key: PathBuf::from(key),
            flags: Flags {
                certificate: "apiserver-tls-cert-file",
                key: "apiserver-tls-private-key-file",
            },
        })),
        (None, None) => {
            let (namespace, name) = self::service("apiserver-service", service)?;
            Ok(Certificate::Made(ServiceName { namespace, name }))
        }
        (Some(_), None) | (None, Some(_)) => Err(ConfigError::HalfCertificate),
    }
}

/// The namespace and the name of a Service.
pub(super) fn service(flag: &'static str, value: &str) -> Result<(String, String), ConfigError> {
    let parts = value.split_once('/');
    match parts {
        Some((namespace, name)) if is_label(namespace) && is_label(name) => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        Some(_) | None => Err(invalid(
            flag,
            value,
            "must be the namespace and the name of a Service, as in coder-system/coder-k8s-apiserver",
        )),
    }
}

pub(super) fn shutdown_delay(flag: &'static str, value: &str) -> Result<Duration, ConfigError> {
    let delay = duration::parse(value).map_err(|error| invalid(flag, value, error))?;
    if delay > LONGEST_SHUTDOWN_DELAY {
        let problem = format!("must be at most {LONGEST_SHUTDOWN_DELAY:?}");
        return Err(invalid(flag, value, problem));
    }
    Ok(delay)
}

pub(super) fn log(level: &str, format: &str) -> Result<LogConfig, ConfigError> {
    Ok(LogConfig {
        filter: Filter::parse(level).map_err(|error| invalid("log-level", level, error))?,
        format: match format {
            "text" => Format::Text,
            "json" => Format::Json,
            _ => return Err(invalid("log-format", format, "must be text or json")),
        },
    })
}

pub(super) fn invalid(flag: &'static str, value: &str, problem: impl fmt::Display) -> ConfigError {
    ConfigError::Invalid {
        flag,
        value: value.to_owned(),
        problem: problem.to_string(),
    }
}
