//! A template whose source is in a ConfigMap: it is followed, and the same files make one version.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{
    coder::id,
    object::{is_ready, message, reason},
    scene::Scene,
    template::{self, manifest},
};

/// An archive, as a ConfigMap has it, with `main.tf`, of another time, and with what `more` adds to it.
fn packed(main: &str, more: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Value {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o600);
    header.set_mtime(1_700_000_000);
    header.set_size(main.len() as u64);
    archive
        .append_data(&mut header, "main.tf", main.as_bytes())
        .unwrap();
    more(&mut archive);
    json!(ByteString(archive.into_inner().unwrap()))
}

/// Makes the ConfigMap `c` anew, with this content alone.
async fn put(scene: &Scene, content: Value) {
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" },
        "data": {}, "binaryData": {},
    });
    for (key, value) in content.as_object().unwrap() {
        map[key] = value.clone();
    }
    scene.apply(&map).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_is_followed_and_the_same_files_make_one_version() {
    let scene = Scene::new("source").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = manifest(&object, "");
    applied["spec"] = json!({ "source": { "configMapRef": { "name": "c" } } });
    let versions = async || {
        let twin = scene.template(&name).await;
        scene.person.versions(id(&twin)).await.len()
    };

    // What is not there is awaited, and nothing is made without it.
    scene.proxy.forget();
    scene.apply(&applied).await;
    let waiting = scene
        .until(&ctpl, "waiting for the ConfigMap", |seen| {
            reason(seen, "Reconciling") == "WaitingForReference"
        })
        .await;
    assert!(message(&waiting, "Ready").contains("there is no ConfigMap c"));
    scene.wrote_nothing();
    let (one, two) = (template::source("one"), template::source("two"));
    put(&scene, json!({ "data": { "main.tf": one } })).await;
    scene.until(&ctpl, "ready", is_ready).await;
    assert_eq!(versions().await, 1);

    // A change of the ConfigMap alone makes a version; the same files in an archive make none.
    put(&scene, json!({ "data": { "main.tf": two } })).await;
    scene
        .eventually("the second version", async || versions().await == 2)
        .await;
    scene.until(&ctpl, "ready", is_ready).await;
    let same = packed(&two, |_| {});
    put(&scene, json!({ "binaryData": { "s.tar": same } })).await;
    scene.sweeps(2).await;
    assert!(is_ready(&scene.object(&ctpl).await.unwrap()));
    assert_eq!(versions().await, 2);

    // What cannot be in a source is named; without it, the archive is built, with its folder.
    let linked = packed(&two, |archive| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, "secret.tf", "/etc/passwd")
            .unwrap();
    });
    put(&scene, json!({ "binaryData": { "s.tar": linked } })).await;
    let refused = scene
        .until(&ctpl, "refused", |seen| {
            reason(seen, "Stalled") == "InvalidSource"
        })
        .await;
    let said = message(&refused, "Stalled");
    assert!(said.contains("secret.tf is a symbolic link"), "{said}");
    let calling = format!("{two}\nmodule \"m\" {{\n  source = \"./m\"\n}}\n");
    let module = packed(&calling, |archive| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        archive
            .append_data(&mut header, "m/main.tf", &[][..])
            .unwrap();
    });
    put(&scene, json!({ "binaryData": { "s.tar": module } })).await;
    scene
        .eventually("the third version", async || versions().await == 3)
        .await;
    scene.until(&ctpl, "ready", is_ready).await;

    // Two sources exclude each other.
    applied["spec"]["files"] = json!({ "main.tf": one });
    scene.apply(&applied).await;
    let both = scene
        .until(&ctpl, "two sources", |seen| {
            reason(seen, "Stalled") == "InvalidSource"
        })
        .await;
    assert!(message(&both, "Stalled").contains("both declared"));
}
