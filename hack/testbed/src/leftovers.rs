//! Ends what a bed started and did not end itself.
//!
//! A process belongs to a bed when its environment names the bed's folder, or when it works in
//! the bed's PostgreSQL data folder (PostgreSQL overwrites its environment with its title). Both
//! are properties of the process itself, so a recycled process number cannot mislead.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::layout::{Layout, MADE, MARKER};

const ROUNDS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(25);

/// Kills every process of the bed and removes what the bed made in its folder.
///
/// Blocks until both are done (or until something resists for five seconds); says whether
/// nothing is left.
pub(crate) fn clean(layout: &Layout) -> bool {
    for _ in 0..ROUNDS {
        let processes = processes(layout);
        for process in &processes {
            kill(*process, layout);
        }
        if processes.is_empty() {
            remove_shared_memory(layout);
            if remove_made(&layout.directory) {
                return true;
            }
        }
        std::thread::sleep(PAUSE);
    }
    false
}

/// The processes that belong to the bed, except the caller.
pub(crate) fn processes(layout: &Layout) -> Vec<u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| *process != own && belongs(*process, layout))
        .collect()
}

/// The direct children of a process.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| field(*process, 1).is_some_and(|text| text == parent.to_string()))
        .collect()
}

/// When a process started, in the kernel's ticks since boot; `None` when it is gone.
pub(crate) fn start_time(process: u32) -> Option<u64> {
    field(process, 19)?.parse().ok()
}

/// Whether the process is stopped (paused).
pub(crate) fn is_stopped(process: u32) -> bool {
    field(process, 0).is_some_and(|state| state == "T")
}

/// A field of `/proc/<process>/stat`, counted from the state, which is 0.
fn field(process: u32, index: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(index).map(str::to_owned)
}

fn belongs(process: u32, layout: &Layout) -> bool {
    if field(process, 0).is_none_or(|state| state == "Z") {
        return false;
    }
    let folder = format!("/proc/{process}");
    let works_in = fs::read_link(format!("{folder}/cwd")).unwrap_or_default();
    // A data folder that is gone already is shown with a suffix.
    let works_in = works_in.to_string_lossy();
    let data = layout.postgres_data();
    if works_in.strip_suffix(" (deleted)").unwrap_or(&works_in) == data.to_string_lossy() {
        return true;
    }
    let marker = format!("{MARKER}={}", layout.directory.display());
    fs::read(format!("{folder}/environ")).is_ok_and(|text| {
        text.split(|byte| *byte == 0)
            .any(|entry| entry == marker.as_bytes())
    })
}

fn kill(process: u32, layout: &Layout) {
    let Some(number) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return;
    };
    let Ok(handle) = pidfd_open(number, PidfdFlags::empty()) else {
        return;
    };
    // Looked at again with the handle in hand: from here on it cannot become another process.
    if belongs(process, layout) {
        // Already gone is what we want.
        pidfd_send_signal(&handle, Signal::KILL).ok();
    }
}

/// A killed PostgreSQL leaves a small System V segment behind; its number is in a file.
fn remove_shared_memory(layout: &Layout) {
    let Ok(text) = fs::read_to_string(layout.postgres_data().join("postmaster.pid")) else {
        return;
    };
    let Some(segment) = text
        .lines()
        .nth(6)
        .and_then(|line| line.split_whitespace().nth(1))
    else {
        return;
    };
    // Best effort: the segment is 56 bytes, and gone when PostgreSQL ended in order.
    Command::new("ipcrm")
        .args(["-m", segment])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok();
}

fn remove_made(directory: &Path) -> bool {
    MADE.iter().all(|name| {
        let path = directory.join(name);
        let removed = match path.symlink_metadata() {
            Ok(data) if data.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        removed.is_ok() || !path.exists()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn only_marked_processes_are_found_and_killed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let sleeper = |marker: &Path| {
            Command::new("sleep")
                .arg("60")
                .env(MARKER, marker)
                .process_group(0)
                .spawn()
                .unwrap()
        };
        let mut ours = sleeper(folder.path());
        let mut foreign = sleeper(&folder.path().join("other"));
        while processes(&layout).is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(processes(&layout), [ours.id()]);
        assert!(clean(&layout));
        assert!(!ours.wait().unwrap().success());
        assert!(foreign.try_wait().unwrap().is_none());
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }

    #[test]
    fn our_own_start_time_is_known() {
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }
}
