//! The order of the checks.

use super::*;
use crate::api::names::MANAGER_SHIM;
use crate::sync::testing::order::{self, Trigger};

/// What makes each check decide about an imported object at rest.
const TRIGGERS: [Trigger<CoderTemplate>; 19] = [
    ("first_status", |scenario| {
        scenario.stored.status["conditions"] = json!([]);
    }),
    ("record_refusals", |scenario| {
        let refusal =
            scenario.look(|context| context.deployment.digest_key.refusal("icon", None, "no"));
        scenario.refused = vec![refusal];
    }),
    ("delete", |scenario| {
        scenario.stored.has_finalizer = true;
        scenario.stored.delete();
    }),
    ("stale_claim", |scenario| {
        let policy = json!({"deletionPolicy": "Delete"});
        let policy = policy.as_object().unwrap();
        scenario.stored.apply(MANAGER_SHIM, policy, false).unwrap();
        scenario.kube_now = Some(at("11:00:00"));
    }),
    ("paused", |scenario| {
        scenario.stored.annotate(names::ANNOTATION_PAUSED, "true");
    }),
    ("unknown", |scenario| {
        scenario.external = External::Unknown(failure());
    }),
    ("adopt", |scenario| {
        let status = scenario.stored.status.as_object_mut().unwrap();
        status.remove("binding");
        scenario.own.organization = Some(Spelling::Canonical);
    }),
    ("lost", |scenario| scenario.external = External::Gone),
    ("read_only", |scenario| scenario.read_only = Some(failure())),
    ("renamed", |scenario| {
        if let External::Present(external) = &mut scenario.external {
            external.live.name = "new".to_owned();
        }
    }),
    ("origin_label", |scenario| scenario.stored.labels.clear()),
    ("finalizer", |scenario| scenario.stored.has_finalizer = true),
    ("not_supported", |scenario| {
        let source = json!({"archive": {"url": "https://example.com/t.tar", "sha256": "0"}});
        scenario.stored.edit(USER, "source", Some(source));
    }),
    ("fields", |scenario| {
        scenario.stored.edit(USER, "icon", Some(json!("/go.png")));
    }),
    ("source_conflict", |scenario| {
        scenario.stored.edit(USER, "files", Some(files("a")));
        scenario
            .stored
            .edit(USER, VERSION_ID, Some(json!(id("v9"))));
    }),
    ("version", |scenario| {
        scenario.stored.edit(USER, "files", Some(files("a")));
        scenario.own.active = Some(content("b"));
    }),
    ("pinned", |scenario| {
        scenario
            .stored
            .edit(USER, VERSION_ID, Some(json!(id("v9"))));
        scenario.own.pinned = Find::Found(version("v9", Some(ID), VersionJob::Succeeded));
    }),
    ("mirror", |scenario| {
        if let External::Present(external) = &mut scenario.external {
            external.live.description = "for Go".to_owned();
        }
    }),
    ("other_name", |scenario| {
        // Nobody removes it: it was made here.
        scenario.stored.status["binding"]["origin"] = json!("kubernetes");
        scenario.stored.label(Origin::Kubernetes);
        scenario.stored.has_finalizer = true;
        if let External::Present(external) = &mut scenario.external {
            external.live.name = "new".to_owned();
        }
    }),
];

/// These checks take no step.
const SAY: [&str; 3] = ["not_supported", "source_conflict", "other_name"];

/// What is leaving has no first status, what somebody declares or made is not removed, and a source and another
/// version exclude each other.
const APART: [(&str, &str); 9] = [
    ("first_status", "delete"),
    ("renamed", "not_supported"),
    ("renamed", "fields"),
    ("renamed", "source_conflict"),
    ("renamed", "version"),
    ("renamed", "pinned"),
    ("renamed", "other_name"),
    ("finalizer", "other_name"),
    ("version", "pinned"),
];

#[test]
fn the_checks_are_asked_in_this_order() {
    order::holds(&Scenario::imported(), &TRIGGERS, &SAY, &APART);
}
