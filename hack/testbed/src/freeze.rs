//! Makes a server hang together with its children.
//!
//! Pausing the parent alone is not enough for PostgreSQL: its sessions are processes of their
//! own, which go on answering.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::leftovers::{children, is_stopped};

const ROUNDS: u32 = 1_000;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Pauses a child of ours and its children; returns when all stand still.
pub(crate) fn freeze(process: u32) {
    // The parent first: then no further children come.
    freeze_all(|| vec![process]);
    freeze_all(|| children(process));
}

fn freeze_all(processes: impl Fn() -> Vec<u32>) {
    for _ in 0..ROUNDS {
        let moving: Vec<u32> = processes()
            .into_iter()
            .filter(|process| !is_stopped(*process))
            .collect();
        if moving.is_empty() {
            return;
        }
        for process in moving {
            send(process, Signal::STOP);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Lets a paused process and its children go on.
pub(crate) fn thaw(process: u32) {
    for child in children(process) {
        send(child, Signal::CONT);
    }
    send(process, Signal::CONT);
}

fn send(process: u32, signal: Signal) {
    // The number cannot be recycled: the parent is our child, and its children are not waited
    // for while it stands still.
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        kill_process(process, signal).ok();
    }
}
