//! Keeps the serving certificate, its authority and kube-apiserver's trust in it.
//!
//! Decides nothing: looks, asks the plan, and takes the step.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    ByteString, api::core::v1::Secret, kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Served, ServiceName,
    authority::{self, IssueError},
    plan::{Shown, Step, plan},
    secret::{self, Damage, Material},
    trust,
};
use crate::api::{names::MANAGER_APISERVER, text::chain};

/// How often replicas should look. So long may one serve a certificate of an authority that another has
/// made anew.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// How long a look and the step after it may take together: what was looked at must not be old when
/// it is written down.
const ROUND: Duration = Duration::from_secs(20);

/// More steps than any state needs: beyond that, the others are given time.
const STEPS_AT_ONCE: usize = 8;

/// Keeps the Secret `coder-k8s-apiserver-tls` and the `caBundle` of the `APIService`.
#[derive(Clone)]
pub(crate) struct Keeper {
    secrets: Api<Secret>,
    api_services: Api<APIService>,
    service: ServiceName,
    names: BTreeSet<String>,
    interval: Duration,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot {action} {object}")]
    Call {
        action: &'static str,
        object: String,
        #[source]
        source: kube::Error,
    },
    #[error("cannot use Secret {}/{}, which is left as it is: delete it to have a new one made",
        .namespace, secret::NAME)]
    Damaged {
        namespace: String,
        #[source]
        source: Damage,
    },
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error("no complete answer within {} s", ROUND.as_secs())]
    Slow,
}

/// What one look found.
struct Look {
    /// The error is worth a word, but what is in the Secret is served all the same.
    api_service: Result<Option<APIService>, Error>,
    secret: Option<Secret>,
    /// What is in the Secret; none where it is missing or a placeholder.
    material: Option<Material>,
}

impl Keeper {
    /// A keeper for the replicas behind `service` that looks each `interval`, usually
    /// [`INTERVAL`]. `client` needs `get` and `patch` on the `APIService`, `get` and `update` on
    /// the Secret, and `create` on Secrets unless there is a placeholder.
    pub(crate) fn new(
        client: Client,
        service: ServiceName,
        interval: Duration,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), &service.namespace),
            api_services: Api::all(client),
            names: service.dns_names(),
            service,
            interval,
            clock: Arc::new(clock),
        }
    }

    /// Publishes the certificate of the Secret whenever it changes, and takes the steps that keep it
    /// good. Whatever goes wrong is logged, once a change; what is served stays.
    pub(crate) async fn run(self, served: watch::Sender<Served>) -> Infallible {
        let mut said = None;
        loop {
            let outcome = self.rounds(&served).await;
            say(&outcome, &mut said);
            sleep(self.interval).await;
        }
    }

    /// Takes steps until there is nothing to do now; the last one.
    async fn rounds(&self, served: &watch::Sender<Served>) -> Result<Step, Error> {
        let mut step = Step::Show;
        for _ in 0..STEPS_AT_ONCE {
            let round = Box::pin(self.round(served));
            step = timeout(ROUND, round).await.unwrap_or(Err(Error::Slow))?;
            if matches!(step, Step::Wait(_)) {
                break;
            }
        }
        Ok(step)
    }

    /// One step, taken by us or by another replica at the same time.
    async fn round(&self, served: &watch::Sender<Served>) -> Result<Step, Error> {
        let look = self.look().await?;
        let now = (self.clock)();
        let material = look.material.as_ref();
        if let Some(material) = material {
            serve(material, served, now);
        }
        let authority = material.map(|material| &material.authority);
        let shown = match &look.api_service {
            Ok(found) => trust::read(found.as_ref(), &self.service, authority),
            Err(_) => Shown::Unknown,
        };
        let holding = material.map(|material| &material.holding);
        let step = plan(holding, shown, &self.names, now);
        match self.take(step, look, now).await {
            Ok(()) if matches!(step, Step::Wait(_)) => {}
            Ok(()) => tracing::info!(?step, "keeping the serving certificate"),
            Err(error) if error.is_race() => {}
            Err(error) => return Err(error),
        }
        Ok(step)
    }

    /// The `APIService` first: what it shows was in the Secret before, so a step never puts trust
    /// back to something older than what is shown.
    async fn look(&self) -> Result<Look, Error> {
        let api_service = self.api_services.get_opt(trust::NAME).await;
        let api_service = api_service.map_err(|error| self.failed("read", trust::NAME, error));
        let secret = self.secrets.get_opt(secret::NAME).await;
        let secret = secret.map_err(|error| self.failed("read", secret::NAME, error))?;
        let material = secret.as_ref().map_or(Ok(None), secret::read);
        let material = material.map_err(|source| Error::Damaged {
            namespace: self.service.namespace.clone(),
            source,
        })?;
        Ok(Look {
            api_service,
            secret,
            material,
        })
    }

    async fn take(&self, step: Step, look: Look, now: Timestamp) -> Result<(), Error> {
        let fields = match (step, look.material) {
            (Step::Wait(_), _) => return look.api_service.map(drop),
            (Step::Establish, _) => authority::establish(&self.names, now)?,
            (Step::Issue, Some(material)) => authority::issue(&material, &self.names, now)?,
            (Step::Show, Some(material)) => {
                let found = look.api_service.ok().flatten().unwrap_or_default();
                return self.show(&found, &material.bundle).await;
            }
            // Steps that the plan does not choose without a good Secret.
            (Step::Issue | Step::Show, _) => return Ok(()),
        };
        let exists = look.secret.is_some();
        let secret = look.secret.unwrap_or_else(|| self.placeholder());
        self.store(exists, &secret::with_fields(secret, &fields))
            .await
    }

    /// Writes the Secret, in the version that was looked at.
    async fn store(&self, exists: bool, changed: &Secret) -> Result<(), Error> {
        let parameters = PostParams {
            field_manager: Some(MANAGER_APISERVER.to_owned()),
            ..PostParams::default()
        };
        let (action, written) = if exists {
            let written = self.secrets.replace(secret::NAME, &parameters, changed);
            ("change", written.await)
        } else {
            ("create", self.secrets.create(&parameters, changed).await)
        };
        let written = written.map_err(|error| self.failed(action, secret::NAME, error));
        written.map(drop)
    }

    async fn show(&self, found: &APIService, bundle: &ByteString) -> Result<(), Error> {
        let parameters = PatchParams {
            field_manager: Some(MANAGER_APISERVER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(trust::patch(found, bundle));
        let written = self.api_services.patch(trust::NAME, &parameters, &patch);
        let written = written.await;
        let written = written.map_err(|error| self.failed("change", trust::NAME, error));
        written.map(drop)
    }

    fn placeholder(&self) -> Secret {
        Secret {
            metadata: ObjectMeta {
                name: Some(secret::NAME.to_owned()),
                namespace: Some(self.service.namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some(secret::TYPE.to_owned()),
            ..Secret::default()
        }
    }

    fn failed(&self, action: &'static str, name: &str, source: kube::Error) -> Error {
        let object = match name {
            trust::NAME => format!("APIService {name}"),
            _ => format!("Secret {}/{name}", self.service.namespace),
        };
        Error::Call {
            action,
            object,
            source,
        }
    }
}

impl Error {
    /// Another replica was faster: look at what it did.
    fn is_race(&self) -> bool {
        matches!(self, Self::Call { source: kube::Error::Api(status), .. }
            if status.is_conflict() || status.is_already_exists())
    }
}

/// Serves what was found; not something expired in place of what is served.
fn serve(found: &Material, served: &watch::Sender<Served>, now: Timestamp) {
    let until = found.holding.leaf.until;
    let is_no_gain = served
        .borrow()
        .as_ref()
        .is_some_and(|served| served.cert == found.served.cert || found.holding.leaf.is_over(now));
    if !is_no_gain {
        served.send_replace(Some(Arc::clone(&found.served)));
        tracing::info!(%until, "serving the certificate of the Secret");
    }
}

/// Logs what the rounds came to, unless the last ones came to the same.
fn say(outcome: &Result<Step, Error>, said: &mut Option<String>) {
    let text = match outcome {
        Ok(step) => format!("{step:?}"),
        Err(error) => chain(error),
    };
    if said.as_ref() == Some(&text) {
        return;
    }
    match outcome {
        Ok(Step::Wait(Shown::Right)) => tracing::info!("the serving certificate is in order"),
        Ok(Step::Wait(shown)) => tracing::info!(reason = shown.words(), "waiting"),
        Ok(Step::Establish | Step::Issue | Step::Show) => {
            tracing::warn!("the serving certificate does not come to rest");
        }
        Err(_) => tracing::warn!(error = text, "the serving certificate is not kept"),
    }
    *said = Some(text);
}

#[cfg(test)]
mod tests;
