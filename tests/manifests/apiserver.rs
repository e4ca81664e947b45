//! The aggregated API's manifests.

use std::time::Duration;

use coder_k8s::apiserver::{
    Certificate, DRAIN,
    certificate::{API_SERVICE_NAME, SECRET_NAME, ServiceName},
};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Service, ServiceAccount},
        flowcontrol::v1::{FlowSchema, PriorityLevelConfiguration},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use serde::{Serialize, de::DeserializeOwned};

use super::*;

const NAME: &str = "coder-k8s-apiserver";
const NAMESPACE: &str = "coder-system";

/// Every right: of which role, to what, and what it is used for. A right that is missing here is not
/// to be given.
const RIGHTS: [(&str, &str, &str, &str, &str); 7] = [
    // What callers may do in aggregation.coder.com is done for them here.
    (
        "ClusterRole",
        "coder.com",
        "codertemplates coderworkspaces",
        "",
        "create delete deletecollection get list patch update watch",
    ),
    (
        "ClusterRole",
        "coder.com",
        "codertemplates/status coderworkspaces/status",
        "",
        "get patch update",
    ),
    // Whether callers may.
    (
        "ClusterRole",
        "authorization.k8s.io",
        "subjectaccessreviews",
        "",
        "create",
    ),
    // get: whom kube-apiserver trusts. patch: its caBundle.
    (
        "ClusterRole",
        "apiregistration.k8s.io",
        "apiservices",
        API_SERVICE_NAME,
        "get patch",
    ),
    // The authorities of kube-apiserver's own client certificate.
    (
        "ClusterRole",
        "",
        "configmaps",
        "extension-apiserver-authentication",
        "get",
    ),
    // get: the serving certificate. update: its renewal.
    ("Role", "", "secrets", SECRET_NAME, "get update"),
    // The first certificate, and the one after the Secret was deleted.
    ("Role", "", "secrets", "", "create"),
];

/// All documents, by kind and name.
fn objects() -> BTreeMap<(String, String), Value> {
    let mut objects = BTreeMap::new();
    for folder in ["apiserver", "users"] {
        for file in files(folder) {
            if NO_OBJECTS.contains(&file.as_str()) {
                continue;
            }
            for document in documents(&format!("{folder}/{file}")) {
                let key = (text(&document["kind"]), text(&document["metadata"]["name"]));
                assert_eq!(objects.insert(key, document), None, "{file}");
            }
        }
    }
    objects
}

fn object(kind: &str, name: &str) -> Value {
    let key = (kind.to_owned(), name.to_owned());
    let found = objects().remove(&key);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sorted(value: &Value) -> String {
    let mut all = texts(value);
    all.sort_unstable();
    all.join(" ")
}

/// `document` as the API server's kind and back: a field that it does not know would be gone.
fn through<T: Serialize + DeserializeOwned>(document: &Value) -> Value {
    let object: T = serde_json::from_value(document.clone()).unwrap();
    serde_json::to_value(object).unwrap()
}

#[test]
fn every_object_is_what_its_kind_has() {
    for ((kind, name), document) in objects() {
        let again = match kind.as_str() {
            "APIService" => through::<APIService>(&document),
            "ClusterRole" => through::<ClusterRole>(&document),
            "ClusterRoleBinding" => through::<ClusterRoleBinding>(&document),
            "Deployment" => through::<Deployment>(&document),
            "FlowSchema" => through::<FlowSchema>(&document),
            "NetworkPolicy" => through::<NetworkPolicy>(&document),
            "PodDisruptionBudget" => through::<PodDisruptionBudget>(&document),
            "PriorityLevelConfiguration" => through::<PriorityLevelConfiguration>(&document),
            "Role" => through::<Role>(&document),
            "RoleBinding" => through::<RoleBinding>(&document),
            "Service" => through::<Service>(&document),
            "ServiceAccount" => through::<ServiceAccount>(&document),
            kind => panic!("{kind}"),
        };
        assert_eq!(again, document, "{kind} {name}");
    }
}

#[test]
fn rights_are_those_that_are_used() {
    let mut given = Vec::new();
    for (kind, name) in [
        ("ClusterRole", NAME.to_owned()),
        ("Role", format!("{NAME}-certificate")),
    ] {
        for rule in object(kind, &name)["rules"].as_array().unwrap() {
            let part = |field: &str| sorted(&rule[field]);
            given.push((
                kind.to_owned(),
                part("apiGroups"),
                part("resources"),
                part("resourceNames"),
                part("verbs"),
            ));
        }
    }
    let expected = RIGHTS.map(|(role, group, resources, name, verbs)| {
        let all = [role, group, resources, name, verbs];
        let [role, group, resources, name, verbs] = all.map(str::to_owned);
        (role, group, resources, name, verbs)
    });
    assert_eq!(given, expected);
}

#[test]
fn rights_are_given_to_its_own_account() {
    let subject = serde_json::json!([
        {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    ]);
    let mut bound = Vec::new();
    for ((kind, name), document) in objects() {
        if !kind.ends_with("Binding") {
            continue;
        }
        assert_eq!(document["subjects"], subject, "{kind} {name}");
        bound.push((
            text(&document["metadata"]["namespace"]),
            text(&document["roleRef"]["kind"]),
            text(&document["roleRef"]["name"]),
        ));
    }
    let expected = [
        // Its own.
        ("", "ClusterRole", "coder-k8s-apiserver"),
        (NAMESPACE, "Role", "coder-k8s-apiserver-certificate"),
    ];
    let expected = expected
        .map(|(namespace, kind, name)| (namespace.to_owned(), kind.to_owned(), name.to_owned()));
    assert_eq!(BTreeSet::from_iter(bound), BTreeSet::from(expected));
    let account = object("ServiceAccount", NAME);
    assert_eq!(account["metadata"]["namespace"], NAMESPACE);
    let pod = &object("Deployment", NAME)["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], NAME);
    for name in [NAME.to_owned(), format!("{NAME}-reviews")] {
        let schema = &object("FlowSchema", &name)["spec"];
        let flow = &schema["rules"][0]["subjects"];
        assert_eq!(
            flow[0]["serviceAccount"],
            serde_json::json!({"name": NAME, "namespace": NAMESPACE})
        );
        assert_eq!(schema["priorityLevelConfiguration"]["name"], name);
        object("PriorityLevelConfiguration", &name);
    }
}

/// Classes of the system are for what a cluster cannot live without, and quotas refuse them elsewhere.
#[test]
fn pods_have_no_priority_of_the_system() {
    let deployment = object("Deployment", NAME);
    assert_ne!(deployment["metadata"]["namespace"], "kube-system");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["priorityClassName"], Value::Null);
}

#[test]
fn kube_apiserver_reaches_the_port_that_is_listened_on() {
    let api_service = object("APIService", API_SERVICE_NAME);
    let spec = &api_service["spec"];
    for trust in ["caBundle", "insecureSkipTLSVerify"] {
        assert_eq!(spec.get(trust), None, "the replicas say whom to trust");
    }
    let group = format!("{}.{}", text(&spec["version"]), text(&spec["group"]));
    assert_eq!(group, API_SERVICE_NAME);
    // CRDs have 1000: a bare `kubectl get coderworkspaces` means those.
    assert!(spec["groupPriorityMinimum"].as_i64().unwrap() < 1000);
    let service = object("Service", NAME);
    assert_eq!(
        spec["service"]["namespace"],
        service["metadata"]["namespace"]
    );
    assert_eq!(spec["service"]["name"], service["metadata"]["name"]);
    let [port] = service["spec"]["ports"].as_array().unwrap().as_slice() else {
        panic!("one port");
    };
    assert_eq!(spec["service"]["port"], port["port"]);
    let deployment = object("Deployment", NAME);
    let pod = &deployment["spec"]["template"];
    let listens = &pod["spec"]["containers"][0]["ports"][0];
    assert_eq!(port["targetPort"], listens["name"]);
    let policy = object("NetworkPolicy", NAME);
    let port = |number: usize| {
        let port = &pod["spec"]["containers"][0]["ports"][number]["containerPort"];
        serde_json::json!([{"protocol": "TCP", "port": port}])
    };
    let open = serde_json::json!([
        {"ports": port(0)},
        {"from": [{"namespaceSelector": {}}], "ports": port(2)},
    ]);
    assert_eq!(policy["spec"]["ingress"], open);
    let budget = object("PodDisruptionBudget", NAME);
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &service["spec"]["selector"],
        &policy["spec"]["podSelector"]["matchLabels"],
        &budget["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, &pod["metadata"]["labels"]);
    }
    let name = ServiceName {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
    };
    // What kube-apiserver verifies.
    assert!(
        name.dns_names()
            .contains("coder-k8s-apiserver.coder-system.svc")
    );
}

#[test]
fn one_replica_always_serves() {
    let deployment = object("Deployment", NAME);
    let spec = &deployment["spec"];
    assert_eq!(spec["replicas"], 2);
    assert_eq!(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert_eq!(
        object("PodDisruptionBudget", NAME)["spec"]["minAvailable"],
        1
    );
    let container = &spec["template"]["spec"]["containers"][0];
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let probe = &container[probe]["httpGet"];
        assert_eq!(probe["path"], path);
        assert_eq!(probe["port"], container["ports"][1]["name"]);
    }
    let grace = spec["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
    let needed = config().apiserver.unwrap().shutdown_delay + DRAIN;
    assert!(Duration::from_secs(grace.unwrap()) > needed, "{needed:?}");
}

#[test]
fn it_runs_the_same_image_under_the_same_restrictions() {
    let ours = object("Deployment", NAME)["spec"]["template"]["spec"].clone();
    let controller = document("base/deployment.yaml")["spec"]["template"]["spec"].clone();
    assert_eq!(ours["securityContext"], controller["securityContext"]);
    for field in ["image", "securityContext"] {
        assert_eq!(
            ours["containers"][0][field],
            controller["containers"][0][field]
        );
    }
}

#[test]
fn the_command_line_makes_a_configuration() {
    let container = object("Deployment", NAME)["spec"]["template"]["spec"]["containers"][0].clone();
    let config = config();
    assert!(config.controller.is_none());
    let port = |number: usize| container["ports"][number]["containerPort"].to_string();
    let metrics = config.metrics.unwrap().to_string();
    assert!(metrics.ends_with(&format!(":{}", port(2))), "{metrics}");
    let apiserver = config.apiserver.unwrap();
    assert!(
        apiserver
            .address
            .to_string()
            .ends_with(&format!(":{}", port(0)))
    );
    let service = ServiceName {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
    };
    assert_eq!(apiserver.certificate, Certificate::Made(service));
    let health = config.health.unwrap().to_string();
    assert!(health.ends_with(&format!(":{}", port(1))), "{health}");
}

/// What the command line of the Deployment makes.
fn config() -> Config {
    let container = object("Deployment", NAME)["spec"]["template"]["spec"]["containers"][0].clone();
    let arguments = texts(&container["args"]).into_iter().map(OsString::from);
    let program = std::iter::once(OsString::from("coder-k8s"));
    let args = Args::read(program.chain(arguments), |name| {
        variables(&container).remove(name).map(OsString::from)
    });
    Config::check(args.unwrap(), |_| None).unwrap()
}

/// The variables of a container, as the kubelet fills them in.
fn variables(container: &Value) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::<String, String>::new();
    for variable in container["env"].as_array().unwrap() {
        let value = match text(&variable["valueFrom"]["fieldRef"]["fieldPath"]).as_str() {
            "metadata.namespace" => NAMESPACE.to_owned(),
            field => {
                assert_eq!(field, "");
                let known = variables.iter();
                known.fold(text(&variable["value"]), |value, (name, known)| {
                    value.replace(&format!("$({name})"), known)
                })
            }
        };
        variables.insert(text(&variable["name"]), value);
    }
    variables
}

#[test]
fn the_usual_roles_give_the_same_in_both_groups() {
    let label = |role: &str| format!("rbac.authorization.k8s.io/aggregate-to-{role}");
    for (prefix, group) in [
        ("coder-k8s", "coder.com"),
        ("coder-k8s-aggregated", "aggregation.coder.com"),
    ] {
        for (level, roles, verbs) in [
            ("view", &["view", "edit", "admin"][..], "get list watch"),
            (
                "edit",
                &["edit", "admin"],
                "create delete deletecollection patch update",
            ),
        ] {
            let role = object("ClusterRole", &format!("{prefix}-{level}"));
            let labels = role["metadata"]["labels"].as_object().unwrap();
            let labels: BTreeSet<_> = labels.keys().cloned().collect();
            assert_eq!(labels, roles.iter().map(|role| label(role)).collect());
            let [rule] = role["rules"].as_array().unwrap().as_slice() else {
                panic!("one rule");
            };
            assert_eq!(texts(&rule["apiGroups"]), [group]);
            assert_eq!(sorted(&rule["verbs"]), verbs);
            let writes = level == "edit";
            let status = texts(&rule["resources"])
                .iter()
                .any(|name| name.contains('/'));
            assert_ne!(writes, status, "nobody writes status");
        }
    }
    // Who applies the rest has not said yes to this.
    for folder in ["base", "apiserver", "sync"] {
        let kustomization = fs::read_to_string(deploy().join(folder).join("kustomization.yaml"));
        assert!(!kustomization.unwrap().contains("users"), "{folder}");
    }
}
