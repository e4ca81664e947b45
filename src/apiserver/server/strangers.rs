//! Connections of whoever has not shown kube-apiserver's certificate: few, and in nobody's way.
//!
//! Who comes is known only after the handshake. So nobody waits for a place that strangers could hold:
//! where there are too many, the one that has been here longest has to go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// How many there are at most. Probes are short, and so is kube-apiserver's handshake.
pub(super) const MOST: usize = 128;

/// Those who are here.
#[derive(Clone, Debug, Default)]
pub(super) struct Strangers(Arc<Mutex<Present>>);

#[derive(Debug, Default)]
struct Present {
    next: u64,
    /// The one that came first has the lowest number.
    all: BTreeMap<u64, CancellationToken>,
}

/// One of them; dropped when it leaves or is known.
#[derive(Debug)]
pub(super) struct Stranger {
    present: Strangers,
    number: u64,
    turned_out: CancellationToken,
}

impl Strangers {
    /// Lets one more in, for whom another may have to go.
    pub(super) fn enter(&self) -> Stranger {
        let mut present = self.lock();
        if present.all.len() == MOST
            && let Some((_, first)) = present.all.pop_first()
        {
            first.cancel();
        }
        let number = present.next;
        present.next += 1;
        let turned_out = CancellationToken::new();
        present.all.insert(number, turned_out.clone());
        Stranger {
            present: self.clone(),
            number,
            turned_out,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// Returns when it has to go.
    pub(super) async fn turned_out(&self) {
        self.turned_out.cancelled().await;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.present.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
