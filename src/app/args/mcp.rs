//! The flags of the MCP server.

use clap::Args;

use super::default;

/// What the MCP server is served with.
#[derive(Clone, Debug, Args)]
pub struct McpArgs {
    /// Where the MCP server is served; without it, --app=mcp-http serves on 127.0.0.1:8090, and
    /// --app=all serves none
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "ADDRESS"
    )]
    pub mcp_bind_address: String,

    /// The file with one secret of at least 32 characters. Whoever knows it may do what this process
    /// may do in Kubernetes; without it, each caller brings a Kubernetes token and has its rights
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub mcp_token_file: String,

    /// Whether callers with that secret may change anything
    #[arg(
        long,
        default_value = default::MCP_ALLOW_WRITES,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "BOOL"
    )]
    pub mcp_allow_writes: String,

    /// The audience that Kubernetes tokens of callers must have, besides that of kube-apiserver
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "AUDIENCE"
    )]
    pub mcp_audience: String,

    /// Who issues tokens, as callers without one are told (RFC 9728), such as
    /// `https://login.example.com`
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "URL"
    )]
    pub mcp_issuer: String,

    /// Where callers reach the MCP server from outside, such as `https://mcp.example.com/mcp`
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "URL"
    )]
    pub mcp_public_url: String,

    /// The Service in front of the MCP server: requests to its DNS names are answered
    #[arg(long, default_value = default::MCP_SERVICE, value_name = "NAMESPACE/NAME")]
    pub mcp_service: String,

    /// Further hosts that requests may be addressed to, besides this machine, --mcp-service and
    /// --mcp-public-url
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "HOST,…"
    )]
    pub mcp_allowed_hosts: String,

    /// The web pages whose scripts may send requests, such as `https://chat.example.com`
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "ORIGIN,…"
    )]
    pub mcp_allowed_origins: String,

    /// The file with the serving certificate of the MCP server; without it, HTTP is served
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub mcp_tls_cert_file: String,

    /// The file with the key of that certificate
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub mcp_tls_private_key_file: String,

    /// How long the MCP server goes on as usual after the process was asked to end: until no requests
    /// are sent to it any more
    #[arg(
        long,
        default_value = default::MCP_SHUTDOWN_DELAY,
        allow_hyphen_values = true,
        value_name = "DURATION"
    )]
    pub mcp_shutdown_delay: String,
}
