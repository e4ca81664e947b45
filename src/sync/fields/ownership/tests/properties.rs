//! What holds for any record of owners.

use proptest::prelude::*;

use super::*;

fn any_claims() -> impl Strategy<Value = Value> {
    let parts = prop::sample::subsequence(
        vec![
            (".", json!({})),
            ("f:ttlMillis", json!({})),
            ("f:autostartSchedule", json!({})),
            ("f:organization", json!({})),
            ("f:source", json!({"f:archive": {}})),
            ("f:parameters", json!({".": {}, "k:{\"name\":\"cpu\"}": {}})),
            (
                "f:variables",
                json!({"k:{\"name\":\"cpu\"}": {}, "k:{\"name\":\"mem\"}": {".": {}}}),
            ),
            ("broken", json!(1)),
        ],
        0..=7,
    );
    parts.prop_map(|parts| {
        let fields = parts
            .into_iter()
            .map(|(key, inner)| (key.to_owned(), inner));
        Value::Object(fields.collect())
    })
}

fn any_entry(managers: &'static [&'static str]) -> impl Strategy<Value = ManagedFieldsEntry> {
    any_entry_by(&["Apply", "Update"], managers)
}

fn any_entry_by(
    operations: &'static [&'static str],
    managers: &'static [&'static str],
) -> impl Strategy<Value = ManagedFieldsEntry> {
    let operation = prop::sample::select(operations);
    (prop::sample::select(managers), operation, any_claims()).prop_map(
        |(manager, operation, claims)| entry(manager, operation, &json!({ "f:spec": claims })),
    )
}

const ALL: &[&str] = &[
    "coderd",
    "coder-k8s",
    "coder-k8s-shim",
    "kubectl",
    "argo",
    "ancient-changes",
];
const OWN: &[&str] = &OWN_MANAGERS;

fn asked() -> Vec<FieldPath<'static>> {
    vec![
        TTL,
        SCHEDULE,
        UPDATES,
        ORGANIZATION,
        FieldPath::spec("source"),
        FieldPath::spec("parameters"),
        cpu(),
        mem(),
        FieldPath::spec_item("variables", "name", "mem"),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z.:{}\"]{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("f:spec".to_owned()),
        Just("f:parameters".to_owned()),
        Just("k:{\"name\":\"cpu\"}".to_owned()),
        Just(".".to_owned()),
        "[fkvi]:[a-z{}\":]{0,8}",
        "\\PC{0,4}",
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_order_of_entries_does_not_matter(
        entries in prop::collection::vec(any_entry(ALL), 0..6)
            .prop_flat_map(|entries| (Just(entries.clone()), Just(entries).prop_shuffle()))
    ) {
        prop_assert_eq!(of(&entries.0), of(&entries.1));
    }

    #[test]
    fn an_entry_of_ours_never_changes_what_is_declared(
        mut entries in prop::collection::vec(any_entry(ALL), 0..6),
        ours in any_entry_by(&["Apply"], OWN),
    ) {
        let before = of(&entries);
        entries.push(ours);
        let after = of(&entries);
        for path in asked() {
            prop_assert_eq!(before.declared_by(&path), after.declared_by(&path));
        }
        prop_assert_eq!(before.declares_anything(), after.declares_anything());
        prop_assert_eq!(before.from_reset(), after.from_reset());
    }

    #[test]
    fn a_foreign_claim_is_never_lost_by_adding_entries(
        mut entries in prop::collection::vec(any_entry(ALL), 0..4),
        more in prop::collection::vec(any_entry(ALL), 0..4),
    ) {
        let before = of(&entries);
        entries.extend(more);
        let after = of(&entries);
        for path in asked() {
            let after = after.declared_by(&path);
            for manager in before.declared_by(&path) {
                prop_assert!(after.contains(&manager), "{} lost {}", path, manager);
            }
        }
        prop_assert!(after.declares_anything() || !before.declares_anything());
        for list in LIST_MAPS {
            prop_assert!(after.declared_items(list).is_superset(&before.declared_items(list)));
        }
    }

    #[test]
    fn what_is_present_is_ours_or_declared(
        entries in prop::collection::vec(any_entry(ALL), 0..6),
    ) {
        let ours: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry.manager.as_deref() == Some("coderd"))
            .filter(|entry| entry.operation.as_deref() == Some("Apply"))
            .collect();
        let record = of(&ours);
        let ownership = Ownership::of(&ours, &full_spec());
        for path in present_in(&full_spec()) {
            prop_assert_ne!(ownership.declared(&path), record.owners(&path).count() > 0);
            prop_assert_eq!(record.held_by_coderd(&path), ownership.held_by_coderd(&path));
        }
    }

    #[test]
    fn the_same_entries_twice_say_the_same(
        entries in prop::collection::vec(any_entry(ALL), 0..6),
    ) {
        prop_assert_eq!(of(&entries), of(&[entries.clone(), entries].concat()));
    }

    #[test]
    fn no_answer_contradicts_another(entries in prop::collection::vec(any_entry(ALL), 0..6)) {
        let ownership = of(&entries);
        for path in asked() {
            prop_assert_eq!(
                ownership.declared(&path),
                !ownership.declared_by(&path).is_empty()
            );
            prop_assert!(ownership.declares_anything() || !ownership.declared(&path));
            prop_assert!(!ownership.held_by_coderd(&path) || ownership.owners(&path).count() > 0);
        }
        for name in ownership.declared_items("parameters") {
            let item = FieldPath::spec_item("parameters", "name", &name);
            prop_assert!(ownership.declared(&item));
        }
    }

    #[test]
    fn nothing_in_the_record_or_the_spec_makes_reading_panic(
        fields in any_json(),
        nested in any_json(),
        spec in any_json(),
    ) {
        for fields in [fields, json!({ "f:spec": nested })] {
            for manager in ["coderd", "kubectl"] {
                let ownership = Ownership::of(&[entry(manager, "Update", &fields)], &spec);
                let _ = ownership.declared_items("parameters");
                for path in asked() {
                    let _ = ownership.declared_by(&path);
                }
            }
        }
    }
}
