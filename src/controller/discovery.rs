//! Finds each Coder by its `CoderControlPlane`, and keeps what is synchronised in line with what is found.

mod eligibility;
mod token;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, future::join_all, pin_mut};
use tokio::{sync::watch as channel, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::eligibility::{Access, Verdict, judge};
use super::{
    control_plane::ControlPlane,
    parts::Parts,
    progress::Watching,
    queue::{Lane, Queue},
    router::Candidate,
    running,
    shared::Shared,
};
use crate::{
    api::{control_plane::CoderControlPlane, names::STATIC_CONTROL_PLANE, text::chain},
    coderd::TokenSource,
    k8s::{
        object::{self, Objects},
        watch::{self, Options, WatchEvent},
    },
};

/// How soon something is read again that the API server did not give.
const RETRY: Duration = Duration::from_secs(3);

/// What is known of the control planes in the cluster.
struct Discovery {
    shared: Arc<Shared>,
    queue: Queue<object::Key>,
    unseen: Mutex<Unseen>,
}

/// What has to be seen before all control planes are known.
#[derive(Debug)]
struct Unseen {
    watches: BTreeSet<Option<String>>,
    listed: BTreeSet<object::Key>,
}

/// A control plane that is synchronised.
struct Running {
    access: Access,
    stop: CancellationToken,
}

/// Starts and ends control planes as they come and go, until `stop`; then ends them all.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let namespaces = shared.settings.watched();
    let discovery = Discovery {
        shared,
        queue: Queue::default(),
        unseen: Mutex::new(Unseen {
            watches: namespaces.iter().cloned().collect(),
            listed: BTreeSet::new(),
        }),
    };
    let watches = join_all(namespaces.into_iter().map(|it| discovery.watch(it)));
    let mut planes = JoinSet::new();
    let work = discovery.work(&mut planes, &stop);
    let _ended = stop
        .run_until_cancelled(futures::future::join(watches, work))
        .await;
    while planes.join_next().await.is_some() {}
}

impl Discovery {
    /// Has each control plane of `namespace` looked at that is there, or changes.
    async fn watch(&self, namespace: Option<String>) {
        let settings = &self.shared.settings;
        let metrics = settings.metrics.clone();
        let options = Options {
            namespace: namespace.clone(),
            labels: None,
            fields: None,
            seed: settings.seed_of(&format!("{namespace:?} CoderControlPlane")),
        };
        let kube = settings.kube.clone();
        let (events, mut health) =
            watch::watch::<CoderControlPlane, _>(kube, &options, move |_| {
                metrics.watch_failed();
            });
        let watching: Watching = ("CoderControlPlane", namespace.clone());
        let take_in = async {
            pin_mut!(events);
            while let Some(event) = events.next().await {
                match event {
                    WatchEvent::Applied(object) => self.look_at(object::Key::of(&object.metadata)),
                    WatchEvent::Listed(object) => {
                        let place = object::Key::of(&object.metadata);
                        self.unseen().listed.extend(place.clone());
                        self.look_at(place);
                    }
                    WatchEvent::Deleted { key, .. } => self.look_at(Some(key)),
                    WatchEvent::Synced => {
                        self.seen(|unseen| {
                            unseen.watches.remove(&namespace);
                        });
                        let shared = &self.shared;
                        shared.progressed(|it| it.watch(&watching).is_synced = true);
                    }
                }
            }
        };
        let follow = async {
            while health.changed().await.is_ok() {
                let now = *health.borrow_and_update();
                // Where the kind is not installed, there are none.
                if now.missing {
                    self.seen(|unseen| {
                        unseen.watches.remove(&namespace);
                    });
                }
                self.shared
                    .progressed(|progress| progress.watch(&watching).health = now);
            }
        };
        futures::join!(take_in, follow);
    }

    fn look_at(&self, place: Option<object::Key>) {
        if let Some(place) = place {
            self.queue.add(place, Lane::Edit);
        }
    }

    /// Looks at one control plane after the other.
    async fn work(&self, planes: &mut JoinSet<()>, stop: &CancellationToken) {
        let mut running = BTreeMap::new();
        loop {
            let place = self.queue.next().await;
            if self.look(&place, &mut running, planes, stop).await {
                self.seen(|unseen| {
                    unseen.listed.remove(&place);
                });
            } else {
                self.queue.add_later(place.clone(), RETRY);
            }
            self.queue.done(&place);
            // Those that have ended.
            while planes.try_join_next().is_some() {}
        }
    }

    /// Looks at one control plane; false where it could not be read.
    async fn look(
        &self,
        place: &object::Key,
        running: &mut BTreeMap<object::Key, Running>,
        planes: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> bool {
        let objects = Objects::<CoderControlPlane>::new(self.shared.settings.kube.clone());
        let found = match objects.get(place).await {
            Ok(found) => found.map(|object| self.judge(place, &object)),
            Err(error) if error.is_unreadable() => Some(Verdict::Waits(chain(&error))),
            Err(error) => {
                tracing::warn!(control_plane = %place, error = chain(&error), "cannot be read");
                return false;
            }
        };
        let router = &self.shared.router;
        match found {
            // Whoever keeps its status may say for a moment that there is no access, as while it is renewed.
            Some(Verdict::Waits(why)) if running.contains_key(place) => {
                tracing::debug!(control_plane = %place, why, "goes on as before");
            }
            Some(Verdict::Eligible(access)) => {
                if running
                    .get(place)
                    .is_none_or(|known| known.access != access)
                {
                    end(running.remove(place));
                    let stop = stop.child_token();
                    match self.start(place, &access, stop.clone(), planes).await {
                        Ok(()) => {
                            running.insert(place.clone(), Running { access, stop });
                        }
                        Err(why) => router.found(place, Some(Candidate::Waits(why))),
                    }
                }
            }
            Some(Verdict::Waits(why)) => {
                tracing::info!(control_plane = %place, why, "waiting for it");
                router.found(place, Some(Candidate::Waits(why)));
            }
            Some(Verdict::Excluded(why)) => {
                tracing::info!(control_plane = %place, why, "left alone");
                end(running.remove(place));
                router.found(place, Some(Candidate::Excluded(why)));
            }
            None => {
                tracing::info!(control_plane = %place, "is gone");
                end(running.remove(place));
                router.found(place, None);
            }
        }
        true
    }

    /// What is to be said of a control plane; the one that the flags name keeps its name.
    fn judge(&self, place: &object::Key, object: &CoderControlPlane) -> Verdict {
        if self.shared.settings.is_fixed(place) {
            let why =
                format!("the name {STATIC_CONTROL_PLANE} is taken by the flags of the controller");
            return Verdict::Excluded(why);
        }
        judge(object)
    }

    /// Starts to synchronise a control plane; else says what is missing.
    async fn start(
        &self,
        place: &object::Key,
        access: &Access,
        stop: CancellationToken,
        planes: &mut JoinSet<()>,
    ) -> Result<(), String> {
        let secret = object::Key::new(&place.namespace, &access.secret);
        let (token, kept) = channel::channel(Err(format!("Secret {secret} was not read yet")));
        let client =
            (self.shared.settings.connect)(place, access.url.clone(), TokenSource::Kept(kept));
        let client = client.map_err(|error| chain(&error))?;
        token::read(&self.shared, &secret, &access.key, &token).await;
        tracing::info!(control_plane = %place, url = %access.url, "synchronising");
        let plane = Arc::new(ControlPlane::new(
            Arc::clone(&self.shared),
            place.clone(),
            client,
        ));
        plane.found();
        let mut parts = Parts::new(
            stop.clone(),
            self.shared.settings.seed_of(&place.to_string()),
        );
        let (shared, key, token) = (
            Arc::clone(&self.shared),
            access.key.clone(),
            Arc::new(token),
        );
        parts.droppable("watch of the token", move || {
            let (shared, secret) = (Arc::clone(&shared), secret.clone());
            let (key, token) = (key.clone(), Arc::clone(&token));
            async move { token::follow(&shared, &secret, &key, &token).await }
        });
        planes.spawn(parts.run());
        planes.spawn(running::run(plane, stop));
        Ok(())
    }

    /// Something was seen that had to be.
    fn seen(&self, what: impl FnOnce(&mut Unseen)) {
        let mut unseen = self.unseen();
        what(&mut unseen);
        let is_complete = unseen.watches.is_empty() && unseen.listed.is_empty();
        drop(unseen);
        if !is_complete {
            return;
        }
        match self.shared.router.all_are_known() {
            Some(0) => tracing::info!("waiting for a CoderControlPlane: there is none yet"),
            Some(count) => tracing::info!(count, "all control planes are known"),
            None => {}
        }
    }

    fn unseen(&self) -> MutexGuard<'_, Unseen> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a control plane. It is not waited for: what it has in hand, no other one takes.
fn end(running: Option<Running>) {
    if let Some(running) = running {
        running.stop.cancel();
    }
}
