//! Which objects there are on either side, and which belong together.
//!
//! Sweeps of coderd's lists are compared with the sweep before; only what differs is looked at. That a
//! row is missing proves nothing: it only makes its object look for itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::Key;

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
    Workspace(Box<crate::sync::workspace::Workspace>),
    /// A template.
    Template(Box<crate::sync::template::Template>),
}

impl Row {
    /// The key of the object called `name`, of the row's kind.
    fn key(&self, name: String) -> Key {
        match self.content {
            RowContent::Workspace(_) => Key::Workspace(name),
            RowContent::Template(_) => Key::Template(name),
        }
    }

    /// The key under which twin `id` is imported.
    fn import_key(&self, id: Uuid) -> Key {
        match self.content {
            RowContent::Workspace(_) => Key::ImportWorkspace(id),
            RowContent::Template(_) => Key::ImportTemplate(id),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Inventory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Uuid, Row>,
    /// Every object, and whether it has been looked at since the start: until all have, it is not
    /// known which twins are bound.
    objects: HashMap<Key, Known>,
    bound: HashMap<Uuid, Key>,
    /// Whether every object that was there at the start has been looked at.
    knows_bindings: bool,
}

#[derive(Debug, Default)]
struct Known {
    was_visited: bool,
    binding: Option<Uuid>,
    /// Whether the last look found the twin.
    is_present: bool,
    /// Whether a look found something new since the last sweep.
    is_new: bool,
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Objects that have to be looked at.
    pub(super) objects: Vec<Key>,
    /// Twins without an object.
    pub(super) imports: Vec<Key>,
}

impl Inventory {
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
                    let key = row.key(row.name.clone());
                    if state.objects.contains_key(&key) {
                        changes.objects.extend(is_new.then_some(key));
                    } else if state.is_complete() && covered(&row.organization) {
                        changes.imports.push(row.import_key(*id));
                    }
                }
            }
        }
        // A twin may come and go between two sweeps, so that what counts is not the sweep before but
        // the last look. Who did not find it then has looked, or looks again by itself.
        let missing = state.bound.iter().filter(|(id, key)| {
            !state.rows.contains_key(id) && state.objects.get(key).is_some_and(|it| it.is_present)
        });
        changes.objects.extend(missing.map(|(_, key)| key.clone()));
        let is_other_template = |(id, row): (&Uuid, &Row)| {
            matches!(row.content, RowContent::Template(_)) && before.get(id) != Some(row)
        };
        if state.rows.iter().any(is_other_template) {
            changes.objects.extend(state.waiting());
        }
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

    /// An object is gone. Gives back the objects that may have waited for that.
    pub(super) fn object_gone(&self, key: &Key) -> Vec<Key> {
        let mut state = self.lock();
        let binding = state.objects.remove(key).and_then(|known| known.binding);
        let Some(id) = binding.filter(|id| state.bound.get(id) == Some(key)) else {
            return Vec::new();
        };
        state.bound.remove(&id);
        state.waiting()
    }

    /// An object was looked at and is bound as said; its twin is there or not. The first object that
    /// is bound to a twin keeps it. Gives back the objects that may have waited for that binding.
    pub(super) fn object_visited(
        &self,
        key: &Key,
        binding: Option<Uuid>,
        is_present: bool,
    ) -> Vec<Key> {
        let mut state = self.lock();
        let known = state.objects.entry(key.clone()).or_default();
        known.was_visited = true;
        known.is_present = is_present;
        let before = std::mem::replace(&mut known.binding, binding);
        if before != binding
            && let Some(id) = before.filter(|id| state.bound.get(id) == Some(key))
        {
            state.bound.remove(&id);
        }
        let Some(id) = binding else {
            return Vec::new();
        };
        state.bound.entry(id).or_insert_with(|| key.clone());
        match (key, before) {
            (Key::Template(_), None) => state.waiting(),
            _ => Vec::new(),
        }
    }

    /// A look at an object found something new.
    pub(super) fn object_changed(&self, key: &Key) {
        if let Some(known) = self.lock().objects.get_mut(key) {
            known.is_new = true;
        }
    }

    /// Binds an object to twin `id`, before that is written down; false where another one holds it.
    pub(super) fn claim(&self, key: &Key, id: Uuid) -> bool {
        let mut state = self.lock();
        if state.bound.get(&id).is_some_and(|holder| holder != key) {
            return false;
        }
        state.bound.insert(id, key.clone());
        state.objects.entry(key.clone()).or_default().binding = Some(id);
        true
    }

    /// The object that twin `id` is bound to.
    pub(super) fn bound_to(&self, id: Uuid) -> Option<Key> {
        self.lock().bound.get(&id).cloned()
    }

    /// An object that was not looked at since the start.
    pub(super) fn unvisited(&self) -> Option<Key> {
        let state = self.lock();
        let unvisited = state.objects.iter().find(|(_, known)| !known.was_visited);
        unvisited.map(|(key, _)| key.clone())
    }

    /// Whether it is known which twins are bound, once all objects have been listed. An object that
    /// comes later comes without a binding.
    pub(super) fn knows_bindings(&self) -> bool {
        let mut state = self.lock();
        state.knows_bindings |= state.is_complete();
        state.knows_bindings
    }

    /// Whether twin `id` has an object.
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The objects that were looked at and have no binding: they wait for something.
    fn waiting(&self) -> Vec<Key> {
        let waits = |known: &Known| known.was_visited && known.binding.is_none();
        let waiting = self.objects.iter().filter(|(_, known)| waits(known));
        waiting.map(|(key, _)| key.clone()).collect()
    }

    /// Whether every object has been looked at, so that each binding is known.
    fn is_complete(&self) -> bool {
        self.objects.values().all(|known| known.was_visited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_twin_that_no_sweep_ever_showed_is_missed_all_the_same() {
        let inventory = Inventory::default();
        let key = Key::Workspace("acme.ann.dev".to_owned());
        let id = Uuid::from_u128(1);
        inventory.object_seen(&key);
        inventory.object_visited(&key, Some(id), true);
        assert_eq!(
            inventory.swept(BTreeMap::new(), |_| true).objects,
            std::slice::from_ref(&key)
        );
        // Once the object knows, it is left alone.
        inventory.object_visited(&key, Some(id), false);
        assert_eq!(inventory.swept(BTreeMap::new(), |_| true).objects, []);
    }

    fn template_row() -> Row {
        let template = crate::sync::template::Template {
            id: "1".to_owned(),
            organization: "acme".to_owned(),
            name: "go".to_owned(),
            display_name: String::new(),
            description: String::new(),
            icon: String::new(),
            active_version_id: String::new(),
            active_version_name: String::new(),
            active_version_creator: None,
            is_deprecated: false,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            creator: String::new(),
        };
        Row {
            name: "acme.go".to_owned(),
            organization: "acme".to_owned(),
            content: RowContent::Template(Box::new(template)),
        }
    }

    #[test]
    fn what_waits_is_woken_by_a_new_template_and_by_a_binding_that_ends() {
        let inventory = Inventory::default();
        let waiting = Key::Workspace("acme.ann.dev".to_owned());
        let template = Key::Template("acme.go".to_owned());
        let id = Uuid::from_u128(1);
        assert_eq!(inventory.object_visited(&waiting, None, false), []);

        let rows = || BTreeMap::from([(id, template_row())]);
        let woken = inventory.swept(rows(), |_| false).objects;
        assert_eq!(woken, std::slice::from_ref(&waiting));
        assert_eq!(inventory.swept(rows(), |_| false).objects, []);

        let woken = inventory.object_visited(&template, Some(id), true);
        assert_eq!(woken, std::slice::from_ref(&waiting));
        assert_eq!(inventory.object_visited(&template, Some(id), true), []);
        assert_eq!(inventory.object_gone(&template), [waiting]);
    }

    #[test]
    fn what_a_look_found_is_looked_at_once_more_after_the_next_sweep() {
        let inventory = Inventory::default();
        let key = Key::Template("acme.go".to_owned());
        let rows = || BTreeMap::from([(Uuid::from_u128(1), template_row())]);
        inventory.object_visited(&key, Some(Uuid::from_u128(1)), true);
        inventory.swept(rows(), |_| false);
        // It was renamed and named back between two sweeps, and a look saw it.
        inventory.object_changed(&key);
        assert_eq!(inventory.swept(rows(), |_| false).objects, [key]);
        assert_eq!(inventory.swept(rows(), |_| false).objects, []);
    }

    #[test]
    fn row_a_twin_that_another_object_holds_is_claimed_once() {
        let inventory = Inventory::default();
        let (first, second) = (
            Key::Workspace("acme.ann.dev".to_owned()),
            Key::Workspace("static.acme.ann.dev".to_owned()),
        );
        let id = Uuid::from_u128(1);
        assert!(inventory.claim(&first, id) && inventory.claim(&first, id));
        assert!(!inventory.claim(&second, id));
        // It was not written down after all.
        inventory.object_visited(&first, None, true);
        assert!(inventory.claim(&second, id));
    }

    #[test]
    fn bindings_are_known_once_every_object_was_looked_at_and_stay_known() {
        let inventory = Inventory::default();
        let (first, second) = (
            Key::Workspace("a".to_owned()),
            Key::Workspace("b".to_owned()),
        );
        inventory.object_seen(&first);
        assert!(!inventory.knows_bindings());
        inventory.object_visited(&first, None, false);
        assert!(inventory.knows_bindings());
        inventory.object_seen(&second);
        assert!(inventory.knows_bindings(), "a new object is not bound");
    }
}
