//! Requests that nobody would think of, to both groups: each is answered alike, and leaves the same.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    differential::{COLLECTOR, KUBECTL, NAMES, PARTIAL, TABLE, agree, get, twins},
    stage::{Group, WORKSPACES},
    twins::{Shape, Twins},
};

/// Something between a good body and nonsense.
fn body(random: &mut Rng, method: &str, name: &str) -> (String, String) {
    let object = json!({
        "apiVersion": "{version}", "kind": "CoderWorkspace",
        "metadata": { "name": name, "labels": { "round": random.u8(..).to_string() } },
        "spec": { "templateName": "docker", "running": random.bool() },
    });
    let operations = json!([
        { "op": "test", "path": "/apiVersion", "value": "{version}" },
        { "op": "add", "path": "/metadata/labels/round", "value": random.u8(..).to_string() },
    ]);
    let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {} });
    let yaml = format!(
        "apiVersion: {{version}}\nkind: CoderWorkspace\nmetadata: {{name: {name}}}\nspec: {{running: true}}\n"
    );
    let good: &[(&str, String)] = &[
        ("application/json", object.to_string()),
        ("application/yaml", yaml.clone()),
        ("application/merge-patch+json", object.to_string()),
        ("application/json-patch+json", operations.to_string()),
        ("application/apply-patch+yaml", yaml),
        ("application/apply-patch+yaml", object.to_string()),
        ("application/json", options.to_string()),
        ("application/strategic-merge-patch+json", object.to_string()),
        ("text/plain", object.to_string()),
    ];
    let fitting = match method {
        "PATCH" => &good[2..6],
        "DELETE" => &good[6..7],
        _ => &good[..2],
    };
    let choice = if method == "DELETE" || random.u8(..10) < 8 {
        fitting
    } else {
        good
    };
    let (media, mut text) = random.choice(choice).unwrap().clone();
    match random.u8(..12) {
        0 => text = text.replace("{version}", "{other}"),
        1 => text = text.replace("{version}", "apps/v1"),
        2 => text = text.replace("CoderWorkspace", "CoderTemplate"),
        3 => text = text.replace("\"spec\"", "\"status\""),
        4 => {
            let more = "\"more\":{\"apiVersion\":\"coder.com/v1alpha1\"},\"kind\"";
            text = text.replacen("\"kind\"", more, 1);
        }
        5 => text = text.replacen("\"kind\"", "\"kind\":\"Pod\",\"kind\"", 1),
        6 => text = text.replace("true", "\"yes\"").replace("false", "{}"),
        7 => {
            // Not within the words that stand for a version.
            let end = random.usize(..text.len());
            let cut = text[..end].rfind(['{', ',', '\n']).unwrap_or(0);
            text.truncate(cut);
            // Errors show how a body begins.
            text.insert_str(0, &" ".repeat(40));
        }
        _ => {}
    }
    (media.to_owned(), text)
}

fn generated(random: &mut Rng) -> Shape {
    let method = random
        .choice(["GET", "GET", "POST", "PUT", "PATCH", "PATCH", "DELETE"])
        .unwrap();
    let name = random
        .choice(
            [
                &NAMES[..],
                &["acme.alice.new", "acme.alice.newer", "acme..bad"],
            ]
            .concat(),
        )
        .unwrap();
    let mut rest = match (method, random.u8(..10)) {
        ("POST", 0..9) | ("DELETE" | "GET", 0..2) => String::new(),
        // The server's own answer, which is never pretty: case 66.
        ("GET" | "PUT" | "PATCH", 9) => format!("/{name}/status"),
        _ => format!("/{name}"),
    };
    let parameters = [
        "dryRun=All",
        "fieldValidation=Strict",
        "fieldValidation=Ignore",
        "fieldManager=me",
        "fieldManager=",
        "force=true",
        "pretty=1",
        "labelSelector=number%3D1",
        "limit=1",
        "resourceVersion=0",
        "propagationPolicy=Background",
        "propagationPolicy=Orphan",
        "dryRun=None",
        "gracePeriodSeconds=0",
        "fieldSelector=metadata.name%3Dacme.bob.one",
        "fieldManager=other&force=false",
        "orphanDependents=false",
        "timeoutSeconds=5",
    ];
    for number in 0..random.usize(..3) {
        rest += if number == 0 { "?" } else { "&" };
        rest += random.choice(parameters).unwrap();
    }
    if method == "PATCH" && random.bool() && !rest.contains('?') {
        rest += "?fieldManager=argo&force=true";
    }
    let mut shape = Shape::new(method, WORKSPACES, &rest);
    if method != "GET" && (method != "DELETE" || random.bool()) {
        let (media, body) = body(random, method, name);
        shape = shape.body(&media, body);
    }
    if random.bool() {
        let accepts = [
            "application/json",
            "application/yaml",
            TABLE,
            PARTIAL,
            KUBECTL,
            COLLECTOR,
            "*/*",
        ];
        let accept = random.choice(accepts).unwrap();
        shape = shape.accept(accept);
    }
    let agents = [
        "kubectl/v1.36.3 (linux/amd64)",
        "curl/8.0",
        "argocd-application-controller/v3",
    ];
    shape.header("user-agent", random.choice(agents).unwrap())
}

/// A PUT of what is there, changed.
async fn written_back(twins: &Twins, random: &mut Rng) -> Option<Shape> {
    let name = random.choice(NAMES).unwrap();
    for stage in [&twins.old, &twins.stored] {
        if stage
            .admin
            .get(stage.path(Group::Stored, WORKSPACES, name))
            .await
            .status
            != 200
        {
            return None;
        }
    }
    let (round, kind) = (random.u8(..).to_string(), random.u8(..4));
    let edit = |object: &mut Value| match kind {
        0 => object["metadata"]["labels"]["round"] = json!(round),
        1 => object["metadata"]["managedFields"] = json!([]),
        2 => {
            let annotations = json!({ "round": round, "version": "coder.com/v1alpha1" });
            object["metadata"]["annotations"] = annotations;
        }
        _ => object["spec"]["running"] = json!(round.len() == 2),
    };
    let rest = if random.u8(..4) == 0 {
        format!("{name}/status")
    } else {
        name.to_owned()
    };
    Some(
        twins
            .put(WORKSPACES, &rest, edit)
            .await
            .header("user-agent", "writer/1"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_requests_are_answered_alike() {
    for seed in [1, 2, 3] {
        let twins = twins(&format!("seed{seed}")).await;
        let mut random = Rng::with_seed(seed);
        for number in 0..120 {
            let back = if random.u8(..5) == 0 {
                written_back(&twins, &mut random).await
            } else {
                None
            };
            let shape = back.unwrap_or_else(|| generated(&mut random));
            let compared = twins.compare(&shape).await;
            compared.unwrap_or_else(|problem| panic!("seed {seed}, request {number}: {problem}"));
        }
        // What is left is the same too.
        agree(&twins, &[get(""), get("").accept("application/yaml")]).await;
    }
}
