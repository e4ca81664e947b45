//! Doubts are decided in favour of a declaration.

use super::*;

#[test]
fn without_any_record_everything_present_is_declared() {
    let status_only = read(&json!({
        "apiVersion": "coder.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {"f:id": {}}},
        "manager": "coder-k8s",
        "operation": "Apply",
        "subresource": "status",
    }));
    for entries in [vec![], vec![status_only]] {
        let ownership = Ownership::of(&entries, &full_spec());
        for path in [&TTL, &SCHEDULE, &UPDATES, &ORGANIZATION, &cpu(), &mem()] {
            assert_eq!(ownership.declared_by(path), [BEFORE_FIRST_APPLY], "{path}");
        }
        assert!(ownership.from_reset());
        assert!(ownership.declares_anything());
        assert_eq!(ownership.declared_items("parameters").len(), 2);
        // What is absent is not: it would be pushed as a removal.
        assert!(!ownership.declared(&FieldPath::spec("templateVersionID")));
    }
}

#[test]
fn a_lost_declaration_stays_one_after_our_next_writes() {
    // Seen on a real server: managedFields reset to [{}], then status applied, then `coderd`. The
    // last apply took ttlMillis, which a user had applied, without a conflict.
    let spec = json!({"organization": "acme", "ttlMillis": 60_000, "icon": ""});
    let ours = apply("coderd", &json!({"f:organization": {}}));
    let ownership = Ownership::of(&[ours], &spec);
    assert_eq!(ownership.declared_by(&TTL), [BEFORE_FIRST_APPLY]);
    assert!(ownership.declared(&FieldPath::spec("icon")));
    assert!(!ownership.declared(&ORGANIZATION));
    assert!(ownership.from_reset());
}

/// An entry of `coderd` for all of [`full_spec`].
fn all_ours() -> ManagedFieldsEntry {
    apply(
        "coderd",
        &json!({
            "f:organization": {}, "f:ttlMillis": {}, "f:autostartSchedule": {}, "f:automaticUpdates": {},
            "f:parameters": {"k:{\"name\":\"cpu\"}": {}, "k:{\"name\":\"mem\"}": {}},
        }),
    )
}

#[test]
fn a_lost_declaration_is_nobodys_where_the_twin_was_made_in_coderd() {
    let spec =
        json!({"organization": "acme", "ttlMillis": 60_000, "parameters": [{"name": "cpu"}]});
    let recorded = update(
        BEFORE_FIRST_APPLY,
        &json!({"f:ttlMillis": {}, "f:parameters": {
            "k:{\"name\":\"cpu\"}": {}
        }}),
    );
    for entries in [vec![], vec![recorded]] {
        let ownership = Ownership::of(&entries, &spec).made_in_coderd(true);
        assert!(ownership.from_reset() && !ownership.declares_anything());
        assert!(!ownership.declared(&TTL) && !ownership.held_by_coderd(&TTL));
        assert!(ownership.declared_items("parameters").is_empty());
        // Nor is it free: coderd's value must not replace what somebody may have meant.
        assert_eq!(ownership.owners(&TTL).count(), 1);
    }
    // Whoever declares again is heard, for what he declares.
    let again = [apply("kubectl", &json!({"f:ttlMillis": {}}))];
    let ownership = Ownership::of(&again, &spec).made_in_coderd(true);
    assert_eq!(ownership.declared_by(&TTL), ["kubectl"]);
    assert!(!ownership.declared(&ORGANIZATION));
}

#[test]
fn a_complete_record_needs_no_guess() {
    // An apply owns items, but not their list.
    let entries = [
        all_ours(),
        update("kubectl-edit", &json!({"f:ttlMillis": {}})),
    ];
    assert_eq!(Ownership::of(&entries, &full_spec()), of(&entries));
    assert!(!of(&entries).from_reset());
}

#[test]
fn an_empty_spec_needs_no_record() {
    for spec in [
        json!(null),
        json!({}),
        json!({"ttlMillis": null, "parameters": []}),
    ] {
        let ownership = Ownership::of(&[], &spec);
        assert!(!ownership.declares_anything());
        assert!(!ownership.from_reset());
        assert!(!ownership.declared(&TTL));
    }
}

#[test]
fn a_reset_is_told_from_what_was_before_the_first_apply_in_spec() {
    let spec = update(BEFORE_FIRST_APPLY, &json!({"f:ttlMillis": {}}));
    let metadata = entry(
        BEFORE_FIRST_APPLY,
        "Update",
        &json!({"f:metadata": {"f:labels": {"f:team": {}}}}),
    );
    let reset = of(&[coderd(), spec]);
    assert!(reset.from_reset());
    assert!(reset.declared(&TTL));
    assert!(!reset.declared(&UPDATES));
    let labels = of(&[coderd(), metadata]);
    assert!(!labels.from_reset());
    assert!(!labels.declares_anything());
}

/// Entries that cannot be understood, each with one defect.
fn unreadable(manager: &str) -> Vec<ManagedFieldsEntry> {
    let sound = apply(manager, &json!({"f:ttlMillis": {}}));
    let mut entries: Vec<ManagedFieldsEntry> = [
        json!([]),
        json!("f:spec"),
        json!({"f:spec": null}),
        json!({"f:spec": "ttlMillis"}),
        json!({"f:spec": {"ttlMillis": {}}}),
        json!({"f:spec": {"v:1": {}}}),
        json!({"f:spec": {"f:parameters": 1}}),
        json!({"f:spec": {"f:parameters": {"f:cpu": {}}}}),
        json!({"f:spec": {"f:parameters": {"i:0": {}}}}),
        json!({"f:spec": {"f:parameters": {"k:cpu": {}}}}),
        json!({"f:spec": {"f:parameters": {"k:{}": {}}}}),
        json!({"f:spec": {"f:parameters": {"k:{\"id\":\"cpu\"}": {}}}}),
        json!({"f:spec": {"f:parameters": {"k:{\"name\":1}": {}}}}),
        json!({"f:spec": {"f:parameters": {"k:{\"name\":\"cpu\",\"zone\":\"a\"}": {}}}}),
    ]
    .iter()
    .map(|fields| entry(manager, "Apply", fields))
    .collect();
    for version in ["aggregation.coder.com/v1alpha1", "v1", "", "coder.com"] {
        entries.push(ManagedFieldsEntry {
            api_version: Some(version.to_owned()),
            ..sound.clone()
        });
    }
    entries.push(ManagedFieldsEntry {
        api_version: None,
        ..sound.clone()
    });
    entries.push(ManagedFieldsEntry {
        fields_type: Some("FieldsV2".to_owned()),
        ..sound
    });
    entries
}

#[test]
fn a_foreign_entry_that_cannot_be_understood_claims_all_that_is_present() {
    for entry in unreadable("kubectl") {
        let ownership = Ownership::of(&[all_ours(), entry.clone()], &full_spec());
        for path in [&TTL, &SCHEDULE, &UPDATES, &ORGANIZATION, &cpu(), &mem()] {
            assert_eq!(
                ownership.declared_by(path),
                ["kubectl"],
                "{entry:?}: {path}"
            );
        }
        assert!(
            !ownership.declared(&FieldPath::spec("templateVersionID")),
            "{entry:?}"
        );
        assert!(ownership.held_by_coderd(&SCHEDULE), "{entry:?}");
    }
}

#[test]
fn an_entry_of_ours_that_cannot_be_understood_claims_nothing() {
    for manager in OWN_MANAGERS {
        for entry in unreadable(manager) {
            let sound = apply("kubectl", &json!({"f:ttlMillis": {}}));
            assert_eq!(of(&[sound.clone(), entry]), of(&[sound]));
        }
    }
}

#[test]
fn another_version_of_our_group_is_read_as_it_is() {
    let mut entry = apply("kubectl", &json!({"f:ttlMillis": {}}));
    entry.api_version = Some("coder.com/v1beta1".to_owned());
    let ownership = of(&[coderd(), entry]);
    assert!(ownership.declared(&TTL));
    assert!(!ownership.declared(&UPDATES));
}

#[test]
fn an_entry_without_fields_claims_nothing() {
    let mut entry = apply("kubectl", &json!({}));
    entry.fields_v1 = None;
    assert!(!of(&[coderd(), entry]).declares_anything());
}
