//! What the aggregated API answers is what kube-apiserver answers for the stored group, in other words.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{
    caller::{Ask, Reply},
    oracle,
    stage::{Group, Stage, renamed},
};

/// The headers that clients act on.
const HEADERS: [&str; 6] = [
    "content-type",
    "warning",
    "retry-after",
    "vary",
    "content-encoding",
    "x-content-type-options",
];

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

impl Stage {
    /// Sends the same request to both groups, and returns the answer of the old one, which has to be
    /// like the other's.
    pub async fn alike(&self, plural: &str, rest: &str, ask: impl Fn(String) -> Ask) -> Reply {
        let request = ask(self.path(Group::Old, plural, rest));
        let answers = until_alike(request.method.as_str(), async || {
            let [old, stored] = self.both(plural, rest, |_, path| ask(path)).await;
            if at_no_time(&old) == at_no_time_text(&renamed(&oracle::said(&stored))) {
                Ok([old, stored])
            } else {
                Err([old, stored])
            }
        });
        let [old, stored] = answers.await.unwrap_or_else(|differing| differing);
        assert_alike(
            &format!("{} {}", request.method, request.path),
            &old,
            &stored,
        );
        old
    }
}

/// Compares what two reads were answered, again where they differ. A read may be of a moment ago, for
/// kube-apiserver answers `resourceVersion=0` as far as its watch has come, and a second may pass
/// between the two, which a table shows as an age: what really differs does so each time. A write is
/// compared once, for it changes what the next one finds.
pub async fn until_alike<T, E>(
    method: &str,
    mut compare: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let more = if matches!(method, "GET" | "HEAD") {
        20
    } else {
        0
    };
    for _ in 0..more {
        if let Ok(alike) = compare().await {
            return Ok(alike);
        }
        sleep(POLL).await;
    }
    compare().await
}

/// Whether both refuse a media type. Most of them are refused here, before kube-apiserver is asked: always in
/// JSON, and without the types that the old group does not have.
pub fn refuse_media(old: &Reply, stored: &Reply) -> bool {
    let reason = match old.status {
        406 => "NotAcceptable",
        415 => "UnsupportedMediaType",
        _ => return false,
    };
    old.status == stored.status && old.text().contains(reason)
}

/// Whether `old` says of the old group what `stored` says of the stored one: status, headers and body.
#[track_caller]
pub fn assert_alike(what: &str, old: &Reply, stored: &Reply) {
    assert_eq!(
        old.status,
        stored.status,
        "{what}\n{}\n{}",
        old.text(),
        stored.text()
    );
    if refuse_media(old, stored) {
        return;
    }
    for name in HEADERS {
        let values = |reply: &Reply| -> Vec<String> {
            let values = reply.headers.get_all(name).iter();
            values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect()
        };
        let expected: Vec<_> = values(stored).iter().map(|value| renamed(value)).collect();
        assert_eq!(values(old), expected, "{what}: {name}");
    }
    assert_eq!(
        at_no_time(old),
        at_no_time_text(&renamed(&oracle::said(stored))),
        "{what}"
    );
}

fn at_no_time(reply: &Reply) -> String {
    at_no_time_text(&oracle::said(reply))
}

/// A list tells the version at which it was made, which any write elsewhere moves on. It is the last
/// member there, and never the last one in an object.
fn at_no_time_text(text: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let list = parsed.filter(|list| list["items"].is_array() || list["rows"].is_array());
    let version =
        list.and_then(|list| Some(list["metadata"]["resourceVersion"].as_str()?.to_owned()));
    let Some(version) = version else {
        return text.to_owned();
    };
    text.replace(&format!(":\"{version}\"}}"), ":\"…\"}")
        .replace(&format!(": \"{version}\"\n"), ": \"…\"\n")
}
