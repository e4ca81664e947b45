//! The schema decides what a claim covers.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

use super::*;
use crate::api::crd;

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
    for crd in crd::synced() {
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

#[test]
fn paths_are_written_as_the_api_server_writes_them() {
    assert_eq!(TTL.to_string(), "spec.ttlMillis");
    assert_eq!(TTL.name(), "ttlMillis");
    assert_eq!(cpu().to_string(), "spec.parameters[name=\"cpu\"]");
    assert_eq!(cpu().name(), "parameters[name=\"cpu\"]");
    assert!(cpu().is_item() && !TTL.is_item());
}
