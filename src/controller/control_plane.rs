//! One coderd, and the objects that belong to it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Response;
use tower::service_fn;

use super::{
    cache::Contents,
    deployment::{Deployments, View},
    directory::Directory,
    home::Home,
    key::Key,
    metrics::PlaneMetrics,
    router::Candidate,
    shared::Shared,
};
use crate::{
    coderd::{self, BaseUrl, TokenSource, TransportError, UrlError},
    k8s::object,
    sync::rules::mass_deletion::Deletions,
};
/// One coderd, with all that is known of it and of the objects that belong to it.
pub(super) struct ControlPlane {
    pub(super) shared: Arc<Shared>,
    pub(super) home: Arc<Home>,
    pub(super) client: coderd::Client,
    pub(super) metrics: PlaneMetrics,
    pub(super) directory: Directory,
    pub(super) deployments: Deployments,
    pub(super) contents: Contents,
    /// Of external objects in coderd.
    pub(super) deletions: Mutex<Deletions<Key>>,
    /// Of objects whose external objects were renamed or are gone.
    pub(super) removals: Mutex<Deletions<Key>>,
}

impl ControlPlane {
    /// The control plane called `place`, whose coderd `client` reaches.
    pub(super) fn new(shared: Arc<Shared>, place: object::Key, client: coderd::Client) -> Self {
        let settings = &shared.settings;
        let seed = settings.seed_of(&place.to_string());
        let home = Home::of(place, seed, settings.max_active_builds);
        Self::at(Arc::new(home), shared, client)
    }

    fn at(home: Arc<Home>, shared: Arc<Shared>, client: coderd::Client) -> Self {
        let metrics = shared.settings.metrics.of(&home.place);
        Self {
            home,
            metrics,
            directory: Directory::default(),
            deployments: Deployments::default(),
            contents: Contents::default(),
            deletions: Mutex::default(),
            removals: Mutex::default(),
            shared,
            client,
        }
    }

    /// Where objects are at home that belong to none: nothing is ever asked there.
    pub(super) fn nowhere(shared: Arc<Shared>) -> Result<Self, UrlError> {
        let base = BaseUrl::parse("http://nowhere.invalid")?;
        let refuse = |_| async {
            let why = io::Error::other("the object belongs to no control plane");
            Err::<Response<Bytes>, _>(TransportError::Connect(why.into()))
        };
        let builder = coderd::Client::builder(base, TokenSource::Fixed(String::new().into()));
        let home = Arc::clone(shared.router.nowhere());
        let client = builder.with_service(service_fn(refuse));
        Ok(Self::at(home, shared, client))
    }

    /// Its name; none for nowhere.
    pub(super) fn name(&self) -> Option<&str> {
        Some(self.home.place.name.as_str()).filter(|name| !name.is_empty())
    }

    /// What may be seen of coderd for the object.
    pub(super) fn view(&self, key: &Key) -> View {
        if self.name().is_some() {
            return self.deployments.get();
        }
        let failure = self.shared.router.why_nowhere(key);
        failure.map_or(View::Awaited, View::Nowhere)
    }

    /// The objects of its namespace are routed to it from now on, as far as they belong to it.
    pub(super) fn found(&self) {
        let home = Arc::clone(&self.home);
        let candidate = Candidate::Runs(home);
        self.shared.router.found(&self.home.place, Some(candidate));
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.metrics.ended();
    }
}
