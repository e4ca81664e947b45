//! Which objects there are on either side, and which belong together.
//!
//! Sweeps of coderd's lists are compared with the sweep before; only what differs is looked at. That a
//! row is missing proves nothing: it only makes its object look for itself.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::key::Key;
use crate::{
    api::object_name::{ObjectName, TemplateName},
    k8s::object,
};

/// What one row of a list says, as far as a change of it matters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The name that its object has, or would have.
    pub(super) name: String,
    /// The organization it belongs to.
    pub(super) organization: String,
    /// Everything that the object shows or is compared with.
    pub(super) content: RowContent,
}

/// The rest of a row, by kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RowContent {
    /// A workspace.
    Workspace(Box<crate::sync::workspace::external::Workspace>),
    /// A template.
    Template(Box<crate::sync::template::external::Template>),
}

impl Row {
    /// The keys of the objects of the control plane that the row may belong to, by its name.
    fn keys(&self, control_plane: &object::Key) -> [Key; 2] {
        let key = match self.content {
            RowContent::Workspace(_) => Key::Workspace,
            RowContent::Template(_) => Key::Template,
        };
        forms(control_plane, &self.name).map(key)
    }

    /// What may have been awaited and is there with this row.
    fn brings(&self) -> Option<Awaited> {
        match &self.content {
            RowContent::Workspace(_) => None,
            RowContent::Template(it) => {
                Some(Awaited::template(&it.live.organization_name, &it.live.name))
            }
        }
    }

    /// The key under which external `id` is imported.
    fn import_key(&self, id: Uuid) -> Key {
        match self.content {
            RowContent::Workspace(_) => Key::ImportWorkspace(id),
            RowContent::Template(_) => Key::ImportTemplate(id),
        }
    }
}

/// Both objects whose identity in the control plane may be spelled `name`: without and with its name.
pub(super) fn forms(control_plane: &object::Key, name: &str) -> [object::Key; 2] {
    let object::Key {
        namespace,
        name: prefix,
    } = control_plane;
    [name.to_owned(), format!("{prefix}.{name}")].map(|name| object::Key::new(namespace, name))
}

/// What an object without a binding waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaited {
    /// That the external object of this id is let go by another object, or goes, or gives its name free.
    External(Uuid),
    /// That a template of this name is there.
    Template {
        /// Its organization, lower case.
        organization: String,
        /// Its name, lower case.
        name: String,
    },
}

impl Awaited {
    /// The template that coderd calls so, in any case.
    pub(super) fn template(organization: &str, name: &str) -> Self {
        Self::Template {
            organization: organization.to_lowercase(),
            name: name.to_lowercase(),
        }
    }
}

/// Which objects there are on either side of one control plane.
#[derive(Debug)]
pub(super) struct Inventory {
    control_plane: object::Key,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Uuid, Row>,
    objects: HashMap<Key, Known>,
    bound: HashMap<Uuid, Key>,
    waiting: HashMap<Key, Awaited>,
}

#[derive(Debug, Default)]
struct Known {
    binding: Option<Uuid>,
    /// What the last look found. Until there is one, as where the object cannot be read, the list tells
    /// the binding.
    visit: Option<Visit>,
    /// Whether a look found something new since the last sweep.
    is_new: bool,
}

/// What a look at an object found.
#[derive(Clone, Debug, Default)]
pub(super) struct Visit {
    /// The external object that it is bound to.
    pub(super) binding: Option<Uuid>,
    /// Whether the external object is there.
    pub(super) is_present: bool,
    /// What it waits for.
    pub(super) awaits: Option<Awaited>,
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Objects that have to be looked at.
    pub(super) objects: Vec<Key>,
    /// Objects that waited for what is there now.
    pub(super) woken: Vec<Key>,
    /// Twins without an object.
    pub(super) imports: Vec<Key>,
}

impl Inventory {
    /// That of a control plane.
    pub(super) fn of(control_plane: object::Key) -> Self {
        Self {
            control_plane,
            state: Mutex::default(),
        }
    }

    /// Takes the rows of a complete sweep in; tells what differs from the sweep before.
    pub(super) fn swept(
        &self,
        rows: BTreeMap<Uuid, Row>,
        covered: impl Fn(&str) -> bool,
    ) -> Changes {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.rows, rows);
        let mut changes = Changes::default();
        for (id, row) in &state.rows {
            let is_new = before.get(id) != Some(row);
            match state.bound.get(id) {
                Some(key) if is_new => changes.objects.push(key.clone()),
                Some(_) => {}
                None => {
                    let is_there = |key: &Key| state.objects.contains_key(key);
                    let mut by_name = row
                        .keys(&self.control_plane)
                        .into_iter()
                        .filter(is_there)
                        .peekable();
                    if by_name.peek().is_some() {
                        changes.objects.extend(by_name.filter(|_| is_new));
                    } else if covered(&row.organization) {
                        changes.imports.push(row.import_key(*id));
                    }
                }
            }
        }
        // An external object may come and go between two sweeps, so that what counts is not the sweep
        // before but the last look. Who did not find it then has looked, or looks again by itself.
        let missing = state
            .bound
            .iter()
            .filter(|(id, key)| !state.rows.contains_key(id) && state.is_present(key));
        changes.objects.extend(missing.map(|(_, key)| key.clone()));
        let is_new = |(id, row): &(&Uuid, &Row)| before.get(id) != Some(*row);
        let brought = state.rows.iter().filter(is_new);
        let mut news: HashSet<Awaited> = brought.filter_map(|(_, row)| row.brings()).collect();
        let has_left = |(id, row): &(&Uuid, &Row)| {
            let now = state.rows.get(id);
            now.is_none_or(|now| now.name != row.name)
        };
        let left = before.iter().filter(has_left);
        news.extend(left.map(|(id, _)| Awaited::External(*id)));
        changes.woken = state.waiting_for(|awaited| news.contains(awaited));
        // What a look saw may have gone back since, so that both sweeps around it are equal.
        let news = state.objects.iter_mut();
        changes.objects.extend(
            news.filter_map(|(key, known)| std::mem::take(&mut known.is_new).then(|| key.clone())),
        );
        changes
    }

    /// An object is there.
    pub(super) fn object_seen(&self, key: &Key) {
        self.lock().objects.entry(key.clone()).or_default();
    }

    /// An object is there, and its status names this external object. What a look has found counts for more: the
    /// list may be older. Gives back the objects that waited for that.
    pub(super) fn object_listed(&self, key: &Key, binding: Option<Uuid>) -> Vec<Key> {
        let mut state = self.lock();
        let known = state.objects.entry(key.clone()).or_default();
        if known.visit.is_some() {
            return Vec::new();
        }
        state.bind(key, binding)
    }

    /// An object is gone. Gives back the objects that waited for that.
    pub(super) fn object_gone(&self, key: &Key) -> Vec<Key> {
        let mut state = self.lock();
        let woken = state.bind(key, None);
        state.objects.remove(key);
        state.waiting.remove(key);
        woken
    }

    /// An object was looked at. The first object that is bound to an external object keeps it. Gives back
    /// the objects that waited for what came of it.
    pub(super) fn object_visited(&self, key: &Key, visit: Visit) -> Vec<Key> {
        let mut state = self.lock();
        let known = state.objects.entry(key.clone()).or_default();
        let binding = visit.binding;
        let awaits = visit.awaits.clone();
        let before = known.visit.replace(visit);
        let is_new = binding.is_some() && before.is_none_or(|before| before.binding.is_none());
        match awaits {
            Some(awaited) => state.waiting.insert(key.clone(), awaited),
            None => state.waiting.remove(key),
        };
        let mut woken = state.bind(key, binding);
        if let Key::Template(place) = key
            && let Some(name) = TemplateName::parse(&place.name).filter(|_| is_new)
        {
            let template = Awaited::template(&name.organization, &name.template);
            woken.extend(state.waiting_for(|awaited| *awaited == template));
        }
        woken
    }

    /// A look at an object found something new.
    pub(super) fn object_changed(&self, key: &Key) {
        if let Some(known) = self.lock().objects.get_mut(key) {
            known.is_new = true;
        }
    }

    /// Binds an object to external `id`, before that is written down; false where another one holds it.
    pub(super) fn claim(&self, key: &Key, id: Uuid) -> bool {
        let mut state = self.lock();
        if state.bound.get(&id).is_some_and(|holder| holder != key) {
            return false;
        }
        state.bound.insert(id, key.clone());
        state.objects.entry(key.clone()).or_default().binding = Some(id);
        true
    }

    /// The object that external `id` is bound to.
    pub(super) fn bound_to(&self, id: Uuid) -> Option<Key> {
        self.lock().bound.get(&id).cloned()
    }

    /// Whether external `id` has an object.
    pub(super) fn is_bound(&self, id: Uuid) -> bool {
        self.lock().bound.contains_key(&id)
    }

    /// Every object.
    pub(super) fn objects(&self) -> Vec<Key> {
        self.lock().objects.keys().cloned().collect()
    }

    /// How many objects there are.
    pub(super) fn count(&self) -> usize {
        self.lock().objects.len()
    }

    /// How many workspaces use the template called `template` in `organization`, by the last sweep.
    pub(super) fn workspaces_of(&self, organization: &str, template: &str) -> i64 {
        let state = self.lock();
        let count = state.rows.values().filter(|row| match &row.content {
            RowContent::Workspace(workspace) => {
                workspace.organization == organization && workspace.template == template
            }
            RowContent::Template(_) => false,
        });
        i64::try_from(count.count()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Binds the object `key` to `binding`, unless another one holds that external object. Gives back the objects
    /// that waited for the external object that it was bound to.
    fn bind(&mut self, key: &Key, binding: Option<Uuid>) -> Vec<Key> {
        let Some(known) = self.objects.get_mut(key) else {
            return Vec::new();
        };
        let before = std::mem::replace(&mut known.binding, binding);
        if let Some(id) = binding {
            self.bound.entry(id).or_insert_with(|| key.clone());
        }
        match before.filter(|id| before != binding && self.bound.get(id) == Some(key)) {
            Some(id) => {
                self.bound.remove(&id);
                self.waiting_for(|awaited| *awaited == Awaited::External(id))
            }
            None => Vec::new(),
        }
    }

    /// Whether the last look at the object found its external object.
    fn is_present(&self, key: &Key) -> bool {
        let visit = self.objects.get(key).and_then(|known| known.visit.as_ref());
        visit.is_some_and(|visit| visit.is_present)
    }

    /// The objects that wait for something such.
    fn waiting_for(&self, is_it: impl Fn(&Awaited) -> bool) -> Vec<Key> {
        let waiting = self.waiting.iter().filter(|(_, awaited)| is_it(awaited));
        waiting.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
