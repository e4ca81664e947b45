use secrecy::ExposeSecret;

use super::*;
use crate::apiserver::server::certificate::{authority, secret::AUTHORITY};

fn service() -> ServiceName {
    ServiceName {
        namespace: "team".to_owned(),
        name: "shim".to_owned(),
    }
}

fn bundle() -> String {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let fields = authority::establish(&service().dns_names(), now).unwrap();
    String::from_utf8(fields[AUTHORITY].expose_secret().to_vec()).unwrap()
}

fn api_service(spec: &Value, choice: Option<&str>) -> APIService {
    let mut spec = spec.clone();
    spec["service"] = spec
        .get("service")
        .cloned()
        .unwrap_or_else(|| json!({"namespace": "team", "name": "shim"}));
    for name in ["groupPriorityMinimum", "versionPriority"] {
        spec[name] = json!(1);
    }
    serde_json::from_value(json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": NAME,
            "resourceVersion": "7",
            "annotations": choice.map(|choice| json!({"coder.com/manage-ca-bundle": choice})),
        },
        "spec": spec,
    }))
    .unwrap()
}

#[test]
fn trust_is_read_by_certificate() {
    let (ours, other) = (bundle(), bundle());
    let encoded = |text: &str| json!({"caBundle": ByteString(text.as_bytes().to_vec())});
    let authority = serving::certificates(ours.as_bytes()).unwrap().remove(0);
    let spaced = format!("# by hand\n\n{ours}\n");
    let both = format!("{other}{ours}");
    for (spec, managed, unmanaged) in [
        (encoded(&ours), Shown::Right, Shown::Right),
        (encoded(&spaced), Shown::Right, Shown::Right),
        (encoded(&both), Shown::Wrong, Shown::Right),
        (encoded(&other), Shown::Wrong, Shown::Unmanaged),
        (encoded(""), Shown::Wrong, Shown::Unmanaged),
        (encoded("nonsense"), Shown::Wrong, Shown::Unmanaged),
        (encoded(&ours[..200]), Shown::Wrong, Shown::Unmanaged),
        (json!({}), Shown::Wrong, Shown::Unmanaged),
        (
            json!({"insecureSkipTLSVerify": true}),
            Shown::Wrong,
            Shown::Right,
        ),
        (
            json!({"insecureSkipTLSVerify": false}),
            Shown::Wrong,
            Shown::Unmanaged,
        ),
    ] {
        // Only an explicit "false" opts out.
        for (choice, expected) in [
            (None, managed),
            (Some("true"), managed),
            (Some(""), managed),
            (Some("false"), unmanaged),
        ] {
            let found = read(
                Some(&api_service(&spec, choice)),
                &service(),
                Some(&authority),
            );
            assert_eq!(found, expected, "{spec} {choice:?}");
        }
    }
    let without = read(Some(&api_service(&encoded(&ours), None)), &service(), None);
    assert_eq!(without, Shown::Wrong);
}

#[test]
fn what_is_for_others_is_none_of_our_business() {
    assert_eq!(read(None, &service(), None), Shown::Unknown);
    for other in [
        json!({"namespace": "team", "name": "other"}),
        json!({"namespace": "other", "name": "shim"}),
        json!({}),
        Value::Null,
    ] {
        let found = api_service(&json!({"service": other}), None);
        assert_eq!(
            read(Some(&found), &service(), None),
            Shown::OtherService,
            "{other}"
        );
    }
}

#[test]
fn the_patch_holds_the_version_and_both_fields() {
    let patch = patch(&api_service(&json!({}), None), &ByteString(b"PEM".to_vec()));
    let expected = json!({
        "metadata": {"resourceVersion": "7"},
        "spec": {"caBundle": "UEVN", "insecureSkipTLSVerify": null},
    });
    assert_eq!(patch, expected);
}
