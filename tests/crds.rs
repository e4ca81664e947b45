//! The CRDs: what is committed is what the program writes, and the schemas hold what field ownership
//! relies on.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use coder_k8s::api::{crd, names};
use serde_json::{Value, json};

/// Fields of `spec` that are owned item by item; everything else is owned as a whole.
const LIST_MAPS: [&str; 2] = [
    "coderworkspaces.spec.parameters",
    "codertemplates.spec.variables",
];

fn folder() -> PathBuf {
    crate::root().join("crds")
}

fn crds() -> Vec<Value> {
    crd::all()
        .iter()
        .map(|crd| serde_json::to_value(crd).unwrap())
        .collect()
}

fn schema(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// Calls `visit` with the path and schema of each field, from the plural name of the kind downwards.
fn walk<'a>(path: &str, schema: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(path, schema);
    // Kubernetes knows its own types.
    if crd::OF_KUBERNETES
        .iter()
        .any(|field| path.ends_with(&format!(".{field}")))
    {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(
            &format!("{path}{{}}"),
            &schema["additionalProperties"],
            visit,
        );
    }
}

/// Whether the field is one that people and Coder share.
fn is_shared(path: &str) -> bool {
    path.contains(".spec.") && !path.starts_with("codercontrolplanes.")
}

/// Whatever `wrong` says of any field of any kind.
fn findings(wrong: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for crd in &crds() {
        let plural = crd["spec"]["names"]["plural"].as_str().unwrap();
        walk(plural, schema(crd), &mut |path, schema| {
            if wrong(path, schema) {
                found.push(path.to_owned());
            }
        });
    }
    found
}

#[test]
fn the_files_are_what_the_program_writes() {
    let update = env::var_os("UPDATE").is_some();
    let mut expected = BTreeSet::from(["Kustomization".to_owned()]);
    for crd in crd::all() {
        let name = crd::file_name(&crd);
        let text = crd::to_yaml(&crd).unwrap();
        let path = folder().join(&name);
        if update {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "crds/{name} is out of date: run hack/generate.sh"
        );
        expected.insert(name);
    }
    let files = |folder: PathBuf| {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        files.map(|entry| entry.file_name().into_string().unwrap())
    };
    let operator = files(folder().join("operator")).map(|name| format!("operator/{name}"));
    let seen: BTreeSet<_> = files(folder()).chain(operator).collect();
    assert_eq!(seen, expected);
}

#[test]
fn nothing_is_nullable_and_nothing_has_a_default() {
    assert_eq!(
        findings(|_, schema| schema.get("nullable").is_some()),
        [""; 0]
    );
    assert_eq!(
        findings(|_, schema| schema.get("default").is_some()),
        [
            "codercontrolplanes.status",
            "codertemplates.status",
            "coderworkspaces.status"
        ]
    );
}

#[test]
fn an_object_that_nobody_has_looked_at_says_so() {
    for crd in &crds() {
        let status = &schema(crd)["properties"]["status"];
        assert_eq!(status["default"], json!({"observedGeneration": -1}));
    }
}

#[test]
fn no_object_needs_a_spec_and_no_spec_a_field() {
    for crd in &crds() {
        let root = schema(crd);
        assert_eq!(root.get("required"), None);
        assert_eq!(root["properties"]["spec"].get("required"), None);
        assert_eq!(root["properties"]["status"].get("required"), None);
    }
}

#[test]
fn every_list_says_how_it_is_owned() {
    let untyped = |_: &str, schema: &Value| {
        schema["type"] == "array" && schema.get("x-kubernetes-list-type").is_none()
    };
    assert_eq!(findings(untyped), [""; 0]);
}

#[test]
fn list_maps_have_a_key_that_each_item_has() {
    let wrong = |_: &str, schema: &Value| {
        let keys = schema["x-kubernetes-list-map-keys"].as_array();
        let required = schema["items"]["required"].as_array();
        let is_map = schema["x-kubernetes-list-type"] == "map";
        is_map != keys.is_some_and(|keys| !keys.is_empty())
            || keys
                .into_iter()
                .flatten()
                .any(|key| !required.unwrap().contains(key))
    };
    assert_eq!(findings(wrong), [""; 0]);
}

#[test]
fn every_map_of_spec_is_owned_as_a_whole() {
    let wrong = |path: &str, schema: &Value| {
        is_shared(path)
            && schema["additionalProperties"].is_object()
            && schema["x-kubernetes-map-type"] != "atomic"
    };
    assert_eq!(findings(wrong), [""; 0]);
}

#[test]
fn what_is_in_spec_is_owned_as_a_whole_or_by_item() {
    let wrong = |path: &str, schema: &Value| {
        let depth = path.split('.').count();
        let is_part = path
            .split_once(".spec.")
            .is_some_and(|(_, rest)| !rest.contains('.'));
        if !is_part || !is_shared(path) {
            return false;
        }
        let is_item = path.ends_with("[]") && LIST_MAPS.contains(&path.trim_end_matches("[]"));
        let is_atomic = schema["x-kubernetes-map-type"] == "atomic"
            || ["atomic", "set"]
                .iter()
                .any(|kind| schema["x-kubernetes-list-type"] == *kind);
        match schema["type"].as_str() {
            Some("object") => !is_atomic && (depth == 3 || is_item),
            Some("array") => !is_atomic && !LIST_MAPS.contains(&path),
            _ => false,
        }
    };
    assert_eq!(findings(wrong), [""; 0]);
}

#[test]
fn every_field_is_described() {
    let wrong = |path: &str, schema: &Value| {
        !path.ends_with("[]") && !path.ends_with("{}") && schema["description"].as_str().is_none()
    };
    assert_eq!(findings(wrong), [""; 0]);
}

#[test]
fn columns_show_fields_that_exist() {
    for crd in &crds() {
        let columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
            .as_array()
            .unwrap();
        for column in columns {
            let path = column["jsonPath"].as_str().unwrap();
            let mut schema = schema(crd);
            for part in path.trim_start_matches('.').split('.') {
                let (name, is_item) = match part.split_once('[') {
                    Some((name, _)) => (name, true),
                    None => (part, false),
                };
                if name == "metadata" {
                    break;
                }
                // The filter of a condition has a dot of its own.
                if name.contains("type==") {
                    continue;
                }
                schema = &schema["properties"][name];
                assert!(schema.is_object(), "{path}: there is no {name}");
                schema = if is_item { &schema["items"] } else { schema };
            }
        }
    }
}

#[test]
fn kinds_are_found_by_their_short_names() {
    let names: Vec<_> = crds()
        .iter()
        .map(|crd| {
            let names = &crd["spec"]["names"];
            format!(
                "{} {} {}",
                names["kind"], names["shortNames"], names["categories"]
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            r#""CoderControlPlane" ["ccp"] ["coder"]"#,
            r#""CoderTemplate" ["ctpl"] ["coder"]"#,
            r#""CoderWorkspace" ["cws"] ["coder"]"#
        ]
    );
    for crd in &crds() {
        assert_eq!(crd["spec"]["versions"].as_array().unwrap().len(), 1);
        assert!(crd["spec"]["versions"][0]["subresources"]["status"].is_object());
    }
}

#[test]
fn names_that_others_rely_on_belong_to_the_group() {
    for name in [
        names::FINALIZER,
        names::LABEL_ORIGIN,
        names::ANNOTATION_PAUSED,
        names::ANNOTATION_RECONCILE_REQUESTED_AT,
        names::ANNOTATION_RECREATE,
    ] {
        assert!(name.starts_with("coder.com/"), "{name}");
    }
}
