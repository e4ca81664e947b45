//! coder-k8s: Coder workspaces and templates as Kubernetes objects.
//!
//! ```text
//!   kubectl, Argo CD, Flux    old clients    AI tools     people, CLI, dashboard
//!            |                     |            |                   |
//!            |                 apiserver       mcp                  |
//!            |                     |            |                   |
//!     kube-apiserver  <------------+------------+
//!            ^
//!            +---- watch, apply ---->  controller  <--- REST --->  coderd
//!                                               |
//!                                             sync: decides, without any I/O
//! ```
//!
//! Modules may import downwards only (`tests/layers.rs` holds this):
//! `app` → {`controller`, `apiserver`, `mcp`} → {`sync`, `coderd`, `k8s`} → `api`.

pub mod api;
pub mod apiserver;
pub mod app;
pub mod coderd;
pub mod controller;
pub mod k8s;
pub mod mcp;
pub mod sync;
