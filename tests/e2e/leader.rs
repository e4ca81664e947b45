//! Two replicas, of which one works: who takes over when, and that nobody works who is the leader no more.

mod replica;
mod rivals;

use coder_k8s::app::leader::LEASE;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::{
    Bed,
    proxy::{Matcher, Stage},
};

use self::replica::Replica;
use crate::e2e::{
    object::is_ready,
    scene::{PATIENCE, Scene},
    template::{manifest, small_source},
};

async fn stage(test: &str) -> Scene {
    Scene::idle(Bed::shared().unwrap(), test, &[]).await
}

async fn lease(scene: &Scene) -> Value {
    let namespace = &scene.namespace;
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}");
    let request = Request::get(path).body(Vec::new()).unwrap();
    scene.kube.request(request).await.unwrap()
}

/// When the lease was acquired, and when it was renewed or given back.
fn times(lease: &Value) -> [Timestamp; 2] {
    ["acquireTime", "renewTime"].map(|name| lease["spec"][name].as_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_in_good_order_is_followed_at_once() {
    let scene = stage("follow").await;
    let first = Replica::start(&scene, "a").await;
    first.leads().await;
    let second = Replica::start(&scene, "b").await;
    second.waits().await;
    // One that waits asks coderd nothing, and Kubernetes for the lease alone.
    assert_eq!(second.proxy.count("*", "").unwrap(), 0);
    assert!(
        second
            .hop
            .seen()
            .iter()
            .all(|one| one.path.contains("/leases/"))
    );

    let taken = lease(&scene).await;
    first.program.terminate();
    let status = first.program.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{}", first.program.log_text().unwrap());
    second.leads().await;
    let now = lease(&scene).await;
    assert_ne!(
        now["spec"]["holderIdentity"],
        taken["spec"]["holderIdentity"]
    );
    assert_eq!(now["spec"]["leaseTransitions"], json!(1));
    let after = times(&now)[0].duration_since(times(&taken)[1]);
    println!("taken {after:#} after it was given back");
    // Nobody had to wait for its end.
    assert!(after.as_secs() < 15, "{after:?}");

    // What is to be done is done, and it is not done twice.
    let object = scene.template_object(&scene.name("t"));
    let ctpl = format!("ctpl/{object}");
    scene
        .apply(&manifest(&object, &small_source(&scene.namespace)))
        .await;
    scene.until(&ctpl, "ready", is_ready).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_lost_is_followed_when_its_lease_is_over() {
    let scene = stage("lost").await;
    let first = Replica::start(&scene, "a").await;
    first.leads().await;
    let second = Replica::start(&scene, "b").await;
    second.waits().await;
    first.program.kill().await;
    let last = lease(&scene).await;
    second.leads().await;
    let now = lease(&scene).await;
    let after = times(&now)[0].duration_since(times(&last)[1]);
    println!("taken {after:?} after the last renewal");
    assert!(after.as_secs() >= 14, "it was not waited for: {after:?}");
    second.stop().await;
}

/// Who can never lead says so, and is not ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_right_to_the_lease_is_not_ready() {
    let scene = stage("rightless").await;
    scene
        .kubectl(&["delete", "rolebinding", "coder-k8s-lease"])
        .await;
    let replica = Replica::start(&scene, "a").await;
    scene
        .eventually("it says why", async || {
            let (status, text) = replica.probe("/readyz?verbose").await;
            status == 503 && text.contains("cannot be asked for") && text.contains("forbidden")
        })
        .await;
    assert_eq!(replica.probe("/healthz").await.0, 200);
    scene
        .kubectl(&[
            "create",
            "rolebinding",
            "coder-k8s-lease",
            "--role=coder-k8s-lease",
            &format!("--serviceaccount={}:coder-k8s", scene.namespace),
        ])
        .await;
    replica.leads().await;
    let log = replica.program.log_text().unwrap();
    assert_eq!(log.matches("cannot be asked for").count(), 1, "{log}");
    replica.stop().await;
}

/// It has decided on an effect and stands still before it sends it; when it goes on, another one leads.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stood_still_changes_nothing_any_more() {
    let scene = stage("still").await;
    let first = Replica::start(&scene, "a").await;
    first.leads().await;
    let object = scene.template_object(&scene.name("t"));
    let ctpl = format!("ctpl/{object}");
    scene
        .apply(&manifest(&object, &small_source(&scene.namespace)))
        .await;
    scene.until(&ctpl, "ready", is_ready).await;
    let second = Replica::start(&scene, "b").await;
    second.waits().await;

    let read = Matcher::new("GET", "/templates/[0-9a-f-]{36}$").unwrap();
    let hold = first.proxy.hold(read, Stage::BeforeReply);
    scene.patch(&ctpl, json!({ "displayName": "New" })).await;
    hold.held(PATIENCE).await.unwrap();
    first.program.pause();
    drop(hold);
    second.leads().await;
    scene
        .until(&ctpl, "the other one has done it", |object| {
            is_ready(object)
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await;
    first.proxy.forget();
    first.hop.forget();
    first.program.resume();
    first.waits().await;
    // It goes on with what it was at, and then waits for the lease.
    scene
        .eventually("it looks at the lease again", async || {
            let looks = first.hop.seen();
            looks
                .iter()
                .filter(|one| one.path.contains("/leases/"))
                .count()
                >= 3
        })
        .await;
    assert_eq!(first.proxy.mutations(), []);
    let mut wrote = first.hop.seen();
    wrote.retain(|one| one.method != "GET");
    assert!(wrote.is_empty(), "{wrote:#?}");
    let log = first.program.log_text().unwrap();
    assert!(log.contains("the leader no more"), "{log}");

    // It may lead again.
    second.stop().await;
    first.leads().await;
    first.stop().await;
}

/// How often the leader changes, and how many objects there are, unless the variable says otherwise.
fn count(variable: &str) -> usize {
    let given = std::env::var(variable).ok();
    given.map_or(6, |given| given.parse().unwrap())
}

/// After so many looks everything is at rest.
const MOST_LOOKS: usize = 10;

/// Waits until so many templates are ready, as long as there are more and more of them.
async fn all_ready(scene: &Scene, count: usize) {
    let ready = async || {
        let objects = scene.list("coder.com/v1alpha1", "codertemplates").await;
        objects.iter().filter(|object| is_ready(object)).count()
    };
    let mut known = 0;
    while known < count {
        scene
            .eventually("more are ready", async || ready().await > known)
            .await;
        known = ready().await;
    }
}

/// Both sides change all the time while one leader follows the other: in the end both are equal, and each
/// version was made once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_while_leaders_change() {
    let (changes, count) = (count("TEST_LEADER_CHANGES"), count("TEST_LEADER_OBJECTS"));
    let scene = stage("change").await;
    let mut leader = Replica::start(&scene, "r0").await;
    leader.leads().await;
    let objects: Vec<_> = (0..count)
        .map(|number| scene.template_object(&scene.name(&format!("t{number}"))))
        .collect();
    let source = small_source(&scene.namespace);
    for round in 1..=changes {
        let next = Replica::start(&scene, &format!("r{round}")).await;
        leader.program.terminate();
        // Made while nobody leads, and then changed in each round.
        let templates = objects.iter().map(|object| {
            let mut template = manifest(object, &source);
            template["spec"]["displayName"] = json!(format!("{round}"));
            template
        });
        let all: Vec<_> = templates.collect();
        scene
            .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": all }))
            .await;
        for (number, object) in objects.iter().enumerate() {
            if number % 2 == 0 && round > 1 {
                let name = object.rsplit('.').next().unwrap();
                let change = json!({ "description": format!("from Coder {round}") });
                let twin = scene.template(name).await;
                let path = format!("/templates/{}", twin["id"].as_str().unwrap());
                scene.person.ask("PATCH", &path, Some(change)).await;
            }
        }
        next.leads().await;
        leader.program.wait(PATIENCE).await.unwrap();
        leader = next;
        if round == 1 {
            all_ready(&scene, count).await;
        }
    }
    for (number, object) in objects.iter().enumerate() {
        let ctpl = format!("ctpl/{object}");
        let description = (number % 2 == 0).then(|| json!(format!("from Coder {changes}")));
        scene
            .until(&ctpl, "both sides are equal", |seen| {
                let spec = &seen["spec"];
                is_ready(seen)
                    && seen["status"]["observedGeneration"] == seen["metadata"]["generation"]
                    && description
                        .as_ref()
                        .is_none_or(|it| spec["description"] == *it)
            })
            .await;
        let twin = scene.template(object.rsplit('.').next().unwrap()).await;
        assert_eq!(twin["display_name"], json!(format!("{changes}")));
        let path = format!("/templates/{}/versions", twin["id"].as_str().unwrap());
        let versions = scene.person.ask("GET", &path, None).await;
        assert_eq!(versions.as_array().map(Vec::len), Some(1), "{versions:#}");
    }
    // At rest a change of the leader writes nothing.
    let versions = async || {
        let objects = scene.list("coder.com/v1alpha1", "codertemplates").await;
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        objects.iter().map(version).collect::<Vec<_>>()
    };
    let mut before = versions().await;
    for look in 0.. {
        leader.sweeps(&scene, 3).await;
        let now = versions().await;
        if now == before {
            break;
        }
        assert!(look < MOST_LOOKS, "something is written again and again");
        before = now;
    }
    let next = Replica::start(&scene, "last").await;
    leader.stop().await;
    next.leads().await;
    next.sweeps(&scene, 3).await;
    assert_eq!(versions().await, before);
    assert_eq!(next.proxy.mutations(), []);
    next.stop().await;
}
