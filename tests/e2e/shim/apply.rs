//! Server-side apply (cases 60 to 65): it creates once, owns what it names, and is refused as the stored
//! group refuses it.

use serde_json::json;

use super::{
    caller::Ask,
    patch::{APPLY, MERGE, NAME, managers, patch, twins},
    stage::{Group, WORKSPACES, workspace},
    twins::{Shape, Twins},
};

fn apply(query: &str, spec: &str) -> Shape {
    let body = format!(
        "apiVersion: {{version}} # the old one\nkind: CoderWorkspace\nmetadata:\n  name: {NAME}\nspec: {spec}\n"
    );
    patch(APPLY, query, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn case_60_apply_creates_once_and_then_changes_nothing() {
    let twins = Twins::new("apply").await;
    let one = || {
        apply(
            "?fieldManager=argo",
            "{templateName: docker, running: false}",
        )
    };
    let made = twins.same(one(), 201).await.json();
    // Now kube-apiserver stores the default of `status`, which it has only shown until then.
    let stored = twins.same(one(), 200).await.json();
    let again = twins.same(one(), 200).await.json();
    assert_eq!(
        again["metadata"]["resourceVersion"],
        stored["metadata"]["resourceVersion"]
    );
    assert_eq!(
        again["metadata"]["managedFields"],
        made["metadata"]["managedFields"]
    );
    assert_eq!(managers(&again), [("argo", "Apply")]);
    let changed = apply(
        "?fieldManager=argo",
        "{templateName: docker, running: true}",
    );
    assert_eq!(
        twins.same(changed, 200).await.json()["spec"]["running"],
        true
    );
    twins.same(apply("", "{}"), 422).await;
    let text =
        format!("{{apiVersion: '{{other}}', kind: CoderWorkspace, metadata: {{name: {NAME}}}}}");
    let refused = twins
        .same(patch(APPLY, "?fieldManager=argo", text), 400)
        .await
        .json();
    assert_eq!(
        refused["message"],
        "invalid object type: coder.com/v1alpha1, Kind=CoderWorkspace"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_61_a_conflict_names_the_old_group_and_force_wins() {
    let twins = twins("conflict").await;
    let rival = |query: &str| apply(&format!("?fieldManager=rival{query}"), "{running: true}");
    let refused = twins.same(rival(""), 409).await.json();
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("conflict with \"kubectl\" using aggregation.coder.com/v1alpha1"),
        "{message}"
    );
    let cause = &refused["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldManagerConflict");
    assert_eq!(cause["field"], ".spec.running");
    assert!(
        cause["message"]
            .as_str()
            .unwrap()
            .contains("using aggregation.coder.com/v1alpha1"),
        "{cause}"
    );
    let won = twins.same(rival("&force=true"), 200).await.json();
    assert_eq!(won["spec"]["running"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_62_a_manager_that_changes_the_group_keeps_its_fields() {
    let twins = Twins::new("manager").await;
    let stage = &twins.old;
    let send = async |group: Group, status: u16| {
        let body = workspace(group, NAME).to_string();
        let path = stage.path(group, WORKSPACES, NAME) + "?fieldManager=argo";
        let seen = stage
            .admin
            .send(Ask::new("PATCH", path).body(APPLY, body))
            .await;
        let seen = seen.expect(status).json();
        assert_eq!(managers(&seen), [("argo", "Apply")]);
        assert_eq!(
            seen["metadata"]["managedFields"][0]["apiVersion"],
            group.version()
        );
        seen["metadata"]["resourceVersion"].clone()
    };
    send(Group::Stored, 201).await;
    // The first write after that stores the default of `status`.
    let first = send(Group::Old, 200).await;
    assert_eq!(send(Group::Stored, 200).await, first);
    assert_eq!(send(Group::Old, 200).await, first);

    // The same for updates: one entry of `kubectl`, whichever group it used.
    for (group, label) in [
        (Group::Old, "one"),
        (Group::Stored, "two"),
        (Group::Old, "three"),
    ] {
        let body = json!({ "metadata": { "labels": { "label": label } } }).to_string();
        let path = stage.path(group, WORKSPACES, NAME) + "?fieldManager=kubectl";
        stage
            .admin
            .send(Ask::new("PATCH", path).body(MERGE, body))
            .await
            .expect(200);
    }
    let seen = stage
        .admin
        .get(stage.path(Group::Old, WORKSPACES, NAME))
        .await
        .json();
    assert_eq!(managers(&seen), [("argo", "Apply"), ("kubectl", "Update")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_63_apply_takes_yaml_as_people_write_it() {
    let twins = Twins::new("yaml").await;
    let body = |spec: &str| {
        format!(
            "# A workspace.\n---\n\"apiVersion\" : '{{version}}'   # quoted\nkind: CoderWorkspace\nmetadata: {{name: {NAME}, \
             annotations: {{note: \"aggregation.coder.com/v1alpha1 # no comment\"}}}}\nspec:\n{spec}"
        )
    };
    let path = "?fieldManager=people&fieldValidation=Strict";
    let spec = "  # how it starts\n  templateName: docker\n  running: false\n";
    let made = twins.same(patch(APPLY, path, body(spec)), 201).await.json();
    assert_eq!(
        made["metadata"]["annotations"]["note"],
        "aggregation.coder.com/v1alpha1 # no comment"
    );
    let doubled = "  templateName: docker\n  templateName: other\n";
    let refused = twins
        .compare(&patch(APPLY, path, body(doubled)))
        .await
        .unwrap();
    assert!(matches!(refused.status, 400 | 422), "{}", refused.text());
    let warned = patch(
        APPLY,
        "?fieldManager=people&fieldValidation=Warn",
        body(doubled),
    );
    twins.compare(&warned).await.unwrap();
    for odd in [
        "&v {version}",
        "!!str {version}",
        "\"{version}\"",
        ">-\n  {version}",
    ] {
        let text = format!(
            "kind: CoderWorkspace\nmetadata: {{name: {NAME}}}\nspec: {{running: false}}\napiVersion: {odd}\n"
        );
        twins
            .same(patch(APPLY, "?fieldManager=odd", text), 200)
            .await;
    }
    for bad in [
        "",
        "a: [",
        "- 1",
        "apiVersion: {version}",
        "{version}",
        "\t",
    ] {
        let refused = twins
            .compare(&patch(APPLY, "?fieldManager=odd", bad))
            .await
            .unwrap();
        assert!(
            (400..500).contains(&refused.status),
            "{bad}: {}",
            refused.text()
        );
    }
    let post = Shape::new("POST", WORKSPACES, "").body(
        "application/yaml",
        body(spec).replace(NAME, "acme.alice.yaml"),
    );
    let made = twins.same(post.accept("application/yaml"), 201).await;
    assert!(
        made.text()
            .contains("apiVersion: aggregation.coder.com/v1alpha1\n"),
        "{}",
        made.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_64_who_may_patch_but_not_create_does_not_create_by_apply() {
    let twins = Twins::new("nocreate").await;
    let stage = &twins.old;
    let user = format!("patcher-{}", stage.namespace);
    stage
        .allow(&user, "get,patch", "coderworkspaces.aggregation.coder.com")
        .await;
    let patcher = stage.user(&user);
    let ask = || {
        let path = stage.path(Group::Old, WORKSPACES, NAME) + "?fieldManager=me";
        Ask::new("PATCH", path).body(APPLY, workspace(Group::Old, NAME).to_string())
    };
    let refused = patcher.send(ask()).await.expect(403).json();
    assert_eq!(refused["reason"], "Forbidden");
    let message = refused["message"].as_str().unwrap();
    let create = format!(
        "coderworkspaces.aggregation.coder.com \"{NAME}\" is forbidden: User \"{user}\" cannot create resource \"coderworkspaces\" \
         in API group \"aggregation.coder.com\" in the namespace \"{}\"",
        stage.namespace
    );
    assert!(message.starts_with(&create), "{message}");
    assert_eq!(
        stage
            .admin
            .get(stage.path(Group::Stored, WORKSPACES, NAME))
            .await
            .status,
        404
    );

    stage.make_workspaces(&[NAME]).await;
    let applied = patcher.send(ask()).await.expect(200).json();
    let fields = applied["metadata"]["managedFields"].to_string();
    assert!(!fields.contains("f:uid"), "{fields}");
    // Who may create too creates.
    stage
        .allow(&user, "create", "coderworkspaces.aggregation.coder.com")
        .await;
    stage
        .kubectl(&["delete", "coderworkspaces.coder.com", NAME])
        .await;
    stage
        .server
        .eventually("the new right is seen", async || {
            patcher.send(ask()).await.status == 201
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_65_an_apply_does_not_say_who_owns_what() {
    let twins = twins("owners").await;
    let body = json!({
        "apiVersion": "{version}",
        "kind": "CoderWorkspace",
        "metadata": { "name": NAME, "managedFields": [{ "manager": "me", "apiVersion": "{version}" }] },
    });
    let refused = twins
        .same(patch(APPLY, "?fieldManager=me", body.to_string()), 400)
        .await
        .json();
    assert_eq!(refused["message"], "metadata.managedFields must be nil");
}
