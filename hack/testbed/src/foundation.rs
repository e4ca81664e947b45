//! What a bed stands on, from before the first process until after the last.

use std::{path::Path, time::Duration};

use tokio::task::spawn_blocking;

use crate::{Error, claim::Claim, guard::Guard, ports::Ports, thread};

/// The longest that a drop waits for the end of a bed.
pub(crate) const END: Duration = Duration::from_secs(60);

/// What a bed stands on: its folder, its ports, and somebody to clean up after a kill.
#[derive(Debug)]
pub(crate) struct Foundation {
    pub(crate) ports: Ports,
    /// Present until cleared.
    claim: Option<Claim>,
    guard: Option<Guard>,
}

impl Foundation {
    /// Takes a folder: the given one, or a new one that is guarded.
    pub(crate) fn lay(directory: Option<&Path>) -> Result<Self, Error> {
        let ports = Ports::reserve()?;
        let claim = match directory {
            Some(directory) => Claim::take(directory)?,
            None => Claim::take_new()?,
        };
        let mut foundation = Self {
            ports,
            claim: Some(claim),
            guard: None,
        };
        if directory.is_none() {
            foundation.guard = Some(Guard::start(foundation.claim()?.layout())?);
        }
        Ok(foundation)
    }

    pub(crate) fn claim(&self) -> Result<&Claim, Error> {
        self.claim.as_ref().ok_or(Error::Thread)
    }

    /// Ends what is left and removes the folder.
    pub(crate) async fn clear(mut self) {
        let rest = (self.claim.take(), self.guard.take());
        // A panic in there has been printed; the guard and the next sweep do the rest.
        spawn_blocking(move || clear(rest)).await.ok();
    }
}

impl Drop for Foundation {
    fn drop(&mut self) {
        let rest = (self.claim.take(), self.guard.take());
        if rest.0.is_some() {
            let clear = async move { spawn_blocking(move || clear(rest)).await.ok() };
            thread::run_blocking(clear, END);
        }
    }
}

fn clear((claim, guard): (Option<Claim>, Option<Guard>)) {
    let clean = claim.is_none_or(|claim| claim.clean());
    match guard {
        Some(guard) if clean => guard.dismiss(),
        // Dropped, the guard goes on trying.
        _ => (),
    }
}
