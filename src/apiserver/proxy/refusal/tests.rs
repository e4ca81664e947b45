use serde_json::json;

use super::*;

#[test]
fn only_a_named_object_or_namespace_is_missing() {
    let details = |details: Value| {
        Some(json!({"kind": "Status", "reason": "NotFound", "code": 404, "details": details}))
    };
    for (status, expected) in [
        (
            details(json!({"name": "a.b.c", "group": "coder.com", "kind": "coderworkspaces"})),
            true,
        ),
        (details(json!({"name": "team", "kind": "namespaces"})), true),
        (
            details(json!({"group": "coder.com", "kind": "coderworkspaces"})),
            false,
        ),
        (details(json!({"name": "", "kind": "namespaces"})), false),
        (details(json!({})), false),
        (Some(json!({"kind": "Status", "code": 404})), false),
        (Some(json!({"details": {"name": "a", "kind": "b"}})), false),
        (None, false),
    ] {
        assert_eq!(
            says_what_is_missing(status.as_ref()),
            expected,
            "{status:?}"
        );
    }
}
