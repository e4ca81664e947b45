//! Two Coders in one namespace.

use serde_json::json;
use testbed::Proxy;

use super::{discovering, is_unknown};
use crate::e2e::{
    coder::{Person, id},
    object::{is_ready, message, reason},
    template::{manifest, small_source, tar},
};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_coders_in_a_namespace_names_say_which_one_is_meant() {
    let scene = discovering("both", &[], "--import=all").await;
    scene
        .control_plane("a", &scene.proxy, scene.bed.controller_token())
        .await;
    let first = scene.ready_template(&small_source("")).await;

    let other = scene.bed.start_coder("planes_two").await.unwrap();
    let proxy = Proxy::start(other.url()).unwrap();
    let person = Person::new(other.url(), other.token());
    let organization = other.organization();
    scene
        .control_plane("b", &proxy, other.controller_token())
        .await;

    // A short name does not say which one is meant.
    let name = scene.name("new");
    let short = format!("{organization}.{name}");
    let ctpl = format!("ctpl/{short}");
    scene.apply(&manifest(&short, &small_source(""))).await;
    let seen = scene
        .until(&ctpl, "ambiguous", |seen| {
            reason(seen, "Stalled") == "AmbiguousControlPlane"
        })
        .await;
    let said = message(&seen, "Stalled");
    assert!(said.contains(&format!("a.{short} or b.{short}")), "{said}");

    // A long one does; and what is bound already stays where it is.
    let long = format!("ctpl/b.{short}");
    scene
        .apply(&manifest(&format!("b.{short}"), &small_source("")))
        .await;
    let seen = scene.until(&long, "in the second one", is_ready).await;
    assert_eq!(seen["status"]["controlPlane"], "b");
    let made = person.template(organization, &name).await.unwrap();
    assert_eq!(seen["status"]["id"], made["id"]);
    assert_eq!(scene.find_template(&name).await, None);
    scene
        .patch(&first.ctpl, json!({ "displayName": "First" }))
        .await;
    scene
        .eventually("the first one is looked after", async || {
            scene.template(&first.name).await["display_name"] == "First"
        })
        .await;
    let seen = scene.object(&first.ctpl).await.unwrap();
    assert_eq!(seen["status"]["controlPlane"], "a");

    // Imports have names that say where they are from, unless the control plane is the only one.
    let imported = scene.name("imported");
    let files = || tar(&[("main.tf", &small_source("theirs"))]);
    let theirs = person.make_template(organization, &imported, files()).await;
    let long = format!("ctpl/b.{organization}.{imported}");
    let seen = scene.until(&long, "imported", is_ready).await;
    assert_eq!(seen["status"]["id"], theirs["id"]);
    let short = format!("ctpl/{organization}.{imported}");
    assert!(scene.object(&short).await.is_none());

    // One deployment that is reached twice is synchronised once.
    scene
        .control_plane("again", &proxy, other.controller_token())
        .await;
    let twice = format!("again.{organization}.{name}");
    scene.apply(&manifest(&twice, &small_source(""))).await;
    let seen = scene
        .until(&format!("ctpl/{twice}"), "refused", |seen| {
            is_unknown(seen, "DuplicateControlPlane")
        })
        .await;
    let said = message(&seen, "Synced");
    assert!(said.contains(&format!("{}/b", scene.namespace)), "{said}");

    // Deleted is where it was bound.
    scene
        .kubectl(&[
            "delete",
            &format!("ctpl/b.{organization}.{name}"),
            "--timeout=60s",
        ])
        .await;
    scene
        .eventually("it is deleted in the second one", async || {
            person.template(organization, &name).await.is_none()
        })
        .await;
    assert_eq!(scene.template_status(id(&first.twin)).await, 200);
}
