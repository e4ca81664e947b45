//! What the commands of kubectl leave behind.

use super::*;

#[test]
fn every_command_that_sets_a_field_declares_it() {
    let last_applied = json!({
        "f:metadata": {"f:annotations": {
            ".": {},
            "f:kubectl.kubernetes.io/last-applied-configuration": {}
        }},
        "f:spec": {".": {}, "f:ttlMillis": {}},
    });
    let table = [
        (
            "apply --server-side",
            "kubectl",
            "Apply",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        ("apply", "kubectl-client-side-apply", "Update", last_applied),
        (
            "create",
            "kubectl-create",
            "Update",
            json!({"f:spec": {".": {}, "f:ttlMillis": {}}}),
        ),
        (
            "edit",
            "kubectl-edit",
            "Update",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        (
            "patch",
            "kubectl-patch",
            "Update",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        (
            "replace",
            "kubectl-replace",
            "Update",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        (
            "Argo CD",
            "argocd-controller",
            "Apply",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        (
            "13 writers",
            "ancient-changes",
            "Update",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
        (
            "no User-Agent",
            "unknown",
            "Update",
            json!({"f:spec": {"f:ttlMillis": {}}}),
        ),
    ];
    for (command, manager, operation, fields) in table {
        let ownership = of(&[coderd(), entry(manager, operation, &fields)]);
        assert!(ownership.declared(&TTL), "{command}");
        assert_eq!(ownership.declared_by(&TTL), [manager], "{command}");
        assert!(ownership.declares_anything(), "{command}");
        assert!(!ownership.from_reset(), "{command}");
        for other in [&SCHEDULE, &UPDATES, &ORGANIZATION, &cpu()] {
            assert!(!ownership.declared(other), "{command}: {other}");
        }
    }
}

#[test]
fn commands_that_touch_only_metadata_declare_nothing() {
    let table = [
        (
            "kubectl-label",
            json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}}}}),
        ),
        (
            "kubectl-annotate",
            json!({"f:metadata": {"f:annotations": {"f:coder.com/paused": {}}}}),
        ),
        // What `kubectl apply --server-side` leaves of an earlier client-side apply.
        (
            "kubectl-last-applied",
            json!({"f:metadata": {"f:annotations": {
                "f:kubectl.kubernetes.io/last-applied-configuration": {}
            }}}),
        ),
        // A label of that name is not the spec.
        (
            "kubectl-edit",
            json!({"f:metadata": {"f:labels": {"f:spec": {}}}}),
        ),
    ];
    for (manager, fields) in table {
        let ownership = of(&[coderd(), entry(manager, "Update", &fields)]);
        assert!(!ownership.declares_anything(), "{manager}");
    }
}

#[test]
fn our_managers_declare_nothing() {
    let ownership = of(&[
        coderd(),
        entry(
            "coder-k8s",
            "Apply",
            &json!({"f:metadata": {"f:labels": {"f:coder.com/origin": {}}}}),
        ),
        entry(
            "coder-k8s",
            "Update",
            &json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"coder.com/coderd-cleanup\"": {}}}}),
        ),
        apply("coder-k8s-shim", &json!({"f:deletionPolicy": {}})),
    ]);
    assert!(!ownership.declares_anything());
    assert!(!ownership.declared(&FieldPath::spec("deletionPolicy")));
    assert!(ownership.held_by_coderd(&ORGANIZATION));
    assert!(ownership.held_by_coderd(&SCHEDULE));
    assert!(!ownership.held_by_coderd(&TTL));
    assert!(!ownership.held_by_coderd(&FieldPath::spec("deletionPolicy")));
}

#[test]
fn a_manager_whose_name_only_begins_like_ours_is_foreign() {
    for manager in ["coderd2", "coder", "Coderd", "coder-k8s-shim-2", ""] {
        let ownership = of(&[coderd(), apply(manager, &json!({"f:ttlMillis": {}}))]);
        assert_eq!(ownership.declared_by(&TTL), [manager]);
    }
}

#[test]
fn only_what_coderd_applied_is_let_go_by_leaving_it_out() {
    let ownership = of(&[
        apply("coderd", &json!({"f:organization": {}})),
        update("coderd", &json!({"f:ttlMillis": {}})),
    ]);
    assert!(ownership.held_by_coderd(&ORGANIZATION));
    assert!(!ownership.held_by_coderd(&TTL));
}

#[test]
fn a_client_that_borrowed_one_of_our_names_and_updates_is_somebody_else() {
    for manager in OWN_MANAGERS {
        let ownership = of(&[coderd(), update(manager, &json!({"f:ttlMillis": {}}))]);
        assert_eq!(ownership.declared_by(&TTL), [manager]);
        assert!(ownership.declares_anything());
        assert!(!ownership.declared(&ORGANIZATION));
        let applied = of(&[coderd(), apply(manager, &json!({"f:ttlMillis": {}}))]);
        assert!(!applied.declares_anything(), "{manager}");
    }
}

#[test]
fn entries_of_a_subresource_own_nothing_in_spec() {
    let status = json!({
        "apiVersion": "coder.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:spec": {"f:ttlMillis": {}},
            "f:status": {"f:conditions": {"k:{\"type\":\"Ready\"}": {".": {}, "f:type": {}}}},
        },
        "manager": "someone",
        "operation": "Apply",
        "subresource": "status",
        "time": "2025-06-01T10:00:00Z",
    });
    let mut entries = vec![coderd(), read(&status)];
    assert!(!of(&entries).declares_anything());
    // An empty subresource is the main resource.
    entries[1].subresource = Some(String::new());
    assert!(of(&entries).declared(&TTL));
}

#[test]
fn the_time_of_an_entry_does_not_matter() {
    let with = apply("kubectl", &json!({"f:ttlMillis": {}}));
    let mut without = with.clone();
    without.time = None;
    assert_eq!(of(&[coderd(), with]), of(&[coderd(), without]));
}

#[test]
fn co_owners_are_named_in_order_and_once() {
    let ownership = of(&[
        update("kubectl-edit", &json!({"f:ttlMillis": {}})),
        apply("kubectl", &json!({"f:ttlMillis": {}})),
        apply("coderd", &json!({"f:organization": {}, "f:ttlMillis": {}})),
        update("kubectl", &json!({"f:ttlMillis": {}})),
        apply("argocd-controller", &json!({"f:ttlMillis": {}})),
    ]);
    assert_eq!(
        owners(&ownership, &TTL),
        [
            owner("argocd-controller", Operation::Apply),
            owner("coderd", Operation::Apply),
            owner("kubectl", Operation::Apply),
            owner("kubectl", Operation::Update),
            owner("kubectl-edit", Operation::Update),
        ]
    );
    assert_eq!(
        ownership.declared_by(&TTL),
        ["argocd-controller", "kubectl", "kubectl-edit"]
    );
    assert!(ownership.held_by_coderd(&TTL));
}
