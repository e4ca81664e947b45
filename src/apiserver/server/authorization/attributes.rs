//! What a request is about, in the terms of the authorizer.

use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReviewSpec,
};

use crate::k8s::identity::Identity;

/// What is to be allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attributes {
    /// Something about objects of the aggregated group.
    Resource(Box<ResourceAttributes>),
    /// Something else, such as discovery.
    Path {
        /// The path, without the query.
        path: String,
        /// The HTTP method, in lower case.
        verb: String,
    },
}

impl Attributes {
    /// The plural and the name of the object that this is about; empty where there is none or are many.
    pub(in crate::apiserver) fn object(&self) -> (&str, &str) {
        match self {
            Self::Resource(request) => (
                request.resource.as_deref().unwrap_or_default(),
                request.name.as_deref().unwrap_or_default(),
            ),
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
        } = identity.clone();
        let mut review = SubjectAccessReviewSpec {
            extra: Some(extra).filter(|extra| !extra.is_empty()),
            groups: Some(groups).filter(|groups| !groups.is_empty()),
            uid,
            user: Some(name),
            ..SubjectAccessReviewSpec::default()
        };
        match self {
            Self::Resource(request) => review.resource_attributes = Some(request.as_ref().clone()),
            Self::Path { path, verb } => {
                review.non_resource_attributes = Some(NonResourceAttributes {
                    path: Some(path.clone()),
                    verb: Some(verb.clone()),
                });
            }
        }
        review
    }
}

#[cfg(test)]
mod tests;
