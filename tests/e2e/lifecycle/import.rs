//! What exists in coderd only gets an object, if it is covered.
//!
//! coderd has one organization here, so these tests have a bed of their own.

use serde_json::json;
use testbed::{Access, Bed, Options};
use tokio::sync::OnceCell;

use crate::e2e::{
    coder::id,
    object::{is_free, is_ready, origin, owners, owners_of_spec, reason, uid},
    scene::Scene,
};

/// The bed of all tests that import.
async fn bed() -> &'static Access {
    static BED: OnceCell<Bed> = OnceCell::const_new();
    BED.get_or_init(async || Bed::start(Options::default()).await.unwrap())
        .await
}

async fn importing(test: &str) -> Scene {
    Scene::on(bed().await, test, &["--import=all"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_only_in_coderd_is_imported_and_nothing_is_written_there() {
    let scene = importing("import").await;
    let (template, row) = scene.foreign_template("t").await;
    let path = format!("/templates/{}", id(&row));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "display_name": "Theirs" })))
        .await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    let autostart = format!("/workspaces/{}/autostart", id(&twin));
    scene
        .person
        .ask(
            "PUT",
            &autostart,
            Some(json!({ "schedule": "0 9 * * 1-5" })),
        )
        .await;

    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    let imported = scene
        .until(&ctpl, "imported", |seen| {
            is_ready(seen) && !seen["spec"]["files"].is_null()
        })
        .await;
    assert_eq!(imported["spec"]["displayName"], "Theirs");
    assert!(
        imported["spec"]["files"]["main.tf"]
            .as_str()
            .unwrap()
            .starts_with("# theirs")
    );
    assert!(imported["spec"]["deletionPolicy"].is_null());
    assert_eq!(imported["status"]["id"], row["id"]);
    assert_eq!(imported["status"]["binding"]["origin"], "coderd");
    assert_eq!(origin(&imported), "coderd");
    assert!(is_free(&imported), "{imported}");
    assert_eq!(
        owners_of_spec(&imported).into_iter().collect::<Vec<_>>(),
        ["coderd"]
    );

    let cws = format!("cws/{}", scene.workspace_object(&name));
    let imported = scene
        .until(&cws, "imported", |seen| {
            is_ready(seen)
                && seen["spec"]["running"] == true
                && seen["spec"]["ttlMillis"] == 600_000
                && seen["spec"]["autostartSchedule"] == "0 9 * * 1-5"
        })
        .await;
    assert_eq!(imported["spec"]["templateName"], template.as_str());
    assert!(imported["spec"]["deletionPolicy"].is_null());
    assert_eq!(imported["status"]["id"], twin["id"]);
    assert_eq!(imported["status"]["binding"]["origin"], "coderd");
    assert_eq!(origin(&imported), "coderd");
    assert!(is_free(&imported), "{imported}");
    assert_eq!(
        owners_of_spec(&imported).into_iter().collect::<Vec<_>>(),
        ["coderd"]
    );
    assert_eq!(owners(&imported, "running"), ["coderd"]);
    scene
        .event(&cws, "Imported", |event| event.starts_with("Imported: "))
        .await;

    // It stays a mirror.
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 900_000 })))
        .await;
    scene
        .until(&cws, "the new ttl", |seen| {
            seen["spec"]["ttlMillis"] == 900_000
        })
        .await;
    scene.person.build(id(&twin), "stop").await;
    scene
        .until(&cws, "stopped", |seen| seen["spec"]["running"] == false)
        .await;
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_would_not_come_back_as_they_are_are_left_out_and_status_says_why() {
    let scene = importing("omit").await;
    let organization = scene.bed.organization();
    let make = async |name: &str, path: &str, mode: u32, bytes: &[u8]| {
        let mut archive = tar::Builder::new(Vec::new());
        let main = b"resource \"terraform_data\" \"machine\" {}\n".as_slice();
        for (path, mode, bytes) in [("main.tf", 0o644, main), (path, mode, bytes)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(mode);
            archive.append_data(&mut header, path, bytes).unwrap();
        }
        let name = scene.name(name);
        scene
            .person
            .make_template(organization, &name, archive.into_inner().unwrap())
            .await;
        let ctpl = format!("ctpl/{}", scene.template_object(&name));
        let seen = scene.until(&ctpl, "ready", |seen| {
            is_ready(seen) && !seen["status"]["mirroredFiles"].is_null()
        });
        seen.await
    };
    let script = make("script", "run.sh", 0o755, b"#!/bin/sh\n").await;
    assert!(script["spec"]["files"].is_null());
    let why = script["status"]["mirroredFiles"]["omitted"]
        .as_str()
        .unwrap();
    assert!(
        why.contains("run.sh") && why.contains("executable"),
        "{why}"
    );

    let binary = make("binary", "logo.png", 0o644, b"\x89PNG\r\n\x1a\n\0\xff").await;
    assert!(binary["spec"]["files"].is_null());
    let why = binary["status"]["mirroredFiles"]["omitted"]
        .as_str()
        .unwrap();
    assert!(why.contains("logo.png"), "{why}");

    let large = make("large", "big.txt", 0o644, "x".repeat(129 << 10).as_bytes()).await;
    assert!(large["spec"]["files"].is_null());
    let why = large["status"]["mirroredFiles"]["omitted"]
        .as_str()
        .unwrap();
    assert!(why.contains("128 KiB"), "{why}");

    // A later version that fits is shown.
    let name = scene.name("script");
    let row = scene.template(&name).await;
    let tar = crate::e2e::template::tar(&[("main.tf", "# fits\n")]);
    let version = scene
        .person
        .make_version(organization, Some(id(&row)), tar)
        .await;
    let path = format!("/templates/{}/versions", id(&row));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "id": id(&version) })))
        .await;
    let ctpl = format!("ctpl/{}", scene.template_object(&name));
    let fits = scene
        .until(&ctpl, "the files", |seen| {
            seen["spec"]["files"]["main.tf"] == "# fits\n"
        })
        .await;
    assert_eq!(owners(&fits, "files"), ["coderd"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_imported_that_is_not_covered() {
    for (test, flag) in [
        ("none", "--import=none"),
        ("other", "--import=elsewhere,another"),
    ] {
        let scene = Scene::on(bed().await, test, &[flag]).await;
        let (_, row) = scene.foreign_template("t").await;
        scene.foreign_workspace("w", &row).await;
        scene.sweeps(4).await;
        let shown = scene.kubectl(&["get", "coder"]).await;
        assert!(shown.contains("No resources found"), "{flag}: {shown}");
    }
    // The name of an organization counts without case.
    let flag = format!(
        "--import=elsewhere,{}",
        bed().await.organization().to_uppercase()
    );
    let scene = Scene::on(bed().await, "covered", &[&flag]).await;
    let (template, _) = scene.foreign_template("t").await;
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    scene.until(&ctpl, "imported", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_imported_beside_an_object_that_names_the_control_plane() {
    let scene = importing("beside").await;
    let short = scene.workspace_object(&scene.name("w"));
    let long = format!("static.{short}");
    let cws = format!("cws/{long}");
    scene
        .apply(&json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderWorkspace",
            "metadata": { "name": long },
            "spec": { "organization": scene.bed.organization() },
        }))
        .await;
    scene
        .until(&cws, "waiting", |seen| {
            reason(seen, "Stalled") == "Incomplete"
        })
        .await;
    let (_, row) = scene.foreign_template("t").await;
    let (_, twin) = scene.foreign_workspace("w", &row).await;
    let seen = scene.until(&cws, "bound", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    scene.sweeps(2).await;
    assert!(scene.object(&format!("cws/{short}")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_object_that_is_deleted_comes_back_and_coderd_is_untouched() {
    let scene = importing("again").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let cws = format!("cws/{}", scene.workspace_object(&name));
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    for object in [&cws, &ctpl] {
        let before = scene.until(object, "ready", is_ready).await;
        scene.kubectl(&["delete", object, "--timeout=30s"]).await;
        let after = scene
            .until(object, "back", |seen| {
                is_ready(seen) && uid(seen) != uid(&before)
            })
            .await;
        assert_eq!(after["status"]["id"], before["status"]["id"]);
    }
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    assert_eq!(scene.person.versions(id(&row)).await.len(), 1);
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_object_goes_with_its_twin() {
    let scene = importing("follow").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let cws = format!("cws/{}", scene.workspace_object(&name));
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    let set_ttl = async |millis: i64| {
        let body = json!({ "ttl_ms": millis });
        scene.person.ask("PUT", &ttl, Some(body)).await;
    };
    set_ttl(600_000).await;
    scene
        .until(&cws, "the autostop is mirrored", |seen| {
            is_ready(seen) && seen["spec"]["ttlMillis"] == 600_000
        })
        .await;
    scene.until(&ctpl, "ready", is_ready).await;

    // A tool strips the record of who owns what: that makes nobody's order of what is there.
    let strip = r#"{"metadata":{"managedFields":[{}]}}"#;
    scene
        .kubectl(&["patch", &cws, "--type=merge", "-p", strip])
        .await;
    set_ttl(1_200_000).await;
    scene
        .until(&cws, "the difference is shown", |seen| {
            reason(seen, "Synced") == "NotMirrored"
        })
        .await;
    scene.wrote_nothing();

    scene.person.build(id(&twin), "delete").await;
    scene.until_gone(&cws).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
    scene
        .person
        .ask("DELETE", &format!("/templates/{}", id(&row)), None)
        .await;
    scene.until_gone(&ctpl).await;
    scene.sweeps(3).await;
    assert!(scene.object(&cws).await.is_none());
    assert!(scene.object(&ctpl).await.is_none());
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_object_whose_twin_is_renamed_gives_way_to_one_of_the_new_name() {
    let scene = importing("moved").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let cws = format!("cws/{}", scene.workspace_object(&name));
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    scene.until(&cws, "ready", is_ready).await;
    scene.until(&ctpl, "ready", is_ready).await;

    let renamed = scene.name("v");
    let path = format!("/workspaces/{}", id(&twin));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "name": renamed })))
        .await;
    let new = format!("cws/{}", scene.workspace_object(&renamed));
    let seen = scene.until(&new, "imported", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    scene.until_gone(&cws).await;

    let renamed = scene.name("s");
    let path = format!("/templates/{}", id(&row));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "name": renamed })))
        .await;
    let new_template = format!("ctpl/{}", scene.template_object(&renamed));
    let seen = scene.until(&new_template, "imported", is_ready).await;
    assert_eq!(seen["status"]["id"], row["id"]);
    scene.until_gone(&ctpl).await;
    scene
        .until(&new, "the new template's name is mirrored", |seen| {
            seen["spec"]["templateName"] == renamed.as_str()
        })
        .await;

    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    assert_eq!(scene.template_status(id(&row)).await, 200);
    scene.wrote_nothing();

    // Declared objects of the same controller are not touched by all this.
    scene.delete(&new).await;
    scene.until(&new, "back", is_ready).await;
}
