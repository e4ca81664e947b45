//! The contract with coderd: each call of the client, and each refusal that it tells apart, against
//! the real server of the test bed.
//!
//! The tests share one coderd; each makes its own templates, workspaces and users.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions, but not what they call"
)]

mod file;

mod identity;

mod outage;

mod race;

mod right;

mod stage;

mod template;

mod version;

mod workspace;
