//! The contract with coderd: each call of the client, and each refusal that it tells apart, against
//! the real server of the test bed.
//!
//! The tests share one coderd; each makes its own templates, workspaces and users.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions, but not what they call"
)]

#[path = "coderd/file.rs"]
mod file;
#[path = "coderd/identity.rs"]
mod identity;
#[path = "coderd/outage.rs"]
mod outage;
#[path = "coderd/race.rs"]
mod race;
#[path = "coderd/right.rs"]
mod right;
#[path = "coderd/stage.rs"]
mod stage;
#[path = "coderd/template.rs"]
mod template;
#[path = "coderd/version.rs"]
mod version;
#[path = "coderd/workspace.rs"]
mod workspace;
