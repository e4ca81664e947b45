//! Benchmarks, on the stage of the tests: `hack/bench.sh` runs them one by one.
//!
//! They measure and judge nothing: what fails is what goes wrong, never what is slow.

#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a benchmark that cannot go on panics, and its figures are what it is for"
)]

mod figures;
mod floor;
mod mcp;
mod memory;
mod order;
mod planes;
mod shim;

#[allow(
    dead_code,
    unused_imports,
    reason = "the tests are left out here, and what only they use"
)]
#[path = "../e2e"]
mod e2e {
    pub mod coder;
    pub mod mcp {
        pub mod client;
        pub mod clients;
        pub mod server;
        pub mod stage;
    }
    pub mod object;
    pub mod planes;
    pub mod scene;
    pub mod shim {
        pub mod caller;
        pub mod certificate;
        pub mod hop;
        pub mod server;
        pub mod stage;
    }
    pub mod template;
    pub mod workspace;
}

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // cargo adds flags of its own.
    let name = std::env::args().skip(1).find(|one| !one.starts_with("--"));
    match name.as_deref() {
        Some("mcp") => mcp::run().await,
        Some("order") => order::run().await,
        Some("planes") => planes::run().await,
        Some("shim") => shim::run().await,
        other => {
            eprintln!("no benchmark {other:?}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The repository: cargo runs benchmarks in the folder of their package.
fn root() -> std::path::PathBuf {
    std::env::current_dir().unwrap()
}
