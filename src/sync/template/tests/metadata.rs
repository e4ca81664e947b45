//! Metadata of a bound template.

use super::*;
use crate::{
    coderd::types::NewTemplate,
    sync::{fields::table, template::fields::FIELDS},
};

fn applies(scenario: &Scenario) -> Value {
    match scenario.write() {
        Write::ApplySpec {
            fields,
            force: false,
        } => Value::Object(fields),
        other => panic!("no apply but {other:?}"),
    }
}

pub(super) fn applied(mut scenario: Scenario) -> Scenario {
    let fields = applies(&scenario);
    scenario
        .stored
        .apply(MANAGER_CODERD, fields.as_object().unwrap(), false)
        .unwrap();
    scenario
}

fn set(field: &'static str, value: &str) -> Change {
    let value = (!value.is_empty()).then(|| Value::from(value));
    Change { field, value }
}

fn declared() -> Scenario {
    Scenario::declared(&json!({"displayName": "Go", "description": "for Go", "icon": "/go.png"}))
}

#[test]
fn declared_metadata_is_pushed_with_one_request() {
    let all = [
        set("displayName", "Go"),
        set("description", "for Go"),
        set("icon", "/go.png"),
    ];
    let scenario = declared();
    assert_eq!(scenario.changes(), all);
    let some = scenario
        .clone()
        .external(|external| external.live.description = "for Go".to_owned());
    assert_eq!(some.changed(), ["displayName", "icon"]);
    // Where coderd refuses them without saying which, each has to be asked for.
    let scenario = scenario.change(|scenario| scenario.one_by_one = true);
    assert_eq!(scenario.changed(), ["displayName"]);
}

#[test]
fn numbers_and_flags_are_fields_as_texts_are() {
    let spec = json!({
        "defaultTTLMillis": 3_600_000, "activityBumpMillis": 0,
        "timeTilAutostopNotifyMillis": 60_000, "allowUserCancelWorkspaceJobs": true,
    });
    let scenario =
        Scenario::declared(&spec).external(|external| external.live.activity_bump_ms = 3_600_000);
    let change = |field, value: Option<Value>| Change { field, value };
    let all = [
        change("defaultTTLMillis", Some(json!(3_600_000))),
        // 0 counts as nothing, and nothing clears.
        change("activityBumpMillis", None),
        change("timeTilAutostopNotifyMillis", Some(json!(60_000))),
        change("allowUserCancelWorkspaceJobs", Some(json!(true))),
    ];
    assert_eq!(scenario.changes(), all);
    let patch = serde_json::to_value(table::patch(FIELDS, &all)).unwrap();
    let sent = json!({
        "default_ttl_ms": 3_600_000, "activity_bump_ms": 0,
        "time_til_autostop_notify_ms": 60_000, "allow_user_cancel_workspace_jobs": true,
    });
    assert_eq!(patch, sent);
    let imported =
        Scenario::imported().external(|external| external.live.activity_bump_ms = 3_600_000);
    assert_eq!(applies(&imported)["activityBumpMillis"], 3_600_000);
}

/// What a licence gates, as it is declared and as coderd is asked for it.
fn licensed() -> [(&'static str, Value, &'static str, Value); 9] {
    let days = json!({ "days_of_week": ["monday", "friday"], "weeks": 2 });
    [
        (
            "deprecationMessage",
            json!("use b"),
            "deprecation_message",
            json!("use b"),
        ),
        (
            "autostopRequirement",
            json!({ "daysOfWeek": ["friday", "monday"], "weeks": 2 }),
            "autostop_requirement",
            days,
        ),
        (
            "autostartRequirement",
            json!({ "daysOfWeek": [] }),
            "autostart_requirement",
            json!({ "days_of_week": [] }),
        ),
        (
            "allowUserAutostart",
            json!(true),
            "allow_user_autostart",
            json!(true),
        ),
        (
            "allowUserAutostop",
            json!(true),
            "allow_user_autostop",
            json!(true),
        ),
        (
            "failureTTLMillis",
            json!(60_000),
            "failure_ttl_ms",
            json!(60_000),
        ),
        (
            "timeTilDormantMillis",
            json!(120_000),
            "time_til_dormant_ms",
            json!(120_000),
        ),
        (
            "timeTilDormantAutoDeleteMillis",
            json!(180_000),
            "time_til_dormant_autodelete_ms",
            json!(180_000),
        ),
        (
            "requireActiveVersion",
            json!(true),
            "require_active_version",
            json!(true),
        ),
    ]
}

/// coderd as it shows the template once it has what was sent.
fn with(scenario: Scenario, sent: &Value) -> Scenario {
    scenario.external(|external| {
        if let Some(it) = sent.get("autostop_requirement") {
            external.live.autostop_requirement = serde_json::from_value(it.clone()).unwrap();
        }
        if let Some(it) = sent.get("autostart_requirement") {
            external.live.autostart_requirement = serde_json::from_value(it.clone()).unwrap();
        }
        let millis = |name: &str| sent.get(name).and_then(Value::as_i64);
        let is = |name: &str| sent.get(name).and_then(Value::as_bool) == Some(true);
        let live = &mut external.live;
        let said = sent.get("deprecation_message").and_then(Value::as_str);
        live.deprecation_message = said.unwrap_or_default().to_owned();
        live.allow_user_autostart = is("allow_user_autostart");
        live.allow_user_autostop = is("allow_user_autostop");
        live.failure_ttl_ms = millis("failure_ttl_ms").unwrap_or_default();
        live.time_til_dormant_ms = millis("time_til_dormant_ms").unwrap_or_default();
        live.time_til_dormant_autodelete_ms =
            millis("time_til_dormant_autodelete_ms").unwrap_or_default();
        live.require_active_version = is("require_active_version");
    })
}

#[test]
fn what_a_licence_gates_is_sent_alone_and_mirrored_as_it_is_declared() {
    for (field, value, wire, asked) in licensed() {
        let scenario = Scenario::declared(&json!({ field: value }));
        let changes = scenario.changes();
        assert_eq!(scenario.changed(), [field]);
        let patch = serde_json::to_value(table::patch(FIELDS, &changes)).unwrap();
        let sent = json!({ wire: asked });
        assert_eq!(patch, sent, "{field}");
        // The reply shows it: there is no more to do.
        let settled = with(scenario, &sent);
        let ready = settled.condition(ConditionType::Ready).unwrap();
        assert!(!matches!(settled.action(), Action::Update(_)), "{field}");
        assert_eq!(ready.0, "True", "{field}");
        // Nobody declares it: it shows what coderd has, in the same words as it is declared.
        let shown = applies(&with(Scenario::imported(), &sent));
        let in_order = if field == "autostopRequirement" {
            json!({ "daysOfWeek": ["monday", "friday"], "weeks": 2 })
        } else {
            value
        };
        assert_eq!(shown[field], in_order);
    }
}

#[test]
fn what_coderd_has_is_cleared_by_nothing_declared() {
    let sent = json!({
        "autostop_requirement": { "days_of_week": ["sunday"], "weeks": 1 },
        "deprecation_message": "old", "failure_ttl_ms": 60_000,
    });
    let spec = json!({
        "autostopRequirement": { "daysOfWeek": [] }, "deprecationMessage": "",
        "failureTTLMillis": 0,
    });
    let scenario = with(Scenario::declared(&spec), &sent);
    let patch = serde_json::to_value(table::patch(FIELDS, &scenario.changes())).unwrap();
    let cleared = json!({
        "autostop_requirement": { "days_of_week": [], "weeks": 1 },
        "deprecation_message": "", "failure_ttl_ms": 0,
    });
    assert_eq!(patch, cleared);
}

#[test]
fn what_had_no_effect_is_said_and_sent_again_only_to_a_coderd_that_can_do_more() {
    let spec = json!({ "failureTTLMillis": 60_000, "icon": "/go.png" });
    let change = Change {
        field: "failureTTLMillis",
        value: Some(json!(60_000)),
    };
    let scenario = Scenario::declared(&spec).ineffective(&change);
    // The others go on.
    assert_eq!(scenario.changed(), ["icon"]);
    let scenario = scenario
        .external(|external| external.live.icon = "/go.png".to_owned())
        .change(|scenario| scenario.own.active = Some(unreadable("none", false)))
        .recorded();
    assert_eq!(scenario.stalled(), Reason::NotEffective);
    assert_eq!(scenario.clone().rested().stalled(), Reason::NotEffective);
    let licensed = scenario
        .clone()
        .change(|scenario| scenario.capabilities = "licensed");
    assert_eq!(licensed.changes(), std::slice::from_ref(&change));
    // It is forgotten once it is in effect, whoever saw to that.
    let set = scenario
        .clone()
        .external(|external| external.live.failure_ttl_ms = 60_000)
        .rested();
    assert_eq!(set.condition(ConditionType::Ready).unwrap().0, "True");
    assert_eq!(set.stored.status["sync"]["refused"], Value::Null);
    let mut edited = scenario;
    let other = Some(json!(120_000));
    edited.stored.edit(USER, "failureTTLMillis", other.clone());
    let field = "failureTTLMillis";
    assert_eq!(
        edited.changes(),
        [Change {
            field,
            value: other
        }]
    );
}

#[test]
fn only_what_is_declared_is_sent_with_a_creation() {
    let mut new = NewTemplate::default();
    let spec = licensed().map(|(field, value, ..)| (field.to_owned(), value));
    let spec: Value = Value::Object(spec.into_iter().collect());
    let mirrored = Scenario::bound(MANAGER_CODERD, &spec, Origin::Coderd);
    let create = |scenario: &Scenario, new: &mut NewTemplate| {
        scenario.look(|context| table::create(FIELDS, context.object, context.ownership, new));
    };
    create(&mirrored, &mut new);
    assert_eq!(new, NewTemplate::default());
    create(&Scenario::declared(&spec), &mut new);
    let sent = serde_json::to_value(new).unwrap();
    // coderd takes no message of deprecation here, and calls two of them by other names.
    for (name, value) in [
        ("deprecation_message", Value::Null),
        (
            "autostop_requirement",
            json!({ "days_of_week": ["monday", "friday"], "weeks": 2 }),
        ),
        ("autostart_requirement", json!({ "days_of_week": [] })),
        ("allow_user_autostart", json!(true)),
        ("allow_user_autostop", json!(true)),
        ("failure_ttl_ms", json!(60_000)),
        ("dormant_ttl_ms", json!(120_000)),
        ("delete_ttl_ms", json!(180_000)),
        ("require_active_version", json!(true)),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
}

#[test]
fn a_declared_nothing_clears_the_field() {
    let scenario = Scenario::declared(&json!({"icon": ""}))
        .external(|external| external.live.icon = "/x".to_owned());
    assert_eq!(scenario.changes(), [set("icon", "")]);
    // coderd does not take that: the refusal is found again.
    let refused = scenario.refusing_change(&set("icon", ""), "coderd says no");
    assert!(!matches!(refused.action(), Action::Update(_)));
}

#[test]
fn a_refused_field_does_not_hold_up_others() {
    let scenario = declared().refusing_change(&set("displayName", "Go"), "coderd says no");
    assert_eq!(scenario.changed(), ["description", "icon"]);
    let scenario = scenario.external(|external| {
        external.live.description = "for Go".to_owned();
        external.live.icon = "/go.png".to_owned();
    });
    let scenario = scenario
        .change(|scenario| scenario.own.active = Some(unreadable("none", false)))
        .recorded();
    assert_eq!(scenario.stalled(), Reason::Refused);
    assert_eq!(scenario.clone().rested().stalled(), Reason::Refused);
    let mut edited = scenario;
    edited
        .stored
        .edit(USER, "displayName", Some(json!("Golang")));
    assert_eq!(edited.changes(), [set("displayName", "Golang")]);
}

#[test]
fn observe_pushes_no_metadata_and_shows_it() {
    let mut scenario = declared();
    scenario
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(
        scenario.condition(ConditionType::Drifted).unwrap().0,
        "True"
    );
}

#[test]
fn metadata_that_nobody_declares_is_mirrored_as_one_set() {
    let scenario = Scenario::imported().external(|external| {
        external.live.display_name = "Go".to_owned();
        external.live.icon = "/go.png".to_owned();
    });
    let mut complete = mirrored();
    complete["displayName"] = json!("Go");
    complete["icon"] = json!("/go.png");
    assert_eq!(applies(&scenario), complete);
}

#[test]
fn what_is_not_synchronised_yet_is_never_ignored() {
    for (field, value) in [
        (
            "source",
            json!({"archive": {"url": "https://x", "sha256": "0"}}),
        ),
        (
            "source",
            json!({"artifact": {"kind": "Bucket", "name": "x"}}),
        ),
    ] {
        let spec = json!({ field: value });
        assert_eq!(
            Scenario::new(&spec).stalled(),
            Reason::NotSupportedYet,
            "{field}"
        );
        assert_eq!(
            Scenario::declared(&spec).stalled(),
            Reason::NotSupportedYet,
            "{field}"
        );
    }
    // What shapes a version holds up every version: neither built, nor promoted, without it.
    for (field, value) in [
        (
            "source",
            json!({"archive": {"url": "https://x", "sha256": "0"}}),
        ),
        (
            "source",
            json!({"artifact": {"kind": "Bucket", "name": "x"}}),
        ),
    ] {
        let spec = json!({ "files": files("b"), field: value });
        let unbuilt =
            Scenario::declared(&spec).change(|scenario| scenario.own.active = Some(content("a")));
        let unpromoted = Scenario::declared(&spec).seeing(
            recorded("b", 1, Some("v2")),
            version("v2", Some(ID), VersionJob::Succeeded),
        );
        for scenario in [unbuilt, unpromoted] {
            assert_eq!(scenario.stalled(), Reason::NotSupportedYet, "{field}");
        }
    }
    for (field, value) in [
        ("versionID", json!("")),
        ("deprecationMessage", json!("")),
        ("promotion", json!("Automatic")),
        ("running", json!(true)),
    ] {
        let scenario = Scenario::declared(&json!({ field: value }));
        assert_eq!(scenario.action(), Action::Rest(None), "{field}");
        assert_eq!(
            scenario.condition(ConditionType::Ready).unwrap().0,
            "True",
            "{field}"
        );
    }
    let active = "0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10";
    let scenario = Scenario::declared(&json!({"versionID": active})).active(active);
    assert_eq!(scenario.condition(ConditionType::Ready).unwrap().0, "True");
}
