//! What is deployed: manifests that fit the program, with the rights it uses and no others.

mod apiserver;
mod mcp;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::PathBuf,
};

use coder_k8s::{
    api::{crd, names, template::CoderTemplate, workspace::CoderWorkspace},
    app::{
        args::{Args, default},
        config::Config,
        leader::LEASE,
    },
};
use serde_json::Value;

/// Every right, and what it is used for. A right that is missing here is not to be given.
const RIGHTS: [(&str, &str, &[&str]); 7] = [
    // get: the live read in front of each effect. list, watch: what changed. create: imports.
    // patch: mirroring, the origin label, the finalizer. delete: imported objects whose twin is gone.
    (
        "coder.com",
        "codertemplates coderworkspaces",
        &["create", "delete", "get", "list", "patch", "watch"],
    ),
    (
        "coder.com",
        "codertemplates/status coderworkspaces/status",
        &["patch"],
    ),
    // Where each Coder is.
    ("coder.com", "codercontrolplanes", &["get", "list", "watch"]),
    // What parameters and variables refer to, and the tokens of control planes.
    ("", "secrets", &["get", "list", "watch"]),
    // What sources refer to.
    ("", "configmaps", &["get", "list", "watch"]),
    // patch: an Event that comes again is counted.
    ("events.k8s.io", "events", &["create", "list", "patch"]),
    // Whether the CRDs are being removed.
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        &["get"],
    ),
];

/// What says how the others are put together.
const NO_OBJECTS: [&str; 3] = ["kustomization.yaml", "names.yaml", "patch.yaml"];

fn deploy() -> PathBuf {
    crate::root().join("deploy")
}

/// The documents of `deploy/<file>`.
fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(deploy().join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

fn document(file: &str) -> Value {
    let mut all = documents(file);
    assert_eq!(all.len(), 1, "deploy/{file}");
    all.remove(0)
}

fn files(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(deploy().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn container() -> Value {
    document("base/deployment.yaml")["spec"]["template"]["spec"]["containers"][0].clone()
}

#[test]
fn every_file_is_an_object_and_belongs_to_its_kustomization() {
    for folder in [
        "all",
        "apiserver",
        "base",
        "mcp",
        "mcp-secret",
        "sync",
        "users",
    ] {
        let kustomization = document(&format!("{folder}/kustomization.yaml"));
        let listed: BTreeSet<_> = texts(&kustomization["resources"]).into_iter().collect();
        for file in files(folder)
            .iter()
            .filter(|file| !NO_OBJECTS.contains(&file.as_str()))
        {
            assert!(
                listed.contains(file.as_str()),
                "deploy/{folder}/{file} is not listed"
            );
            for document in documents(&format!("{folder}/{file}")) {
                for field in ["apiVersion", "kind"] {
                    assert!(
                        document[field].is_string(),
                        "deploy/{folder}/{file}: {field}"
                    );
                }
                assert!(
                    document["metadata"]["name"].is_string(),
                    "deploy/{folder}/{file}"
                );
            }
        }
        for resource in listed {
            assert!(
                deploy().join(folder).join(resource).exists(),
                "{folder}: {resource}"
            );
        }
    }
}

#[test]
fn all_crds_are_deployed() {
    let path = deploy().join("../crds/Kustomization");
    let kustomization: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let expected: Vec<_> = crd::synced().iter().map(crd::file_name).collect();
    assert_eq!(texts(&kustomization["resources"]), expected);
}

#[test]
fn rights_are_those_that_are_used() {
    let mut rules = Vec::new();
    for file in ["base/role.yaml", "sync/role.yaml"] {
        let role = document(file);
        rules.extend(role["rules"].as_array().unwrap().clone());
        assert_eq!(
            role["metadata"].get("namespace"),
            None,
            "{file} goes into any namespace"
        );
    }
    let mut given = BTreeSet::new();
    for rule in &rules {
        let sorted = |field: &str| {
            let mut all: Vec<_> = texts(&rule[field]).into_iter().map(str::to_owned).collect();
            all.sort();
            all
        };
        let groups = sorted("apiGroups").join(" ");
        assert!(given.insert((groups, sorted("resources").join(" "), sorted("verbs"))));
    }
    let expected: BTreeSet<_> = RIGHTS
        .iter()
        .map(|(group, resources, verbs)| {
            let verbs: Vec<_> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
            ((*group).to_owned(), (*resources).to_owned(), verbs)
        })
        .collect();
    assert_eq!(given, expected);
}

/// The rules of the Role for one namespace are those of the `ClusterRole` for all.
#[test]
fn rights_in_all_namespaces_are_those_in_one() {
    let [all, binding] = &documents("all/role.yaml")[..] else {
        panic!("a role and its binding");
    };
    assert_eq!(all["rules"], document("sync/role.yaml")["rules"]);
    assert_eq!(binding["roleRef"]["name"], all["metadata"]["name"]);
    let account = &documents("base/account.yaml")[0]["metadata"];
    assert_eq!(binding["subjects"][0]["name"], account["name"]);
    assert_eq!(binding["subjects"][0]["namespace"], account["namespace"]);
}

#[test]
fn only_its_own_crds_can_be_read() {
    let role = document("base/role.yaml");
    let mut names = texts(&role["rules"][0]["resourceNames"]);
    names.sort_unstable();
    let expected: Vec<_> = crd::synced()
        .into_iter()
        .map(|crd| crd.metadata.name.unwrap_or_default())
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn rights_are_given_to_the_account_that_the_controller_has() {
    let account = &documents("base/account.yaml")[0];
    let deployment = document("base/deployment.yaml");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(
        deployment["metadata"]["namespace"],
        account["metadata"]["namespace"]
    );
    let bindings = [
        (
            documents("base/account.yaml").remove(1),
            document("base/role.yaml"),
        ),
        (document("sync/binding.yaml"), document("sync/role.yaml")),
    ];
    for (binding, role) in bindings {
        assert_eq!(binding["roleRef"]["kind"], role["kind"]);
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
        let [subject] = binding["subjects"].as_array().unwrap().as_slice() else {
            panic!("one subject");
        };
        assert_eq!(subject["kind"], account["kind"]);
        assert_eq!(subject["name"], account["metadata"]["name"]);
        assert_eq!(subject["namespace"], account["metadata"]["namespace"]);
    }
}

#[test]
fn the_command_line_makes_a_configuration() {
    let container = container();
    let config_map = &container["envFrom"][0]["configMapRef"]["name"];
    assert_eq!(config_map, "coder-k8s");
    // What the installation guide puts into it.
    let variables: BTreeMap<_, _> = [
        ("CODER_K8S_CODER_URL", "https://coder.example.com"),
        ("CODER_K8S_CODER_NAMESPACE", "team"),
    ]
    .into();
    let arguments = texts(&container["args"]).into_iter().map(OsString::from);
    let program = std::iter::once(OsString::from("coder-k8s"));
    let args = Args::read(program.chain(arguments), |name| {
        variables.get(name).map(OsString::from)
    });
    let config = Config::check(args.unwrap(), |_| None).unwrap();
    assert_eq!(config.controller.unwrap().fixed.unwrap().namespace, "team");
    let guide = fs::read_to_string(deploy().join("../docs/how-to/install.md")).unwrap();
    for variable in variables.keys() {
        assert!(
            guide.contains(variable),
            "docs/how-to/install.md does not name {variable}"
        );
    }
}

#[test]
fn the_token_is_where_the_command_line_looks() {
    let container = container();
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let flag = format!("--coder-session-token-file={mount}/token");
    assert!(texts(&container["args"]).contains(&flag.as_str()), "{flag}");
}

#[test]
fn ports_are_those_that_are_listened_on() {
    let ports: BTreeMap<_, _> = container()["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            (
                port["name"].clone().to_string(),
                format!(":{}", port["containerPort"]),
            )
        })
        .collect();
    let expected = [
        (
            "\"health\"".to_owned(),
            default::HEALTH_BIND_ADDRESS.to_owned(),
        ),
        (
            "\"metrics\"".to_owned(),
            default::METRICS_BIND_ADDRESS.to_owned(),
        ),
    ];
    assert_eq!(ports, BTreeMap::from(expected));
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container()[probe]["httpGet"]["path"], path);
        assert_eq!(container()[probe]["httpGet"]["port"], "health");
    }
}

#[test]
fn one_controller_waits_to_take_over_from_the_other() {
    let deployment = document("base/deployment.yaml");
    assert_eq!(deployment["spec"]["replicas"], 2);
    let budget = document("base/disruption.yaml");
    assert_eq!(budget["spec"]["minAvailable"], 1);
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&budget["spec"]["selector"]["matchLabels"], labels);
    let [role, binding] = &documents("base/lease.yaml")[..] else {
        panic!("a role and its binding");
    };
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let account = &documents("base/account.yaml")[0]["metadata"];
    assert_eq!(binding["subjects"][0]["name"], account["name"]);
    // Where a pod looks for it: in its own namespace.
    assert_eq!(
        role["metadata"]["namespace"],
        deployment["metadata"]["namespace"]
    );
    assert_eq!(texts(&role["rules"][1]["resourceNames"]), [LEASE]);
}

#[test]
fn the_key_of_variables_is_beside_the_controller_and_nothing_else_is_read_there() {
    let [role, binding] = &documents("base/key.yaml")[..] else {
        panic!("a role and its binding");
    };
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let account = &documents("base/account.yaml")[0]["metadata"];
    assert_eq!(binding["subjects"][0]["name"], account["name"]);
    let deployment = document("base/deployment.yaml");
    assert_eq!(
        role["metadata"]["namespace"],
        deployment["metadata"]["namespace"]
    );
    let [read, make] = &role["rules"].as_array().unwrap()[..] else {
        panic!("two rules");
    };
    assert_eq!(texts(&read["verbs"]), ["get"]);
    assert_eq!(texts(&read["resourceNames"]), [names::VARIABLES_KEY_SECRET]);
    assert_eq!(texts(&make["verbs"]), ["create"]);
}

#[test]
fn the_image_is_of_this_version() {
    let image = concat!("coder-k8s:", env!("CARGO_PKG_VERSION"));
    assert_eq!(container()["image"], image);
}

#[test]
fn the_container_is_restricted() {
    let deployment = document("base/deployment.yaml");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let security = &pod["containers"][0]["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(texts(&security["capabilities"]["drop"]), ["ALL"]);
}

#[test]
fn policies_speak_of_the_names_that_the_program_uses() {
    let text = fs::read_to_string(deploy().join("base/deletion.yaml")).unwrap();
    let account = &documents("base/account.yaml")[0];
    for name in [names::LABEL_ORIGIN, names::FINALIZER] {
        assert!(text.contains(&format!("'{name}'")), "{name}");
    }
    for policy in documents("base/deletion.yaml") {
        if policy["kind"] == "ValidatingAdmissionPolicy" {
            let rule = &policy["spec"]["matchConstraints"]["resourceRules"][0];
            assert_eq!(
                texts(&rule["resources"]),
                ["coderworkspaces", "codertemplates"]
            );
            assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
            let exempt = policy["spec"]["matchConditions"][0].to_string();
            let users = exempt.split('\'').filter(|part| part.contains("system:"));
            assert_eq!(users.collect::<Vec<_>>(), names::SYSTEM_CONTROLLERS);
            let parameter = &policy["spec"]["paramKind"];
            assert_eq!(parameter["apiVersion"], account["apiVersion"]);
            assert_eq!(parameter["kind"], account["kind"]);
        } else {
            let parameter = &policy["spec"]["paramRef"];
            for field in ["name", "namespace"] {
                assert_eq!(parameter[field], account["metadata"][field]);
            }
            // Advice must not stand in the way.
            assert_eq!(parameter["parameterNotFoundAction"], "Allow");
        }
    }
}

#[test]
fn examples_hold_only_what_the_kinds_have() {
    let mut kinds = BTreeSet::new();
    for file in files("examples") {
        for example in documents(&format!("examples/{file}")) {
            let again = match example["kind"].as_str() {
                Some("CoderTemplate") => {
                    let object: CoderTemplate = serde_json::from_value(example.clone()).unwrap();
                    serde_json::to_value(object).unwrap()
                }
                Some("CoderWorkspace") => {
                    let object: CoderWorkspace = serde_json::from_value(example.clone()).unwrap();
                    serde_json::to_value(object).unwrap()
                }
                kind => panic!("{file}: {kind:?}"),
            };
            assert_eq!(again, example, "{file}");
            kinds.insert(example["kind"].to_string());
        }
    }
    assert_eq!(kinds.len(), 2);
}
