//! One coderd, and the objects that belong to it.

use std::sync::{Arc, Mutex};

use super::{
    backoff::Backoff,
    cache::Contents,
    deployment::Deployments,
    directory::Directory,
    inventory::Inventory,
    key::Key,
    queue::{Lane, Queue},
    settings::FixedControlPlane,
    shared::Shared,
};
use crate::{
    api::names::STATIC_CONTROL_PLANE,
    coderd,
    k8s::object,
    sync::rules::{build_limit::BuildLimit, mass_deletion::Deletions},
};

/// One coderd, with all that is known of it and of the objects that belong to it.
pub(super) struct ControlPlane {
    pub(super) shared: Arc<Shared>,
    /// Its name, in the namespace of its objects.
    pub(super) place: object::Key,
    pub(super) client: coderd::Client,
    pub(super) queue: Queue<Key>,
    pub(super) inventory: Inventory,
    pub(super) directory: Directory,
    pub(super) deployments: Deployments,
    pub(super) backoff: Backoff,
    pub(super) contents: Contents,
    /// Of external objects in coderd.
    pub(super) deletions: Mutex<Deletions<Key>>,
    /// Of objects whose external objects were renamed or are gone.
    pub(super) removals: Mutex<Deletions<Key>>,
    /// Of workspaces in coderd.
    pub(super) build_limit: Mutex<BuildLimit<Key>>,
}

impl ControlPlane {
    /// The control plane called `place`, whose coderd `client` reaches.
    pub(super) fn new(shared: Arc<Shared>, place: object::Key, client: coderd::Client) -> Self {
        let settings = &shared.settings;
        Self {
            queue: Queue::default(),
            inventory: Inventory::of(place.clone()),
            directory: Directory::default(),
            deployments: Deployments::default(),
            backoff: Backoff::new(settings.seed_of(&place.to_string())),
            contents: Contents::default(),
            deletions: Mutex::default(),
            removals: Mutex::default(),
            build_limit: Mutex::new(BuildLimit::new(settings.max_active_builds)),
            shared,
            place,
            client,
        }
    }

    /// The one that the flags name.
    pub(super) fn fixed(shared: Arc<Shared>) -> Self {
        let FixedControlPlane { namespace, client } = &shared.settings.fixed;
        let place = object::Key::new(namespace, STATIC_CONTROL_PLANE);
        let client = client.clone();
        Self::new(shared, place, client)
    }

    /// What may be seen of coderd has changed: every object looks for itself.
    pub(super) fn look_at_everything(&self) {
        for key in self.inventory.objects() {
            self.queue.add(key, Lane::Bulk);
        }
    }

    /// What the objects `keys` waited for is there.
    pub(super) fn look_at(&self, keys: Vec<Key>) {
        for key in keys {
            self.queue.add(key, Lane::Due);
        }
    }
}
