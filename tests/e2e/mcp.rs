//! The MCP server in front of a real kube-apiserver, asked in both eras of the protocol.

mod client;
mod clients;
mod conformance;
mod door;
mod ending;
mod explain;
mod guide;
mod metrics;
mod plane;
mod resources;
mod rights;
mod secret;
mod server;
mod stage;
mod tls;
mod tools;
