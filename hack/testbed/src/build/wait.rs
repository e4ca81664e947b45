//! Waits for a build and says now and then that it still runs.

use std::{
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

const TELL_EVERY: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Waits for the end of a build.
pub(super) fn wait_telling(
    mut child: Child,
    start: Instant,
    progress: &dyn Fn(&str),
) -> std::io::Result<ExitStatus> {
    let mut told = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let periods = start.elapsed().as_secs() / TELL_EVERY.as_secs();
        if periods > told {
            told = periods;
            progress(&format!(
                "still building after {} s",
                start.elapsed().as_secs()
            ));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
