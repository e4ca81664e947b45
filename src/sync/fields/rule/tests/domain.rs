//! The exhaustive small domain.

use super::*;

/// Calls `check` for every owner, K, C, policy and kind of earlier refusal.
fn every_case(mut check: impl FnMut(Owner, &FieldState, DriftPolicy, &[Refusal])) {
    let values = [Value::Null, json!("a"), json!("b"), json!(false)];
    for owner in OWNERS {
        for wanted in &values {
            for actual in &values {
                let field = state(owner, wanted, actual);
                let other_value = refusal(&state(owner, &json!("z"), actual), "other value");
                let other_field = Refusal {
                    field: "icon".to_owned(),
                    ..refusal(&field, "other field")
                };
                for refusals in [
                    vec![],
                    vec![refusal(&field, "this value")],
                    vec![other_value.clone(), other_field.clone()],
                    vec![other_value, other_field, refusal(&field, "this value")],
                ] {
                    for policy in POLICIES {
                        check(owner, &field, policy, &refusals);
                    }
                }
            }
        }
    }
}

#[test]
fn only_a_declared_and_enforced_value_is_ever_pushed() {
    every_case(|owner, field, policy, refusals| {
        if let FieldChange::Push { value } = decide(field, policy, refusals) {
            assert!(owner.declares(), "{field:?}");
            assert_eq!(policy, DriftPolicy::Enforce, "{field:?}");
            assert_eq!(value, field.wanted, "{field:?}");
            assert_ne!(value, field.actual, "{field:?}");
            assert!(
                refusals.iter().all(|it| it.message != "this value"),
                "{field:?}"
            );
        }
    });
}

#[test]
fn a_declared_difference_never_goes_unsaid() {
    every_case(|owner, field, policy, refusals| {
        let verdict = decide(field, policy, refusals);
        if owner.declares() && field.wanted != field.actual {
            assert!(
                matches!(
                    verdict,
                    FieldChange::Push { .. }
                        | FieldChange::Drift { .. }
                        | FieldChange::Refused { .. }
                ),
                "{field:?} {verdict:?}"
            );
        }
        assert_eq!(
            matches!(verdict, FieldChange::Equal | FieldChange::LetGo),
            field.wanted == field.actual,
            "{field:?} {verdict:?}"
        );
    });
}

#[test]
fn a_mirrored_field_does_not_depend_on_policy_or_refusals() {
    every_case(|owner, field, policy, refusals| {
        if !owner.declares() {
            assert_eq!(decide(field, policy, refusals), enforce(field), "{field:?}");
        }
    });
}

#[test]
fn a_declared_field_is_never_in_the_mirrored_set() {
    every_case(|owner, field, _, _| {
        if owner.declares() {
            assert!(
                mirrored_set(std::slice::from_ref(field)).is_empty(),
                "{field:?}"
            );
        }
    });
}

#[test]
fn the_mirrored_set_holds_no_empty_value_and_no_value_of_its_own() {
    every_case(|_, field, _, _| {
        for (_, value) in mirrored_set(std::slice::from_ref(field)) {
            assert!(canonical(value.clone()).is_some(), "{field:?}");
            assert!(
                [&field.actual, &field.wanted].contains(&&Some(value)),
                "{field:?}"
            );
        }
    });
}

#[test]
fn releasing_a_field_never_pushes() {
    every_case(|owner, field, policy, refusals| {
        if owner.declares() {
            // kubectl's apply without the field: coderd keeps what it co-owned, else it is gone.
            let released = if owner == Owner::UserAndCoderd {
                FieldState {
                    declared_by: vec![],
                    ..field.clone()
                }
            } else {
                state(
                    Owner::Nobody,
                    &Value::Null,
                    &field.actual.clone().unwrap_or_default(),
                )
            };
            let verdict = decide(&released, policy, refusals);
            assert!(
                matches!(verdict, FieldChange::Equal | FieldChange::Mirror { .. }),
                "{field:?} {verdict:?}"
            );
        }
    });
}
