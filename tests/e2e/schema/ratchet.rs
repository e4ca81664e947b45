//! Rules become stricter, objects stay: whatever was stored under looser ones can still be labelled,
//! changed elsewhere, reported on, and let go. For every rule and every bound of `spec` that is in the
//! CRDs, so that a new one is tried too.
//!
//! The kinds are copies under another group: the others are in use.

use coder_k8s::api::crd;
use http::{Request, StatusCode};
use kube::{Error, core::Status};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::stage;
use crate::e2e::scene::{PATIENCE, Scene};

const GROUP: &str = "ratchet.test";
const HOLD: &str = "ratchet.test/hold";

/// Larger than any request may be: no object breaks such a bound.
const LARGEST: i64 = 1_500_000;

/// What bounds a value by itself.
const BOUNDS: [&str; 9] = [
    "enum",
    "pattern",
    "maxLength",
    "minLength",
    "maximum",
    "minimum",
    "maxItems",
    "maxProperties",
    "required",
];

/// Objects that break no rule; each field of `spec` with a bound is in one of them.
fn examples(kind: &str) -> Vec<Value> {
    let values = json!([
        { "name": "a", "value": "1" },
        { "name": "b", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
    ]);
    if kind == "CoderWorkspace" {
        return vec![json!({
            "organization": "acme", "templateName": "go", "templateVersionID": "", "ttlMillis": 0,
            "autostartSchedule": "", "automaticUpdates": "always", "parameters": values,
            "driftPolicy": "Enforce", "deletionPolicy": "Delete",
        })];
    }
    let requirement = json!({ "daysOfWeek": ["monday"], "weeks": 1 });
    vec![
        json!({
            "organization": "acme", "displayName": "", "description": "", "icon": "",
            "deprecationMessage": "", "defaultTTLMillis": 0, "activityBumpMillis": 0,
            "timeTilAutostopNotifyMillis": 0, "failureTTLMillis": 0, "timeTilDormantMillis": 0,
            "timeTilDormantAutoDeleteMillis": 0, "autostopRequirement": requirement,
            "autostartRequirement": { "daysOfWeek": ["monday"] }, "versionID": "",
            "variables": values, "provisionerTags": { "a": "b" }, "promotion": "Manual",
            "files": { "main.tf": "" }, "driftPolicy": "Enforce", "deletionPolicy": "Delete",
        }),
        json!({ "source": { "configMapRef": { "name": "c" } } }),
        json!({ "source": { "artifact": { "kind": "Bucket", "name": "a", "path": "" } } }),
        json!({ "source": { "archive": { "url": "u", "sha256": "0".repeat(64) } } }),
    ]
}

/// An object that breaks the rule at `path` that says `message`: its name, where that is what is
/// wrong, and its `spec`.
fn breaks(path: &str, message: &str) -> Option<(Option<String>, Value)> {
    let spec = |spec: Value| Some((None, spec));
    let name = |name: &str| Some((Some(name.to_owned()), json!({})));
    let long = "a".repeat(33);
    let says = |words: &str| message.starts_with(words);
    match path {
        "CoderWorkspace" | "CoderTemplate" if says("spec.organization must be the") => {
            spec(json!({ "organization": "other" }))
        }
        "CoderWorkspace" | "CoderTemplate" if says("metadata.name must be") => name("dev"),
        "CoderWorkspace" if says("each part of metadata.name") => name(&format!("acme.ann.{long}")),
        "CoderTemplate" if says("each part of metadata.name") => name(&format!("acme.{long}")),
        "CoderWorkspace.spec.templateVersionID" => spec(json!({ "templateVersionID": "latest" })),
        "CoderWorkspace.spec.ttlMillis" => spec(json!({ "ttlMillis": 1 })),
        "CoderWorkspace.spec.parameters[]" => spec(json!({ "parameters": [{ "name": "a" }] })),
        "CoderTemplate.spec.versionID" => spec(json!({ "versionID": "latest" })),
        "CoderTemplate.spec.variables[]" => spec(json!({ "variables": [{ "name": "a" }] })),
        "CoderTemplate.spec.failureTTLMillis" => spec(json!({ "failureTTLMillis": 1 })),
        "CoderTemplate.spec.timeTilDormantMillis" => spec(json!({ "timeTilDormantMillis": 1 })),
        "CoderTemplate.spec.timeTilDormantAutoDeleteMillis" => {
            spec(json!({ "timeTilDormantAutoDeleteMillis": 1 }))
        }
        "CoderTemplate.spec.files" if says("files are too large") => {
            spec(json!({ "files": { "a": "x".repeat(1_000_000) } }))
        }
        "CoderTemplate.spec.files" if says("each path must be") => {
            spec(json!({ "files": { "../a": "" } }))
        }
        "CoderTemplate.spec.source" => spec(json!({ "source": {} })),
        "CoderTemplate.spec.source.archive.sha256" => {
            spec(json!({ "source": { "archive": { "url": "u", "sha256": "x" } } }))
        }
        _ => None,
    }
}

/// An object that was stored before a rule was there.
struct Case {
    kind: String,
    what: String,
    name: String,
    spec: Value,
    /// What a new object like it is told.
    refusal: String,
}

/// Every case of a kind.
fn cases(crd: &Value) -> Vec<Case> {
    let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |what: String, name: Option<String>, spec: Value, refusal: &str| {
        let number = cases.len();
        let usual = match kind {
            "CoderWorkspace" => format!("acme.ann.w{number}"),
            _ => format!("acme.t{number}"),
        };
        cases.push(Case {
            kind: kind.to_owned(),
            what,
            name: name.unwrap_or(usual),
            spec,
            refusal: refusal.to_owned(),
        });
    };
    walk(kind, schema(crd), &mut |path, schema| {
        if path.contains(".status") {
            return;
        }
        for rule in schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let message = rule["message"].as_str().unwrap();
            // A rule about changes only is broken by none that is at rest.
            let text = rule["rule"].as_str().unwrap();
            if text.contains("oldSelf") && rule["optionalOldSelf"] != true {
                continue;
            }
            let (name, spec) = breaks(path, message)
                .unwrap_or_else(|| panic!("{path}: no object here breaks {message:?}"));
            add(format!("{path}: {message}"), name, spec, message);
        }
        for bound in BOUNDS {
            let limit = &schema[bound];
            if limit.is_null()
                || limit
                    .as_i64()
                    .is_some_and(|limit| limit > LARGEST && bound == "maxLength")
            {
                continue;
            }
            let inner = path.split_once(".spec").map(|(_, inner)| inner);
            let Some(inner) = inner else { continue };
            let required = schema["required"].as_array();
            let missing: Vec<&str> = required
                .into_iter()
                .flatten()
                .map(|field| field.as_str().unwrap())
                .collect();
            let breaking: Vec<Option<&str>> = match bound {
                // The key of an item is needed to tell items apart.
                "required" => missing
                    .into_iter()
                    .filter(|_| !is_map_item(kind, path))
                    .map(Some)
                    .collect(),
                _ => vec![None],
            };
            for field in breaking {
                let mut found = examples(kind).into_iter().filter_map(|mut spec| {
                    broken(at(&mut spec, inner)?, bound, limit, field).then_some(spec)
                });
                let spec = found
                    .next()
                    .unwrap_or_else(|| panic!("no example has {path}"));
                add(
                    format!("{path}: {bound} {}", field.unwrap_or_default()),
                    None,
                    spec,
                    "",
                );
            }
        }
    });
    cases
}

fn is_map_item(kind: &str, path: &str) -> bool {
    let lists = ["parameters[]", "variables[]"];
    lists
        .iter()
        .any(|list| path == format!("{kind}.spec.{list}"))
}

/// The value at `path`, in the first item or under the first key that leads there.
fn at<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let mut items = value.as_array_mut()?.iter_mut();
        return items.find_map(|item| at(item, rest));
    }
    if let Some(rest) = path.strip_prefix("{}") {
        return at(value.as_object_mut()?.values_mut().next()?, rest);
    }
    let path = path.strip_prefix('.')?;
    let end = path.find(['.', '[', '{']).unwrap_or(path.len());
    at(value.get_mut(&path[..end])?, &path[end..])
}

/// Makes `value` break a bound.
fn broken(value: &mut Value, bound: &str, limit: &Value, field: Option<&str>) -> bool {
    // Bounds of numbers are written as floats.
    #[allow(clippy::cast_possible_truncation, reason = "they are whole and small")]
    let number = limit.as_i64().or(limit.as_f64().map(|limit| limit as i64));
    let count = number.unwrap_or_default();
    match bound {
        "enum" => *value = json!("Other"),
        "maxLength" => *value = json!("x".repeat(usize::try_from(count + 1).unwrap())),
        "minLength" => *value = json!(""),
        "maximum" => *value = json!(count + 1),
        "minimum" => *value = json!(count - 1),
        "maxItems" => {
            let first = value[0].clone();
            let item = |number: i64| {
                let mut item = first.clone();
                match item.get_mut("name") {
                    Some(name) => *name = json!(format!("x{number}")),
                    None => item = json!(format!("x{number}")),
                }
                item
            };
            *value = (0..=count).map(item).collect();
        }
        "maxProperties" => {
            let fields = (0..=count).map(|number| (format!("x{number}"), json!("")));
            *value = Value::Object(fields.collect());
        }
        "required" => {
            return value
                .as_object_mut()
                .unwrap()
                .remove(field.unwrap())
                .is_some();
        }
        _ => panic!("no value is known that breaks {bound}"),
    }
    true
}

fn schema(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

fn walk<'a>(path: &str, schema: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for (mark, part) in [("[]", "items"), ("{}", "additionalProperties")] {
        if schema[part].is_object() {
            walk(&format!("{path}{mark}"), &schema[part], visit);
        }
    }
}

/// A copy of the CRD under the other group.
fn copy(crd: &Value) -> Value {
    let mut copy = crd.clone();
    let plural = crd["spec"]["names"]["plural"].as_str().unwrap();
    copy["metadata"]["name"] = json!(format!("{plural}.{GROUP}"));
    copy["spec"]["group"] = json!(GROUP);
    let names = copy["spec"]["names"].as_object_mut().unwrap();
    names.remove("shortNames");
    names.remove("categories");
    copy
}

/// `schema` without its rules and bounds.
fn loosen(schema: &mut Value, keys: &[Value]) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("x-kubernetes-validations");
    for bound in BOUNDS {
        fields.remove(bound);
    }
    if !keys.is_empty() {
        fields.insert("required".to_owned(), json!(keys));
    }
    let keys = fields.get("x-kubernetes-list-map-keys").cloned();
    let keys = keys.as_ref().and_then(Value::as_array).cloned();
    for property in fields
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        loosen(property.1, &[]);
    }
    if let Some(items) = fields.get_mut("items") {
        loosen(items, &keys.unwrap_or_default());
    }
    if let Some(values) = fields.get_mut("additionalProperties") {
        loosen(values, &[]);
    }
}

/// Sends one request about the object of a case.
async fn ask(
    scene: &Scene,
    case: &Case,
    method: &str,
    rest: &str,
    media: &str,
    body: &Value,
) -> Result<Value, Status> {
    let path = format!(
        "/apis/{GROUP}/v1alpha1/namespaces/{}/{}s{rest}",
        scene.namespace,
        case.kind.to_lowercase()
    );
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", format!("application/{media}"))
        .body(body.to_string().into_bytes())
        .unwrap();
    match scene.kube.request::<Value>(request).await {
        Ok(value) => Ok(value),
        Err(Error::Api(status)) => Err(*status),
        Err(error) => panic!("{}: {error}", case.what),
    }
}

impl Case {
    fn object(&self, spec: &Value) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/v1alpha1"), "kind": self.kind,
            "metadata": { "name": self.name, "finalizers": [HOLD] }, "spec": spec,
        })
    }

    /// Whether a new object like this one is refused, for the right reason.
    async fn is_refused(&self, scene: &Scene) -> bool {
        let object = self.object(&self.spec);
        match ask(scene, self, "POST", "?dryRun=All", "json", &object).await {
            Err(status) => status.code == 422 && status.message.contains(&self.refusal),
            Ok(_) => false,
        }
    }

    /// Everything that has to go on; what did not.
    async fn goes_on(&self, scene: &Scene) -> Result<(), String> {
        let name = &self.name;
        let told = |doing: &'static str| {
            move |status: Status| format!("{}: {doing}: {}", self.what, status.message)
        };
        let label = json!({ "metadata": { "labels": { "a": "b" } } });
        ask(
            scene,
            self,
            "PATCH",
            &format!("/{name}"),
            "merge-patch+json",
            &label,
        )
        .await
        .map_err(told("a label"))?;
        let others = [
            ("driftPolicy", json!("Observe")),
            ("deletionPolicy", json!("Retain")),
            ("running", json!(true)),
        ];
        let mut others = others
            .into_iter()
            .filter(|(field, _)| !self.what.contains(&format!(".spec.{field}")));
        let (field, value) = others.next().unwrap();
        let change = json!({ "spec": { field: value } });
        ask(
            scene,
            self,
            "PATCH",
            &format!("/{name}"),
            "merge-patch+json",
            &change,
        )
        .await
        .map_err(told("a change of another field"))?;
        let (field, value) = others.next().unwrap();
        let mut mirrored = self.object(&json!({ field: value }));
        mirrored["metadata"] = json!({ "name": name });
        let path = format!("/{name}?fieldManager=coderd&force=true");
        ask(scene, self, "PATCH", &path, "apply-patch+yaml", &mirrored)
            .await
            .map_err(told("an apply of another field"))?;
        let mut status = self.object(&Value::Null);
        status["metadata"] = json!({ "name": name });
        status["status"] = json!({ "observedGeneration": 1 });
        status.as_object_mut().unwrap().remove("spec");
        let path = format!("/{name}/status?fieldManager=coder-k8s&force=true");
        ask(scene, self, "PATCH", &path, "apply-patch+yaml", &status)
            .await
            .map_err(told("a status"))?;
        ask(
            scene,
            self,
            "DELETE",
            &format!("/{name}"),
            "json",
            &json!({}),
        )
        .await
        .map_err(told("the delete"))?;
        let free = json!([
            { "op": "test", "path": "/metadata/finalizers/0", "value": HOLD },
            { "op": "remove", "path": "/metadata/finalizers/0" },
        ]);
        ask(
            scene,
            self,
            "PATCH",
            &format!("/{name}"),
            "json-patch+json",
            &free,
        )
        .await
        .map_err(told("the end of a finalizer"))?;
        match ask(scene, self, "GET", &format!("/{name}"), "json", &json!({})).await {
            Err(status) if status.code == StatusCode::NOT_FOUND.as_u16() => Ok(()),
            seen => Err(format!("{}: it is still there: {seen:?}", self.what)),
        }
    }
}

async fn install(scene: &Scene, crd: &Value) {
    scene.apply(crd).await;
    let name = crd["metadata"]["name"].as_str().unwrap();
    scene.wait(&format!("crd/{name}"), "Established").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_under_looser_rules_is_not_stuck_under_stricter_ones() {
    let scene = stage("ratchet").await;
    let mut stuck = Vec::new();
    for crd in crd::synced() {
        let strict = copy(&serde_json::to_value(crd).unwrap());
        let mut loose = strict.clone();
        let root = &mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        root.as_object_mut()
            .unwrap()
            .remove("x-kubernetes-validations");
        loosen(&mut root["properties"]["spec"], &[]);
        install(&scene, &loose).await;
        let cases = cases(&strict);
        for case in &cases {
            let object = case.object(&case.spec);
            let begun = Instant::now();
            // The kind may take a moment to be served.
            while let Err(status) = ask(&scene, case, "POST", "", "json", &object).await {
                assert!(
                    begun.elapsed() < PATIENCE,
                    "{}: {}",
                    case.what,
                    status.message
                );
                sleep(Duration::from_millis(100)).await;
            }
        }

        install(&scene, &strict).await;
        let begun = Instant::now();
        for case in &cases {
            while !case.is_refused(&scene).await {
                assert!(
                    begun.elapsed() < PATIENCE,
                    "{}: nothing refuses it",
                    case.what
                );
                sleep(Duration::from_millis(100)).await;
            }
        }
        for case in &cases {
            stuck.extend(case.goes_on(&scene).await.err());
        }
        let name = strict["metadata"]["name"].as_str().unwrap();
        scene
            .kubectl(&["delete", "crd", name, "--wait=false"])
            .await;
    }
    assert!(stuck.is_empty(), "{stuck:#?}");
}
