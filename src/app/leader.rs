//! The controller works on one replica at a time: on the one that holds the Lease.

use std::{fs, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::{
    AppError, config::ControllerConfig, controller_settings, health::Readiness, seed, system_clock,
};
use crate::{
    coderd::{Exchange, TransportError},
    controller::{self, metrics::Metrics},
    k8s::{
        self,
        lease::{self, Election, Fence, Timing},
    },
};

/// The Lease of the Go project's controller, so that the two never work at once.
pub const LEASE: &str = "coder-k8s-controller.coder.com";
/// Where a pod finds its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of the Lease where none is known.
const FALLBACK_NAMESPACE: &str = "kube-system";
/// How long giving the Lease back may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// The controller of this process, which works for no term of office, for one, or for many.
pub(super) struct Controller {
    pub(super) kube: kube::Config,
    pub(super) config: ControllerConfig,
    pub(super) metrics: Metrics,
    /// Whether it can do its work; one that waits for the Lease is ready.
    pub(super) readiness: watch::Sender<Readiness>,
    /// Its signs of life.
    pub(super) alive: watch::Sender<Instant>,
}

impl Controller {
    /// Works until `stop`, whenever this replica is the leader.
    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        if !self.config.leader_elect {
            return self.work(None, stop).await;
        }
        let mut election = self.election()?;
        while let Some(fence) = self.follow(&mut election, &stop).await {
            let ended = self.lead(&mut election, &fence, &stop).await;
            // Ended otherwise than by the loss of the Lease.
            if stop.is_cancelled() || ended.is_err() {
                farewell(&mut election, Some(&fence)).await;
                return ended;
            }
        }
        Ok(())
    }

    /// Waits until the Lease is ours; none at `stop`.
    async fn follow(&self, election: &mut Election, stop: &CancellationToken) -> Option<Fence> {
        tracing::info!(lease = LEASE, "waiting to become the leader");
        let beat = async {
            loop {
                self.alive.send_replace(Instant::now());
                sleep(controller::BEAT).await;
            }
        };
        // One that waits is ready, unless it would wait for ever.
        let tell = |verdict| drop(self.readiness.send_replace(verdict));
        let won = tokio::select! {
            fence = election.win(tell) => Some(fence),
            () = beat => None,
            () = stop.cancelled() => None,
        };
        if won.is_none() {
            // It may have been won in the same moment.
            farewell(election, None).await;
        }
        won
    }

    /// Works for as long as the Lease is ours.
    async fn lead(
        &self,
        election: &mut Election,
        fence: &Fence,
        stop: &CancellationToken,
    ) -> Result<(), AppError> {
        tracing::info!(lease = LEASE, "this replica is the leader");
        let (term, done) = (stop.child_token(), CancellationToken::new());
        let work = async {
            let ended = self.work(Some(fence.clone()), term.clone()).await;
            done.cancel();
            ended
        };
        let hold = async {
            if done
                .run_until_cancelled(election.hold(fence))
                .await
                .is_some()
            {
                tracing::warn!(lease = LEASE, "this replica is the leader no more");
                term.cancel();
            }
        };
        let (ended, ()) = tokio::join!(work, hold);
        ended
    }

    async fn work(&self, fence: Option<Fence>, stop: CancellationToken) -> Result<(), AppError> {
        let settings = controller_settings(&self.kube, &self.config, &self.metrics, fence)?;
        let _previous = self.readiness.send_replace(Err("starting".to_owned()));
        self.metrics.leads(true);
        let (readiness, alive) = (self.readiness.clone(), self.alive.clone());
        let ended = controller::run(settings, readiness, alive, stop).await;
        self.metrics.leads(false);
        Ok(ended?)
    }

    fn election(&self) -> Result<Election, AppError> {
        let host = std::env::var("HOSTNAME").unwrap_or_default();
        let seed = seed();
        Ok(Election::new(lease::Settings {
            client: k8s::config::client(self.kube.clone())?,
            namespace: own_namespace(),
            name: LEASE.to_owned(),
            identity: format!("{host}_{seed:016x}"),
            timing: Timing::default(),
            clock: system_clock(),
            seed,
        }))
    }
}

/// Gives the Lease back, if it is ours.
async fn farewell(election: &mut Election, fence: Option<&Fence>) {
    if timeout(FAREWELL, election.release(fence)).await.is_err() {
        tracing::warn!(
            lease = LEASE,
            "the lease could not be given back; it expires"
        );
    }
}

/// The namespace that the controller itself is in, where the Lease is.
pub(super) fn own_namespace() -> String {
    namespace(std::env::var("POD_NAMESPACE").ok(), || {
        fs::read_to_string(NAMESPACE_FILE).ok()
    })
}

/// As with the Go project.
fn namespace(variable: Option<String>, file: impl FnOnce() -> Option<String>) -> String {
    let said = |text: String| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let namespace = variable.and_then(said).or_else(|| file().and_then(said));
    namespace.unwrap_or_else(|| FALLBACK_NAMESPACE.to_owned())
}

/// `exchange`, by which nothing is changed in coderd unless `fence` lets it.
pub(super) fn fenced(exchange: Exchange, fence: Fence) -> Exchange {
    let service = service_fn(move |request: Request<Bytes>| {
        let (exchange, fence) = (exchange.clone(), fence.clone());
        async move {
            let is_read = request.method() == Method::GET;
            let reply = exchange.oneshot(request);
            if is_read {
                return reply.await;
            }
            match fence.guard(reply).await {
                Ok(reply) => reply,
                Err(over) if over.was_begun => Err(TransportError::Interrupted(over.into())),
                Err(over) => Err(TransportError::Unsendable(over.into())),
            }
        }
    });
    BoxCloneSyncService::new(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_is_where_the_go_project_has_it() {
        let some = |text: &str| Some(text.to_owned());
        for (variable, file, expected) in [
            (some(" coder-system "), some("x"), "coder-system"),
            (some(" "), some("coder\n"), "coder"),
            (None, some("coder"), "coder"),
            (None, some(""), "kube-system"),
            (None, None, "kube-system"),
        ] {
            assert_eq!(namespace(variable, || file), expected);
        }
    }
}
