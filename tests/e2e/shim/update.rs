//! A PUT of a template without files: which are put back, and who sees them.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    stage::{Group, Stage, TEMPLATES, template},
};

const NAME: &str = "acme.docker";
const ACTIVE: &str = "0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10";
const OTHER: &str = "1b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f11";

/// The template without its files, with `spec`.
fn put(stage: &Stage, version: &Value, spec: &Value) -> Ask {
    let mut object = template(Group::Old, NAME);
    object["metadata"]["resourceVersion"] = version.clone();
    object["spec"] = spec.clone();
    Ask::new("PUT", stage.path(Group::Old, TEMPLATES, NAME)).json(&object)
}

async fn read(stage: &Stage) -> Value {
    let path = stage.path(Group::Stored, TEMPLATES, NAME);
    stage.admin.get(path).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_get_a_template_is_not_shown_the_files_that_were_kept() {
    let stage = Stage::new("unseen").await;
    let made = stage.make(TEMPLATES, &template(Group::Stored, NAME)).await;
    let files = made["spec"]["files"].clone();
    let user = format!("writer-{}", stage.namespace);
    let resource = "codertemplates.aggregation.coder.com";
    stage.allow(&user, "update", resource).await;
    let writer = stage.user(&user);
    let get = stage.path(Group::Old, TEMPLATES, NAME);
    writer.get(get.as_str()).await.expect(403);

    let mut version = made["metadata"]["resourceVersion"].clone();
    for accept in ["application/json", "application/yaml"] {
        let spec = json!({ "description": format!("in {accept}") });
        let ask = put(&stage, &version, &spec).accept(accept);
        let answer = writer.send(ask).await.expect(200);
        assert!(answer.text().contains(accept), "{}", answer.text());
        assert!(!answer.text().contains("# nothing"), "{}", answer.text());
        let now = read(&stage).await;
        assert_eq!(now["spec"]["files"], files);
        version = now["metadata"]["resourceVersion"].clone();
    }
    // What one sends oneself is no secret.
    let own = json!({ "files": { "main.tf": "# own" } });
    let answer = writer.send(put(&stage, &version, &own)).await.expect(200);
    assert_eq!(answer.json()["spec"], own);
    version = answer.json()["metadata"]["resourceVersion"].clone();

    stage.allow(&user, "get", resource).await;
    stage
        .server
        .eventually("they may get it", async || {
            writer.get(get.as_str()).await.status == 200
        })
        .await;
    let spec = json!({ "description": "seen" });
    let answer = writer.send(put(&stage, &version, &spec)).await.expect(200);
    assert_eq!(answer.json()["spec"]["files"], own["files"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_do_not_come_back_where_a_client_moves_to_a_version() {
    let stage = Stage::new("moves").await;
    let made = stage.make(TEMPLATES, &template(Group::Stored, NAME)).await;
    let files = made["spec"]["files"].clone();
    let status = json!({ "status": { "activeVersionID": ACTIVE } });
    let path = stage.path(Group::Stored, TEMPLATES, &format!("{NAME}/status"));
    let patch = Ask::new("PATCH", path).body("application/merge-patch+json", status.to_string());
    let object = stage.admin.send(patch).await.expect(200).json();

    // The old API showed the active version, and took it back as no change.
    let mut version = object["metadata"]["resourceVersion"].clone();
    for (id, expected) in [("", &files), (ACTIVE, &files), (OTHER, &Value::Null)] {
        let spec = json!({ "versionID": id });
        stage
            .admin
            .send(put(&stage, &version, &spec))
            .await
            .expect(200);
        let now = read(&stage).await;
        assert_eq!(now["spec"]["files"], *expected, "{id}");
        assert_eq!(now["spec"]["versionID"], id);
        version = now["metadata"]["resourceVersion"].clone();
    }
}
