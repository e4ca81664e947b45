//! Reads and writes of one kind's objects.
//!
//! Guarantees: a write to a known object carries its uid and its resourceVersion, so it can neither
//! overwrite what was not seen nor bring a deleted object back. Only an import carries neither.
//! Nothing that is sent holds a null or an empty map: the server refuses the first, and the second
//! when it empties what we own.

mod apply;
mod body;
mod read;
mod remove;

use std::{fmt, marker::PhantomData};

use k8s_openapi::NamespaceResourceScope;
use kube::{Client, Resource, core::ObjectMeta};
use serde::de::DeserializeOwned;

pub(super) use self::read::known;
pub use self::{
    apply::{Force, Imported},
    remove::Deletion,
};
use super::{
    call::Call,
    error::{Action, Target},
};

/// A namespaced kind: of ours, or one that we read, such as `Secret`.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned
{
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// An object as it was when it was last read or written. A write to it succeeds only while it is
/// still that object in that version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it is.
    pub key: Key,
    /// Which object it is: an object that is created again under the same name has another uid.
    pub uid: String,
    /// Which version of it.
    pub resource_version: String,
    /// Counts the changes of `spec`, and the request to delete.
    pub generation: i64,
}

/// The objects of kind `K`.
pub struct Objects<K> {
    client: Client,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Objects<K> {
    /// The objects that `client` reaches.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            kind: PhantomData,
        }
    }

    /// The client, for what is not about a single object.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn call(action: Action, key: &Key) -> Call {
        Call::new(action, Target::of::<K>(Some(&key.namespace), &key.name))
    }
}

impl Key {
    /// `namespace`/`name`.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Where the object with `metadata` is; none for what the API server did not send.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        Some(Self::new(
            metadata.namespace.clone()?,
            metadata.name.clone()?,
        ))
    }
}

impl Known {
    /// The object with `metadata`; none for what the API server did not send.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        Some(Self {
            key: Key::of(metadata)?,
            uid: metadata.uid.clone()?,
            resource_version: metadata.resource_version.clone()?,
            generation: metadata.generation.unwrap_or_default(),
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.namespace, self.name)
    }
}

impl<K> Clone for Objects<K> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Objects<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Objects").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
