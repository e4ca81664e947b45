//! The command line and the environment as they were written; nothing is judged here.
//!
//! Each flag also reads the variable `CODER_K8S_` and its name in capitals. This holds by
//! construction: variables are turned into flags in front of the written ones, the last one wins.

mod mcp;

use std::{ffi::OsString, path::PathBuf};

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use secrecy::SecretString;

pub use mcp::McpArgs;

/// What was asked for. Blank values stand for absent ones.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "coder-k8s",
    version,
    about = "Coder workspaces and templates as Kubernetes objects",
    after_help = AFTER_HELP,
    args_override_self = true
)]
pub struct Args {
    /// What this process runs: all, controller, aggregated-apiserver or mcp-http; all is controller and
    /// aggregated-apiserver, and mcp-http where --mcp-bind-address is given
    #[arg(long, default_value = default::APP, value_name = "MODE")]
    pub app: String,

    /// The Coder deployment to keep in step with, such as `https://coder.example.com`; without it, each is found by
    /// its `CoderControlPlane`
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "URL"
    )]
    pub coder_url: String,

    /// A session token for that deployment. Discouraged: everyone on the machine can read a command
    /// line; use --coder-session-token-file
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_parser = secret,
        value_name = "TOKEN"
    )]
    pub coder_session_token: SecretString,

    /// The file that holds a session token for that deployment
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub coder_session_token_file: String,

    /// The Kubernetes namespace that the objects of that deployment live in
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAMESPACE"
    )]
    pub coder_namespace: String,

    /// The namespaces in which control planes, workspaces and templates are looked for, besides the deployment of
    /// --coder-url where there is one; * is all. Without it all, or, with --coder-url, only --coder-namespace, and no
    /// control planes
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "NAMESPACE,…"
    )]
    pub watch_namespaces: String,

    /// How long a request to coderd may take; 0 is the default
    #[arg(
        long,
        default_value = default::CODER_REQUEST_TIMEOUT,
        allow_hyphen_values = true,
        value_name = "DURATION"
    )]
    pub coder_request_timeout: String,

    /// How often coderd is looked through for changes; less often where a look takes long
    #[arg(
        long,
        default_value = default::SWEEP_INTERVAL,
        allow_hyphen_values = true,
        value_name = "DURATION"
    )]
    pub sweep_interval: String,

    /// What gets an object in Kubernetes without being asked for: all, none, or the workspaces and
    /// templates of some organizations
    #[arg(long, default_value = default::IMPORT, value_name = "all|none|ORG,…")]
    pub import: String,

    /// How many objects are worked on at the same time
    #[arg(long, default_value = default::WORKERS, value_name = "NUMBER")]
    pub workers: String,

    /// How many builds of the controller are active at the same time in Coder; the others wait in line
    #[arg(long, default_value = default::MAX_ACTIVE_BUILDS, value_name = "NUMBER")]
    pub max_active_builds: String,

    /// Where /healthz and /readyz are served; 0 is nowhere
    #[arg(long, default_value = default::HEALTH_BIND_ADDRESS, value_name = "ADDRESS")]
    pub health_bind_address: String,

    /// Where /metrics is served; 0 is nowhere
    #[arg(long, default_value = default::METRICS_BIND_ADDRESS, value_name = "ADDRESS")]
    pub metrics_bind_address: String,

    /// Where the aggregated API is served
    #[arg(long, default_value = default::APISERVER_BIND_ADDRESS, value_name = "ADDRESS")]
    pub apiserver_bind_address: String,

    /// The file with the serving certificate of the aggregated API; without it, one is made and kept
    /// in a Secret
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub apiserver_tls_cert_file: String,

    /// The file with the key of that certificate
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub apiserver_tls_private_key_file: String,

    /// The Service in front of the aggregated API: the made certificate has its DNS names, and its
    /// `APIService` is told to trust that
    #[arg(long, default_value = default::APISERVER_SERVICE, value_name = "NAMESPACE/NAME")]
    pub apiserver_service: String,

    /// How long the aggregated API goes on as usual after the process was asked to end: until no
    /// requests are sent to it any more
    #[arg(
        long,
        default_value = default::APISERVER_SHUTDOWN_DELAY,
        allow_hyphen_values = true,
        value_name = "DURATION"
    )]
    pub apiserver_shutdown_delay: String,

    /// What the MCP server is served with.
    #[command(flatten)]
    pub mcp: McpArgs,

    /// Let the controller work only on the replica that holds the Lease `coder-k8s-controller.coder.com`
    /// (in `POD_NAMESPACE`, else in the pod's namespace, else in kube-system)
    #[arg(
        long,
        default_value = default::LEADER_ELECT,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "BOOL"
    )]
    pub leader_elect: String,

    /// off, error, warn, info, debug or trace; also by part, as in `info,coder_k8s::coderd=debug`
    #[arg(long, default_value = default::LOG_LEVEL, value_name = "LEVEL")]
    pub log_level: String,

    /// text or json; both to standard error
    #[arg(long, default_value = default::LOG_FORMAT, value_name = "FORMAT")]
    pub log_format: String,

    /// Something else to do than to run.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What the program does besides running.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Print the CRDs as YAML, or write them to files
    Crds {
        /// The folder to write one file a kind to, instead of printing
        #[arg(long, value_name = "DIR")]
        output_dir: Option<PathBuf>,
    },
}

/// What an absent or blank flag stands for: the values of the Go project where it has the flag.
pub mod default {
    /// Of `--app`.
    pub const APP: &str = "all";
    /// Of `--coder-request-timeout`.
    pub const CODER_REQUEST_TIMEOUT: &str = "30s";
    /// Of `--sweep-interval`.
    pub const SWEEP_INTERVAL: &str = "15s";
    /// Of `--import`.
    pub const IMPORT: &str = "all";
    /// Of `--workers`.
    pub const WORKERS: &str = "8";
    /// Of `--max-active-builds`.
    pub const MAX_ACTIVE_BUILDS: &str = "20";
    /// Of `--health-bind-address`.
    pub const HEALTH_BIND_ADDRESS: &str = ":8081";
    /// Of `--metrics-bind-address`.
    pub const METRICS_BIND_ADDRESS: &str = ":8080";
    /// Of `--apiserver-bind-address`.
    pub const APISERVER_BIND_ADDRESS: &str = "0.0.0.0:6443";
    /// Of `--apiserver-service`.
    pub const APISERVER_SERVICE: &str = "coder-system/coder-k8s-apiserver";
    /// Of `--apiserver-shutdown-delay`.
    pub const APISERVER_SHUTDOWN_DELAY: &str = "10s";
    /// Of `--mcp-bind-address` where only the MCP server runs.
    pub const MCP_BIND_ADDRESS: &str = "127.0.0.1:8090";
    /// Of `--mcp-service`.
    pub const MCP_SERVICE: &str = "coder-system/coder-k8s-mcp";
    /// Of `--mcp-allow-writes`.
    pub const MCP_ALLOW_WRITES: &str = "false";
    /// Of `--mcp-shutdown-delay`.
    pub const MCP_SHUTDOWN_DELAY: &str = "10s";
    /// Of `--leader-elect`.
    pub const LEADER_ELECT: &str = "true";
    /// Of `--log-level`.
    pub const LOG_LEVEL: &str = "info";
    /// Of `--log-format`.
    pub const LOG_FORMAT: &str = "text";
}

const AFTER_HELP: &str = "\
Each flag also reads an environment variable: CODER_K8S_CODER_URL for --coder-url, and so on. The \
flag wins; a blank value counts as none. Durations are written as in Go: 90s, 1m30s.

Kubernetes is found by KUBECONFIG, else by the pod's service account, else by ~/.kube/config.";

impl Args {
    /// Reads `arguments`, the first of which is the program, and the environment.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let flags = flags(&command);
        let mut arguments = arguments.into_iter();
        let from_environment = flags.iter().filter_map(|flag| {
            let value = variable(&variable_name(flag)).filter(|value| !is_blank(value))?;
            let mut argument = OsString::from(format!("--{flag}="));
            argument.push(value);
            Some(argument)
        });
        let all: Vec<OsString> = arguments
            .next()
            .into_iter()
            .chain(from_environment)
            .chain(arguments.map(|argument| with_two_dashes(argument, &flags)))
            .collect();
        Self::from_arg_matches(&command.try_get_matches_from_mut(all)?)
    }
}

/// The flags of ours, so without `--help` and `--version`: nobody means them by a variable.
fn flags(command: &Command) -> Vec<String> {
    command
        .get_arguments()
        .filter_map(|argument| argument.get_long().map(str::to_owned))
        .filter(|flag| flag != "help" && flag != "version")
        .collect()
}

/// The environment variable of a flag.
fn variable_name(flag: &str) -> String {
    format!("CODER_K8S_{}", flag.to_uppercase().replace('-', "_"))
}

fn is_blank(value: &OsString) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

/// Go's programs take `-app` for `--app`, and so do manifests written for them.
fn with_two_dashes(argument: OsString, flags: &[String]) -> OsString {
    let flag = argument
        .to_str()
        .and_then(|text| text.strip_prefix('-'))
        .map(|text| text.split_once('=').map_or(text, |(flag, _)| flag));
    if !flag.is_some_and(|flag| flags.iter().any(|known| known == flag)) {
        return argument;
    }
    let mut corrected = OsString::from("-");
    corrected.push(argument);
    corrected
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of a parser of clap"
)]
fn secret(value: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(value))
}

#[cfg(test)]
mod tests;
