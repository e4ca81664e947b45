//! What people see of the kinds: names, columns and descriptions.

use coder_k8s::api::crd;
use serde_json::json;

use super::{stage, template, workspace};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_nothing_to_remark_on_the_crds() {
    let scene = stage("crd-warnings").await;
    for definition in crd::all() {
        let file = crate::root().join("crds").join(crd::file_name(&definition));
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(
            text,
            crd::to_yaml(&definition).unwrap(),
            "crds/ is not generated from src/api"
        );

        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-f",
            "-",
        ];
        let (fine, said) = scene.try_kubectl(&apply, &text).await;
        assert!(fine && !said.contains("Warning"), "{said}");
        // The proof that it would say so.
        let (_, said) = scene
            .try_kubectl(&apply, &text.replace("int64", "uint63"))
            .await;
        assert!(
            said.contains("Warning: unrecognized format \"uint63\""),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_get_shows_both_kinds_by_short_name_and_category() {
    let scene = stage("columns").await;
    let running = json!({ "running": true });
    scene.apply(&workspace("acme.ann.dev", &running)).await;
    scene.apply(&template("acme.go", &json!({}))).await;
    let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let conditions = json!([
        condition("Ready", "False", "Starting"),
        condition("Synced", "True", "InSync"),
        condition("Running", "Unknown", "Starting"),
    ]);
    let mut cws = workspace("acme.ann.dev", &running);
    cws["status"] = json!({ "organizationName": "Acme", "ownerName": "Ann", "templateName": "Go", "conditions": conditions });
    let mut ctpl = template("acme.go", &json!({}));
    ctpl["status"] =
        json!({ "organizationName": "Acme", "activeVersionName": "v1", "conditions": conditions });
    for manifest in [cws, ctpl] {
        let (fine, text) = scene.try_apply(&manifest, &["--subresource=status"]).await;
        assert!(fine, "{text}");
    }

    let words = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|word| !word.is_empty())
            })
            .map(|words| words.map(str::to_owned).collect())
            .collect()
    };
    let shown = words(&scene.kubectl(&["get", "cws"]).await);
    let head = [
        "NAME",
        "ORGANIZATION",
        "OWNER",
        "TEMPLATE",
        "DESIRED",
        "RUNNING",
        "READY",
        "SYNCED",
        "AGE",
    ];
    assert_eq!(shown[0], head);
    assert_eq!(
        shown[1][..8],
        [
            "acme.ann.dev",
            "Acme",
            "Ann",
            "Go",
            "true",
            "Unknown",
            "False",
            "True"
        ]
    );
    let shown = words(&scene.kubectl(&["get", "ctpl"]).await);
    assert_eq!(
        shown[0],
        [
            "NAME",
            "ORGANIZATION",
            "ACTIVE VERSION",
            "READY",
            "SYNCED",
            "AGE"
        ]
    );
    assert_eq!(shown[1][..5], ["acme.go", "Acme", "v1", "False", "True"]);
    for kind in ["cws", "ctpl"] {
        let shown = words(&scene.kubectl(&["get", kind, "-o", "wide"]).await);
        let place = shown[0].iter().position(|word| word == "REASON").unwrap();
        assert_eq!(shown[1][place], "Starting");
    }
    let all = scene.kubectl(&["get", "coder", "-o", "name"]).await;
    assert_eq!(
        all,
        "codertemplate.coder.com/acme.go\ncoderworkspace.coder.com/acme.ann.dev\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explain_describes_every_field() {
    let scene = stage("explain").await;
    for definition in crd::all() {
        let kind = &definition.spec.names.short_names.as_ref().unwrap()[0];
        let version = serde_json::to_value(&definition.spec.versions[0]).unwrap();
        for part in ["spec", "status"] {
            let schema = &version["schema"]["openAPIV3Schema"]["properties"][part]["properties"];
            let shown = scene.kubectl(&["explain", &format!("{kind}.{part}")]).await;
            assert!(!shown.contains('`'), "{shown}");
            for field in schema.as_object().unwrap().keys() {
                let mut lines = shown
                    .lines()
                    .skip_while(|line| !line.starts_with(&format!("  {field}\t<")));
                assert!(
                    lines.next().is_some(),
                    "{kind}.{part}.{field} is not shown: {shown}"
                );
                let text = lines
                    .find(|line| !line.starts_with("  enum:"))
                    .unwrap_or_default();
                assert!(
                    text.starts_with("    ") && text.len() > 10,
                    "{kind}.{part}.{field}: {text:?}"
                );
            }
        }
    }
}
