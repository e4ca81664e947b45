//! What an object's status says of the control plane that it belongs to.

use serde_json::Value;
use uuid::Uuid;

use crate::sync::kind::SharedStatus;

/// What an object's status says of the control plane that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::controller) struct Belonging {
    /// `controlPlane`: the one that was asked last.
    pub(in crate::controller) control_plane: Option<String>,
    /// The id of the deployment that it is bound to.
    pub(in crate::controller) deployment: Option<String>,
    /// The external object that it is bound to.
    pub(in crate::controller) external: Option<Uuid>,
    /// Whether a creation was begun, which may have made an external object.
    pub(in crate::controller) is_attempted: bool,
}

impl Belonging {
    /// As a status says it.
    pub(in crate::controller) fn of(status: &SharedStatus<'_>) -> Self {
        let binding = status.binding;
        Self {
            control_plane: status.control_plane.map(str::to_owned),
            deployment: binding.map(|binding| binding.deployment_id.clone()),
            external: binding.and_then(|binding| binding.id.parse().ok()),
            is_attempted: status.sync.is_some_and(|sync| sync.attempt.is_some()),
        }
    }

    /// As any status says it, also one that this program cannot read.
    pub(in crate::controller) fn listed(status: &Value) -> Self {
        let text = |path: &str| status.pointer(path)?.as_str();
        Self {
            control_plane: text("/controlPlane").map(str::to_owned),
            deployment: text("/binding/deploymentID").map(str::to_owned),
            external: text("/binding/id").and_then(|id| id.parse().ok()),
            is_attempted: status.pointer("/sync/attempt").is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{api::workspace::CoderWorkspace, sync::kind::SyncedKind as _};

    #[test]
    fn a_status_says_the_same_read_and_listed() {
        let status = json!({
            "controlPlane": "coder",
            "binding": {
                "deploymentID": "d", "id": Uuid::from_u128(1), "origin": "coderd",
                "boundAt": "2026-11-21T09:00:00Z",
            },
            "sync": { "attempt": { "requestedAt": "2026-11-21T09:00:00Z" } },
        });
        let mut object = CoderWorkspace::new("acme.ann.dev", serde_json::from_str("{}").unwrap());
        assert_eq!(Belonging::of(&object.shared_status()), Belonging::default());
        object.status = serde_json::from_value(status.clone()).unwrap();
        let expected = Belonging {
            control_plane: Some("coder".to_owned()),
            deployment: Some("d".to_owned()),
            external: Some(Uuid::from_u128(1)),
            is_attempted: true,
        };
        assert_eq!(Belonging::of(&object.shared_status()), expected);
        assert_eq!(Belonging::listed(&status), expected);
    }

    #[test]
    fn a_status_that_cannot_be_read_says_what_it_can() {
        for status in [
            Value::Null,
            json!({"binding": 3}),
            json!({"binding": {"id": "x"}}),
        ] {
            assert_eq!(Belonging::listed(&status), Belonging::default());
        }
    }
}
