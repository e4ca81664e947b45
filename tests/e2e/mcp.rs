//! The MCP server in front of a real kube-apiserver, asked in both eras of the protocol.

mod client;
mod door;
mod ending;
mod plane;
mod rights;
mod secret;
mod server;
mod stage;
mod tools;
