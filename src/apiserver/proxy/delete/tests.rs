use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    options::{from_query, is_valid},
    *,
};
use crate::api::names::FINALIZER;

fn live(more: &Value) -> Object {
    let mut live = json!({
        "kind": "CoderTemplate",
        "metadata": {"name": "coder.x", "uid": "u", "resourceVersion": "7"},
        "spec": {"organization": "coder"},
        "status": {"binding": {"id": "i", "origin": "coderd"}},
    });
    merge(&mut live, more);
    serde_json::from_value(live).unwrap()
}

fn options(options: Value) -> DeleteOptions {
    serde_json::from_value(options).unwrap()
}

fn before(more: &Value) -> Before {
    Before::of(&live(more), &options(json!({})))
}

/// What a claim leaves in the object.
fn claim_entry(made: &str) -> Value {
    json!({"metadata": {"managedFields": [
        {"manager": MANAGER_SHIM, "operation": "Update", "time": "2026-01-01T00:00:00Z"},
        {"manager": "kubectl", "operation": "Apply", "time": "2026-01-01T00:00:00Z"},
        {"manager": MANAGER_SHIM, "operation": "Apply", "time": made},
    ]}})
}

const MADE: &str = "2026-01-02T03:04:05Z";

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[test]
fn an_undeclared_policy_of_something_in_coderd_is_claimed() {
    let expected = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderTemplate",
        "metadata": {
            "name": "coder.x", "uid": "u", "resourceVersion": "7", "finalizers": [FINALIZER],
        },
        "spec": {"deletionPolicy": "Delete"},
    });
    for more in [
        json!({}),
        json!({"metadata": {"finalizers": ["other"]}}),
        json!({"metadata": {"finalizers": [FINALIZER]}}),
        json!({"spec": null}),
        // Made from here, but the finalizer that holds the default is not there yet.
        json!({"status": {"binding": {"origin": "kubernetes"}}}),
        json!({"status": {"binding": null, "sync": {"attempt": {"at": "now"}}}}),
    ] {
        assert_eq!(before(&more), Before::Claim(expected.clone()), "{more}");
    }
}

#[test]
fn a_declared_policy_only_lacks_the_finalizer() {
    let Before::Claim(claim) = before(&json!({"spec": {"deletionPolicy": "Delete"}})) else {
        panic!("it is claimed");
    };
    assert_eq!(claim["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(claim.get("spec"), None);
}

#[test]
fn what_is_declared_or_needs_nothing_is_only_deleted() {
    for more in [
        json!({"spec": {"deletionPolicy": "Retain"}}),
        json!({
            "spec": {"deletionPolicy": "Delete"},
            "metadata": {"finalizers": [FINALIZER]},
        }),
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        json!({"status": null}),
        json!({"status": {"binding": null}}),
        json!({
            "metadata": {"finalizers": [FINALIZER]},
            "status": {"binding": {"origin": "kubernetes"}},
        }),
    ] {
        assert_eq!(before(&more), Before::Nothing, "{more}");
    }
}

#[test]
fn another_state_of_the_object_is_not_claimed() {
    for (preconditions, claimed) in [
        (json!({"uid": "u", "resourceVersion": "7"}), true),
        (json!({"uid": "u"}), true),
        (json!({"uid": "other"}), false),
        (json!({"resourceVersion": "6"}), false),
        (json!({"resourceVersion": ""}), false),
    ] {
        let options = options(json!({"preconditions": preconditions}));
        let before = Before::of(&live(&json!({})), &options);
        assert_eq!(before != Before::Nothing, claimed, "{options:?}");
    }
}

#[test]
fn a_dry_run_claims_nothing() {
    let live = live(&json!({}));
    let before = |dry_run| Before::of(&live, &options(json!({ "dryRun": dry_run })));
    assert_eq!(before(json!(["All"])), Before::Nothing);
    assert_ne!(before(json!([])), Before::Nothing);
}

#[test]
fn options_of_the_query_become_a_body() {
    let query = |text| from_query(&Query::read(text).unwrap());
    let all = "propagationPolicy=Foreground&gracePeriodSeconds=5&dryRun=All&uid=u&pretty=1";
    assert_eq!(
        json!(query(all).unwrap()),
        json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Foreground",
            "gracePeriodSeconds": 5,
            "dryRun": ["All"],
            "preconditions": {"uid": "u"},
        })
    );
    let dry_run = |text| query(text).unwrap().dry_run.unwrap();
    assert_eq!(dry_run("dryRun=All&dryRun="), ["All", ""]);
    assert_eq!(query("gracePeriodSeconds=abc"), None);
    assert_eq!(query("uid=").unwrap().preconditions, None);
}

#[test]
fn nothing_is_claimed_for_what_is_refused_in_the_end() {
    for (given, expected) in [
        (json!({}), true),
        (
            json!({"kind": "DeleteOptions", "apiVersion": "aggregation.coder.com/v1alpha1"}),
            true,
        ),
        (json!({"kind": "Pod"}), false),
        (json!({"propagationPolicy": "Foreground"}), true),
        (json!({"propagationPolicy": "Sideways"}), false),
        (
            json!({"propagationPolicy": "Orphan", "orphanDependents": true}),
            false,
        ),
        (json!({"gracePeriodSeconds": -1}), false),
        (json!({"dryRun": ["All"]}), true),
        (json!({"dryRun": ["Some"]}), false),
    ] {
        assert_eq!(is_valid(&options(given.clone())), expected, "{given}");
    }
}

#[test]
fn exactly_what_the_claim_left_is_deleted() {
    let options = options(json!({
        "propagationPolicy": "Orphan", "preconditions": {"resourceVersion": "7"},
    }));
    let claimed = ObjectMeta {
        uid: Some("u".to_owned()),
        resource_version: Some("8".to_owned()),
        ..ObjectMeta::default()
    };
    assert_eq!(
        json!(exactly(options, &claimed))["preconditions"],
        json!({"uid": "u", "resourceVersion": "8"})
    );
}

#[test]
fn a_trial_is_the_same_deletion_and_changes_nothing() {
    let options = options(json!({
        "propagationPolicy": "Orphan", "preconditions": {"uid": "u", "resourceVersion": "7"},
    }));
    assert_eq!(
        json!(dry(options)),
        json!({
            "dryRun": ["All"],
            "propagationPolicy": "Orphan",
            "preconditions": {"uid": "u", "resourceVersion": "7"},
        })
    );
}

#[test]
fn what_carries_a_claim_is_deleted_only_while_it_does() {
    let mut claimed = claim_entry(MADE);
    claimed["spec"] = json!({"deletionPolicy": "Delete"});
    claimed["metadata"]["finalizers"] = json!([FINALIZER]);
    assert_eq!(before(&claimed), Before::StayingClaimed);
    // Somebody else has declared otherwise meanwhile.
    claimed["spec"] = json!({"deletionPolicy": "Retain"});
    assert_eq!(before(&claimed), Before::Nothing);
}

#[test]
fn a_claim_is_taken_back_from_the_object_as_it_is() {
    let claimed = Claimed::on(&live(&claim_entry(MADE))).unwrap();
    let mut later = claim_entry(MADE);
    later["metadata"]["resourceVersion"] = json!("9");
    assert_eq!(
        claimed.undone(&live(&later)),
        Some(json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderTemplate",
            "metadata": {"name": "coder.x", "uid": "u", "resourceVersion": "9"},
        }))
    );
}

#[test]
fn only_the_own_claim_is_taken_back_and_never_from_what_is_being_deleted() {
    let claimed = Claimed::on(&live(&claim_entry(MADE))).unwrap();
    let of_another = claim_entry("2026-01-02T03:05:06Z");
    let mut anew = claim_entry(MADE);
    anew["metadata"]["uid"] = json!("new");
    let mut ending = claim_entry(MADE);
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:06Z");
    for more in [json!({}), of_another, anew, ending] {
        assert_eq!(claimed.undone(&live(&more)), None, "{more}");
    }
    assert_eq!(Claimed::on(&live(&json!({}))), None);
}

#[test]
fn controllers_of_kubernetes_mean_the_object_only() {
    let account = |name: &str| format!("system:serviceaccount:kube-system:{name}");
    for (name, expected) in [
        (account("generic-garbage-collector"), true),
        (account("namespace-controller"), true),
        (account("ttl-after-finished-controller"), true),
        ("system:kube-controller-manager".to_owned(), true),
        // Somebody who works in there, such as an operator or a dashboard, deletes as everybody does.
        (account("dashboard"), false),
        (account("default"), false),
        (
            "system:serviceaccount:team:namespace-controller".to_owned(),
            false,
        ),
        ("namespace-controller".to_owned(), false),
        ("anna".to_owned(), false),
    ] {
        let groups = ["system:serviceaccounts:kube-system", "system:masters"];
        let identity = Identity {
            name,
            groups: groups.map(str::to_owned).into(),
            ..Identity::anonymous()
        };
        assert_eq!(is_system_controller(&identity), expected, "{identity:?}");
    }
}
