//! The `coder-k8s` program.

use std::{env, process::ExitCode};

use coder_k8s::app::{self, args::Args, telemetry};

fn main() -> ExitCode {
    // Every TLS connection takes its cryptography from here. It can only be taken already, which
    // is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let args = match Args::read(env::args_os(), |name| env::var_os(name)) {
        Ok(args) => args,
        Err(usage) => return tell(&usage),
    };
    match app::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Help and version, which are no failure, or what is wrong with the command line.
fn tell(usage: &clap::Error) -> ExitCode {
    // Where the output is closed, nobody is there to be told.
    let _ = usage.print();
    if usage.use_stderr() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
