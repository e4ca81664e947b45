//! What a CRD in a cluster lacks of this program's own.
//!
//! An older program gets on with a newer CRD: it writes less. A newer program does not get on with an
//! older one: an apply with a field that the schema lacks is refused whole.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// What `ours` has and `installed` lacks, as far as a program that was built with `ours` needs it: the
/// paths of fields, and what is no field in words. Rules, bounds and descriptions do not count.
#[must_use]
pub fn lacks(ours: &CustomResourceDefinition, installed: &CustomResourceDefinition) -> Vec<String> {
    let mut lacking = Vec::new();
    for version in &ours.spec.versions {
        let mut served = installed.spec.versions.iter().filter(|one| one.served);
        match served.find(|one| one.name == version.name) {
            Some(found) => of_version(version, found, &mut lacking),
            None => lacking.push(format!("version {}", version.name)),
        }
    }
    lacking
}

fn of_version(
    ours: &CustomResourceDefinitionVersion,
    installed: &CustomResourceDefinitionVersion,
    lacking: &mut Vec<String>,
) {
    let has_status = |version: &CustomResourceDefinitionVersion| {
        let parts = version.subresources.as_ref();
        parts.is_some_and(|parts| parts.status.is_some())
    };
    if has_status(ours) && !has_status(installed) {
        lacking.push("the subresource status".to_owned());
    }
    if let (Some(ours), Some(installed)) = (root(ours), root(installed)) {
        of_schema("", ours, installed, lacking);
    }
}

fn root(version: &CustomResourceDefinitionVersion) -> Option<&JSONSchemaProps> {
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

fn of_schema(
    path: &str,
    ours: &JSONSchemaProps,
    installed: &JSONSchemaProps,
    lacking: &mut Vec<String>,
) {
    if installed.x_kubernetes_preserve_unknown_fields == Some(true) {
        return;
    }
    if ours.type_ != installed.type_ {
        let kind = ours.type_.as_deref().unwrap_or_default();
        lacking.push(format!("{path} as {kind}"));
        return;
    }
    if let Some(known) = &installed.enum_ {
        let words = ours.enum_.iter().flatten();
        let missing = words.filter(|word| !known.contains(word));
        lacking.extend(missing.map(|word| format!("{path}: {}", word.0)));
    }
    for (name, field) in ours.properties.iter().flatten() {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        let found = installed.properties.as_ref().and_then(|it| it.get(name));
        match found {
            Some(found) => of_schema(&path, field, found, lacking),
            None => lacking.push(path),
        }
    }
    if let (Some(ours), Some(installed)) = (items(ours), items(installed)) {
        of_schema(&format!("{path}[]"), ours, installed, lacking);
    }
    if let (Some(ours), Some(installed)) = (values(ours), values(installed)) {
        of_schema(&format!("{path}{{}}"), ours, installed, lacking);
    }
}

fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(items) => Some(items),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn values(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(values) => Some(values),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::crd;

    /// What a CRD lacks that is our own one for workspaces but for `change`.
    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let ours = crd::all().pop().unwrap();
        let mut installed = serde_json::to_value(&ours).unwrap();
        change(&mut installed["spec"]["versions"][0]);
        lacks(&ours, &serde_json::from_value(installed).unwrap())
    }

    /// The fields at `path` of the schema of a version.
    fn fields<'a>(version: &'a mut Value, path: &[&str]) -> &'a mut Value {
        let root = &mut version["schema"]["openAPIV3Schema"]["properties"];
        path.iter().fold(root, |fields, name| {
            let field = &mut fields[*name];
            if field["items"].is_object() {
                &mut field["items"]["properties"]
            } else {
                &mut field["properties"]
            }
        })
    }

    fn remove(version: &mut Value, path: &[&str], name: &str) {
        let removed = fields(version, path).as_object_mut().unwrap().remove(name);
        removed.unwrap();
    }

    #[test]
    fn our_own_crd_lacks_nothing() {
        for crd in crd::all() {
            assert_eq!(lacks(&crd, &crd), [""; 0]);
        }
    }

    #[test]
    fn a_missing_field_is_named_wherever_it_is() {
        let told = changed(|version| {
            remove(version, &["status", "sync", "run"], "orderedAt");
            remove(version, &["status", "agents"], "lifecycle");
            remove(version, &["spec"], "driftPolicy");
            remove(version, &["status"], "binding");
        });
        let expected = [
            "spec.driftPolicy",
            "status.agents[].lifecycle",
            "status.binding",
            "status.sync.run.orderedAt",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_of_another_type_or_lacks_a_word_is_named() {
        let told = changed(|version| {
            fields(version, &["status"])["observedGeneration"]["type"] = json!("string");
            fields(version, &["spec"])["automaticUpdates"]["enum"] = json!(["never"]);
        });
        let expected = [
            "spec.automaticUpdates: \"always\"",
            "status.observedGeneration as integer",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_version_that_is_not_served_and_a_status_that_is_not_apart_are_named() {
        assert_eq!(
            changed(|version| version["served"] = json!(false)),
            ["version v1alpha1"]
        );
        assert_eq!(
            changed(|version| version["name"] = json!("v1")),
            ["version v1alpha1"]
        );
        let told = changed(|version| version["subresources"] = json!({}));
        assert_eq!(told, ["the subresource status"]);
    }

    #[test]
    fn a_newer_crd_and_one_with_other_words_and_rules_will_do() {
        let told = changed(|version| {
            fields(version, &["spec"])["new"] = json!({"type": "string"});
            fields(version, &["spec"])["driftPolicy"]["enum"] =
                json!(["Enforce", "Observe", "New"]);
            fields(version, &["spec"])["running"]["description"] = json!("Other words.");
            let root = &mut version["schema"]["openAPIV3Schema"];
            root["x-kubernetes-validations"] = json!([]);
            root["properties"]["status"]
                .as_object_mut()
                .unwrap()
                .remove("default");
        });
        assert_eq!(told, [""; 0]);
        // Who takes anything takes ours.
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let told = changed(|version| {
            version["schema"]["openAPIV3Schema"]["properties"]["status"] = open;
        });
        assert_eq!(told, [""; 0]);
    }
}
