//! A real Kubernetes API server, a real coderd and a real PostgreSQL on loopback.
//!
//! Nothing is mocked: tests and the demo meet the servers that users run. Everything is built
//! from checksummed sources (see [`Binaries`]) or taken from the machine (PostgreSQL, Terraform,
//! `setpriv`); nothing goes out to the internet while a bed runs; nothing is left behind when it
//! ends, also when its owner is killed.
//!
//! # In tests
//!
//! * [`Bed::shared`]: one bed for all tests of a process; they isolate by namespace and prefix.
//! * [`Bed::start`]: a bed of one's own, for tests that break a server.
//! * [`Access::start_program`]: the controller as a child that can be killed.
//! * [`Access::start_coder`]: another coderd, with a database of its own.
//! * [`Proxy`]: coderd with faults, counters and held requests.
//!
//! # In a shell
//!
//! `testbed build`, `testbed up --dir DIR [--detach]`, `testbed down --dir DIR`. `DIR/env` has:
//!
//! | variable | what |
//! | --- | --- |
//! | `KUBECONFIG` | kubeconfig of a cluster administrator |
//! | `CODER_URL` | coderd |
//! | `CODER_SESSION_TOKEN` | a token of coderd's owner |
//! | `CODER_OWNER`, `CODER_OWNER_PASSWORD` | name and password of coderd's owner |
//! | `CODER_ORGANIZATION` | name of the default organization |
//! | `CODER_K8S_USER` | the machine user that the controller runs as |
//! | `CODER_K8S_TOKEN_FILE` | a file with its token |
//! | `TESTBED_DIR`, `TESTBED_LOGS` | the bed's folder and its logs |
//! | `PATH` | the bed's `kubectl` and `coder` first |
//!
//! # Settings
//!
//! | variable | what |
//! | --- | --- |
//! | `CODER_K8S_CACHE` | where built binaries are kept (else below `XDG_CACHE_HOME` or `~/.cache`) |
//! | `KUBEBUILDER_ASSETS` | a folder with `etcd`, `kube-apiserver` and `kubectl` to use instead |
//! | `CODER_BIN` | a `coder` to use instead |
//! | `TESTBED_POSTGRES_URL` | a database to use instead of starting a PostgreSQL |
//! | `TESTBED_SHARED` | the folder of a running bed for [`Bed::shared`] |
#![allow(clippy::doc_markdown, reason = "PostgreSQL is a word here, not code")]
#![allow(clippy::disallowed_methods, reason = "processes run on the real clock")]

mod access;
mod account;
mod accounts;
mod bed;
mod build;
mod certificates;
mod claim;
mod coder;
mod down;
mod environment;
mod error;
mod file;
mod foundation;
mod freeze;
mod guard;
mod http;
mod kubeconfig;
mod layout;
mod leftovers;
mod options;
mod ports;
mod program;
pub mod proxy;
mod run;
mod servers;
mod service;
mod thread;
mod tool;

pub use access::Access;
pub use bed::Bed;
pub use build::{Binaries, go_program};
pub use coder::Coder;
pub use down::down;
pub use error::Error;
pub use options::Options;
pub use ports::Ports;
pub use program::{Invocation, Program};
pub use proxy::Proxy;
