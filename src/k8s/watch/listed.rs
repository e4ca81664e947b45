//! An object as a list shows it.

use std::{borrow::Cow, marker::PhantomData};

use kube::{Resource, core::ObjectMeta};
use serde::Deserialize;
use serde_json::Value;

/// An object as a list shows it. It can be read whatever its `spec` and `status` hold: an object that
/// a typed read fails on must not hide the others, nor what its status says of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed<K> {
    /// Its metadata. managedFields are left out.
    pub metadata: ObjectMeta,
    /// Its status, as it stands there.
    #[serde(default)]
    pub status: Value,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K: Resource> Resource for Listed<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
