//! Create and update (cases 51 to 56, 66): what is stored is what was sent, and every refusal
//! is the stored group's own.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    stage::{Group, Stage, WORKSPACES, workspace},
    twins::{Shape, Twins},
};

pub const NAME: &str = "acme.alice.dev";
const AGENT: &str = "kubectl/v1.36.3 (linux/amd64) kubernetes/0000000";

/// A POST of `object`, in words of whichever group.
pub fn post(object: &Value) -> Shape {
    let text = object
        .to_string()
        .replace("aggregation.coder.com/v1alpha1", "{version}");
    Shape::new("POST", WORKSPACES, "").json(text)
}

pub fn dev() -> Value {
    workspace(Group::Old, NAME)
}

#[tokio::test(flavor = "multi_thread")]
async fn case_51_create_stores_one_object_and_the_agent_owns_its_fields() {
    let twins = Twins::new("create").await;
    let made = twins
        .same(post(&dev()).header("user-agent", AGENT), 201)
        .await
        .json();
    assert_eq!(made["apiVersion"], "aggregation.coder.com/v1alpha1");
    let fields = &made["metadata"]["managedFields"];
    assert_eq!(fields[0]["manager"], "kubectl");
    assert_eq!(fields[0]["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(fields.as_array().unwrap().len(), 1);

    let path = twins.old.path(Group::Stored, WORKSPACES, NAME);
    let stored = twins.old.admin.get(path).await.expect(200).json();
    assert_eq!(stored["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(
        stored["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    assert_eq!(stored["apiVersion"], "coder.com/v1alpha1");
    assert_eq!(
        stored["metadata"]["managedFields"][0]["apiVersion"],
        "coder.com/v1alpha1"
    );

    twins.same(post(&dev()), 409).await;
    twins
        .same(post(&workspace(Group::Old, "acme.alice.silent")), 201)
        .await;
    let manager = Shape::new("POST", WORKSPACES, "?fieldManager=me").json(
        workspace(Group::Old, "acme.alice.mine")
            .to_string()
            .replace("aggregation.coder.com/v1alpha1", "{version}"),
    );
    let mine = twins.same(manager, 201).await.json();
    assert_eq!(mine["metadata"]["managedFields"][0]["manager"], "me");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_52_generate_name_makes_a_name_or_says_why_not() {
    let stage = Stage::new("generate").await;
    let mut object = dev();
    object["metadata"] = json!({ "generateName": "acme.alice.w" });
    let ask = Ask::new("POST", stage.path(Group::Old, WORKSPACES, "")).json(&object);
    let made = stage.admin.send(ask).await.expect(201).json();
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("acme.alice.w") && name.len() == 17,
        "{name}"
    );
    let path = stage.path(Group::Stored, WORKSPACES, name);
    assert_eq!(stage.admin.get(path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_53_a_body_of_another_kind_is_refused_in_the_words_of_the_old_group() {
    let twins = Twins::new("kind").await;
    let post = |body: &str| Shape::new("POST", WORKSPACES, "").json(body);
    let with = |version: &str| {
        json!({"apiVersion": version, "kind": "CoderWorkspace", "metadata": {"name": NAME}})
            .to_string()
    };
    let refused = twins.same(post(&with("{other}")), 400).await.json();
    assert_eq!(
        refused["message"],
        "the API version in the data (coder.com/v1alpha1) does not match the expected API version \
         (aggregation.coder.com/v1alpha1)"
    );
    let cases = [
        with("{version}").replace("\"apiVersion\":\"{version}\",", ""),
        with("{version}").replace("\"kind\":\"CoderWorkspace\",", ""),
        with("{version}").replace("\"CoderWorkspace\"", "\"CoderTemplate\""),
        with("{version}").replace("\"CoderWorkspace\"", "\"Pod\""),
        with("apps/v1"),
        with("v1"),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        String::new(),
        "{\"kind\":\"CoderWorkspace\",    \"apiVersion\":\"{version}\"".to_owned(),
        "\u{0}\u{1}".to_owned(),
    ];
    for body in cases {
        let refused = twins.compare(&post(&body)).await.unwrap();
        assert!(
            matches!(refused.status, 400 | 422),
            "{body}: {}",
            refused.text()
        );
    }
    let nobody = twins
        .old
        .admin
        .get(twins.old.path(Group::Stored, WORKSPACES, ""))
        .await;
    assert_eq!(nobody.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_54_a_dry_run_writes_nothing() {
    let twins = Twins::new("dry").await;
    let mut dry = post(&dev());
    dry.rest = "?dryRun=All".to_owned();
    twins.same(dry, 201).await;
    twins
        .same(Shape::new("GET", WORKSPACES, &format!("/{NAME}")), 404)
        .await;
    twins.same(post(&dev()), 201).await;
    let before = twins.read(WORKSPACES, NAME).await;
    let run = |object: &mut Value| object["spec"]["running"] = json!(true);
    let put = twins
        .put(WORKSPACES, &format!("{NAME}?dryRun=All"), run)
        .await;
    assert_eq!(twins.same(put, 200).await.json()["spec"]["running"], true);
    let media = "application/merge-patch+json";
    let patch = Shape::new("PATCH", WORKSPACES, &format!("/{NAME}?dryRun=All"));
    let patch = patch.body(media, r#"{"spec":{"running":true}}"#);
    assert_eq!(twins.same(patch, 200).await.json()["spec"]["running"], true);
    let delete = Shape::new("DELETE", WORKSPACES, &format!("/{NAME}?dryRun=All"));
    twins.same(delete, 200).await;
    let bad = Shape::new("DELETE", WORKSPACES, &format!("/{NAME}?dryRun=Some"));
    twins.same(bad, 422).await;
    assert_eq!(twins.read(WORKSPACES, NAME).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_55_field_validation_sees_the_body_as_it_was_sent() {
    let twins = Twins::new("fields").await;
    // Duplicate keys and unknown fields: a body that was read and written anew would have lost them.
    let body = |name: &str| {
        format!(
            r#"{{"apiVersion":"{{version}}","kind":"CoderWorkspace","metadata":{{"name":"{name}"}},
               "spec":{{"templateName":"a","templateName":"docker","nonsense":1,"running":false}},"more":{{}}}}"#
        )
    };
    let post = |query: &str, name: &str| {
        Shape::new("POST", WORKSPACES, query).json(body(&format!("acme.alice.{name}")))
    };
    let ignored = twins
        .same(post("?fieldValidation=Ignore", "ignore"), 201)
        .await;
    assert_eq!(ignored.header("warning"), "");
    for (query, name) in [("?fieldValidation=Warn", "warn"), ("", "default")] {
        let warned = twins.same(post(query, name), 201).await;
        let warnings = warned.headers.get_all("warning").iter();
        let mut warnings: Vec<_> = warnings.map(|one| one.to_str().unwrap()).collect();
        warnings.sort_unstable();
        assert_eq!(
            warnings,
            [
                "299 - \"duplicate field \\\"spec.templateName\\\"\"",
                "299 - \"unknown field \\\"more\\\"\"",
                "299 - \"unknown field \\\"spec.nonsense\\\"\"",
            ]
        );
        assert_eq!(warned.json()["spec"]["templateName"], "docker");
    }
    let strict = twins
        .same(post("?fieldValidation=Strict", "strict"), 400)
        .await
        .json();
    let message = strict["message"].as_str().unwrap();
    assert!(message.contains("strict decoding error"), "{message}");
    assert!(
        message.contains("duplicate field \"spec.templateName\""),
        "{message}"
    );
    twins
        .same(post("?fieldValidation=Perhaps", "bad"), 422)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_56_put_needs_the_version_it_read_and_keeps_ownership() {
    let twins = Twins::new("put").await;
    twins
        .same(post(&dev()).header("user-agent", AGENT), 201)
        .await;
    let run = |object: &mut Value| object["spec"]["running"] = json!(true);
    // With managedFields in the words of the group, as clients send back what they read.
    let put = twins
        .put(WORKSPACES, NAME, run)
        .await
        .header("user-agent", "writer/1");
    let stale = put.clone();
    let updated = twins.same(put, 200).await.json();
    let managers: Vec<_> = updated["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fields| fields["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["kubectl", "writer"]);
    let conflict = twins.same(stale, 409).await.json();
    assert_eq!(conflict["details"]["group"], "aggregation.coder.com");

    let without = |object: &mut Value| {
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("resourceVersion");
    };
    let put = twins.put(WORKSPACES, NAME, without).await;
    twins.same(put, 422).await;
    let other = |object: &mut Value| object["metadata"]["uid"] = json!("another");
    let put = twins.put(WORKSPACES, NAME, other).await;
    twins.same(put, 409).await;
    let elsewhere = |object: &mut Value| object["metadata"]["name"] = json!("acme.alice.else");
    let put = twins.put(WORKSPACES, NAME, elsewhere).await;
    twins.same(put, 400).await;
    let mut missing = workspace(Group::Old, "acme.alice.none");
    missing["apiVersion"] = json!("{version}");
    missing["metadata"]["resourceVersion"] = json!("1");
    twins
        .same(
            Shape::new("PUT", WORKSPACES, "/acme.alice.none").json(&missing),
            404,
        )
        .await;
    twins
        .same(Shape::new("PUT", WORKSPACES, "").json(&missing), 400)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_66_status_and_spec_are_written_apart() {
    let twins = Twins::new("status").await;
    twins.same(post(&dev()), 201).await;
    let both = |object: &mut Value| {
        object["spec"]["running"] = json!(true);
        object["metadata"]["labels"] = json!({ "not": "here" });
        object["status"] = json!({ "ownerName": "alice" });
    };
    let put = twins.put(WORKSPACES, &format!("{NAME}/status"), both).await;
    let seen = twins.same(put, 200).await.json();
    assert_eq!(seen["status"]["ownerName"], "alice");
    assert_eq!(seen["spec"]["running"], false);
    assert_eq!(seen["metadata"]["generation"], 1);
    assert_eq!(seen["metadata"]["labels"], Value::Null);

    let patch = Shape::new("PATCH", WORKSPACES, &format!("/{NAME}/status"));
    let body = r#"{"apiVersion":"{version}","spec":{"running":true},"status":{"ownerName":"bob"}}"#;
    let seen = twins
        .same(patch.body("application/merge-patch+json", body), 200)
        .await
        .json();
    assert_eq!(
        (&seen["status"]["ownerName"], &seen["spec"]["running"]),
        (&json!("bob"), &json!(false))
    );

    let spec = |object: &mut Value| {
        object["spec"]["running"] = json!(true);
        object["status"] = json!({ "ownerName": "eve" });
    };
    let put = twins.put(WORKSPACES, NAME, spec).await;
    let seen = twins.same(put, 200).await.json();
    assert_eq!(
        (&seen["status"]["ownerName"], &seen["spec"]["running"]),
        (&json!("bob"), &json!(true))
    );
    assert_eq!(seen["metadata"]["generation"], 2);
    twins
        .same(
            Shape::new("GET", WORKSPACES, &format!("/{NAME}/status")),
            200,
        )
        .await;
    twins
        .same(
            Shape::new("POST", WORKSPACES, &format!("/{NAME}/status")).json("{}"),
            405,
        )
        .await;
    twins
        .same(
            Shape::new("DELETE", WORKSPACES, &format!("/{NAME}/status")),
            405,
        )
        .await;
}
