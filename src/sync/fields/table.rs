//! The fields of a kind that both sides hold: one row for each, the only place that knows it.

use serde_json::Value;

use super::{
    ownership::{FieldPath, Ownership},
    rule::FieldState,
};
use crate::sync::kind::SyncedKind;

/// One field that both sides hold. Values are made canonical by the rule: what is empty counts as absent.
#[derive(Debug)]
pub struct Field<K: SyncedKind> {
    /// Its name in `spec`.
    pub name: &'static str,
    /// Its name where coderd says what it refuses.
    pub wire: &'static str,
    /// Its value in `spec`.
    pub declared: fn(&K) -> Option<Value>,
    /// Its value in coderd.
    pub external: fn(&K::External) -> Option<Value>,
    /// Puts a value into the request that changes it; none clears it.
    pub patch: fn(&mut K::Patch, Option<&Value>),
    /// Puts a value into the request that creates the external object.
    pub create: fn(&mut K::New, Option<&Value>),
    /// Whether the schema has room for a value of coderd.
    pub fits: fn(&Value) -> bool,
}

/// A field that coderd is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its name in `spec`.
    pub field: &'static str,
    /// Its value; none clears it.
    pub value: Option<Value>,
}

impl<K: SyncedKind> Field<K> {
    /// How both sides have it.
    pub fn state(&self, object: &K, ownership: &Ownership, external: &K::External) -> FieldState {
        let path = FieldPath::spec(self.name);
        let (wanted, actual) = ((self.declared)(object), (self.external)(external));
        let state = FieldState::new(path, ownership, wanted, actual);
        let fits = state.actual.as_ref().is_none_or(self.fits);
        FieldState {
            is_unfit: !fits,
            ..state
        }
    }
}

/// The request that makes `changes`.
pub fn patch<K: SyncedKind>(fields: &[Field<K>], changes: &[Change]) -> K::Patch {
    let mut patch = K::Patch::default();
    for change in changes {
        for field in fields.iter().filter(|field| field.name == change.field) {
            (field.patch)(&mut patch, change.value.as_ref());
        }
    }
    patch
}

/// Puts what `object` declares of `fields` into the request that creates its external object.
pub fn create<K: SyncedKind>(
    fields: &[Field<K>],
    object: &K,
    ownership: &Ownership,
    new: &mut K::New,
) {
    let is_declared = |field: &&Field<K>| ownership.declared(&FieldPath::spec(field.name));
    for field in fields.iter().filter(is_declared) {
        let value = (field.declared)(object).and_then(super::rule::canonical);
        (field.create)(new, value.as_ref());
    }
}
