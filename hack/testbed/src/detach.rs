//! `up --detach`: a background process holds the bed, the caller returns when all is ready.
//!
//! The caller keeps a pipe to the holder until then. When the caller is gone too early the
//! holder gives up, so that an interrupted `up` leaves nothing.

use std::{
    env,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use testbed::{Access, Error};
use tokio::sync::oneshot;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Starts a holder and returns when its bed is ready, or with its words when it failed.
pub(crate) fn start(directory: &Path) -> Result<(), Error> {
    let failed = |source| Error::Spawn {
        program: "the holder of the bed".to_owned(),
        source,
    };
    let arguments = env::args_os()
        .skip(1)
        .filter(|argument| argument != "--detach");
    let mut holder = Command::new(env::current_exe().map_err(failed)?)
        .args(arguments)
        .arg("--holder")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    loop {
        if let Some(status) = holder.try_wait().map_err(failed)? {
            return Err(Error::Command {
                command: "testbed up".to_owned(),
                status: status.to_string(),
                output: words(&mut holder),
            });
        }
        if Access::attach(directory).is_ok_and(|access| access.owned_by(holder.id())) {
            // One byte: from now on it is on its own.
            if let Some(mut input) = holder.stdin.take() {
                input.write_all(b"r").map_err(failed)?;
            }
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn words(holder: &mut Child) -> String {
    let mut text = String::new();
    if let Some(errors) = &mut holder.stderr {
        // What cannot be read cannot be shown.
        errors.read_to_string(&mut text).ok();
    }
    text.trim_start_matches("testbed: ").trim_end().to_owned()
}

/// Takes the holder out of the terminal's reach.
pub(crate) fn leave_session() {
    // Refused only for the leader of a process group, which a child of ours is not.
    rustix::process::setsid().ok();
}

/// Ends when the caller of a holder ended before the bed was ready; never otherwise.
pub(crate) async fn abandoned(holder: bool) {
    if holder {
        let (sender, receiver) = oneshot::channel();
        // A thread of its own: a runtime would wait for the end of its read.
        std::thread::spawn(move || {
            let mut byte = [0];
            sender
                .send(std::io::stdin().read(&mut byte).unwrap_or(0))
                .ok();
        });
        if receiver.await == Ok(0) {
            return;
        }
    }
    std::future::pending::<()>().await;
}
