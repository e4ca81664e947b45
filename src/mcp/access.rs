//! The way to kube-apiserver with the rights of one caller.
//!
//! All callers share the connections; what makes a request theirs is the token in it.

use std::sync::Arc;

use http::{HeaderValue, Request, header};
use kube::{Client, client::Body};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::form_urlencoded::Serializer;

use super::{failure::Failure, lines::Lines};
use crate::{
    api::{names::MANAGER_MCP, text::chain},
    k8s::yaml,
};

/// Asks for nothing but the metadata of a list, and of each object in a watch.
const LIST_OF_METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Requests at the same time, watches aside: each takes a connection, and kube-apiserver has others to
/// serve.
const AT_ONCE: usize = 64;

/// A kind of objects in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Empty for the core.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) name: &'static str,
}

/// A caller's way.
#[derive(Clone)]
pub(super) struct Access {
    client: Client,
    /// Of all callers.
    places: Arc<Semaphore>,
    /// None: the rights are those that the client has by itself.
    authorization: Option<HeaderValue>,
}

/// Some of the objects of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    /// kube-apiserver says null where there is nothing, if only metadata was asked for.
    #[serde(deserialize_with = "null_is_none", bound = "T: DeserializeOwned")]
    pub(super) items: Vec<T>,
    #[serde(default)]
    metadata: PageMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(rename = "resourceVersion", default)]
    version: String,
}

fn null_is_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    items: D,
) -> Result<Vec<T>, D::Error> {
    let items: Option<Vec<T>> = Option::deserialize(items)?;
    Ok(items.unwrap_or_default())
}

impl<T> Page<T> {
    /// Where the rest begins; empty at the end.
    pub(super) fn next(&self) -> &str {
        &self.metadata.next
    }

    /// From where a watch goes on.
    pub(super) fn version(&self) -> &str {
        &self.metadata.version
    }
}

impl Kind {
    fn crd(&self) -> Option<String> {
        let is_custom = self.group == crate::api::GROUP;
        is_custom.then(|| format!("{}.{}", self.plural, self.group))
    }

    fn path(&self, namespace: Option<&str>, name: Option<&str>) -> Result<String, Failure> {
        let mut path = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        if let Some(namespace) = namespace {
            path.push_str("/namespaces/");
            path.push_str(checked("namespace", namespace)?);
        }
        path.push('/');
        path.push_str(self.plural);
        if let Some(name) = name {
            path.push('/');
            path.push_str(checked("name", name)?);
        }
        Ok(path)
    }
}

/// `value`, if it is a name and can mean no other path.
pub(super) fn checked<'a>(argument: &str, value: &'a str) -> Result<&'a str, Failure> {
    let legal =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if value.is_empty() {
        return Err(Failure::Arguments(format!("{argument} is required")));
    }
    if value.len() > 253 || value.starts_with('.') || !value.bytes().all(legal) {
        return Err(Failure::Arguments(format!(
            "{argument} must be the name of an object: at most 253 lower case letters, digits, hyphens \
             and dots"
        )));
    }
    Ok(value)
}

impl Access {
    /// The way with the rights that `client` has by itself.
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            authorization: None,
        }
    }

    /// The way of whoever has the token in `authorization`.
    pub(super) fn with(&self, authorization: HeaderValue) -> Self {
        Self {
            client: self.client.clone(),
            places: Arc::clone(&self.places),
            authorization: Some(authorization),
        }
    }

    /// Reads one object.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<T, Failure> {
        let path = kind.path(Some(namespace), Some(name))?;
        self.json(kind, Request::get(path), Body::empty()).await
    }

    /// Reads some objects of a namespace, or of all; empty parameters are left out.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<Page<T>, Failure> {
        let path = kind.path(namespace, None)? + &query(parameters);
        self.json(kind, Request::get(path), Body::empty()).await
    }

    /// The same with nothing but metadata: some objects are large.
    pub(super) async fn list_metadata<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<Page<T>, Failure> {
        let path = kind.path(namespace, None)? + &query(parameters);
        let request = Request::get(path).header(header::ACCEPT, LIST_OF_METADATA);
        self.json(kind, request, Body::empty()).await
    }

    /// Begins a watch of metadata, as `parameters` say.
    pub(super) async fn watch(
        &self,
        kind: &Kind,
        namespace: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Lines, Failure> {
        let path = kind.path(Some(namespace), None)? + &query(parameters);
        let request = Request::get(path).header(header::ACCEPT, METADATA);
        let response = self.answer(kind, request, Body::empty()).await?;
        Ok(Lines::new(response))
    }

    /// Merges `change` into an object and returns what it is then.
    pub(super) async fn merge<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        change: &Value,
    ) -> Result<T, Failure> {
        let path = kind.path(Some(namespace), Some(name))?;
        let path = path + &query(&[("fieldManager", MANAGER_MCP)]);
        let request =
            Request::patch(path).header(header::CONTENT_TYPE, "application/merge-patch+json");
        self.json(kind, request, change.to_string().into_bytes().into())
            .await
    }

    /// Applies a manifest on the server's side and returns what the object is then, or with `dry_run`
    /// would be. What others own is taken from them only by `force`.
    pub(super) async fn apply(
        &self,
        kind: &Kind,
        (namespace, name): (&str, &str),
        manifest: &Value,
        dry_run: bool,
        force: bool,
    ) -> Result<Value, Failure> {
        let parameters = [
            ("fieldManager", MANAGER_MCP),
            ("fieldValidation", "Strict"),
            ("dryRun", if dry_run { "All" } else { "" }),
            ("force", if force { "true" } else { "" }),
        ];
        let path = kind.path(Some(namespace), Some(name))? + &query(&parameters);
        let request = Request::patch(path).header(header::CONTENT_TYPE, yaml::APPLY);
        let body = yaml::written(manifest).into_bytes();
        self.json(kind, request, body.into()).await
    }

    /// Reads what is below an object as text.
    pub(super) async fn text(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        below: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<u8>, Failure> {
        let path = kind.path(Some(namespace), Some(name))?;
        let path = format!("{path}/{below}{}", query(parameters));
        self.send(kind, Request::get(path), Body::empty()).await
    }

    /// The version of kube-apiserver.
    pub(super) async fn version(&self) -> Result<String, Failure> {
        const VERSION: Kind = Kind {
            group: "",
            version: "v1",
            plural: "version",
            name: "version",
        };
        #[derive(Deserialize)]
        struct Version {
            #[serde(rename = "gitVersion")]
            git_version: String,
        }
        let asked = self.json(&VERSION, Request::get("/version"), Body::empty());
        asked.await.map(|version: Version| version.git_version)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        kind: &Kind,
        request: http::request::Builder,
        body: Body,
    ) -> Result<T, Failure> {
        let answer = self.send(kind, request, body).await?;
        serde_json::from_slice(&answer).map_err(Failure::Unreadable)
    }

    async fn send(
        &self,
        kind: &Kind,
        request: http::request::Builder,
        body: Body,
    ) -> Result<Vec<u8>, Failure> {
        // The semaphore is never closed; without a place nothing is limited, but nothing is lost.
        let _place = self.places.acquire().await.ok();
        let body = self
            .answer(kind, request, body)
            .await?
            .collect_bytes()
            .await;
        body.map(Into::into).map_err(|error| no_answer(&error))
    }

    /// The body of a good answer, which may go on.
    async fn answer(
        &self,
        kind: &Kind,
        mut request: http::request::Builder,
        body: Body,
    ) -> Result<Body, Failure> {
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(body);
        let request = request.map_err(|error| Failure::Arguments(error.to_string()))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| no_answer(&error))?;
        let code = response.status();
        if code.is_success() {
            return Ok(response.into_body());
        }
        let body = response.into_body().collect_bytes().await;
        let body = body.map_err(|error| no_answer(&error))?;
        Err(Failure::refused(code, &body, kind.name, || kind.crd()))
    }
}

fn no_answer(error: &kube::Error) -> Failure {
    Failure::NoAnswer(chain(error))
}

impl std::fmt::Debug for Access {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Access").finish_non_exhaustive()
    }
}

fn query(parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new("?".to_owned());
    for (name, value) in parameters {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind {
        group: "coder.com",
        version: "v1alpha1",
        plural: "coderworkspaces",
        name: "CoderWorkspace",
    };

    #[test]
    fn a_list_of_nothing_is_empty() {
        for items in ["null", "[]"] {
            let text = format!(r#"{{"metadata":{{"resourceVersion":"7"}},"items":{items}}}"#);
            let page: Page<Value> = serde_json::from_str(&text).unwrap();
            assert_eq!((page.items.len(), page.version()), (0, "7"), "{text}");
        }
    }

    #[test]
    fn a_path_names_what_was_asked_for() {
        let path = KIND.path(Some("team"), Some("acme.ann.dev")).unwrap();
        assert_eq!(
            path,
            "/apis/coder.com/v1alpha1/namespaces/team/coderworkspaces/acme.ann.dev"
        );
        assert_eq!(
            KIND.path(None, None).unwrap(),
            "/apis/coder.com/v1alpha1/coderworkspaces"
        );
        let missing = KIND.path(Some(""), Some("a")).unwrap_err();
        assert_eq!(missing.to_string(), "namespace is required");
    }

    proptest! {
        /// However it is written, an argument names an object of that kind in that namespace, or nothing.
        #[test]
        fn no_argument_leads_elsewhere(namespace in "[a-z0-9./-]{0,8}|.{0,12}", name in "[./%?#a-z]{0,8}|.{0,12}") {
            let Ok(path) = KIND.path(Some(&namespace), Some(&name)) else { return Ok(()) };
            let uri: http::Uri = path.parse().unwrap();
            prop_assert_eq!(uri.path(), path.as_str());
            let expected = format!("/apis/coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces/{name}");
            prop_assert_eq!(path, expected);
            prop_assert!(!name.contains(['/', '%', '?', '#']) && !name.starts_with('.'));
        }
    }
}
