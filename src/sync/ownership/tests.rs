use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::crd;

const TTL: FieldPath<'static> = FieldPath::spec("ttlMillis");
const SCHEDULE: FieldPath<'static> = FieldPath::spec("autostartSchedule");
const UPDATES: FieldPath<'static> = FieldPath::spec("automaticUpdates");
const ORGANIZATION: FieldPath<'static> = FieldPath::spec("organization");

fn cpu() -> FieldPath<'static> {
    FieldPath::spec_item("parameters", "name", "cpu")
}

fn mem() -> FieldPath<'static> {
    FieldPath::spec_item("parameters", "name", "mem")
}

/// An entry as the API server writes it for a request to the main resource.
fn entry(manager: &str, operation: &str, fields: &Value) -> ManagedFieldsEntry {
    read(&json!({
        "apiVersion": "coder.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": operation,
        "time": "2025-06-01T10:00:00Z",
    }))
}

fn read(entry: &Value) -> ManagedFieldsEntry {
    serde_json::from_value(entry.clone()).unwrap()
}

fn apply(manager: &str, spec: &Value) -> ManagedFieldsEntry {
    entry(manager, "Apply", &json!({ "f:spec": spec }))
}

fn update(manager: &str, spec: &Value) -> ManagedFieldsEntry {
    entry(manager, "Update", &json!({ "f:spec": spec }))
}

/// The full set that the controller applies as `coderd`.
fn coderd() -> ManagedFieldsEntry {
    apply(
        "coderd",
        &json!({"f:organization": {}, "f:autostartSchedule": {}}),
    )
}

/// A spec with a value for every field that the tests ask for.
fn full_spec() -> Value {
    json!({
        "organization": "acme",
        "ttlMillis": 60_000,
        "autostartSchedule": "30 8 * * 1-5",
        "automaticUpdates": "never",
        "parameters": [{"name": "cpu", "value": "4"}, {"name": "mem", "value": "8"}],
    })
}

/// What the record alone says.
fn of(entries: &[ManagedFieldsEntry]) -> Ownership {
    Ownership::of(entries, &Value::Null)
}

fn owner(manager: &str, operation: Operation) -> Owner {
    Owner {
        manager: manager.to_owned(),
        operation,
    }
}

fn owners(ownership: &Ownership, path: &FieldPath<'_>) -> Vec<Owner> {
    ownership.owners(path).cloned().collect()
}

// ---- what the commands of kubectl leave behind ----------------------------------------------------

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
    assert!(!ownership.declared(&TTL));
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

// ---- shapes: the schema decides what a claim covers ----------------------------------------------

#[test]
fn a_bare_spec_claims_no_field() {
    for spec in [json!({}), json!({".": {}})] {
        let ownership = of(&[coderd(), apply("kubectl", &spec)]);
        for path in [&TTL, &SCHEDULE, &ORGANIZATION, &cpu()] {
            assert!(!ownership.declared(path), "{spec}: {path}");
        }
        assert!(!ownership.declares_anything(), "{spec}");
    }
}

#[test]
fn a_bare_list_claims_no_item_but_something_in_spec() {
    for list in [json!({}), json!({".": {}})] {
        let ownership = of(&[
            coderd(),
            update("kubectl-edit", &json!({"f:parameters": list})),
        ]);
        assert!(!ownership.declared(&cpu()), "{list}");
        assert!(ownership.declared_items("parameters").is_empty(), "{list}");
        assert!(ownership.declared(&FieldPath::spec("parameters")), "{list}");
        assert!(ownership.declares_anything(), "{list}");
    }
}

#[test]
fn items_are_owned_one_by_one() {
    let ownership = of(&[
        coderd(),
        apply(
            "kubectl",
            &json!({"f:parameters": {"k:{\"name\":\"cpu\"}": {}}}),
        ),
        apply(
            "terraform",
            &json!({
                "f:parameters": {"k:{\"name\":\"cpu\"}": {}, "k:{\"name\":\"mem\"}": {}}
            }),
        ),
        update(
            "kubectl-create",
            &json!({"f:variables": {".": {}, "k:{\"name\":\"cpu\"}": {}}}),
        ),
    ]);
    assert_eq!(ownership.declared_by(&cpu()), ["kubectl", "terraform"]);
    assert_eq!(ownership.declared_by(&mem()), ["terraform"]);
    assert!(!ownership.declared(&FieldPath::spec_item("parameters", "name", "disk")));
    assert!(!ownership.declared(&FieldPath::spec_item("variables", "name", "mem")));
    let names = |list| {
        ownership
            .declared_items(list)
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(names("parameters"), ["cpu", "mem"]);
    assert_eq!(names("variables"), ["cpu"]);
    assert!(names("files").is_empty());
}

#[test]
fn items_of_our_own_are_not_declared_items() {
    let ownership = of(&[
        apply(
            "coderd",
            &json!({"f:parameters": {"k:{\"name\":\"cpu\"}": {}}}),
        ),
        apply(
            "kubectl",
            &json!({"f:parameters": {"k:{\"name\":\"mem\"}": {}}}),
        ),
    ]);
    assert!(ownership.held_by_coderd(&cpu()));
    assert_eq!(
        ownership.declared_items("parameters"),
        BTreeSet::from(["mem".to_owned()])
    );
}

#[test]
fn a_granular_leftover_claims_the_whole_item() {
    // structured-merge-diff's ReconcileFieldSetWithSchema does the same at the next write.
    for item in [
        json!({".": {}, "f:name": {}}),
        json!({".": {}, "f:name": {}, "f:value": {}}),
        json!({"f:value": {}}),
        json!({".": {}}),
    ] {
        let spec = json!({"f:parameters": {"k:{\"name\":\"cpu\"}": item}});
        let ownership = of(&[coderd(), update("kubectl-edit", &spec)]);
        assert!(ownership.declared(&cpu()), "{item}");
        assert!(!ownership.declared(&mem()), "{item}");
    }
}

#[test]
fn a_claim_inside_an_atomic_field_claims_all_of_it() {
    let table = [
        ("files", json!({})),
        ("files", json!({".": {}, "f:main.tf": {}})),
        ("source", json!({})),
        ("source", json!({"f:configMapRef": {"f:name": {}}})),
        ("provisionerTags", json!({"f:zone": {}})),
        (
            "autostopRequirement",
            json!({"f:daysOfWeek": {"v:\"monday\"": {}}}),
        ),
        ("autostartRequirement", json!({})),
    ];
    for (field, inner) in table {
        let spec = json!({format!("f:{field}"): inner});
        let ownership = of(&[coderd(), apply("kubectl", &spec)]);
        assert!(ownership.declared(&FieldPath::spec(field)), "{spec}");
    }
}

#[test]
fn the_names_of_items_are_taken_verbatim() {
    for name in ["", "a b", "quo\"te", "back\\slash", "ünï", "]", "k:{}"] {
        let key = format!("k:{}", json!({ "name": name }));
        let ownership = of(&[
            coderd(),
            apply("kubectl", &json!({"f:parameters": {key: {}}})),
        ]);
        assert!(ownership.declared(&FieldPath::spec_item("parameters", "name", name)));
    }
}

#[test]
fn the_schema_owns_item_by_item_what_this_module_does_and_nothing_else() {
    let mut list_maps = BTreeSet::new();
    for crd in crd::all() {
        let schema = crd.spec.versions[0].schema.clone().unwrap();
        let root = schema.open_api_v3_schema.unwrap().properties.unwrap();
        for (field, schema) in root["spec"].properties.clone().unwrap() {
            if schema.type_.as_deref() == Some("array") {
                assert_eq!(
                    schema.x_kubernetes_list_type.as_deref(),
                    Some("map"),
                    "{field}"
                );
                assert_eq!(
                    schema.x_kubernetes_list_map_keys,
                    Some(vec![ITEM_KEY.to_owned()]),
                    "{field}"
                );
                let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items else {
                    panic!("{field} has no schema of its items");
                };
                assert!(is_atomic(items), "items of {field}");
                list_maps.insert(field);
            } else if schema.type_.as_deref() == Some("object") {
                assert!(is_atomic(&schema), "{field}");
            }
        }
    }
    assert_eq!(list_maps, BTreeSet::from(LIST_MAPS.map(str::to_owned)));
}

fn is_atomic(schema: &JSONSchemaProps) -> bool {
    schema.x_kubernetes_map_type.as_deref() == Some("atomic")
}

// ---- doubts are decided in favour of a declaration -----------------------------------------------

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

// ---- paths ---------------------------------------------------------------------------------------

#[test]
fn paths_are_written_as_the_api_server_writes_them() {
    assert_eq!(TTL.to_string(), "spec.ttlMillis");
    assert_eq!(TTL.name(), "ttlMillis");
    assert_eq!(cpu().to_string(), "spec.parameters[name=\"cpu\"]");
    assert_eq!(cpu().name(), "parameters[name=\"cpu\"]");
    assert!(cpu().is_item() && !TTL.is_item());
}

// ---- properties ----------------------------------------------------------------------------------

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
    let operation = prop::sample::select(vec!["Apply", "Update"]);
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
        ours in any_entry(OWN),
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
