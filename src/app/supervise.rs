//! Who owns every task of the process.
//!
//! Nothing here is restarted: a process whose parts do not all live tells half-truths, so the first
//! one that ends unasked takes all others down in good order, and Kubernetes starts a new process.
//! What works for one Coder only is restarted where it is: see `controller/parts.rs`.

use std::{any::Any, collections::HashMap, error::Error, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Any error of a part.
pub type PartError = Box<dyn Error + Send + Sync>;

/// Why the process ends otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A task returned although nobody had asked for it.
    #[error("{name} ended although it was not asked to")]
    Ended {
        /// The task.
        name: &'static str,
    },
    /// A task returned an error.
    #[error("{name} failed")]
    Failed {
        /// The task.
        name: &'static str,
        /// What it returned.
        source: PartError,
    },
    /// A task panicked.
    #[error("{name} panicked: {message}")]
    Panicked {
        /// The task.
        name: &'static str,
        /// What it said last.
        message: String,
    },
    /// Tasks that did not end in time after the order to stop.
    #[error("{names} did not end within {patience:?}")]
    Hung {
        /// The tasks, in alphabetical order.
        names: String,
        /// How long they were waited for.
        patience: Duration,
    },
}

/// The tasks of the process, each by its name.
///
/// A *part* gets the token, works until it is cancelled and is waited for. A *service* (probes,
/// metrics, signals) is needed as long as any part lives, knows no end of its own, and is dropped
/// after the last part.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<Result<(), PartError>>,
    names: HashMap<Id, (&'static str, Kind)>,
    first: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Part,
    Service,
}

impl Supervisor {
    /// Supervises what stops on `stop`; cancels it when a task ends unasked.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            tasks: JoinSet::new(),
            names: HashMap::new(),
            first: None,
        }
    }

    /// Starts a part: it must watch the token and return.
    pub fn part<E: Into<PartError>>(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.start(name, Kind::Part, part);
    }

    /// Starts a service: it must hold nothing that wants an orderly end.
    pub fn service<E: Into<PartError>>(
        &mut self,
        name: &'static str,
        service: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.start(name, Kind::Service, service);
    }

    fn start<E: Into<PartError>>(
        &mut self,
        name: &'static str,
        kind: Kind,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let handle = self.tasks.spawn(async { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), (name, kind));
    }

    /// Waits until the process is to end, then at most `patience` for its parts.
    pub async fn run(mut self, patience: Duration) -> Result<(), Failure> {
        self.until_stop().await;
        self.stop.cancel();
        if timeout(patience, self.drain()).await.is_err() {
            self.note(Failure::Hung {
                names: self.living(),
                patience,
            });
        }
        self.first.map_or(Ok(()), Err)
    }

    /// Returns on the order to stop, or when a task ended.
    async fn until_stop(&mut self) {
        let stop = self.stop.clone();
        let ended = stop
            .run_until_cancelled(self.tasks.join_next_with_id())
            .await;
        if let Some(Some(ended)) = ended {
            self.take(ended);
        }
    }

    /// Waits for all parts, then drops the services.
    async fn drain(&mut self) {
        while self.names.values().any(|(_, kind)| *kind == Kind::Part) {
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.take(ended),
                None => break,
            }
        }
        self.tasks.shutdown().await;
        self.names.clear();
    }

    fn take(&mut self, ended: Result<(Id, Result<(), PartError>), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let name = self.names.remove(&id).map_or("a task", |(name, _)| name);
        match ended {
            Ok((_, Ok(()))) if self.stop.is_cancelled() => tracing::debug!(part = name, "ended"),
            Ok((_, Ok(()))) => self.note(Failure::Ended { name }),
            Ok((_, Err(source))) => self.note(Failure::Failed { name, source }),
            Err(error) => self.note(Failure::Panicked {
                name,
                message: last_words(error),
            }),
        }
    }

    /// Keeps the first failure for the end; the cause is logged when it happens, not only then.
    fn note(&mut self, failure: Failure) {
        let cause = failure.source().map(tracing::field::display);
        tracing::error!(cause, "{failure}; the process ends");
        self.first.get_or_insert(failure);
    }

    /// The parts that live; the services only where they are all that is left.
    fn living(&self) -> String {
        let of = |kind| self.names.values().filter(move |task| task.1 == kind);
        let kind = of(Kind::Part).next().map_or(Kind::Service, |task| task.1);
        let mut names: Vec<_> = of(kind).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

fn last_words(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "cancelled".to_owned();
    };
    let payload: &(dyn Any + Send) = &*payload;
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&'static str>().copied())
        .unwrap_or("(no text)")
        .to_owned()
}

#[cfg(test)]
mod tests;
