//! Programs written with client-go, as users of the old group have them (`tests/clients`).

use std::{path::PathBuf, process::Stdio};

use testbed::go_program;
use tokio::{process::Command, task::spawn_blocking};

use super::stage::Stage;

/// The program, built if it has to be.
pub async fn program() -> PathBuf {
    let folder = crate::root().join("tests").join("clients");
    let build = move || go_program(&folder, &|_| ());
    spawn_blocking(build).await.unwrap().unwrap()
}

/// `which` program, in the namespace of `stage`.
pub async fn command(stage: &Stage, which: &str) -> Command {
    let mut command = Command::new(program().await);
    command
        .env_clear()
        .args([
            which,
            "--kubeconfig",
            stage.bed.kubeconfig().to_str().unwrap(),
        ])
        .args(["--namespace", &stage.namespace])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(test: &str, which: &str) {
    let stage = Stage::new(test).await;
    let output = command(&stage, which).await.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("done"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dynamic_and_the_metadata_client_of_go_do_every_verb() {
    run("dynamic", "dynamic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_informer_of_go_hears_everything_once() {
    run("informer", "informer").await;
}
