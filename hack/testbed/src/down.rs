//! Ends a bed from another process.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    Error,
    claim::{self, Owner},
    layout::Layout,
    leftovers,
};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Ends the bed in a folder and removes what it made there. Says whether there was one.
///
/// The owner is asked to end, and killed when it does not; what a dead owner left is swept.
pub fn down(directory: &Path) -> Result<bool, Error> {
    let Ok(canonical) = directory.canonicalize() else {
        return Ok(false);
    };
    let layout = Layout::new(&canonical);
    if !layout.claim().exists() {
        return Ok(false);
    }
    for signal in [Signal::TERM, Signal::KILL] {
        let Some(owner) = claim::living_owner(&layout) else {
            break;
        };
        if signal_owner(&owner, signal) {
            wait_for_end(&layout);
        }
    }
    claim::sweep(&layout)?;
    Ok(true)
}

fn wait_for_end(layout: &Layout) {
    let start = Instant::now();
    while claim::living_owner(layout).is_some() && start.elapsed() < PATIENCE {
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn signal_owner(owner: &Owner, signal: Signal) -> bool {
    let Some(process) = i32::try_from(owner.process).ok().and_then(Pid::from_raw) else {
        return false;
    };
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else {
        return false;
    };
    // Compared with the handle in hand: from here on it cannot become another process.
    leftovers::start_time(owner.process) == owner.started
        && pidfd_send_signal(&handle, signal).is_ok()
}
