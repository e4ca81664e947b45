//! The test bed for the shell: build once, up, down.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a terminal"
)]
#![allow(clippy::doc_markdown, reason = "PostgreSQL is a word here, not code")]

mod detach;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use testbed::{Bed, Binaries, Error, Options};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Kubernetes, coderd and PostgreSQL on loopback.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build all binaries into the cache; instant when they are there.
    Build,
    /// Start a test bed and keep it running until SIGINT or SIGTERM.
    Up(Up),
    /// End the test bed of a folder and remove what it made there.
    Down {
        /// The folder given to `up`.
        #[arg(long)]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "flags are independent of each other"
)]
struct Up {
    /// Folder for the bed: new, empty, or that of an earlier bed. `DIR/env` is for the shell.
    #[arg(long)]
    dir: PathBuf,
    /// Return once everything is ready and leave the bed running in the background.
    #[arg(long)]
    detach: bool,
    /// Keep coderd's rate limits.
    #[arg(long)]
    keep_rate_limits: bool,
    /// Do not let coderd rename workspaces.
    #[arg(long)]
    refuse_workspace_renames: bool,
    /// Be the background process of `--detach`.
    #[arg(long, hide = true)]
    holder: bool,
}

impl Up {
    fn options(&self) -> Options {
        Options {
            rate_limits: self.keep_rate_limits,
            workspace_renames: !self.refuse_workspace_renames,
            ..Options::default()
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Error> {
    match command {
        Command::Build => {
            Binaries::ensure(&|text| eprintln!("testbed: {text}"))?;
            println!("all binaries are in the cache");
            Ok(())
        }
        Command::Up(up) if up.detach => {
            // Here, so that Ctrl-C and the progress work as in the foreground.
            Binaries::ensure(&|text| eprintln!("testbed: {text}"))?;
            detach::start(&up.dir)?;
            announce(&up.dir);
            Ok(())
        }
        Command::Up(up) => {
            if up.holder {
                detach::leave_session();
            }
            Binaries::ensure(&|text| eprintln!("testbed: {text}"))?;
            hold(up)
        }
        Command::Down { dir } => {
            let text = if testbed::down(dir)? {
                "ended"
            } else {
                "nothing was running"
            };
            println!("{}: {text}", dir.display());
            Ok(())
        }
    }
}

fn hold(up: &Up) -> Result<(), Error> {
    let failed = |source| Error::Spawn {
        program: "the runtime".to_owned(),
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let ended = async {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
                () = detach::abandoned(up.holder) => (),
            }
        };
        tokio::pin!(ended);
        let (cancel, cancelled) = oneshot::channel();
        let start = Bed::start_in(&up.dir, up.options(), cancelled);
        tokio::pin!(start);
        let bed = tokio::select! {
            bed = &mut start => bed?,
            () = &mut ended => {
                // Refused only when the start is over already, which is fine.
                cancel.send(()).ok();
                start.await?
            }
        };
        if !up.holder {
            announce(&up.dir);
        }
        ended.await;
        drop(bed);
        Ok(())
    })
}

fn announce(directory: &Path) {
    println!("ready; use it with: . {}", directory.join("env").display());
}
