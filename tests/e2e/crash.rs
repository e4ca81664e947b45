//! The controller dies (`kill -9`) around each request that changes coderd, and at random: afterwards
//! everything is there, once.

mod moment;
mod random;

use std::collections::BTreeMap;

use coder_k8s::sync::source::{Source, version_name};
use serde_json::Value;
use testbed::proxy::{Hold, Matcher, Seen, Stage};

use super::{
    coder::id,
    object::{condition, is_ready},
    scene::{PATIENCE, Scene},
};

/// The controller is about to die while these requests are held.
struct Death(Vec<(String, Hold)>);

impl Death {
    /// Holds the requests of `moments`, each a method, a pattern for the path, and a text that the body
    /// contains.
    fn prepare(scene: &Scene, stage: Stage, moments: &[(&str, String, String)]) -> Self {
        let holds = moments.iter().map(|(method, path, body)| {
            let (what, body) = (format!("{method} {path} {body}"), body.clone());
            let matcher = Matcher::new(method, path).unwrap();
            let matcher = matcher.when(move |seen: &Seen| seen.body.contains(&body));
            (what, scene.proxy.hold(matcher, stage))
        });
        Self(holds.collect())
    }

    /// Waits until all of them are held, kills the controller, lets the requests fail and starts it
    /// again.
    async fn strike(self, scene: &mut Scene) {
        for (what, hold) in &self.0 {
            if let Err(error) = hold.held(PATIENCE).await {
                panic!("{what}: {error}\n{}", scene.log_tail());
            }
        }
        scene.kill_controller().await;
        for (_, hold) in &self.0 {
            hold.drop_connections();
        }
        drop(self);
        scene.start_controller().await;
    }
}

/// The name of the first version of a source with one file.
fn version_of(main: &str) -> String {
    let files = BTreeMap::from([("main.tf".to_owned(), main.to_owned())]);
    version_name(
        &Source::from_inline(&files).unwrap().hash(&BTreeMap::new()),
        1,
    )
}

/// Waits until everything that is there is in effect.
async fn all_ready(scene: &Scene) {
    for object in scene.objects().await {
        let kind = if object["kind"] == "CoderWorkspace" {
            "cws"
        } else {
            "ctpl"
        };
        let object = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        let settled = |seen: &Value| is_ready(seen) && condition(seen, "Synced") == "True";
        scene.until(&object, "ready and synced", settled).await;
    }
}

/// The transitions of all builds of a workspace, oldest first, each numbered without a gap.
async fn builds(scene: &Scene, name: &str) -> Vec<String> {
    let twin = scene.workspace(name).await;
    let mut builds = scene.person.builds(id(&twin)).await;
    builds.reverse();
    for (build, number) in builds.iter().zip(1..) {
        assert_eq!(build["build_number"], number);
    }
    builds
        .iter()
        .map(|build| build["transition"].as_str().unwrap().to_owned())
        .collect()
}
