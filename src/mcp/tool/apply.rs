//! Applies what somebody wants an object to be: first shown as a difference, then done if that difference
//! is confirmed.

use std::{fmt::Write as _, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{TEMPLATES, WORKSPACES};
use crate::{
    api::{GROUP, VERSION},
    mcp::{
        access::Kind,
        call::Call,
        catalog::Tool,
        diff::{Change, changes},
        failure::{Conflict, Failure},
    },
};

/// What an object is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The namespace of the object.
    namespace: String,
    /// The name of the object: <organization>.<owner>.<workspace> or <organization>.<template>.
    name: String,
    /// The fields of spec that you want to set, and keep: what you set in an earlier call and leave out
    /// now goes back to Coder.
    spec: serde_json::Map<String, Value>,
    /// Whether to take fields from others who own them.
    #[serde(default)]
    force: bool,
    /// The hash of an earlier answer to the same question: do what it showed. Without it, nothing is
    /// changed.
    #[serde(default)]
    confirm: Option<String>,
}

/// What was done, or would be.
#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// Whether it was done.
    applied: bool,
    /// Whether the object does not exist before.
    created: bool,
    /// The fields that change; values of parameters are hidden.
    changes: Vec<Change>,
    /// The fields that others own: with force, they are taken from them.
    conflicts: Vec<Conflict>,
    /// Names these changes; to be given as confirm.
    hash: String,
    /// What to do next.
    notice: String,
}

/// Where an object is, and where it would go.
struct Plan {
    created: bool,
    changes: Vec<Change>,
    hash: String,
}

pub(in crate::mcp) fn tools() -> [Tool; 2] {
    [
        Tool::writing(
            "apply_workspace",
            "Create or change a CoderWorkspace by server-side apply. The first call changes nothing and \
             shows the difference and its hash; repeat it with confirm to do it.",
            true,
            workspace,
        ),
        Tool::writing(
            "apply_template",
            "Create or change a CoderTemplate by server-side apply. The first call changes nothing and \
             shows the difference and its hash; repeat it with confirm to do it.",
            true,
            template,
        ),
    ]
}

async fn workspace(call: Arc<Call>, input: Input) -> Result<Output, Failure> {
    apply(&call, &WORKSPACES, &input).await
}

async fn template(call: Arc<Call>, input: Input) -> Result<Output, Failure> {
    apply(&call, &TEMPLATES, &input).await
}

async fn apply(call: &Call, kind: &Kind, input: &Input) -> Result<Output, Failure> {
    let Input {
        namespace,
        name,
        spec,
        force,
        confirm,
    } = input;
    let manifest = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind.name,
        "metadata": { "name": name },
        "spec": spec,
    });
    let key = (namespace.as_str(), name.as_str());
    let (plan, conflicts) = plan(call, kind, key, &manifest, *force).await?;
    match confirm {
        None => Ok(plan.shown(conflicts)),
        Some(confirm) if *confirm != plan.hash => Err(Failure::Unfit(format!(
            "nothing was done: {} {namespace}/{name} or what you want of it is another one than was \
             shown; call it without confirm to see the difference as it is now",
            kind.name
        ))),
        Some(_) if !conflicts.is_empty() => Err(Failure::Owned(conflicts)),
        Some(_) => {
            call.is_wanted()?;
            call.access
                .apply(kind, key, &manifest, false, *force)
                .await?;
            Ok(plan.done())
        }
    }
}

/// What would change, and what others own of it.
async fn plan(
    call: &Call,
    kind: &Kind,
    key: (&str, &str),
    manifest: &Value,
    force: bool,
) -> Result<(Plan, Vec<Conflict>), Failure> {
    let live = match call.access.read::<Value>(kind, key.0, key.1).await {
        Ok(live) => Some(live),
        Err(Failure::Refused { code: 404, .. }) => None,
        Err(failure) => return Err(failure),
    };
    let dry_run = |force| call.access.apply(kind, key, manifest, true, force);
    let (wanted, conflicts) = match dry_run(force).await {
        Ok(wanted) => (wanted, Vec::new()),
        // What it would be, if it could.
        Err(Failure::Owned(conflicts)) => (dry_run(true).await?, conflicts),
        Err(failure) => return Err(failure),
    };
    Ok((
        Plan::new(kind, key, live.as_ref(), &wanted, force),
        conflicts,
    ))
}

impl Plan {
    fn new(
        kind: &Kind,
        key: (&str, &str),
        live: Option<&Value>,
        wanted: &Value,
        force: bool,
    ) -> Self {
        let part = |object: Option<&Value>, pointer: &str| {
            object
                .and_then(|object| object.pointer(pointer))
                .cloned()
                .unwrap_or_default()
        };
        let (before, after) = (part(live, "/spec"), part(Some(wanted), "/spec"));
        let uid = part(live, "/metadata/uid");
        let named = json!([kind.name, key.0, key.1, uid, before, after, force]);
        Self {
            created: live.is_none(),
            changes: changes("spec", &before, &after),
            hash: hex(&Sha256::digest(named.to_string())),
        }
    }

    fn shown(self, conflicts: Vec<Conflict>) -> Output {
        let notice = if conflicts.is_empty() {
            "nothing was changed yet; repeat the call with this hash as confirm to do it"
        } else {
            "nothing was changed: others own some of the fields. Leave those out, or ask whether to take \
             them by force"
        };
        self.output(false, conflicts, notice)
    }

    fn done(self) -> Output {
        self.output(
            true,
            Vec::new(),
            "done; wait_for says when it is in effect in Coder",
        )
    }

    fn output(self, applied: bool, conflicts: Vec<Conflict>, notice: &str) -> Output {
        Output {
            applied,
            created: self.created,
            changes: self.changes,
            conflicts,
            hash: self.hash,
            notice: notice.to_owned(),
        }
    }
}

/// Half of a digest is enough to tell changes apart.
fn hex(digest: &[u8]) -> String {
    let mut hex = String::new();
    for byte in digest.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_names_one_change_of_one_object() {
        let live = json!({"metadata": {"uid": "u"}, "spec": {"a": 1}});
        let wanted = json!({"spec": {"a": 2}});
        let hash = |key, live, wanted, force| Plan::new(&WORKSPACES, key, live, wanted, force).hash;
        let first = hash(("n", "a"), Some(&live), &wanted, false);
        assert_eq!(first, hash(("n", "a"), Some(&live), &wanted, false));
        let other = json!({"metadata": {"uid": "u"}, "spec": {"a": 3}});
        let again = json!({"metadata": {"uid": "v"}, "spec": {"a": 1}});
        for one in [
            hash(("m", "a"), Some(&live), &wanted, false),
            hash(("n", "b"), Some(&live), &wanted, false),
            hash(("n", "a"), Some(&other), &wanted, false),
            hash(("n", "a"), Some(&again), &wanted, false),
            hash(("n", "a"), None, &wanted, false),
            hash(("n", "a"), Some(&live), &other, false),
            hash(("n", "a"), Some(&live), &wanted, true),
        ] {
            assert_ne!(one, first);
        }
    }
}
