//! From objects to the control planes that they belong to: each object has one home.
//!
//! Control planes come and go; each time, the objects of their namespace find their home anew. An object that
//! belongs to none of those that are synchronised is at home nowhere, where it says why.

pub(super) mod belonging;
mod route;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    belonging::Belonging,
    route::{Namespace, Route, Standing, route},
};
use super::{home::Home, key::Key, queue::Lane};
use crate::{k8s::object, sync::external::Failure};

/// A control plane that exists.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    /// It is synchronised.
    Runs(Arc<Home>),
    /// It will be; until then, why not.
    Waits(String),
    /// It is not meant to be, and does not count; why not.
    Excluded(String),
}

/// Which objects belong to which control plane.
#[derive(Debug)]
pub(super) struct Router {
    nowhere: Arc<Home>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    control_planes: BTreeMap<object::Key, Candidate>,
    /// Whether there can be no others.
    are_known: bool,
    /// By the id of the deployment that they reach.
    reached: BTreeMap<String, object::Key>,
    objects: BTreeMap<Key, Resident>,
}

/// An object, and where it belongs.
#[derive(Debug)]
struct Resident {
    belonging: Belonging,
    home: Arc<Home>,
    /// Why it is at home nowhere; none there means that this is not known yet.
    failure: Option<Failure>,
}

impl Router {
    /// No control plane is known yet; objects without one are at home in `nowhere`.
    pub(super) fn new(nowhere: Arc<Home>) -> Self {
        Self {
            nowhere,
            state: Mutex::default(),
        }
    }

    /// Where objects are at home that belong to none.
    pub(super) fn nowhere(&self) -> &Arc<Home> {
        &self.nowhere
    }

    /// A control plane is there, as another one than before, or is gone.
    pub(super) fn found(&self, place: &object::Key, candidate: Option<Candidate>) {
        let mut state = self.lock();
        let is_same_home = match (state.control_planes.get(place), &candidate) {
            (Some(Candidate::Runs(before)), Some(Candidate::Runs(now))) => Arc::ptr_eq(before, now),
            _ => false,
        };
        if !is_same_home {
            state.reached.retain(|_, reaching| reaching != place);
        }
        match candidate {
            Some(candidate) => state.control_planes.insert(place.clone(), candidate),
            None => state.control_planes.remove(place),
        };
        state.rehome(self, &place.namespace);
    }

    /// There are no other control planes than those that were found. Gives back how many, the first time.
    pub(super) fn all_are_known(&self) -> Option<usize> {
        let mut state = self.lock();
        if std::mem::replace(&mut state.are_known, true) {
            return None;
        }
        let objects = state.objects.keys().filter_map(Key::object);
        let namespaces: BTreeSet<_> = objects.map(|it| it.namespace.clone()).collect();
        for namespace in &namespaces {
            state.rehome(self, namespace);
        }
        Some(state.control_planes.len())
    }

    /// The control plane reaches the deployment `id`; else the one that has the deployment's objects.
    ///
    /// Which of two that is must not depend on which is quicker after a start: what the objects say counts first.
    pub(super) fn reaches(&self, place: &object::Key, id: &str) -> Result<(), object::Key> {
        let mut state = self.lock();
        let mut holders = state.holders(id);
        if let Some(known) = state.reached.get(id).filter(|_| holders.is_empty()) {
            holders.insert(known.clone());
        }
        match holders.pop_first() {
            Some(holder) if holder != *place => return Err(holder),
            Some(_) | None => {}
        }
        let before = state.reached.insert(id.to_owned(), place.clone());
        let others = state.reached.iter();
        let others = others.filter(|(other, reaching)| *other != id && *reaching == place);
        let left: Vec<_> = others.map(|(other, _)| other.clone()).collect();
        for other in &left {
            state.reached.remove(other);
        }
        if before.as_ref() != Some(place) || !left.is_empty() {
            state.rehome(self, &place.namespace);
        }
        Ok(())
    }

    /// Whether a short name in its namespace means the control plane.
    pub(super) fn is_meant_by_short_names(&self, place: &object::Key) -> bool {
        let state = self.lock();
        let namespace = state.namespace(&place.namespace);
        namespace
            .known
            .counting()
            .all(|(name, _)| name == place.name)
    }

    /// An object is there; its home.
    pub(super) fn meet(&self, key: &Key) -> Option<Arc<Home>> {
        let known = self.home(key);
        known.or_else(|| self.learn(key, Belonging::default()))
    }

    /// The object's status says this; its home.
    pub(super) fn learn(&self, key: &Key, belonging: Belonging) -> Option<Arc<Home>> {
        let object = key.object()?;
        let mut state = self.lock();
        let (home, failure) = self.find(&state.namespace(&object.namespace), key, &belonging)?;
        let resident = Resident {
            belonging,
            home: Arc::clone(&home),
            failure,
        };
        let before = state.objects.insert(key.clone(), resident);
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(&before.home, &home)) {
            before.home.leave(key);
        }
        Some(home)
    }

    /// Where the object is at home.
    pub(super) fn home(&self, key: &Key) -> Option<Arc<Home>> {
        let state = self.lock();
        let resident = state.objects.get(key)?;
        Some(Arc::clone(&resident.home))
    }

    /// The object is gone; where it was at home.
    pub(super) fn forget(&self, key: &Key) -> Option<Arc<Home>> {
        let resident = self.lock().objects.remove(key)?;
        Some(resident.home)
    }

    /// Has the object looked at, at home.
    pub(super) fn look(&self, key: Key, lane: Lane) {
        if let Some(home) = self.home(&key) {
            home.queue.add(key, lane);
        }
    }

    /// Why an object that is at home nowhere is; none where that is not known yet.
    pub(super) fn why_nowhere(&self, key: &Key) -> Option<Failure> {
        self.lock().objects.get(key)?.failure.clone()
    }

    /// The control plane that an object was bound through, and how many other objects say the same.
    pub(super) fn recorded(&self, key: &Key) -> Option<(object::Key, usize)> {
        let state = self.lock();
        let place = recorded(key, state.objects.get(key)?)?;
        let all = state.objects.iter();
        let others = all.filter(|(other, resident)| {
            *other != key && recorded(other, resident).as_ref() == Some(&place)
        });
        let count = others.count();
        Some((place, count))
    }

    /// All homes, nowhere among them.
    pub(super) fn homes(&self) -> Vec<Arc<Home>> {
        let state = self.lock();
        let running = state.control_planes.values().filter_map(Candidate::home);
        running.chain([&self.nowhere]).map(Arc::clone).collect()
    }

    /// The home of the object, and why it is nowhere.
    fn find(
        &self,
        namespace: &Found<'_>,
        key: &Key,
        belonging: &Belonging,
    ) -> Option<(Arc<Home>, Option<Failure>)> {
        let object = key.object()?;
        let named = key.named_control_plane();
        let known = &namespace.known;
        Some(
            match route(known, &object.name, named.as_deref(), belonging) {
                Route::To(name) => (Arc::clone(namespace.homes.get(name.as_str())?), None),
                Route::Awaited => (Arc::clone(&self.nowhere), None),
                Route::Nowhere(failure) => (Arc::clone(&self.nowhere), Some(failure)),
            },
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of one namespace, and the homes there.
struct Found<'a> {
    known: Namespace<'a>,
    homes: BTreeMap<&'a str, &'a Arc<Home>>,
}

impl State {
    fn namespace<'a>(&'a self, name: &'a str) -> Found<'a> {
        let is_here = |place: &&object::Key| place.namespace == name;
        let here = || {
            self.control_planes
                .iter()
                .filter(|(place, _)| is_here(place))
        };
        let reached = self.reached.iter().filter(|(_, place)| is_here(place));
        let homes = here().filter_map(|(place, it)| Some((place.name.as_str(), it.home()?)));
        Found {
            known: Namespace {
                name,
                control_planes: here()
                    .map(|(place, it)| (place.name.as_str(), it.standing()))
                    .collect(),
                reached: reached
                    .map(|(id, place)| (id.as_str(), place.name.as_str()))
                    .collect(),
                is_known: self.are_known,
            },
            homes: homes.collect(),
        }
    }

    /// The existing control planes through which objects are bound to deployment `id`, as far as they are not known
    /// to lead elsewhere now.
    fn holders(&self, id: &str) -> BTreeSet<object::Key> {
        let bound = self.objects.iter();
        let bound = bound.filter(|(_, it)| it.belonging.deployment.as_deref() == Some(id));
        let mut holders: BTreeSet<_> = bound
            .filter_map(|(key, resident)| recorded(key, resident))
            .collect();
        holders.retain(|place| {
            let counts = self
                .control_planes
                .get(place)
                .is_some_and(Candidate::counts);
            let leads_elsewhere = || {
                let mut reached = self.reached.iter();
                reached.any(|(other, reaching)| reaching == place && other != id)
            };
            counts && !leads_elsewhere()
        });
        holders
    }

    /// Finds the home of each object of `namespace` anew.
    fn rehome(&mut self, router: &Router, namespace: &str) {
        let found = self.namespace(namespace);
        let here = self.objects.iter().filter(|(key, _)| {
            let object = key.object();
            object.is_some_and(|object| object.namespace == namespace)
        });
        let moves: Vec<_> = here
            .filter_map(|(key, resident)| {
                let (home, failure) = router.find(&found, key, &resident.belonging)?;
                let is_same = Arc::ptr_eq(&home, &resident.home) && failure == resident.failure;
                (!is_same).then(|| (key.clone(), home, failure))
            })
            .collect();
        for (key, home, failure) in moves {
            let Some(resident) = self.objects.get_mut(&key) else {
                continue;
            };
            resident.failure = failure;
            let before = std::mem::replace(&mut resident.home, home);
            let home = &resident.home;
            if !Arc::ptr_eq(&before, home) {
                before.leave(&key);
                let external = resident.belonging.external;
                home.look_at(home.inventory.object_listed(&key, external));
            }
            home.queue.add(key, Lane::Due);
        }
    }
}

impl Candidate {
    fn home(&self) -> Option<&Arc<Home>> {
        match self {
            Self::Runs(home) => Some(home),
            Self::Waits(_) | Self::Excluded(_) => None,
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Runs(_) => Standing::Runs,
            Self::Waits(why) => Standing::Waits(why.clone()),
            Self::Excluded(why) => Standing::Excluded(why.clone()),
        }
    }

    fn counts(&self) -> bool {
        !matches!(self, Self::Excluded(_))
    }
}

/// The control plane through which an object was bound, or its creation begun.
fn recorded(key: &Key, resident: &Resident) -> Option<object::Key> {
    let belonging = &resident.belonging;
    let is_begun = belonging.deployment.is_some() || belonging.is_attempted;
    let name = belonging.control_plane.as_deref().filter(|_| is_begun)?;
    Some(object::Key::new(&key.object()?.namespace, name))
}

#[cfg(test)]
mod tests;
