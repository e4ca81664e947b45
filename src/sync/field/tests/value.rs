//! Canonical values and digests.

use super::*;

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

#[test]
fn a_digest_is_stable() {
    // Stored in status: another value here would send everything once more after an upgrade.
    assert_eq!(digest(None), "74234e98afe7498fb5daf1f36ac2d78a");
    assert_eq!(digest(None), digest(Some(&Value::Null)));
    // By sha256sum of {"a":[1,"x",],"b":true,} and of 60000.
    let object = json!({"b": true, "a": [1, "x"]});
    assert_eq!(digest(Some(&object)), "630dceec5ca0a89188ca3a45abef018a");
    assert_eq!(
        digest(Some(&json!(60_000))),
        "d55d01d0341ed0ba2cd99b322e8c5b60"
    );
}

#[test]
fn different_values_have_different_digests() {
    let values = [
        json!(null),
        json!(false),
        json!(0),
        json!("0"),
        json!("null"),
        json!([]),
        json!(["a", "b"]),
        json!(["a,b"]),
        json!([["a"], "b"]),
        json!({"a": "b"}),
        json!({"a\":\"b": 1}),
        json!({"a": {"b": 1}}),
    ];
    let digests: BTreeSet<String> = values.iter().map(|value| digest(Some(value))).collect();
    assert_eq!(digests.len(), values.len());
    assert!(digests.iter().all(|digest| digest.len() == 32));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
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
    fn equal_values_have_equal_digests_and_others_do_not(a in any_value(), b in any_value()) {
        prop_assert_eq!(digest(Some(&a)) == digest(Some(&b)), a == b);
        let copy: Value = serde_json::from_str(&a.to_string()).unwrap();
        prop_assert_eq!(digest(Some(&a)), digest(Some(&copy)));
    }

    #[test]
    fn any_two_values_are_equal_drift_or_pushed(k in any_value(), c in any_value()) {
        let field = state(Owner::User, &k, &c);
        let expected = if canonical(k.clone()) == canonical(c) {
            Verdict::Equal
        } else {
            Verdict::Push { value: canonical(k) }
        };
        prop_assert_eq!(enforce(&field), expected);
    }
}
