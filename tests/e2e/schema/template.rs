//! Manifests of templates that the API server accepts, and those that it refuses in words that help.

use serde_json::{Value, json};

use super::{Case, check, complaints, stage, template};

const NAME: &str = "acme.go";
const UUID: &str = "0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10";
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const BAD_NAME: &str = "<nil>: Invalid value: metadata.name must be <organization>.<template> or <control-plane>.<organization>.<template>, in lower case";
const LONG_PART: &str = "<nil>: Invalid value: each part of metadata.name has at most 32 characters (the control plane 63)";
const OTHER_ORGANIZATION: &str =
    "spec.organization: Invalid value: spec.organization must be the organization in metadata.name";
const ONE_SOURCE: &str =
    "spec.source: Invalid value: set exactly one of configMapRef, artifact and archive";
const TOO_LARGE: &str = "spec.files: Invalid value: files are too large for one object (more than 1,000,000 characters in all): use spec.source (configMapRef, artifact or archive)";
const BAD_PATH: &str = "spec.files: Invalid value: each path must be relative, at most 512 characters, with / between its parts and without empty, '.' or '..' parts";

#[tokio::test(flavor = "multi_thread")]
async fn a_template_name_says_which_it_is() {
    let scene = stage("ctpl-names").await;
    let longest = format!("{0}.{0}", "a".repeat(32));
    let with_plane = format!("{}.{longest}", "p".repeat(63));
    let cases: Vec<(&str, &[&str])> = vec![
        (NAME, &[]),
        ("my-org.go-1", &[]),
        (&longest, &[]),
        ("production.acme.go", &[]),
        (&with_plane, &[]),
        ("go", &[BAD_NAME]),
        ("x.production.acme.go", &[BAD_NAME]),
        ("acme.go--lang", &[BAD_NAME]),
    ];
    let cases: Vec<Case<'_>> = cases
        .into_iter()
        .map(|(name, said)| (template(name, &json!({})), said))
        .collect();
    check(&scene, &cases).await;

    let a = "a".repeat(33);
    let plane = format!("{}.{NAME}", "p".repeat(64));
    for name in [format!("{a}.go"), format!("acme.{a}"), plane] {
        check(&scene, &[(template(&name, &json!({})), &[LONG_PART])]).await;
    }
    for name in [
        "Acme.go",
        "acme.Go",
        "acme..go",
        ".go",
        "acme.",
        "acme.go_lang",
    ] {
        let said = complaints(&scene, &template(name, &json!({}))).await;
        assert!(
            said[0].starts_with("metadata.name: Invalid value: "),
            "{said:?}"
        );
    }
    let name = format!("acme.{}", "a".repeat(250));
    let said = complaints(&scene, &template(&name, &json!({}))).await;
    assert!(
        said[0].ends_with("must be no more than 253 characters"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_is_the_one_in_the_name() {
    let scene = stage("ctpl-org").await;
    let case =
        |name: &str, organization: &str| template(name, &json!({ "organization": organization }));
    check(
        &scene,
        &[
            (case(NAME, "acme"), &[]),
            (case("production.acme.go", "acme"), &[]),
            (case(NAME, "go"), &[OTHER_ORGANIZATION]),
            (case(NAME, "ACME"), &[OTHER_ORGANIZATION]),
            (
                case("production.acme.go", "production"),
                &[OTHER_ORGANIZATION],
            ),
            (case("go", "acme"), &[BAD_NAME]),
            (case("x.production.acme.go", "go"), &[BAD_NAME]),
        ],
    )
    .await;
    // It may leave the manifest again.
    scene.apply(&case(NAME, "acme")).await;
    scene
        .apply(&template(NAME, &json!({ "displayName": "Go" })))
        .await;
    let seen = scene.object(&format!("ctpl/{NAME}")).await.unwrap();
    assert_eq!(seen["spec"], json!({ "displayName": "Go" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_duration_of_a_template_has_its_bounds() {
    let scene = stage("ctpl-times").await;
    let longest = i64::MAX / 1_000_000;
    for field in [
        "defaultTTLMillis",
        "activityBumpMillis",
        "timeTilAutostopNotifyMillis",
    ] {
        let case = |value: i64| template(NAME, &json!({ field: value }));
        let low = format!(
            "spec.{field}: Invalid value: -1: spec.{field} in body should be greater than or equal to 0"
        );
        let high = format!(
            "spec.{field}: Invalid value: 9223372036855: spec.{field} in body should be less than or equal to 9223372036854"
        );
        check(
            &scene,
            &[
                (case(0), &[]),
                (case(1), &[]),
                (case(longest), &[]),
                (case(-1), &[&low]),
                (case(longest + 1), &[&high]),
            ],
        )
        .await;
    }
    for field in [
        "failureTTLMillis",
        "timeTilDormantMillis",
        "timeTilDormantAutoDeleteMillis",
    ] {
        let case = |value: i64| template(NAME, &json!({ field: value }));
        let low = |value: i64| {
            format!(
                "spec.{field}: Invalid value: {value}: must be 0 (never) or at least 60000 (one minute)"
            )
        };
        let high = format!(
            "spec.{field}: Invalid value: 9223372036855: spec.{field} in body should be less than or equal to 9223372036854"
        );
        check(
            &scene,
            &[
                (case(0), &[]),
                (case(60_000), &[]),
                (case(longest), &[]),
                (case(1), &[&low(1)]),
                (case(59_999), &[&low(59_999)]),
                (case(-60_000), &[&low(-60_000)]),
                (case(longest + 1), &[&high]),
            ],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_of_a_template_has_its_bounds() {
    let scene = stage("ctpl-values").await;
    let case = |spec: Value| template(NAME, &spec);
    let bad_version = |id: &str| {
        format!(
            "spec.versionID: Invalid value: \"{id}\": must be a UUID in lower case, such as {UUID}, or \"\""
        )
    };
    let (upper, long) = (UUID.to_uppercase(), UUID.repeat(2));
    let stops = |weeks: i64| {
        case(json!({ "autostopRequirement": { "daysOfWeek": ["friday"], "weeks": weeks } }))
    };
    let starts = |days: Value| case(json!({ "autostartRequirement": { "daysOfWeek": days } }));
    check(
        &scene,
        &[
            (json!({ "apiVersion": "coder.com/v1alpha1", "kind": "CoderTemplate", "metadata": { "name": NAME } }), &[]),
            (case(json!({ "displayName": "Go", "description": "d".repeat(128), "icon": "/icon/go.png", "deprecationMessage": "" })), &[]),
            (case(json!({ "description": "d".repeat(129) })), &["spec.description: Too long: may not be more than 128 bytes"]),
            (case(json!({ "running": true, "requireActiveVersion": false })), &[]),
            (stops(1), &[]),
            (stops(16), &[]),
            (stops(0), &["spec.autostopRequirement.weeks: Invalid value: 0: spec.autostopRequirement.weeks in body should be greater than or equal to 1"]),
            (stops(17), &["spec.autostopRequirement.weeks: Invalid value: 17: spec.autostopRequirement.weeks in body should be less than or equal to 16"]),
            (starts(json!([])), &[]),
            (starts(json!(["monday", "sunday"])), &[]),
            (starts(json!(["monday", "monday"])), &[".spec.autostartRequirement.daysOfWeek: duplicate entries for key [=\"monday\"]"]),
            (starts(json!(["Monday"])), &["spec.autostartRequirement.daysOfWeek[0]: Unsupported value: \"Monday\": supported values: \"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\""]),
            (case(json!({ "versionID": UUID })), &[]),
            (case(json!({ "versionID": "" })), &[]),
            (case(json!({ "versionID": "1.0" })), &[&bad_version("1.0")]),
            (case(json!({ "versionID": upper })), &[&bad_version(&upper)]),
            (case(json!({ "versionID": long })), &[&bad_version(&long)]),
            (case(json!({ "promotion": "Manual", "driftPolicy": "Enforce", "deletionPolicy": "Delete" })), &[]),
            (case(json!({ "promotion": "manual" })), &["spec.promotion: Unsupported value: \"manual\": supported values: \"Automatic\", \"Manual\""]),
            (case(json!({ "provisionerTags": { "zone": "eu" } })), &[]),
            (case(json!({ "variables": [{ "name": "v", "value": "" }] })), &[]),
            (case(json!({ "variables": [{ "name": "v" }] })), &["spec.variables[0]: Invalid value: set exactly one of value and valueFrom"]),
            (case(json!({ "variables": [{ "name": "v", "value": "" }, { "name": "v", "value": "" }] })), &[".spec.variables: duplicate entries for key [name=\"v\"]"]),
            (case(json!({ "displayName": null })), &["spec.displayName: Invalid value: \"null\": spec.displayName in body must be of type string: \"null\""]),
            (case(json!({ "files": null })), &["spec.files: Invalid value: \"null\": spec.files in body must be of type object: \"null\""]),
            (case(json!({ "allowUserAutostart": "yes" })), &[".spec.allowUserAutostart: expected boolean, got &{yes}"]),
            (case(json!({ "ttlMillis": 0 })), &[".spec.ttlMillis: field not declared in schema"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_exactly_one_thing() {
    let scene = stage("ctpl-source").await;
    let case = |source: Value| template(NAME, &json!({ "source": source }));
    let map = json!({ "name": "source" });
    let artifact = json!({ "kind": "GitRepository", "name": "source", "path": "go" });
    let archive = json!({ "url": "https://example.com/go.tar", "sha256": SHA256 });
    let hashed = |sha256: &str| {
        case(json!({ "archive": { "url": "https://example.com/go.tar", "sha256": sha256 } }))
    };
    let bad_hash = |sha256: &str| {
        format!(
            "spec.source.archive.sha256: Invalid value: \"{sha256}\": must be the SHA-256 of the archive: 64 hexadecimal digits in lower case"
        )
    };
    let (upper, short, prefixed) = (
        SHA256.to_uppercase(),
        &SHA256[1..],
        format!("sha256:{SHA256}"),
    );
    check(
        &scene,
        &[
            (case(json!({ "configMapRef": map })), &[]),
            (case(json!({ "artifact": artifact })), &[]),
            (case(json!({ "artifact": { "kind": "OCIRepository", "name": "source" } })), &[]),
            (case(json!({ "archive": archive })), &[]),
            (case(json!({})), &[ONE_SOURCE]),
            (case(json!({ "configMapRef": map, "archive": archive })), &[ONE_SOURCE]),
            (case(json!({ "configMapRef": map, "artifact": artifact })), &[ONE_SOURCE]),
            (case(json!({ "artifact": artifact, "archive": archive })), &[ONE_SOURCE]),
            (case(json!({ "configMapRef": map, "artifact": artifact, "archive": archive })), &[ONE_SOURCE]),
            (case(json!({ "configMapRef": { "name": "" } })), &["spec.source.configMapRef.name: Invalid value: \"\": spec.source.configMapRef.name in body should be at least 1 chars long"]),
            (case(json!({ "artifact": { "kind": "HelmRepository", "name": "source" } })), &["spec.source.artifact.kind: Unsupported value: \"HelmRepository\": supported values: \"GitRepository\", \"OCIRepository\", \"Bucket\", \"ExternalArtifact\""]),
            (case(json!({ "archive": { "url": "https://example.com/go.tar" } })), &["spec.source.archive.sha256: Required value"]),
            (case(json!({ "git": "https://example.com/go" })), &[".spec.source.git: field not declared in schema"]),
            (hashed(&upper), &[&bad_hash(&upper)]),
            (hashed(short), &[&bad_hash(short)]),
            (hashed(&prefixed), &[&bad_hash(&prefixed)]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_files_have_plain_paths() {
    let scene = stage("ctpl-paths").await;
    let case = |path: &str| template(NAME, &json!({ "files": { path: "text" } }));
    let long = format!("{}/{}", "a".repeat(256), "b".repeat(255));
    check(
        &scene,
        &[
            (template(NAME, &json!({ "files": {} })), &[]),
            (case("main.tf"), &[]),
            (case("modules/a b/.hidden/..main.tf"), &[]),
            (case(&long), &[]),
            (case(&format!("{long}b")), &[BAD_PATH]),
            (case(""), &[BAD_PATH]),
            (case("/etc/passwd"), &[BAD_PATH]),
            (case("a/"), &[BAD_PATH]),
            (case("a//b"), &[BAD_PATH]),
            (case("."), &[BAD_PATH]),
            (case("./a"), &[BAD_PATH]),
            (case("../a"), &[BAD_PATH]),
            (case("a/../b"), &[BAD_PATH]),
            (case("a/.."), &[BAD_PATH]),
            (case("a\\b"), &[BAD_PATH]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_files_that_are_too_large_are_shown_the_way_out() {
    let scene = stage("ctpl-size").await;
    let one = |size: usize| template(NAME, &json!({ "files": { "main.tf": "x".repeat(size) } }));
    let many = |count: usize, size: usize| {
        let files: serde_json::Map<_, _> = (0..count)
            .map(|number| (format!("{number:04}"), json!("x".repeat(size))))
            .collect();
        template(NAME, &json!({ "files": files }))
    };
    check(
        &scene,
        &[
            (one(999_993), &[]),
            (one(999_994), &[TOO_LARGE]),
            // Larger than what etcd takes, and nearly as large as any request may be.
            (one(1_600_000), &[TOO_LARGE]),
            (one(3_140_000), &[TOO_LARGE]),
            (many(2000, 496), &[]),
            (many(2000, 497), &[TOO_LARGE]),
            (
                many(2001, 1),
                &["spec.files: Too many: 2001: must have at most 2000 items"],
            ),
        ],
    )
    .await;
}
