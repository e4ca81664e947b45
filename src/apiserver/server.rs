//! A server behind kube-apiserver: connections, TLS and its certificate, who asks, whether they may, and how
//! much at a time. It knows nothing of Coder, nor of what is answered.

pub(super) mod authentication;
pub(super) mod authorization;
pub(super) mod body;
pub mod certificate;
pub(super) mod fault;
pub(super) mod limits;
pub(super) mod metrics;
pub(super) mod ready;
pub(super) mod sending;
pub(super) mod serve;
mod strangers;
pub(super) mod tls;
