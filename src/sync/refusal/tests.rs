use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Any small value.
pub(in crate::sync) fn any_value() -> impl Strategy<Value = Value> {
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

fn key() -> DigestKey {
    DigestKey::new([7; 32])
}

fn digest(value: Option<&Value>) -> String {
    key().digest(value)
}

#[test]
fn a_digest_is_an_hmac_and_stable() {
    // Stored in status: another value here would send everything once more after an upgrade.
    // By Python's hmac, of null, {"a":[1,"x",],"b":true,} and 60000.
    assert_eq!(digest(None), "117195b990a62faa3d96992cfcae95c6");
    assert_eq!(digest(None), digest(Some(&Value::Null)));
    let object = json!({"b": true, "a": [1, "x"]});
    assert_eq!(digest(Some(&object)), "6b22e372d5a531fc1716944049c98163");
    assert_eq!(
        digest(Some(&json!(60_000))),
        "53b9dc4bd45a86e37da8c5a1f217d532"
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

#[test]
fn a_record_of_another_key_is_not_known() {
    let (value, other) = (json!("1234"), DigestKey::new([8; 32]));
    let known = [key().refusal("parameters", Some(&value), "no")];
    let of = |key: &DigestKey, field: &str, value: &Value| {
        Refusals::new(&known, key, "")
            .of(field, Some(value))
            .is_some()
    };
    assert!(of(&key(), "parameters", &value));
    assert!(!of(&other, "parameters", &value));
    assert!(!of(&key(), "icon", &value));
    assert!(!of(&key(), "parameters", &json!("1235")));
}

#[test]
fn a_key_is_not_printed() {
    assert_eq!(format!("{:?}", key()), "DigestKey(..)");
}

proptest! {
    #[test]
    fn equal_values_have_equal_digests_and_others_do_not(a in any_value(), b in any_value()) {
        prop_assert_eq!(digest(Some(&a)) == digest(Some(&b)), a == b);
        let copy: Value = serde_json::from_str(&a.to_string()).unwrap();
        prop_assert_eq!(digest(Some(&a)), digest(Some(&copy)));
    }

    #[test]
    fn no_digest_is_the_same_under_another_key(value in any_value(), byte in 0_u8..255) {
        let digests = [byte, byte + 1].map(|byte| DigestKey::new([byte; 32]).digest(Some(&value)));
        prop_assert_ne!(&digests[0], &digests[1]);
    }
}
