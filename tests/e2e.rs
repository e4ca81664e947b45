//! The whole program between a real kube-apiserver and a real coderd, used as people use it.

mod admission;
mod coder;
mod crash;
mod fault;
mod fields;
mod fight;
mod leader;
mod lifecycle;
mod mcp;
mod metrics;
mod next_start;
mod object;
mod ownership;
mod parameters;
mod places;
mod process;
mod references;
mod rest;
mod scene;
mod schedule;
mod schema;
mod secrecy;
mod shim;
mod template;
mod variables;
mod workspace;
