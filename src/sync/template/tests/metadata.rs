//! Metadata and mirrored files of a bound template.

use super::*;

fn mirrored(scene: &Scene) -> Value {
    match scene.write() {
        Write::ApplySpec {
            fields,
            force: false,
        } => Value::Object(fields),
        other => panic!("no apply but {other:?}"),
    }
}

fn applied(mut scene: Scene) -> Scene {
    let fields = mirrored(&scene);
    scene
        .stored
        .apply(MANAGER_CODERD, fields.as_object().unwrap(), false)
        .unwrap();
    scene
}

fn set(field: &'static str, value: &str) -> Change {
    let value = (!value.is_empty()).then(|| Value::from(value));
    Change { field, value }
}

fn declared() -> Scene {
    Scene::declared(&json!({"displayName": "Go", "description": "for Go", "icon": "/go.png"}))
}

#[test]
fn row_declared_metadata_is_pushed_with_one_request() {
    let all = [
        set("displayName", "Go"),
        set("description", "for Go"),
        set("icon", "/go.png"),
    ];
    let scene = declared();
    assert_eq!(scene.changes(), all);
    let some = scene
        .clone()
        .external(|external| external.description = "for Go".to_owned());
    assert_eq!(some.changed(), ["displayName", "icon"]);
    // Where coderd refuses them without saying which, each has to be asked for.
    let scene = scene.change(|scene| scene.one_by_one = true);
    assert_eq!(scene.changed(), ["displayName"]);
}

#[test]
fn a_declared_nothing_clears_the_field() {
    let scene =
        Scene::declared(&json!({"icon": ""})).external(|external| external.icon = "/x".to_owned());
    assert_eq!(scene.changes(), [set("icon", "")]);
    // coderd does not take that: the refusal is found again.
    let refused = scene.refusing_change(&set("icon", ""), "coderd says no");
    assert!(!matches!(refused.action(), Action::Update(_)));
}

#[test]
fn row_a_refused_field_does_not_hold_up_others() {
    let scene = declared().refusing_change(&set("displayName", "Go"), "coderd says no");
    assert_eq!(scene.changed(), ["description", "icon"]);
    let scene = scene.external(|external| {
        external.description = "for Go".to_owned();
        external.icon = "/go.png".to_owned();
    });
    let scene = scene
        .change(|scene| scene.own.active = Some(unreadable("none", false)))
        .recorded();
    assert_eq!(scene.stalled(), Reason::Refused);
    assert_eq!(scene.clone().rested().stalled(), Reason::Refused);
    let mut edited = scene;
    edited
        .stored
        .edit(USER, "displayName", Some(json!("Golang")));
    assert_eq!(edited.changes(), [set("displayName", "Golang")]);
}

#[test]
fn row_observe_pushes_no_metadata_and_shows_it() {
    let mut scene = declared();
    scene
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    assert_eq!(scene.action(), Action::Rest(None));
    assert_eq!(scene.condition(ConditionType::Drifted).unwrap().0, "True");
}

#[test]
fn row_metadata_that_nobody_declares_is_mirrored_as_one_set() {
    let scene = Scene::imported().external(|external| {
        external.display_name = "Go".to_owned();
        external.icon = "/go.png".to_owned();
    });
    let complete = json!({"organization": "acme", "displayName": "Go", "icon": "/go.png"});
    assert_eq!(mirrored(&scene), complete);
}

#[test]
fn row_files_that_fit_are_mirrored_and_recorded() {
    let scene = applied(Scene::imported().change(|scene| scene.own.active = Some(content("a"))));
    assert_eq!(scene.stored.spec["files"], files("a"));
    assert!(scene.stored.is_mirrored("files"));
    let files = scene.records().own.mirrored_files.unwrap();
    assert_eq!(
        (files.version_id, files.omitted),
        (id("active").to_string(), None)
    );
    let scene = scene.recorded().change(|scene| scene.own.active = None);
    assert_eq!(scene.action(), Action::Rest(None));
}

#[test]
fn row_files_that_do_not_fit_are_left_out_and_that_is_said() {
    let large = "x".repeat(128 << 10);
    for active in [
        content(&large),
        content("a\0b"),
        unreadable("no file", false),
    ] {
        let scene = Scene::imported().change(|scene| scene.own.active = Some(active));
        assert!(
            scene
                .records()
                .own
                .mirrored_files
                .unwrap()
                .omitted
                .is_some()
        );
        let scene = scene.recorded().change(|scene| scene.own.active = None);
        assert_eq!(scene.action(), Action::Rest(None));
        assert!(!scene.stored.spec.contains_key("files"));
    }
}

#[test]
fn a_missing_right_is_no_fact_about_a_version() {
    let scene = Scene::imported().change(|scene| scene.own.active = Some(unreadable("403", true)));
    assert_eq!(scene.action(), Action::Rest(Some(Duration::from_secs(60))));
    let status = scene.rest();
    assert_eq!(status.mirrored_files, None);
    let synced = status.condition(ConditionType::Synced).unwrap();
    assert_eq!(
        (synced.status.as_str(), synced.reason.as_str()),
        ("False", "NotMirrored")
    );
    assert_eq!(
        status.condition(ConditionType::Ready).unwrap().status,
        "True"
    );
    // What was mirrored before stays, and with the right all is well.
    let mirrored = applied(scene.change(|scene| scene.own.active = Some(content("a")))).recorded();
    let lost = mirrored
        .active("next")
        .change(|scene| scene.own.active = Some(unreadable("403", true)));
    assert_eq!(lost.action(), Action::Rest(Some(Duration::from_secs(60))));
    assert_eq!(
        lost.rest().mirrored_files.unwrap().version_id,
        id("active").to_string()
    );
    let found = applied(lost.change(|scene| scene.own.active = Some(content("b"))));
    assert_eq!(found.stored.spec["files"], files("b"));
}

#[test]
fn files_that_fitted_before_are_dropped() {
    let scene = applied(Scene::imported().change(|scene| scene.own.active = Some(content("a"))));
    let scene = scene.recorded().active("larger");
    let scene =
        applied(scene.change(|scene| scene.own.active = Some(unreadable("too large", false))));
    assert!(!scene.stored.spec.contains_key("files"));
    assert_eq!(
        scene
            .records()
            .own
            .mirrored_files
            .unwrap()
            .omitted
            .as_deref(),
        Some("too large")
    );
}

#[test]
fn row_files_removed_from_the_manifest_are_mirrored_again_and_never_pushed() {
    let mut scene = Scene::promoted();
    scene
        .stored
        .edit(USER, "driftPolicy", Some(json!("Enforce")));
    scene.stored.edit(USER, "files", None);
    scene.own.version = Find::NotSought;
    let scene = scene
        .active("other")
        .change(|scene| scene.own.active = Some(content("b")));
    let scene = applied(scene);
    assert_eq!(scene.stored.spec["files"], files("b"));
    let scene = scene.recorded().change(|scene| scene.own.active = None);
    assert_eq!(scene.action(), Action::Rest(None));
    assert_eq!(scene.status().version, None);
}

#[test]
fn declared_files_are_never_mirrored() {
    let scene = Scene::promoted().change(|scene| scene.own.active = Some(content("b")));
    assert_eq!(scene.action(), Action::Rest(None));
    assert_eq!(scene.status().mirrored_files, None);
}

#[test]
fn row_what_is_not_synchronised_yet_is_never_ignored() {
    for (field, value) in [
        ("deprecationMessage", json!("old")),
        ("defaultTTLMillis", json!(0)),
        ("allowUserAutostart", json!(false)),
        ("requireActiveVersion", json!(true)),
        ("source", json!({"configMapRef": {"name": "x"}})),
        ("versionID", json!("0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10")),
        ("variables", json!([{"name": "x", "value": "y"}])),
        ("provisionerTags", json!({"a": "b"})),
        ("promotion", json!("Manual")),
    ] {
        let spec = json!({ field: value });
        assert_eq!(
            Scene::new(&spec).stalled(),
            Reason::NotSupportedYet,
            "{field}"
        );
        assert_eq!(
            Scene::declared(&spec).stalled(),
            Reason::NotSupportedYet,
            "{field}"
        );
    }
    // What shapes a version holds up every version: neither built, nor promoted, without it.
    for (field, value) in [
        ("source", json!({"configMapRef": {"name": "x"}})),
        ("variables", json!([{"name": "x", "value": "y"}])),
        ("provisionerTags", json!({"a": "b"})),
        ("promotion", json!("Manual")),
    ] {
        let spec = json!({ "files": files("b"), field: value });
        let unbuilt = Scene::declared(&spec).change(|scene| scene.own.active = Some(content("a")));
        let unpromoted = Scene::declared(&spec).seeing(
            recorded("b", 1, Some("v2")),
            version("v2", Some(ID), VersionJob::Succeeded),
        );
        for scene in [unbuilt, unpromoted] {
            assert_eq!(scene.stalled(), Reason::NotSupportedYet, "{field}");
        }
    }
    for (field, value) in [
        ("versionID", json!("")),
        ("deprecationMessage", json!("")),
        ("promotion", json!("Automatic")),
        ("running", json!(true)),
    ] {
        let scene = Scene::declared(&json!({ field: value }));
        assert_eq!(scene.action(), Action::Rest(None), "{field}");
        assert_eq!(
            scene.condition(ConditionType::Ready).unwrap().0,
            "True",
            "{field}"
        );
    }
    let active = "0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10";
    let scene = Scene::declared(&json!({"versionID": active})).active(active);
    assert_eq!(scene.condition(ConditionType::Ready).unwrap().0, "True");
}
