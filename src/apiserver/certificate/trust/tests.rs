use super::*;
use crate::apiserver::certificate::{authority, plan::Fingerprint};

fn service() -> ServiceName {
    ServiceName {
        namespace: "team".to_owned(),
        name: "shim".to_owned(),
    }
}

fn bundle() -> String {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let fields = authority::establish(&service().dns_names(), now).unwrap();
    authority::add_authority(&fields, now).unwrap().authorities
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

fn ours(spec: &Value, choice: Option<&str>) -> Trust {
    let Shown::Ours(trust) = read(Some(&api_service(spec, choice)), &service()) else {
        panic!("not ours: {spec}");
    };
    trust
}

#[test]
fn trust_is_read_by_certificate() {
    let bundle = bundle();
    let encoded = |text: &str| json!(k8s_openapi::ByteString(text.as_bytes().to_vec()));
    let expected: BTreeSet<Fingerprint> = pair::certificates(bundle.as_bytes())
        .unwrap()
        .iter()
        .map(fingerprint)
        .collect();
    assert_eq!(expected.len(), 2);
    let spaced = format!(
        "# by hand\n{}",
        bundle.replace("-----BEGIN", "\n\n-----BEGIN")
    );
    for text in [&bundle, &spaced] {
        let trust = ours(&json!({"caBundle": encoded(text)}), None);
        assert_eq!(trust.authorities, expected);
        assert!(trust.managed && !trust.anybody);
    }
    for text in ["", "nonsense", &bundle[..200]] {
        let trust = ours(&json!({"caBundle": encoded(text)}), None);
        assert!(trust.authorities.is_empty(), "{text}");
    }
    assert!(ours(&json!({"insecureSkipTLSVerify": true}), None).anybody);
    assert!(!ours(&json!({"insecureSkipTLSVerify": false}), None).anybody);
}

#[test]
fn only_an_explicit_false_opts_out() {
    for (choice, managed) in [
        (None, true),
        (Some("true"), true),
        (Some(""), true),
        (Some("false"), false),
    ] {
        assert_eq!(ours(&json!({}), choice).managed, managed, "{choice:?}");
    }
}

#[test]
fn what_is_for_others_is_none_of_our_business() {
    assert_eq!(read(None, &service()), Shown::Unknown);
    for other in [
        json!({"namespace": "team", "name": "other"}),
        json!({"namespace": "other", "name": "shim"}),
        json!({}),
        Value::Null,
    ] {
        let found = api_service(&json!({"service": other}), None);
        assert_eq!(
            read(Some(&found), &service()),
            Shown::OtherService,
            "{other}"
        );
    }
}

#[test]
fn the_patch_holds_the_version_and_both_fields() {
    let patch = patch(&api_service(&json!({}), None), "PEM");
    let expected = json!({
        "metadata": {"resourceVersion": "7"},
        "spec": {"caBundle": "UEVN", "insecureSkipTLSVerify": null},
    });
    assert_eq!(patch, expected);
}
