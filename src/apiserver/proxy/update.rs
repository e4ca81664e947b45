//! What writes need besides renaming, because this server sends them with its own rights and shows
//! lists without files.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Asked, Proxy, request::ProxyRequest, rewrite};
use crate::apiserver::server::{body::Body, fault::Fault};
use crate::k8s::yaml;

/// An apply may create. Where the caller may not, it is bound to the object that is there: `uid` in an
/// apply is a precondition, so an object that goes meanwhile is not made anew. `refusal` is what the
/// caller is told where there is no object.
pub(super) async fn apply_to_existing(
    proxy: &Proxy,
    mut request: ProxyRequest,
    refusal: Fault,
) -> Result<Response<Body>, Fault> {
    let live = match proxy.ask(&request.read()).await? {
        Asked::Done(live) => live,
        Asked::Refused(StatusCode::NOT_FOUND, _) => return Err(refusal),
        Asked::Refused(_, told) => return Ok(told),
    };
    let live: Value = serde_json::from_slice(&live).unwrap_or_default();
    let uid = live.pointer("/metadata/uid").cloned().unwrap_or_default();
    let bind = move |body: &Bytes| bound(body, &uid);
    // What cannot be bound must not pass: it might create.
    let bound = proxy.limits.compute(request.body.clone(), bind).await?;
    request.body = bound
        .ok_or_else(|| {
            Fault::BadRequest(
                "the applied object cannot be read, which is needed where creating is not allowed"
                    .to_owned(),
            )
        })?
        .into();
    proxy.pass(&request).await
}

/// An apply's body with `uid`; none where it cannot be read or there is no uid.
fn bound(body: &[u8], uid: &Value) -> Option<String> {
    let says_nothing = |uid: &Value| uid.is_null() || uid == "";
    let mut applied: Value = serde_json::from_slice(body).ok()?;
    let metadata = applied
        .as_object_mut()?
        .entry("metadata")
        .or_insert(json!({}));
    let metadata = metadata.as_object_mut()?;
    // Somebody else's uid is refused as it is.
    if metadata.get("uid").is_none_or(says_nothing) {
        metadata.insert("uid".to_owned(), uid.clone());
    }
    (!says_nothing(uid)).then(|| yaml::written(&applied))
}

/// An old client reads templates from a list, which has no files, and writes back what it read: files
/// that are not there mean the files as they are. A client that names another source knows what it does.
/// `may_get` is asked where the answer would show files that its sender did not send.
pub(super) async fn replace_template(
    proxy: &Proxy,
    mut request: ProxyRequest,
    may_get: impl Future<Output = Result<bool, Fault>>,
) -> Result<Response<Body>, Fault> {
    let meant = Source::of(&request.body);
    if meant == Source::Named {
        return proxy.pass(&request).await;
    }
    let live = match proxy.ask(&request.read()).await? {
        Asked::Done(live) => live,
        Asked::Refused(StatusCode::NOT_FOUND, _) => return proxy.pass(&request).await,
        // Without the files that are there, they would be lost.
        Asked::Refused(_, told) => return Ok(told),
    };
    if meant.is_other_version(&live) {
        return proxy.pass(&request).await;
    }
    if let Some(files) = rewrite::files_of(&live) {
        request.hides_files = !may_get.await?;
        request.body = rewrite::insert_files(&request.body, files).into();
    }
    proxy.pass(&request).await
}

/// Where an update says that the source comes from.
#[derive(Debug, PartialEq)]
enum Source {
    /// Files, or a source.
    Named,
    /// A version that is there.
    Version(String),
    Unsaid,
}

impl Source {
    fn of(body: &[u8]) -> Self {
        if rewrite::has_files(body) {
            return Self::Named;
        }
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        let source = object.pointer("/spec/source");
        let version = object.pointer("/spec/versionID").and_then(Value::as_str);
        match version.filter(|id| !id.is_empty()) {
            _ if source.is_some_and(|source| !source.is_null()) => Self::Named,
            Some(id) => Self::Version(id.to_owned()),
            None => Self::Unsaid,
        }
    }

    /// Whether it is a version that nobody has read from here. The old API showed the active one as
    /// `spec.versionID`, and took it back as no change.
    fn is_other_version(&self, live: &[u8]) -> bool {
        let Self::Version(id) = self else {
            return false;
        };
        let live: Value = serde_json::from_slice(live).unwrap_or_default();
        ["/spec/versionID", "/status/activeVersionID"]
            .iter()
            .all(|path| live.pointer(path).and_then(Value::as_str) != Some(id))
    }
}

#[cfg(test)]
mod tests;
