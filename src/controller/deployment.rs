//! Who and what the controller is talking to, as the last sweep found it.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::{
    api::condition::Reason,
    coderd::{self, ServerVersion},
    sync::{context::Deployment, external::Failure, refusal::DigestKey},
};

/// The oldest coderd whose template PATCH leaves alone what it does not name.
const OLDEST: (u32, u32) = (2, 34);

/// The session with the coderd that calls itself `info` and whose licence enables `features`, as `user`.
pub(super) fn deployment(
    info: &coderd::BuildInfo,
    user: &coderd::User,
    features: &[String],
    digest_key: DigestKey,
) -> Deployment {
    let too_old = info.server_version().filter(is_too_old);
    let read_only = too_old.map(|version| {
        let message = format!(
            "coderd {version} is older than {}.{} and is only read; update it",
            OLDEST.0, OLDEST.1
        );
        Failure::new(Reason::UnsupportedCoderVersion, message)
    });
    Deployment {
        deployment_id: info.deployment_id.clone(),
        us: user.id,
        read_only,
        capabilities: digest_key.digest(Some(&json!([info.version, features]))),
        digest_key,
    }
}

/// A build without a version, as developers make them, counts as new.
fn is_too_old(version: &ServerVersion) -> bool {
    let number = (version.major, version.minor);
    number != (0, 0) && number < OLDEST
}

/// What is to be seen of coderd at large.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum View {
    /// It has not answered a whole sweep since the start, which may be a moment ago.
    Awaited,
    /// It answers, or failed of late for less long than anybody is told.
    Open(Deployment),
    /// It has failed for so long that every object says so.
    Blind(Failure),
    /// The object belongs to no coderd that is looked at.
    Nowhere(Failure),
}

/// The present view. As long as it shows nothing, nobody asks coderd anything: one prober is enough.
#[derive(Debug)]
pub(super) struct Deployments(Mutex<View>);

impl Default for Deployments {
    fn default() -> Self {
        Self(Mutex::new(View::Awaited))
    }
}

impl Deployments {
    /// The present view.
    pub(super) fn get(&self) -> View {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces it; true where that changes what an object may see. The same failure in other words
    /// does not: each object would be written again for it.
    pub(super) fn set(&self, next: View) -> bool {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = match (&*current, &next) {
            (View::Blind(known), View::Blind(next)) => known.reason == next.reason,
            (known, next) => known == next,
        };
        if !is_same {
            *current = next;
        }
        !is_same
    }
}
