//! What a request is about, told by its method, path and query alone.
//!
//! Only the shapes that kube-apiserver routes for a namespaced CRD become a [`Target`]; everything else
//! is [`Route::Unknown`] and never leaves this process. So a 404 that comes back from there for a
//! target of ours can only mean that the object, its namespace or the CRD is missing.

use http::Method;
use percent_encoding::percent_decode_str;

use super::query::Query;
use crate::apiserver::{
    names::{GROUP_PATH, VERSION_PATH},
    server::limits::Load,
};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A probe of this process.
    Probe(Probe),
    /// A document that is answered here.
    Document(Document),
    /// One of our two kinds.
    Target(Target),
    /// Nothing that exists.
    Unknown,
}

/// A health path; answered to everybody, as kube-apiserver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// `/livez` and its older name `/healthz`.
    Live,
    /// `/readyz`
    Ready,
}

/// What is answered without asking kube-apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// `/apis`
    Groups,
    /// `/apis/aggregation.coder.com`
    Group,
    /// `/apis/aggregation.coder.com/v1alpha1`
    Resources,
    /// `/openapi/v3`
    OpenApiIndex,
    /// `/openapi/v3/apis/aggregation.coder.com/v1alpha1`
    OpenApi,
}

/// A request for objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) verb: Verb,
    pub(super) resource: Resource,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// Whether it is about the subresource `status`.
    pub(super) status: bool,
}

/// The two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    /// `coderworkspaces`
    Workspaces,
    /// `codertemplates`
    Templates,
}

/// What is asked for, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Resource {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Workspaces, Self::Templates];

    /// The name in paths, rules and `details.kind`.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Workspaces => "coderworkspaces",
            Self::Templates => "codertemplates",
        }
    }

    /// The kind of one object.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Workspaces => "CoderWorkspace",
            Self::Templates => "CoderTemplate",
        }
    }

    fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.plural() == segment)
    }
}

impl Verb {
    /// The word of RBAC.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// What kind of work it is.
    pub(super) const fn load(self) -> Load {
        match self {
            Self::Get | Self::List => Load::Read,
            Self::Watch => Load::Watch,
            Self::Create | Self::Update | Self::Patch | Self::Delete | Self::DeleteCollection => {
                Load::Write
            }
        }
    }
}

impl Route {
    /// Finds the way. `path` is raw, as it came.
    pub(super) fn find(method: &Method, path: &str, query: &Query) -> Self {
        match path {
            "/livez" | "/healthz" => return Self::Probe(Probe::Live),
            "/readyz" => return Self::Probe(Probe::Ready),
            "/apis" | "/apis/" => return Self::Document(Document::Groups),
            "/openapi/v3" | "/openapi/v3/" => return Self::Document(Document::OpenApiIndex),
            _ => {}
        }
        if path.strip_prefix("/openapi/v3") == Some(VERSION_PATH) {
            return Self::Document(Document::OpenApi);
        }
        let bare = path.strip_suffix('/').unwrap_or(path);
        if bare == GROUP_PATH {
            return Self::Document(Document::Group);
        }
        if bare == VERSION_PATH {
            return Self::Document(Document::Resources);
        }
        bare.strip_prefix(VERSION_PATH)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(segments)
            .and_then(|segments| Target::find(method, &segments, query))
            .map_or(Self::Unknown, Self::Target)
    }
}

impl Target {
    fn find(method: &Method, segments: &[String], query: &Query) -> Option<Self> {
        let rest: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let (resource, name, status) = match rest {
            [resource] => (Resource::parse(resource)?, None, false),
            [resource, name] => (Resource::parse(resource)?, Some(*name), false),
            [resource, name, "status"] => (Resource::parse(resource)?, Some(*name), true),
            _ => return None,
        };
        let verb = verb(method, name.is_some(), query)?;
        let across_namespaces = matches!(verb, Verb::List | Verb::Watch);
        if namespace.is_none() && !across_namespaces {
            return None;
        }
        Some(Self {
            verb,
            resource,
            namespace,
            name: name.map(str::to_owned),
            status,
        })
    }

    /// The path of this below `version_path`, from what was understood and not from what was sent.
    pub(super) fn path(&self, version_path: &str) -> String {
        let mut path = version_path.to_owned();
        let mut push = |segment: &str| {
            path.push('/');
            path.extend(percent_encoding::utf8_percent_encode(segment, ENCODED));
        };
        if let Some(namespace) = &self.namespace {
            push("namespaces");
            push(namespace);
        }
        push(self.resource.plural());
        if let Some(name) = &self.name {
            push(name);
        }
        if self.status {
            push("status");
        }
        path
    }
}

/// Everything but what no URL has to encode.
const ENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The decoded parts of a path; none where one of them is none that Kubernetes takes for a name.
fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .map(|segment| {
            let segment = percent_decode_str(segment).decode_utf8().ok()?;
            let refused = segment.is_empty()
                || segment == "."
                || segment == ".."
                || segment.contains(|char: char| char == '/' || char == '%' || char.is_control());
            (!refused).then(|| segment.into_owned())
        })
        .collect()
}

fn verb(method: &Method, named: bool, query: &Query) -> Option<Verb> {
    Some(match *method {
        Method::GET | Method::HEAD if named => Verb::Get,
        Method::GET | Method::HEAD if asks_to_watch(query) => Verb::Watch,
        Method::GET | Method::HEAD => Verb::List,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE if named => Verb::Delete,
        Method::DELETE => Verb::DeleteCollection,
        _ => return None,
    })
}

/// As kube-apiserver reads it: present and not `false` or `0`; the first one counts.
fn asks_to_watch(query: &Query) -> bool {
    query
        .first("watch")
        .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests;
