//! What stands in the way of a creation is said, with the right name where there is one.

use serde_json::{Value, json};

use crate::e2e::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::Scene,
    template::{self, small_source},
    workspace,
};

async fn stalled(scene: &Scene, object: &str, why: &str) -> String {
    let what = format!("Stalled/{why}");
    let seen = scene
        .until(object, &what, |seen| reason(seen, "Stalled") == why)
        .await;
    assert_eq!(condition(&seen, "Ready"), "False");
    message(&seen, "Stalled").to_owned()
}

async fn waiting(scene: &Scene, object: &str, why: &str) -> String {
    let what = format!("Reconciling/{why}");
    let seen = scene
        .until(object, &what, |seen| reason(seen, "Reconciling") == why)
        .await;
    assert_eq!(condition(&seen, "Ready"), "False");
    message(&seen, "Reconciling").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_in_a_name_is_answered_with_the_right_name() {
    let scene = Scene::new("alias").await;
    let (organization, owner) = (scene.bed.organization(), scene.bed.owner());
    let name = scene.name("w");
    let alias = format!("default.{owner}.{name}");
    scene
        .apply(&workspace::manifest(&alias, "t", &json!({})))
        .await;
    let said = stalled(&scene, &format!("cws/{alias}"), "NotCanonical").await;
    assert!(
        said.contains(&format!("{organization}.{owner}.{name}")),
        "{said}"
    );

    let alias = format!("{organization}.me.{name}");
    scene
        .apply(&workspace::manifest(&alias, "t", &json!({})))
        .await;
    let said = stalled(&scene, &format!("cws/{alias}"), "NotCanonical").await;
    let us = scene.bed.controller_user();
    assert!(
        said.contains(&format!("{organization}.{us}.{name}")),
        "{said}"
    );

    let name = scene.name("t");
    let alias = format!("default.{name}");
    scene
        .apply(&template::manifest(&alias, &small_source("")))
        .await;
    let said = stalled(&scene, &format!("ctpl/{alias}"), "NotCanonical").await;
    assert!(said.contains(&format!("{organization}.{name}")), "{said}");
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_an_organization_and_a_template_are_waited_for() {
    let scene = Scene::new("await").await;
    let organization = scene.bed.organization();
    let name = scene.name("w");
    let nowhere = format!("cws/nowhere.{}.{name}", scene.bed.owner());
    scene
        .apply(&workspace::manifest(&nowhere[4..], "t", &json!({})))
        .await;
    let said = waiting(&scene, &nowhere, "OrganizationNotFound").await;
    assert!(said.contains("nowhere"), "{said}");
    let nowhere = format!("ctpl/nowhere.{name}");
    scene
        .apply(&template::manifest(&nowhere[5..], &small_source("")))
        .await;
    waiting(&scene, &nowhere, "OrganizationNotFound").await;

    let (user, template) = (scene.name("u"), scene.name("t"));
    let object = format!("{organization}.{user}.{name}");
    let cws = format!("cws/{object}");
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    let said = waiting(&scene, &cws, "OwnerNotFound").await;
    assert!(said.contains(&user), "{said}");
    scene
        .person
        .make_user(scene.bed.organization_id(), &user)
        .await;
    let said = waiting(&scene, &cws, "WaitingForTemplate").await;
    assert!(said.contains(&template), "{said}");
    scene.wrote_nothing();

    scene.ready_template(&small_source("")).await;
    scene.wait(&cws, "Ready").await;
    assert!(scene.person.workspace(&user, &name).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_but_not_synchronised_yet_is_said() {
    let scene = Scene::new("unsup").await;
    let template = scene.ready_template(&template::source("")).await.name;
    let cases = [("automaticUpdates", json!({ "automaticUpdates": "always" }))];
    for (number, (field, spec)) in cases.into_iter().enumerate() {
        let object = scene.workspace_object(&scene.name(&format!("w{number}")));
        scene
            .apply(&workspace::manifest(&object, &template, &spec))
            .await;
        let said = stalled(&scene, &format!("cws/{object}"), "NotSupportedYet").await;
        assert!(said.contains(field), "{said}");
    }
    let cases: [(&str, Value); 1] = [(
        "source.archive",
        json!({ "source": { "archive": { "url": "https://x", "sha256": "0".repeat(64) } }, "files": null }),
    )];
    scene.proxy.forget();
    for (number, (field, spec)) in cases.into_iter().enumerate() {
        let object = scene.template_object(&scene.name(&format!("t{number}")));
        let mut applied = template::manifest(&object, &small_source(""));
        for (key, value) in spec.as_object().unwrap() {
            applied["spec"][key] = value.clone();
        }
        let spec = applied["spec"].as_object_mut().unwrap();
        spec.retain(|_, value| !value.is_null());
        scene.apply(&applied).await;
        let said = stalled(&scene, &format!("ctpl/{object}"), "NotSupportedYet").await;
        assert!(said.contains(field), "{said}");
    }
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_checked_and_travel_with_the_next_start() {
    let scene = Scene::new("param").await;
    let template = scene.ready_template(&template::source("")).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let with = |parameter: &str, value: &str, running: bool| {
        let parameters = json!([{ "name": parameter, "value": value }]);
        let spec = json!({ "running": running, "parameters": parameters });
        workspace::manifest(&object, &template, &spec)
    };
    scene.proxy.forget();
    scene.apply(&with("colour", "red", true)).await;
    let said = stalled(&scene, &cws, "UnknownParameter").await;
    assert!(said.contains("colour") && said.contains("size"), "{said}");
    scene.wrote_nothing();

    scene.apply(&with("size", "large", true)).await;
    scene.wait(&cws, "Ready").await;
    let twin = scene.workspace(&name).await;

    // Changed while it runs: it waits for the next start, and nothing is forced.
    scene.apply(&with("size", "huge", true)).await;
    let said = waiting(&scene, &cws, "WaitingForBuild").await;
    assert!(said.contains("size"), "{said}");
    scene.sweeps(2).await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);

    scene.apply(&with("size", "huge", false)).await;
    scene.until(&cws, "ready", is_ready).await;
    scene.apply(&with("size", "huge", true)).await;
    scene.until(&cws, "ready", is_ready).await;
    let twin = scene.workspace(&name).await;
    let path = format!("/workspacebuilds/{}/parameters", id(&twin["latest_build"]));
    assert_eq!(
        scene.person.get(&path).await,
        json!([{ "name": "size", "value": "huge" }])
    );
    assert_eq!(twin["latest_build"]["build_number"], 3);

    // An unknown one on a workspace that exists is said too.
    scene.apply(&with("colour", "red", true)).await;
    stalled(&scene, &cws, "UnknownParameter").await;
}
