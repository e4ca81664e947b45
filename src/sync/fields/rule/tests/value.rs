//! Canonical values.

use super::*;
use crate::sync::refusal::tests::any_value;

#[test]
fn what_is_empty_counts_as_absent() {
    for empty in [json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(canonical(empty), None);
    }
    for value in [
        json!(false),
        json!(0),
        json!(" "),
        json!([""]),
        json!({"a": null}),
    ] {
        assert_eq!(canonical(value.clone()), Some(value));
    }
}

#[test]
fn strings_are_taken_verbatim() {
    for schedule in ["CRON_TZ=Europe/Berlin 30 8 * * 1-5", "30  8 * * 1-5 ", " "] {
        assert_eq!(canonical(json!(schedule)), Some(json!(schedule)));
    }
}

#[test]
fn a_ttl_is_kept_in_whole_minutes() {
    let table = [
        (i64::MIN, None),
        (-60_000, None),
        (-1, None),
        (0, None),
        (1, None),
        (59_999, None),
        (60_000, Some(60_000)),
        (90_500, Some(60_000)),
        (119_999, Some(60_000)),
        (120_000, Some(120_000)),
        (2_592_000_000, Some(2_592_000_000)),
        (i64::MAX, Some(i64::MAX - i64::MAX % 60_000)),
    ];
    for (millis, expected) in table {
        assert_eq!(canonical_ttl(millis), expected, "{millis}");
    }
}

#[test]
fn other_durations_are_kept_as_they_are() {
    for (millis, expected) in [(-1, None), (0, None), (1, Some(1)), (90_500, Some(90_500))] {
        assert_eq!(canonical_millis(millis), expected);
    }
}

proptest! {
    #[test]
    fn canonical_forms_stay_as_they_are(value in any_value(), millis in any::<i64>()) {
        if let Some(once) = canonical(value) {
            prop_assert_eq!(canonical(once.clone()), Some(once));
        }
        if let Some(once) = canonical_ttl(millis) {
            prop_assert_eq!(canonical_ttl(once), Some(once));
            prop_assert!(once > 0 && once <= millis && millis - once < 60_000);
        }
        if let Some(once) = canonical_millis(millis) {
            prop_assert_eq!(once, millis);
        }
    }

    #[test]
    fn any_two_values_are_equal_drift_or_pushed(k in any_value(), c in any_value()) {
        let field = state(Owner::User, &k, &c);
        let expected = if canonical(k.clone()) == canonical(c) {
            FieldChange::Equal
        } else {
            FieldChange::Push { value: canonical(k) }
        };
        prop_assert_eq!(enforce(&field), expected);
    }
}
