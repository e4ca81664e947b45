//! The official conformance suite, for both eras. What it finds wrong is listed, each with a reason, and
//! the list is exact.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use tokio::process::Command;

use super::{clients, server::Server, stage::Stage};
use crate::e2e::scene::free_port;

const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// The checks that are known to fail, by scenario; each paragraph of the file begins with the reason.
fn expected() -> BTreeSet<String> {
    let file = crate::root().join("tests/e2e/mcp/clients/conformance/expected.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let mut expected = BTreeSet::new();
    for paragraph in text.trim().split("\n\n") {
        let mut lines = paragraph.lines();
        assert!(
            lines.next().unwrap().starts_with("# "),
            "no reason: {paragraph}"
        );
        expected.extend(lines.map(str::to_owned));
    }
    expected
}

/// The checks that ran, and those that failed, below `folder`.
fn found(folder: &Path) -> (usize, BTreeSet<String>) {
    let (mut ran, mut failed) = (0, BTreeSet::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // server-<scenario>-<time>
        let end = name.len() - "-2026-12-01T01-53-06-490Z".len();
        let scenario = name[..end].strip_prefix("server-").unwrap();
        let text = std::fs::read_to_string(entry.path().join("checks.json")).unwrap();
        let checks: Vec<Value> = serde_json::from_str(&text).unwrap();
        for check in checks {
            ran += 1;
            if check["status"] == "FAILURE" {
                failed.insert(format!("{scenario} {}", check["id"].as_str().unwrap()));
            }
        }
    }
    (ran, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_finds_nothing_else_than_what_is_listed() {
    let stage = Stage::new("conformance").await;
    stage.administrator().await;
    let token = stage.token("administrator", &[]).await;
    // The suite plays a page on this machine too.
    let port = free_port();
    let origin = format!("--mcp-allowed-origins=http://localhost:{port},http://127.0.0.1:{port}");
    let kubeconfig = stage
        .bed
        .directory()
        .join("kubeconfigs/coder-system.coder-k8s-mcp");
    let server = Server::launch(stage.bed, port, kubeconfig, &[&origin]).await;
    server
        .eventually("it is ready", async || server.probe("/readyz").await == 200)
        .await;
    let folder = clients::folder().await;
    let results = tempfile::tempdir().unwrap();
    let mut failed = BTreeSet::new();
    for revision in REVISIONS {
        let into = results.path().join(revision);
        let suite = folder.join("conformance");
        let output = Command::new(folder.join("node/node"))
            .args(["--import", "./bearer.mjs"])
            .arg("node_modules/@modelcontextprotocol/conformance/dist/index.js")
            .args([
                "server",
                "--url",
                &server.url("/mcp"),
                "--requirements",
                revision,
                "-o",
            ])
            .arg(&into)
            .env("MCP_TOKEN", &token)
            .current_dir(suite)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            into.is_dir(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let (ran, found) = found(&into);
        assert!(ran > 50, "{revision}: {ran}");
        failed.extend(found);
    }
    let expected = expected();
    let surprises: Vec<_> = failed.symmetric_difference(&expected).collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
}
