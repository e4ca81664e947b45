//! Why a process does not start: always the flag, the value and what to do.

use super::Mode;
use crate::sync::build_wait::BuildWaitError;

/// Why the flags make no configuration. The texts of the Go project are kept where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A word that is no mode.
    #[error("assertion failed: unsupported --app value {0:?}; must be one of: {ALL_MODES}")]
    UnsupportedMode(String),
    /// Not the address of a coderd.
    #[error("assertion failed: invalid --coder-url {value:?}: {problem}")]
    CoderUrl {
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An address that would show a secret wherever it is shown.
    #[error(
        "assertion failed: invalid --coder-url: it must not hold a user or password; use \
         --coder-session-token-file"
    )]
    CoderUrlCredentials,
    /// What the control plane of the flags lacks.
    #[error(
        "--app={mode} needs {flags} too: --coder-url, --coder-session-token-file and --coder-namespace \
         belong together; without any of them, each coderd is found by its CoderControlPlane"
    )]
    Missing {
        /// What was to be run.
        mode: Mode,
        /// The flags that are not given.
        flags: String,
    },
    /// One of two files that belong together.
    #[error("give both --apiserver-tls-cert-file and --apiserver-tls-private-key-file, or neither")]
    HalfCertificate,
    /// Likewise, of the MCP server.
    #[error("give both --mcp-tls-cert-file and --mcp-tls-private-key-file, or neither")]
    HalfMcpCertificate,
    /// Two tokens.
    #[error("give either --coder-session-token or --coder-session-token-file, not both")]
    TwoTokens,
    /// One of the variables of the build wait.
    #[error(transparent)]
    BuildWait(#[from] BuildWaitError),
    /// Any other flag.
    #[error("invalid --{flag} {value:?}: {problem}")]
    Invalid {
        /// The flag.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}

const ALL_MODES: &str = "all, controller, aggregated-apiserver, mcp-http";
