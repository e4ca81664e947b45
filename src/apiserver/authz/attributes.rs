//! What a request is about, in the terms of the authorizer.

use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, NonResourceAttributes, ResourceAttributes,
    SubjectAccessReviewSpec,
};

use crate::{
    apiserver::names::{GROUP, VERSION},
    k8s::identity::Identity,
};

/// What is to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// Something about objects of the aggregated group.
    Resource(ResourceRequest),
    /// Something else, such as discovery.
    Path {
        /// The path, without the query.
        path: String,
        /// The HTTP method, in lower case.
        verb: String,
    },
}

/// What is to be done to which objects. Texts that do not apply are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Empty: all namespaces.
    pub namespace: String,
    /// The plural, such as `coderworkspaces`.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// Empty: objects of any name.
    pub name: String,
    /// The first `labelSelector` of the query, decoded. Of list, watch and deletecollection only, and
    /// not of paths that begin with `watch`: others pay no heed to it.
    pub label_selector: String,
    /// The first `fieldSelector`, likewise.
    pub field_selector: String,
}

impl Attributes {
    /// The plural and the name of the object that this is about; empty where there is none or are many.
    pub(in crate::apiserver) fn object(&self) -> (&str, &str) {
        match self {
            Self::Resource(request) => (&request.resource, &request.name),
            Self::Path { .. } => ("", ""),
        }
    }

    /// Asks whether `identity` may.
    pub(super) fn review(&self, identity: &Identity) -> SubjectAccessReviewSpec {
        let Identity {
            name,
            uid,
            groups,
            extra,
        } = identity;
        let (resource_attributes, non_resource_attributes) = match self {
            Self::Resource(request) => (Some(request.attributes()), None),
            Self::Path { path, verb } => (
                None,
                Some(NonResourceAttributes {
                    path: some(path),
                    verb: some(verb),
                }),
            ),
        };
        SubjectAccessReviewSpec {
            extra: Some(extra.clone()).filter(|extra| !extra.is_empty()),
            groups: Some(groups.clone()).filter(|groups| !groups.is_empty()),
            non_resource_attributes,
            resource_attributes,
            uid: uid.clone(),
            user: some(name),
        }
    }

    /// How many bytes of the question the sender of the request chose.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Resource(request) => request.texts().map(str::len).iter().sum(),
            Self::Path { path, verb } => path.len() + verb.len(),
        }
    }
}

impl ResourceRequest {
    fn texts(&self) -> [&str; 7] {
        let Self {
            verb,
            namespace,
            resource,
            subresource,
            name,
            label_selector,
            field_selector,
        } = self;
        [
            verb,
            namespace,
            resource,
            subresource,
            name,
            label_selector,
            field_selector,
        ]
    }

    fn attributes(&self) -> ResourceAttributes {
        // As they are: kube-apiserver reads them as it does those of a request. One that it cannot read
        // narrows nothing, so more has to be allowed.
        ResourceAttributes {
            field_selector: some(&self.field_selector).map(|text| FieldSelectorAttributes {
                raw_selector: Some(text),
                requirements: None,
            }),
            group: Some(GROUP.to_owned()),
            label_selector: some(&self.label_selector).map(|text| LabelSelectorAttributes {
                raw_selector: Some(text),
                requirements: None,
            }),
            name: some(&self.name),
            namespace: some(&self.namespace),
            resource: some(&self.resource),
            subresource: some(&self.subresource),
            verb: some(&self.verb),
            version: Some(VERSION.to_owned()),
        }
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
