//! What `/metrics` counts is what happened.

use testbed::proxy::{Answer, Fault, Matcher};

use super::{
    object::{condition, is_ready},
    scene::Scene,
    template::{manifest, small_source},
};

/// A scrape.
pub struct Metrics(Vec<(String, u64)>);

impl Metrics {
    pub async fn of(scene: &Scene) -> Self {
        let text = scene.scrape().await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let name = name.strip_prefix("coder_k8s_")?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// The value of a metric with exactly these labels; none where it is not there.
    pub fn get(&self, sample: &str) -> Option<u64> {
        let found = self.0.iter().find(|(name, _)| name == sample);
        found.map(|(_, value)| *value)
    }

    /// The sum over all labels that contain `part`.
    pub fn sum(&self, metric: &str, part: &str) -> u64 {
        let prefix = format!("{metric}{{");
        let matching = self.0.iter().filter(|(name, _)| {
            let labels = name.strip_prefix(&prefix);
            labels.is_some_and(|labels| labels.contains(part))
        });
        matching.map(|(_, value)| value).sum()
    }

    fn reconciles(&self, kind: &str, result: &str) -> u64 {
        let part = format!("kind=\"{kind}\",result=\"{result}\"");
        self.sum("reconciles_total", &part)
    }

    fn sweeps(&self, result: &str) -> u64 {
        self.sum("sweeps_total", &format!("result=\"{result}\""))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_tell_the_story_of_a_template() {
    let scene = Scene::new("metrics").await;
    let start = Metrics::of(&scene).await;
    assert!(start.sweeps("ok") >= 1, "it is ready: {:?}", start.0);
    assert_eq!(start.sweeps("failed"), 0);
    assert_eq!(start.sum("reconciles_total", ""), 0);
    assert_eq!(start.get("watch_failures_total"), Some(0));

    let object = scene.template_object(&scene.name("t"));
    let ctpl = format!("ctpl/{object}");
    // coderd answers otherwise where it has a file already.
    let source = small_source(&scene.namespace);
    scene.apply(&manifest(&object, &source)).await;
    scene.until(&ctpl, "ready", is_ready).await;
    scene.kubectl(&["delete", &ctpl, "--timeout=60s"]).await;
    scene
        .eventually("it is counted as gone", async || {
            Metrics::of(&scene)
                .await
                .reconciles("CoderTemplate", "gone")
                > 0
        })
        .await;
    let told = Metrics::of(&scene).await;
    assert!(told.reconciles("CoderTemplate", "ok") > 0);
    assert_eq!(told.sum("reconciles_total", "CoderWorkspace"), 0);
    // Every request that changes something, by its route and its answer.
    let organization = "/organizations/{organization}";
    let plane = format!("namespace=\"{}\",control_plane=\"static\"", scene.namespace);
    for (method, route, code) in [
        ("POST", "/files".to_owned(), "201"),
        ("POST", format!("{organization}/templateversions"), "201"),
        ("POST", format!("{organization}/templates"), "201"),
        ("DELETE", "/templates/{id}".to_owned(), "200"),
    ] {
        let labels = format!("{plane},method=\"{method}\",route=\"{route}\",code=\"{code}\"");
        let count = told.get(&format!("coderd_requests_total{{{labels}}}"));
        assert_eq!(count, Some(1), "{labels}: {:?}", told.0);
    }
    for method in ["POST", "PATCH", "PUT", "DELETE"] {
        let label = format!("method=\"{method}\"");
        let counted = told.sum("coderd_requests_total", &label);
        assert_eq!(counted, scene.proxy.count(method, "").unwrap(), "{method}");
    }
    for lane in ["edit", "due", "bulk", "import"] {
        let depth = told.get(&format!("queue_depth{{{plane},lane=\"{lane}\"}}"));
        assert_eq!(depth, Some(0), "{lane}: {:?}", told.0);
    }
    for (histogram, counter) in [
        ("reconcile_duration_seconds_count", "reconciles_total"),
        ("sweep_duration_seconds_count", "sweeps_total"),
    ] {
        assert_eq!(told.sum(histogram, ""), told.sum(counter, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_coderd_are_counted_as_such() {
    let scene = Scene::new("failures").await;
    let object = scene.template_object(&scene.name("t"));
    let ctpl = format!("ctpl/{object}");
    scene.apply(&manifest(&object, &small_source(""))).await;
    scene.until(&ctpl, "ready", is_ready).await;
    let before = Metrics::of(&scene).await;
    assert_eq!(before.sweeps("failed"), 0);
    assert_eq!(before.reconciles("CoderTemplate", "unknown"), 0);
    assert_eq!(before.sum("coderd_requests_total", "code=\"500\""), 0);

    let down = Fault::Answer(Answer::internal_error("down"));
    let rule = scene.proxy.install(Matcher::new("*", "").unwrap(), down);
    scene
        .until(&ctpl, "unknown", |seen| {
            condition(seen, "Synced") == "Unknown"
        })
        .await;
    scene
        .eventually("the failures are counted", async || {
            let seen = Metrics::of(&scene).await;
            seen.sweeps("failed") >= 2 && seen.reconciles("CoderTemplate", "unknown") >= 1
        })
        .await;
    let during = Metrics::of(&scene).await;
    assert!(during.sum("coderd_requests_total", "code=\"500\"") >= 2);
    scene.requests_more(5).await;
    assert_eq!(Metrics::of(&scene).await.sweeps("ok"), during.sweeps("ok"));

    scene.proxy.remove(rule);
    scene
        .until(&ctpl, "seen again", |seen| {
            condition(seen, "Synced") == "True"
        })
        .await;
    scene
        .eventually("sweeps are fine again", async || {
            Metrics::of(&scene).await.sweeps("ok") > during.sweeps("ok")
        })
        .await;
}
