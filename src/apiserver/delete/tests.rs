use super::*;

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
        let claim = claim(&live(&more), &options(json!({})));
        assert_eq!(claim, Some(expected.clone()), "{more}");
    }
}

#[test]
fn a_declared_policy_only_lacks_the_finalizer() {
    let declared = live(&json!({"spec": {"deletionPolicy": "Delete"}}));
    let claim = claim(&declared, &options(json!({}))).unwrap();
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
        assert_eq!(claim(&live(&more), &options(json!({}))), None, "{more}");
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
        let claim = claim(&live(&json!({})), &options);
        assert_eq!(claim.is_some(), claimed, "{options:?}");
    }
}

#[test]
fn a_dry_run_claims_nothing() {
    let live = live(&json!({}));
    assert_eq!(claim(&live, &options(json!({"dryRun": ["All"]}))), None);
    assert!(claim(&live, &options(json!({"dryRun": []}))).is_some());
}

#[test]
fn options_of_the_query_become_a_body() {
    let query = "propagationPolicy=Foreground&gracePeriodSeconds=5&dryRun=All&uid=u&pretty=1";
    assert_eq!(
        json!(from_query(query).unwrap()),
        json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Foreground",
            "gracePeriodSeconds": 5,
            "dryRun": ["All"],
            "preconditions": {"uid": "u"},
        })
    );
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
    assert_eq!(from_query("gracePeriodSeconds=abc"), None);
    assert_eq!(from_query("uid=").unwrap().preconditions, None);
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
        json!(exactly(options, claimed))["preconditions"],
        json!({"uid": "u", "resourceVersion": "8"})
    );
}

#[test]
fn controllers_of_kubernetes_mean_the_object_only() {
    let identity = |name: &str, groups: &[&str]| Identity {
        name: name.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..Identity::anonymous()
    };
    for (name, groups, expected) in [
        (
            "system:serviceaccount:kube-system:generic-garbage-collector",
            vec![
                "system:serviceaccounts",
                "system:serviceaccounts:kube-system",
            ],
            true,
        ),
        (
            "system:kube-controller-manager",
            vec!["system:authenticated"],
            true,
        ),
        ("anna", vec!["system:masters"], false),
        (
            "system:serviceaccount:kube-system:x",
            vec!["system:authenticated"],
            false,
        ),
    ] {
        assert_eq!(
            is_system_controller(&identity(name, &groups)),
            expected,
            "{name}"
        );
    }
}
