use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{api::status::Refusal, sync::refusal::DigestKey};

mod domain;
mod value;
mod world;

const TTL: FieldPath<'static> = FieldPath::spec("ttlMillis");
const POLICIES: [DriftPolicy; 2] = [DriftPolicy::Enforce, DriftPolicy::Observe];

/// Who owns the field in `spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    Coderd,
    User,
    UserAndCoderd,
    /// Another manager of ours, which never lets go.
    Ours,
}

const OWNERS: [Owner; 5] = [
    Owner::Nobody,
    Owner::Coderd,
    Owner::User,
    Owner::UserAndCoderd,
    Owner::Ours,
];

impl Owner {
    fn declares(self) -> bool {
        matches!(self, Self::User | Self::UserAndCoderd)
    }
}

fn state(owner: Owner, wanted: &Value, actual: &Value) -> FieldState {
    FieldState {
        path: TTL,
        declared_by: owner
            .declares()
            .then(|| "kubectl".to_owned())
            .into_iter()
            .collect(),
        held_by_coderd: matches!(owner, Owner::Coderd | Owner::UserAndCoderd),
        unowned: owner == Owner::Nobody,
        is_unfit: false,
        wanted: canonical(wanted.clone()),
        actual: canonical(actual.clone()),
    }
}

fn key() -> DigestKey {
    DigestKey::new([7; 32])
}

/// What is decided after coderd refused `refusals`.
fn decide(field: &FieldState, policy: DriftPolicy, refusals: &[Refusal]) -> FieldChange {
    super::decide(field, policy, Refusals::new(refusals, &key(), ""))
}

fn enforce(field: &FieldState) -> FieldChange {
    decide(field, DriftPolicy::Enforce, &[])
}

/// The record that coderd refused what `field` declares, as `Context::refused` makes it.
fn refusal(field: &FieldState, message: &str) -> Refusal {
    key().refusal(&field.path.name(), field.wanted.as_ref(), message)
}

fn set(members: &Value) -> Map<String, Value> {
    members.as_object().unwrap().clone()
}

// ---- the rows of the design's table --------------------------------------------------------------

#[test]
fn any_equal_does_nothing() {
    for owner in [Owner::Nobody, Owner::Coderd, Owner::User, Owner::Ours] {
        for policy in POLICIES {
            for value in [json!(60_000), json!("x"), json!(false), Value::Null] {
                let field = state(owner, &value, &value);
                assert_eq!(
                    decide(&field, policy, &[]),
                    FieldChange::Equal,
                    "{owner:?} {value}"
                );
            }
        }
    }
}

#[test]
fn declared_enforce_pushes_what_is_declared() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        FieldChange::Push {
            value: Some(json!(60_000))
        }
    );
    assert!(!needs_apply(&[field]));
}

#[test]
fn declared_enforce_pushes_a_declared_nothing_as_a_removal() {
    let field = state(Owner::User, &json!(""), &json!("30 8 * * 1-5"));
    assert_eq!(enforce(&field), FieldChange::Push { value: None });
}

#[test]
fn declared_observe_only_shows_the_drift() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let drift = FieldChange::Drift {
        wanted: Some(json!(60_000)),
        actual: Some(json!(120_000)),
    };
    assert_eq!(decide(&field, DriftPolicy::Observe, &[]), drift);
    // Also where coderd refused the value before the policy was changed.
    let refused = [refusal(&field, "no")];
    assert_eq!(decide(&field, DriftPolicy::Observe, &refused), drift);
    assert!(!needs_apply(&[field]));
}

#[test]
fn mirrored_takes_the_value_of_coderd() {
    let field = state(Owner::Coderd, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        FieldChange::Mirror {
            value: Some(json!(120_000))
        }
    );
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 120_000})));
}

#[test]
fn mirrored_is_left_out_where_coderd_has_nothing() {
    let field = state(Owner::Coderd, &json!(60_000), &Value::Null);
    assert_eq!(enforce(&field), FieldChange::Mirror { value: None });
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn just_released_is_mirrored_and_never_pushed() {
    // The user removed the field from the manifest: nobody owns it and it is gone from spec.
    let field = state(Owner::Nobody, &Value::Null, &json!(60_000));
    for policy in POLICIES {
        assert_eq!(
            decide(&field, policy, &[]),
            FieldChange::Mirror {
                value: Some(json!(60_000))
            }
        );
    }
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 60_000})));
}

#[test]
fn co_owned_equal_value_is_let_go() {
    let field = state(Owner::UserAndCoderd, &json!(60_000), &json!(60_000));
    for policy in POLICIES {
        assert_eq!(decide(&field, policy, &[]), FieldChange::LetGo);
    }
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn co_owned_is_let_go_also_while_it_is_pushed() {
    let field = state(Owner::UserAndCoderd, &json!(60_000), &json!(120_000));
    assert_eq!(
        enforce(&field),
        FieldChange::Push {
            value: Some(json!(60_000))
        }
    );
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn refused_is_not_sent_again() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let refused = [refusal(&field, "ttl is set by the template")];
    assert_eq!(
        decide(&field, DriftPolicy::Enforce, &refused),
        FieldChange::Refused(refused[0].clone())
    );
}

#[test]
fn refused_is_sent_again_when_the_value_changes() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let refused = [refusal(&field, "no")];
    for wanted in [json!(180_000), Value::Null] {
        let changed = state(Owner::User, &wanted, &json!(120_000));
        assert_eq!(
            decide(&changed, DriftPolicy::Enforce, &refused),
            FieldChange::Push {
                value: canonical(wanted)
            }
        );
    }
}

#[test]
fn refused_holds_up_no_other_field() {
    let field = state(Owner::User, &json!(60_000), &json!(120_000));
    let other = FieldState {
        path: FieldPath::spec("activityBumpMillis"),
        ..field.clone()
    };
    let refused = [refusal(&field, "no")];
    assert_eq!(
        decide(&other, DriftPolicy::Enforce, &refused),
        FieldChange::Push {
            value: Some(json!(60_000))
        }
    );
}

#[test]
fn a_refused_removal_is_not_sent_again() {
    let field = state(Owner::User, &json!(""), &json!("stay"));
    let refused = [refusal(&field, "no")];
    assert!(matches!(
        decide(&field, DriftPolicy::Enforce, &refused),
        FieldChange::Refused { .. }
    ));
}

// ---- the mirrored set ----------------------------------------------------------------------------

#[test]
fn the_mirrored_set_is_complete_each_time() {
    let named = |name: &'static str, field: FieldState| FieldState {
        path: FieldPath::spec(name),
        ..field
    };
    let fields = [
        named(
            "organization",
            state(Owner::Coderd, &json!("acme"), &json!("acme")),
        ),
        named(
            "icon",
            state(Owner::Coderd, &json!("/a.png"), &json!("/b.png")),
        ),
        named(
            "description",
            state(Owner::Coderd, &json!("old"), &json!("")),
        ),
        named(
            "displayName",
            state(Owner::User, &json!("Go"), &json!("go")),
        ),
        named(
            "allowUserAutostart",
            state(Owner::Nobody, &Value::Null, &json!(false)),
        ),
    ];
    assert_eq!(
        mirrored_set(&fields),
        set(&json!({"organization": "acme", "icon": "/b.png", "allowUserAutostart": false}))
    );
    assert!(needs_apply(&fields));
    assert!(!needs_apply(&fields[..1]));
    assert!(!needs_apply(&[]));
}

#[test]
fn an_equal_value_that_nobody_owns_is_taken() {
    let field = state(Owner::Nobody, &json!(60_000), &json!(60_000));
    assert_eq!(enforce(&field), FieldChange::Equal);
    assert!(needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({"ttlMillis": 60_000})));
}

#[test]
fn a_field_under_another_name_of_ours_is_left_alone() {
    let field = state(Owner::Ours, &json!("a"), &json!("b"));
    assert!(matches!(enforce(&field), FieldChange::Mirror { .. }));
    assert!(!needs_apply(std::slice::from_ref(&field)));
    assert_eq!(mirrored_set(&[field]), set(&json!({})));
}

#[test]
fn items_are_never_mirrored() {
    let item = FieldPath::spec_item("parameters", "name", "cpu");
    let field = FieldState {
        path: item.clone(),
        ..state(Owner::Nobody, &Value::Null, &json!("4"))
    };
    assert_eq!(mirrored_set(std::slice::from_ref(&field)), set(&json!({})));
    assert!(!needs_apply(&[field]));
    let declared = FieldState {
        path: item,
        ..state(Owner::User, &json!("8"), &json!("4"))
    };
    assert_eq!(
        enforce(&declared),
        FieldChange::Push {
            value: Some(json!("8"))
        }
    );
    assert_eq!(refusal(&declared, "no").field, "parameters[name=\"cpu\"]");
}

// ---- reading both sides --------------------------------------------------------------------------

#[test]
fn the_state_is_read_from_the_record_of_owners() {
    let entry = |manager: &str| -> ManagedFieldsEntry {
        serde_json::from_value(json!({
            "apiVersion": "coder.com/v1alpha1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:ttlMillis": {}}},
            "manager": manager,
            "operation": "Apply",
        }))
        .unwrap()
    };
    let spec = json!({"ttlMillis": 60_000});
    let read = |entries: &[ManagedFieldsEntry]| {
        let ownership = Ownership::of(entries, &spec);
        FieldState::new(TTL, &ownership, Some(json!(60_000)), Some(json!("")))
    };
    let table = [
        (vec![entry("coderd")], Owner::Coderd),
        (vec![entry("kubectl")], Owner::User),
        (
            vec![entry("coderd"), entry("kubectl")],
            Owner::UserAndCoderd,
        ),
        (vec![entry("coder-k8s")], Owner::Ours),
    ];
    for (entries, owner) in table {
        assert_eq!(
            read(&entries),
            state(owner, &json!(60_000), &Value::Null),
            "{owner:?}"
        );
    }
    let ownership = Ownership::of(&[entry("coderd")], &spec);
    let other = FieldState::new(FieldPath::spec("icon"), &ownership, None, None);
    assert!(other.unowned && !other.held_by_coderd && !other.is_declared());
}
