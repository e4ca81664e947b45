//! Manifests of workspaces that the API server accepts, and those that it refuses in words that help.

use serde_json::{Value, json};

use super::{Case, check, complaints, stage, workspace};
use crate::e2e::scene::Scene;

const NAME: &str = "acme.ann.dev";
const UUID: &str = "0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10";

const BAD_NAME: &str = "<nil>: Invalid value: metadata.name must be <organization>.<owner>.<workspace> or <control-plane>.<organization>.<owner>.<workspace>, in lower case";
const LONG_PART: &str = "<nil>: Invalid value: each part of metadata.name has at most 32 characters (the control plane 63)";
const OTHER_ORGANIZATION: &str =
    "spec.organization: Invalid value: spec.organization must be the organization in metadata.name";
const ONE_VALUE: &str = "spec.parameters[0]: Invalid value: set exactly one of value and valueFrom";
const OTHER_TEMPLATE: &str = "spec.templateName: Invalid value: spec.templateName is used only to create the workspace and cannot be changed";
const NO_DNS_NAME: &str = "metadata.name: Invalid value: \"{}\": a lowercase RFC 1123 subdomain";

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_name_says_who_it_is() {
    let scene = stage("cws-names").await;
    let longest = format!("{0}.{0}.{0}", "a".repeat(32));
    let with_plane = format!("{}.{longest}", "p".repeat(63));
    let cases: Vec<(&str, &[&str])> = vec![
        (NAME, &[]),
        ("my-org.ann-2.dev-1", &[]),
        ("0.1.2", &[]),
        (&longest, &[]),
        ("production.acme.ann.dev", &[]),
        (&with_plane, &[]),
        ("dev", &[BAD_NAME]),
        ("ann.dev", &[BAD_NAME]),
        ("x.production.acme.ann.dev", &[BAD_NAME]),
        ("a--b.ann.dev", &[BAD_NAME]),
    ];
    let cases: Vec<Case<'_>> = cases
        .into_iter()
        .map(|(name, said)| (workspace(name, &json!({})), said))
        .collect();
    check(&scene, &cases).await;

    let a = "a".repeat(33);
    for name in [
        format!("{a}.ann.dev"),
        format!("acme.{a}.dev"),
        format!("acme.ann.{a}"),
    ] {
        check(&scene, &[(workspace(&name, &json!({})), &[LONG_PART])]).await;
    }
    let plane = format!("{}.{NAME}", "p".repeat(64));
    check(&scene, &[(workspace(&plane, &json!({})), &[LONG_PART])]).await;

    // What is no name in Kubernetes at all is refused in the server's words, and in ours.
    for name in [
        "Acme.ann.dev",
        "acme.ann.Dev",
        "acme..dev",
        ".ann.dev",
        "acme.ann.",
        "acme.ann.my_dev",
    ] {
        let said = complaints(&scene, &workspace(name, &json!({}))).await;
        assert!(
            said[0].starts_with(&NO_DNS_NAME.replace("{}", name)),
            "{said:?}"
        );
    }
    let name = format!("acme.ann.{}", "a".repeat(250));
    let said = complaints(&scene, &workspace(&name, &json!({}))).await;
    assert!(
        said[0].ends_with("must be no more than 253 characters"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_is_the_one_in_the_name() {
    let scene = stage("cws-org").await;
    let case =
        |name: &str, organization: &str| workspace(name, &json!({ "organization": organization }));
    check(
        &scene,
        &[
            (case(NAME, "acme"), &[]),
            (case("production.acme.ann.dev", "acme"), &[]),
            (case(NAME, "other"), &[OTHER_ORGANIZATION]),
            (case(NAME, "Acme"), &[OTHER_ORGANIZATION]),
            (case(NAME, ""), &[OTHER_ORGANIZATION]),
            (case(NAME, "ann"), &[OTHER_ORGANIZATION]),
            (
                case("production.acme.ann.dev", "production"),
                &[OTHER_ORGANIZATION],
            ),
            // One mistake, one message.
            (case("dev", "acme"), &[BAD_NAME]),
            (case("x.production.acme.ann.dev", "acme"), &[BAD_NAME]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_of_a_workspace_has_its_bounds() {
    let scene = stage("cws-values").await;
    let case = |spec: Value| workspace(NAME, &spec);
    let ttl = |ttl: i64| case(json!({ "ttlMillis": ttl }));
    let bad_ttl = |ttl: i64| {
        format!(
            "spec.ttlMillis: Invalid value: {ttl}: must be 0 (no autostop) or from 60000 (one minute) to 2592000000 (30 days)"
        )
    };
    let version = |id: &str| case(json!({ "templateVersionID": id }));
    let bad_version = |id: &str| {
        format!(
            "spec.templateVersionID: Invalid value: \"{id}\": must be a UUID in lower case, such as {UUID}, or \"\""
        )
    };
    let (upper, bare, long) = (
        UUID.to_uppercase(),
        UUID.replace('-', ""),
        format!("{UUID}0"),
    );
    check(
        &scene,
        &[
            (json!({ "apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace", "metadata": { "name": NAME } }), &[]),
            (case(json!({})), &[]),
            (ttl(0), &[]),
            (ttl(60_000), &[]),
            (ttl(2_592_000_000), &[]),
            (ttl(1), &[&bad_ttl(1)]),
            (ttl(59_999), &[&bad_ttl(59_999)]),
            (ttl(2_592_000_001), &[&bad_ttl(2_592_000_001)]),
            (ttl(-1), &[&bad_ttl(-1)]),
            (case(json!({ "ttlMillis": "1h" })), &[".spec.ttlMillis: expected numeric (int or float), got string"]),
            (version(UUID), &[]),
            (version(""), &[]),
            (version("latest"), &[&bad_version("latest")]),
            (version(&upper), &[&bad_version(&upper)]),
            (version(&bare), &[&bad_version(&bare)]),
            (version(&long), &[&bad_version(&long)]),
            (case(json!({ "running": true, "automaticUpdates": "always" })), &[]),
            (case(json!({ "automaticUpdates": "never" })), &[]),
            (case(json!({ "automaticUpdates": "Always" })), &["spec.automaticUpdates: Unsupported value: \"Always\": supported values: \"always\", \"never\""]),
            (case(json!({ "driftPolicy": "Observe", "deletionPolicy": "Retain" })), &[]),
            (case(json!({ "driftPolicy": "Ignore" })), &["spec.driftPolicy: Unsupported value: \"Ignore\": supported values: \"Enforce\", \"Observe\""]),
            (case(json!({ "deletionPolicy": "Orphan" })), &["spec.deletionPolicy: Unsupported value: \"Orphan\": supported values: \"Delete\", \"Retain\""]),
            (case(json!({ "autostartSchedule": "CRON_TZ=Europe/Berlin 30 8 * * 1-5" })), &[]),
            (case(json!({ "autostartSchedule": "" })), &[]),
            // An explicit null declares nothing; it must not be stored and owned.
            (case(json!({ "running": null })), &["spec.running: Invalid value: \"null\": spec.running in body must be of type boolean: \"null\""]),
            (case(json!({ "driftPolicy": null })), &["spec.driftPolicy: Invalid value: \"null\": spec.driftPolicy in body must be of type string: \"null\"", "spec.driftPolicy: Unsupported value: null: supported values: \"Enforce\", \"Observe\""]),
            (case(json!({ "parameters": null })), &["spec.parameters: Invalid value: \"null\": spec.parameters in body must be of type array: \"null\""]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_has_one_name_and_one_value() {
    let scene = stage("cws-params").await;
    let case = |parameters: Value| workspace(NAME, &json!({ "parameters": parameters }));
    let secret = json!({ "secretKeyRef": { "name": "s", "key": "k" } });
    let many: Vec<_> = (0..257)
        .map(|number| json!({ "name": format!("p{number}"), "value": "" }))
        .collect();
    check(
        &scene,
        &[
            (case(json!([])), &[]),
            (case(json!([{ "name": "cpu", "value": "" }])), &[]),
            (case(json!([{ "name": "cpu", "valueFrom": secret }])), &[]),
            (case(json!(many[..256])), &[]),
            (case(json!(many)), &["spec.parameters: Too many: 257: must have at most 256 items"]),
            (case(json!([{ "name": "cpu" }])), &[ONE_VALUE]),
            (case(json!([{ "name": "cpu", "value": "4", "valueFrom": secret }])), &[ONE_VALUE]),
            (case(json!([{ "name": "cpu", "value": "4" }, { "name": "cpu", "value": "8" }])), &[".spec.parameters: duplicate entries for key [name=\"cpu\"]"]),
            (case(json!([{ "name": "", "value": "4" }])), &["spec.parameters[0].name: Invalid value: \"\": spec.parameters[0].name in body should be at least 1 chars long"]),
            (case(json!([{ "value": "4" }])), &[".spec.parameters: element 0: associative list with keys has an element that omits all key fields [\"name\"] (and doesn't have default values for any key fields)"]),
            (case(json!([{ "name": "cpu", "value": 4 }])), &[".spec.parameters[name=\"cpu\"].value: expected string, got &value.valueUnstructured{Value:4}"]),
            (case(json!([{ "name": "cpu", "valueFrom": { "secretKeyRef": { "name": "s" } } }])), &["spec.parameters[0].valueFrom.secretKeyRef.key: Required value"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_a_workspace_are_refused() {
    let scene = stage("cws-unknown").await;
    check(
        &scene,
        &[
            (
                workspace(NAME, &json!({ "ttl": 1 })),
                &[".spec.ttl: field not declared in schema"],
            ),
            (
                workspace(
                    NAME,
                    &json!({ "parameters": [{ "name": "cpu", "value": "4", "secret": "s" }] }),
                ),
                &[".spec.parameters[name=\"cpu\"].secret: field not declared in schema"],
            ),
        ],
    )
    .await;
    let manifest = workspace(NAME, &json!({ "ttl": 1 })).to_string();
    for arguments in [&["create", "-f", "-"][..], &["apply", "-f", "-"]] {
        let (fine, text) = scene.try_kubectl(arguments, &manifest).await;
        assert!(
            !fine && text.contains("unknown field \"spec.ttl\""),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_the_same_words_in_kubectl() {
    let scene = stage("cws-words").await;
    let (fine, text) = scene
        .try_apply(&workspace("dev", &json!({ "running": true })), &[])
        .await;
    assert!(!fine);
    assert_eq!(
        text,
        format!("The CoderWorkspace \"dev\" is invalid: {BAD_NAME}\n")
    );
    let twice = json!([{ "name": "cpu", "value": "4" }, { "name": "cpu", "value": "8" }]);
    let manifest = workspace(NAME, &json!({ "parameters": twice })).to_string();
    let (fine, text) = scene.try_kubectl(&["create", "-f", "-"], &manifest).await;
    assert!(
        !fine && text.contains("spec.parameters[1]: Duplicate value: {\"name\":\"cpu\"}"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_name_is_removed_or_follows_a_rename_and_nothing_else() {
    let scene = stage("cws-identity").await;
    let cws = format!("cws/{NAME}");
    let named = |template: &str| {
        workspace(
            NAME,
            &json!({ "organization": "acme", "templateName": template }),
        )
    };
    scene.apply(&named("go")).await;
    check(
        &scene,
        &[
            (named("go"), &[]),
            (named("rust"), &[OTHER_TEMPLATE]),
            (workspace(NAME, &json!({ "organization": "acme" })), &[]),
            (workspace(NAME, &json!({ "templateName": "go" })), &[]),
            (
                workspace(
                    NAME,
                    &json!({ "organization": "other", "templateName": "go" }),
                ),
                &[OTHER_ORGANIZATION],
            ),
        ],
    )
    .await;

    // The template was renamed in Coder: status says so first, then spec may.
    report_template(&scene, "golang").await;
    check(
        &scene,
        &[(named("golang"), &[]), (named("rust"), &[OTHER_TEMPLATE])],
    )
    .await;
    scene.apply(&named("golang")).await;

    // Removed for good, and put back.
    scene
        .apply(&workspace(NAME, &json!({ "organization": "acme" })))
        .await;
    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["spec"].get("templateName"), None, "{seen}");
    check(&scene, &[(named("golang"), &[])]).await;
}

async fn report_template(scene: &Scene, template: &str) {
    let mut status = workspace(NAME, &json!({}));
    status["status"] = json!({ "templateName": template });
    let flags = ["--subresource=status", "--field-manager=coder-k8s"];
    let (fine, text) = scene.try_apply(&status, &flags).await;
    assert!(fine, "{text}");
}
