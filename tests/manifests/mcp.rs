//! The MCP server's manifests.

use std::time::Duration;

use coder_k8s::mcp::{DRAIN, Identification};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use serde::{Serialize, de::DeserializeOwned};

use super::*;

const NAME: &str = "coder-k8s-mcp";
const NAMESPACE: &str = "coder-system";

fn rules(file: &str) -> Vec<(String, String, String)> {
    let part = |rule: &Value, field: &str| {
        let mut all = texts(&rule[field]);
        all.sort_unstable();
        all.join(" ")
    };
    let role = document(file);
    let rules = role["rules"].as_array().unwrap().iter();
    rules
        .map(|rule| {
            (
                part(rule, "apiGroups"),
                part(rule, "resources"),
                part(rule, "verbs"),
            )
        })
        .collect()
}

/// `document` as the API server's kind and back: a field that it does not know would be gone.
fn through<T: Serialize + DeserializeOwned>(document: &Value) -> Value {
    let object: T = serde_json::from_value(document.clone()).unwrap();
    serde_json::to_value(object).unwrap()
}

#[test]
fn every_object_is_what_its_kind_has() {
    let mut seen = 0;
    for folder in ["mcp", "mcp-secret"] {
        for file in files(folder) {
            if NO_OBJECTS.contains(&file.as_str()) {
                continue;
            }
            for document in documents(&format!("{folder}/{file}")) {
                let again = match document["kind"].as_str().unwrap() {
                    "ClusterRole" => through::<ClusterRole>(&document),
                    "ClusterRoleBinding" => through::<ClusterRoleBinding>(&document),
                    "Deployment" => through::<Deployment>(&document),
                    "NetworkPolicy" => through::<NetworkPolicy>(&document),
                    "PodDisruptionBudget" => through::<PodDisruptionBudget>(&document),
                    "Role" => through::<Role>(&document),
                    "RoleBinding" => through::<RoleBinding>(&document),
                    "Service" => through::<Service>(&document),
                    "ServiceAccount" => through::<ServiceAccount>(&document),
                    kind => panic!("{kind}"),
                };
                assert_eq!(again, document, "{folder}/{file}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 9);
}

/// Everything else is done with the rights of callers.
#[test]
fn its_only_right_is_to_know_callers() {
    let review = ("authentication.k8s.io", "tokenreviews", "create");
    let review = (
        review.0.to_owned(),
        review.1.to_owned(),
        review.2.to_owned(),
    );
    assert_eq!(rules("mcp/role.yaml"), [review]);
}

/// The rights behind the shared secret: to read, and no Secrets.
#[test]
fn the_secret_gives_no_right_to_write() {
    for (_, resources, verbs) in rules("mcp-secret/role.yaml") {
        assert!(
            verbs == "get list" || verbs == "get",
            "{resources}: {verbs}"
        );
        assert!(
            !resources.contains("secrets") && !resources.contains('*'),
            "{resources}"
        );
    }
}

#[test]
fn rights_are_given_to_its_own_account() {
    let account = &documents("mcp/account.yaml")[0];
    for binding in [
        &documents("mcp/account.yaml")[1],
        &document("mcp-secret/binding.yaml"),
    ] {
        let [subject] = binding["subjects"].as_array().unwrap().as_slice() else {
            panic!("one subject");
        };
        for field in ["name", "namespace"] {
            assert_eq!(subject[field], account["metadata"][field]);
        }
    }
    let pod = &document("mcp/deployment.yaml")["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(account["metadata"]["name"], NAME);
}

#[test]
fn the_command_line_makes_a_configuration() {
    let deployment = document("mcp/deployment.yaml");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments = texts(&container["args"]).into_iter().map(OsString::from);
    let program = std::iter::once(OsString::from("coder-k8s"));
    let args = Args::read(program.chain(arguments), |name| {
        // As the kubelet fills it in.
        let service = format!("{NAMESPACE}/{NAME}");
        (name == "CODER_K8S_MCP_SERVICE").then(|| service.into())
    });
    let config = Config::check(args.unwrap(), |_| None).unwrap();
    assert!(config.controller.is_none() && config.apiserver.is_none());
    let mcp = config.mcp.unwrap();
    assert_eq!(mcp.identification, Identification::Token { audience: None });
    assert!(mcp.hosts.allows_host("coder-k8s-mcp.coder-system.svc:8090"));
    let port = |number: usize| format!(":{}", container["ports"][number]["containerPort"]);
    assert_eq!(mcp.address.to_string(), port(0));
    assert_eq!(config.health.unwrap().to_string(), port(1));
    assert_eq!(config.metrics.unwrap().to_string(), port(2));
    let grace = &deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    let needed = mcp.shutdown_delay + DRAIN;
    assert!(
        Duration::from_secs(grace.as_u64().unwrap()) > needed,
        "{needed:?}"
    );
}

#[test]
fn its_pods_are_found_and_one_always_serves() {
    let deployment = document("mcp/deployment.yaml");
    let spec = &deployment["spec"];
    let pod = &spec["template"];
    let container = &pod["spec"]["containers"][0];
    let service = document("mcp/service.yaml");
    let port = &service["spec"]["ports"][0];
    assert_eq!(port["targetPort"], container["ports"][0]["name"]);
    let policy = document("mcp/network.yaml");
    let budget = document("mcp/disruption.yaml");
    for selector in [
        &spec["selector"]["matchLabels"],
        &service["spec"]["selector"],
        &policy["spec"]["podSelector"]["matchLabels"],
        &budget["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, &pod["metadata"]["labels"]);
    }
    assert_eq!(
        policy["spec"]["ingress"][0]["ports"][0]["port"],
        port["port"]
    );
    assert_eq!(spec["replicas"], 2);
    assert_eq!(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert_eq!(budget["spec"]["minAvailable"], 1);
    let controller = document("base/deployment.yaml")["spec"]["template"]["spec"].clone();
    assert_eq!(
        pod["spec"]["securityContext"],
        controller["securityContext"]
    );
    for field in ["image", "securityContext"] {
        assert_eq!(container[field], controller["containers"][0][field]);
    }
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(
            container[probe]["httpGet"]["port"],
            container["ports"][1]["name"]
        );
    }
}
