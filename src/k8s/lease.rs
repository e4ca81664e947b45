//! Leader election by a Lease, such that two never act at once.
//!
//! No clock of another machine is believed: a Lease counts as expired when it has not changed for its whole
//! duration *since this process saw it change*. Each write names the version that it rests on, so that
//! of two who take a Lease one is refused. A leader may act until a while before the earliest moment at
//! which anybody can take the Lease, counted from when its last renewal was *sent*; a [`Fence`] asks for that
//! at each effect. client-go's candidates may take part.

mod candidate;
mod fence;
mod record;
#[cfg(test)]
mod tests;

use std::fmt;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::time::{Instant, sleep_until, timeout};

pub use self::{
    candidate::Timing,
    fence::{Fence, FenceLayer, TermOver},
};
use self::{
    candidate::{Answer, Candidate, Step},
    record::Record,
};
use super::clock::Clock;
use crate::api::text::chain;

/// What a candidate needs.
#[derive(Clone)]
pub struct Settings {
    /// The connection to the API server.
    pub client: Client,
    /// Where the Lease is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are: nobody else, in no other process, may be called so.
    pub identity: String,
    /// How long it lasts and how often it is renewed.
    pub timing: Timing,
    /// What time it is, for people who read the Lease.
    pub clock: Clock,
    /// Where jitter comes from.
    pub seed: u64,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// A candidate for the Lease.
#[derive(Debug)]
pub struct Election {
    leases: Api<Lease>,
    name: String,
    /// Namespace and name, for people.
    place: String,
    candidate: Candidate,
    clock: Clock,
    /// The Lease as it was read or written last: what others wrote into it is kept.
    known: Option<Lease>,
    /// Why nothing is known of it now.
    trouble: Option<String>,
}

impl Election {
    /// Stands for election; asks nobody yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            leases: Api::namespaced(settings.client, &settings.namespace),
            place: format!("{}/{}", settings.namespace, settings.name),
            name: settings.name,
            candidate: Candidate::new(settings.identity, settings.timing, settings.seed),
            clock: settings.clock,
            known: None,
            trouble: None,
        }
    }

    /// Returns when the Lease is ours; `tell` hears meanwhile whether it can be asked for, or why not.
    pub async fn win(&mut self, tell: impl Fn(Result<(), String>)) -> Fence {
        let fence = Fence::new();
        loop {
            self.step(&fence).await;
            tell(self.trouble.clone().map_or(Ok(()), Err));
            if self.candidate.term(Instant::now()).is_some() {
                return fence;
            }
        }
    }

    /// Renews the Lease; returns when it is not ours any more, or may soon not be.
    pub async fn hold(&mut self, fence: &Fence) {
        while self.candidate.term(Instant::now()).is_some() {
            self.step(fence).await;
        }
    }

    /// Gives the Lease back, if it is ours, so that the next one need not wait until it expires. Nothing
    /// may be under way any more behind `fence`, which is closed.
    pub async fn release(&mut self, fence: Option<&Fence>) {
        let closed = Fence::new();
        if let Some(fence) = fence {
            fence.close();
        }
        // A write whose answer was lost, or not waited for, has made another version of it.
        for _ in 0..3 {
            match self.candidate.release() {
                Some(step) => self.take(step, &closed).await,
                None => self.take(Step::Read, &closed).await,
            }
            if self.candidate.has_left() {
                return;
            }
        }
    }

    async fn step(&mut self, fence: &Fence) {
        let step = self.candidate.next(Instant::now());
        self.take(step, fence).await;
    }

    async fn take(&mut self, step: Step, fence: &Fence) {
        if let Step::Wait(until) = step {
            sleep_until(until).await;
            return;
        }
        let sent = Instant::now();
        // What is late is no answer: the next step asks again.
        let asked = timeout(self.candidate.patience(sent), self.ask(step)).await;
        let (answer, trouble) = match asked {
            Ok(Ok(answer)) => (answer, None),
            Ok(Err(error)) => (Answer::Unknown, Some(chain(&error))),
            Err(_) => (Answer::Unknown, Some("no answer in time".to_owned())),
        };
        let place = &self.place;
        let trouble = trouble.map(|why| format!("the lease {place} cannot be asked for: {why}"));
        if let Some(why) = trouble.as_ref().filter(|_| trouble != self.trouble) {
            tracing::warn!("{why}");
        }
        self.trouble = trouble;
        self.candidate.told(answer, sent, Instant::now());
        if let Some(term) = self.candidate.term(Instant::now()) {
            fence.extend(term);
        }
    }

    async fn ask(&mut self, step: Step) -> kube::Result<Answer> {
        match step {
            Step::Wait(_) => Ok(Answer::Unknown),
            Step::Read => {
                self.known = self.leases.get_opt(&self.name).await?;
                Ok(match &self.known {
                    Some(lease) => Answer::Found(version(lease), Record::of(lease)),
                    None => Answer::Missing,
                })
            }
            Step::Create(record) => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.name.clone()),
                        ..ObjectMeta::default()
                    },
                    spec: None,
                };
                let lease = record.write(lease, self.clock.now());
                let written = self.leases.create(&PostParams::default(), &lease).await;
                self.written(written)
            }
            Step::Replace(version, record) => {
                let mut lease = self.known.clone().unwrap_or_default();
                lease.metadata.resource_version = Some(version);
                let lease = record.write(lease, self.clock.now());
                let name = &self.name;
                let written = self
                    .leases
                    .replace(name, &PostParams::default(), &lease)
                    .await;
                self.written(written)
            }
        }
    }

    fn written(&mut self, written: kube::Result<Lease>) -> kube::Result<Answer> {
        match written {
            Ok(lease) => {
                let answer = Answer::Written(version(&lease));
                self.known = Some(lease);
                Ok(answer)
            }
            // Somebody else wrote it, made it, or took it away.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                Ok(Answer::Conflict)
            }
            Err(error) => Err(error),
        }
    }
}

fn version(lease: &Lease) -> String {
    lease.metadata.resource_version.clone().unwrap_or_default()
}
