//! The `coder-k8s` program.
fn main() {}
