use std::{
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::*;
use crate::{
    api::workspace::CoderWorkspace,
    k8s::fake::{Answer, Log, Seen, server, status},
};

fn object(name: &str, uid: &str, version: u32) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {"namespace": "team", "name": name, "uid": uid,
            "resourceVersion": version.to_string(),
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "me"},
            "managedFields": [{"manager": "kubectl", "operation": "Apply"}]},
    })
}

fn list(version: u32, objects: &[Value]) -> Answer {
    Answer::json(
        200,
        &json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
            "metadata": {"resourceVersion": version.to_string()}, "items": objects}),
    )
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn expired() -> Value {
    let words = "too old resource version: 1 (345)";
    event("ERROR", &status(410, "Expired", words, &json!({})))
}

/// A server whose lists and watches are answered by these scripts; when one ends, its last answer
/// is given for ever.
struct Script {
    client: Client,
    log: Log,
}

type Step = fn() -> Answer;

fn script(lists: Vec<Step>, watches: Vec<Step>) -> Script {
    let counters = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (client, log) = server(move |seen: &Seen| {
        let (steps, counter) = if seen.is_watch() {
            (&watches, &counters.1)
        } else {
            (&lists, &counters.0)
        };
        let index = counter.fetch_add(1, Ordering::Relaxed);
        steps[index.min(steps.len() - 1)]()
    });
    Script { client, log }
}

impl Script {
    fn start(
        &self,
    ) -> (
        impl Stream<Item = WatchEvent<CoderWorkspace>> + Send + use<>,
        Receiver<Health>,
        Arc<Mutex<Vec<String>>>,
    ) {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = failures.clone();
        let options = Options {
            seed: 3,
            ..Options::default()
        };
        let (events, health) = watch(self.client.clone(), &options, move |failure| {
            seen.lock().unwrap().push(failure.to_string());
        });
        (events, health, failures)
    }

    fn versions_watched(&self) -> Vec<String> {
        let watches = self.log.all().into_iter().filter(Seen::is_watch);
        watches
            .map(|seen| seen.parameter("resourceVersion").unwrap().to_owned())
            .collect()
    }

    fn lists(&self) -> usize {
        self.log
            .all()
            .iter()
            .filter(|seen| !seen.is_watch())
            .count()
    }
}

/// The next `count` events, as `*name/uid` (listed), `+name/uid`, `-name/uid` and `=`.
async fn take(events: impl Stream<Item = WatchEvent<CoderWorkspace>>, count: usize) -> Vec<String> {
    let events = events.take(count).map(|event| match event {
        WatchEvent::Applied(object) => format!(
            "+{}/{}",
            object.metadata.name.as_ref().unwrap(),
            object.metadata.uid.as_ref().unwrap()
        ),
        WatchEvent::Listed(object) => format!(
            "*{}/{}",
            object.metadata.name.as_ref().unwrap(),
            object.metadata.uid.as_ref().unwrap()
        ),
        WatchEvent::Deleted { key, uid } => format!("-{}/{uid}", key.name),
        WatchEvent::Synced => "=".to_owned(),
    });
    timeout(Duration::from_secs(3600), events.collect())
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn all_is_listed_and_then_watched() {
    let script = script(
        vec![|| list(5, &[object("a", "1", 4)])],
        vec![|| {
            Answer::open_events(&[
                event("ADDED", &object("b", "2", 6)),
                event("MODIFIED", &object("a", "1", 7)),
                event("DELETED", &object("b", "2", 8)),
            ])
        }],
    );
    let (events, health, failures) = script.start();
    assert!(!health.borrow().synced);
    assert_eq!(take(events, 5).await, ["*a/1", "=", "+b/2", "+a/1", "-b/2"]);
    assert!(health.borrow().synced && health.borrow().last_success.is_some());
    assert!(failures.lock().unwrap().is_empty());
    let seen = script.log.all();
    assert_eq!(seen[0].path, "/apis/coder.com/v1alpha1/coderworkspaces");
    assert!(!seen[0].header("accept").contains("as="), "a list is whole");
    assert_eq!(seen[0].parameter("resourceVersion"), None);
    assert!(
        seen[1]
            .header("accept")
            .contains("as=PartialObjectMetadata;")
    );
    assert_eq!(seen[1].parameter("resourceVersion"), Some("5"));
    assert_eq!(seen[1].parameter("allowWatchBookmarks"), Some("true"));
    assert_eq!(seen[1].parameter("timeoutSeconds"), Some("290"));
}

#[tokio::test]
async fn one_namespace_and_some_labels_can_be_watched() {
    let (client, log) = server(|_| list(5, &[]));
    let options = Options {
        namespace: Some("team".to_owned()),
        labels: Some("a=b".to_owned()),
        fields: Some("metadata.name=x".to_owned()),
        seed: 1,
    };
    let (events, _) = watch::<CoderWorkspace, _>(client, &options, |_| ());
    take(events, 1).await;
    let seen = log.only();
    assert_eq!(
        seen.path,
        "/apis/coder.com/v1alpha1/namespaces/team/coderworkspaces"
    );
    assert_eq!(seen.parameter("labelSelector"), Some("a=b"));
    assert_eq!(seen.parameter("fieldSelector"), Some("metadata.name=x"));
}

#[tokio::test(start_paused = true)]
async fn what_fills_the_memory_is_left_out() {
    let script = script(
        vec![|| list(5, &[object("a", "1", 4)])],
        vec![|| Answer::open_events(&[event("MODIFIED", &object("a", "1", 6))])],
    );
    let (events, _, _) = script.start();
    let mut events = pin!(events);
    let Some(WatchEvent::Listed(listed)) = events.next().await else {
        panic!("no object was listed");
    };
    assert!(matches!(events.next().await, Some(WatchEvent::Synced)));
    let Some(WatchEvent::Applied(applied)) = events.next().await else {
        panic!("no object was changed");
    };
    for metadata in [&listed.metadata, &applied.metadata] {
        assert_eq!(metadata.managed_fields, None);
        let annotations = metadata.annotations.as_ref().unwrap();
        assert_eq!(annotations.keys().collect::<Vec<_>>(), ["keep"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_no_typed_read_takes_is_listed_with_its_status() {
    let script = script(
        vec![|| {
            let mut odd = object("a", "1", 4);
            odd["spec"] = json!({"running": "perhaps", "organization": 7});
            odd["status"] = json!({"binding": {"id": "x"}, "conditions": "none"});
            list(5, &[odd, object("b", "2", 4)])
        }],
        vec![Answer::never],
    );
    let (events, _, _) = script.start();
    let mut events = pin!(events);
    let Some(WatchEvent::Listed(odd)) = events.next().await else {
        panic!("no object");
    };
    assert_eq!(odd.status["binding"]["id"], "x");
    assert_eq!(take(events, 2).await, ["*b/2", "="]);
}

#[tokio::test(start_paused = true)]
async fn what_vanished_while_nobody_looked_is_deleted() {
    let script = script(
        vec![
            || {
                list(
                    5,
                    &[
                        object("a", "1", 1),
                        object("b", "2", 2),
                        object("c", "3", 3),
                    ],
                )
            },
            || list(9, &[object("a", "1", 1), object("c", "33", 8)]),
        ],
        vec![|| Answer::events(&[expired()]), || Answer::open_events(&[])],
    );
    let (events, health, failures) = script.start();
    assert_eq!(
        take(events, 9).await,
        [
            "*a/1", "*b/2", "*c/3", "=", "-b/2", "-c/3", "*a/1", "*c/33", "="
        ]
    );
    assert_eq!(*failures.lock().unwrap(), ["the server ended the watch"]);
    assert_eq!(health.borrow().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_created_again_is_deleted_first() {
    let script = script(
        vec![|| list(5, &[object("a", "1", 1)])],
        vec![|| {
            Answer::open_events(&[
                event("ADDED", &object("a", "2", 7)),
                event("DELETED", &object("a", "1", 8)),
                event("DELETED", &object("a", "2", 9)),
            ])
        }],
    );
    let (events, _, _) = script.start();
    assert_eq!(take(events, 5).await, ["*a/1", "=", "-a/1", "+a/2", "-a/2"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_version_is_listed_again() {
    let script = script(
        vec![|| list(5, &[]), || list(9, &[])],
        vec![
            || Answer::json(410, &status(410, "Expired", "too old", &json!({}))),
            || {
                let details = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
                Answer::json(
                    504,
                    &status(504, "Timeout", "Too large resource version", &details),
                )
            },
            || Answer::open_events(&[event("ADDED", &object("a", "1", 10))]),
        ],
    );
    let (events, _, failures) = script.start();
    assert_eq!(take(events, 4).await, ["=", "=", "=", "+a/1"]);
    assert_eq!(*failures.lock().unwrap(), ["cannot open the watch"; 2]);
    assert_eq!(script.versions_watched(), ["5", "9", "9"]);
}

#[tokio::test(start_paused = true)]
async fn a_restarting_server_is_waited_for_and_resumed() {
    let script = script(
        vec![
            || Answer::text(500, "starting"),
            Answer::never,
            || Answer::text(404, "404 page not found"),
            || list(5, &[]),
        ],
        vec![
            || Answer::events(&[event("ADDED", &object("a", "1", 6))]),
            || Answer::text(503, "shutting down"),
            Answer::never,
            || Answer::open_events(&[event("ADDED", &object("b", "2", 7))]),
        ],
    );
    let (events, health, failures) = script.start();
    assert_eq!(take(events, 3).await, ["=", "+a/1", "+b/2"]);
    assert_eq!(
        *failures.lock().unwrap(),
        [
            "cannot list",
            "cannot list",
            "cannot list",
            "the watch ended at once",
            "cannot open the watch",
            "the watch was not opened in time",
        ]
    );
    // Nothing was missed: each try went on from the last version.
    assert_eq!(script.versions_watched(), ["5", "6", "6", "6"]);
    assert_eq!(health.borrow().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_does_not_flood_the_server() {
    let script = script(vec![|| list(5, &[])], vec![|| Answer::events(&[])]);
    let (events, _, failures) = script.start();
    let mut events = pin!(events);
    assert!(matches!(events.next().await, Some(WatchEvent::Synced)));
    assert!(
        timeout(Duration::from_secs(600), events.next())
            .await
            .is_err()
    );
    let watches = script.versions_watched().len();
    assert!((20..70).contains(&watches), "{watches}");
    assert_eq!(failures.lock().unwrap().len(), watches);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_keeps_failing_is_tried_less_and_less() {
    let script = script(vec![|| Answer::text(403, "no")], vec![Answer::never]);
    let (events, health, _) = script.start();
    let mut events = pin!(events);
    assert!(
        timeout(Duration::from_secs(600), events.next())
            .await
            .is_err()
    );
    assert!((20..50).contains(&script.lists()), "{}", script.lists());
    let health = *health.borrow();
    assert!(!health.synced && health.last_success.is_none() && health.failures > 10);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_taken_for_dead_and_bookmarks_move_it_on() {
    let script = script(
        vec![|| list(5, &[])],
        vec![
            || {
                let bookmark = json!({"apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
                    "metadata": {"resourceVersion": "70"}});
                Answer::open_events(&[event("BOOKMARK", &bookmark)])
            },
            || Answer::open_events(&[event("ADDED", &object("a", "1", 71))]),
        ],
    );
    let (events, _, failures) = script.start();
    let begun = Instant::now();
    assert_eq!(take(events, 2).await, ["=", "+a/1"]);
    assert_eq!(begun.elapsed(), Duration::from_secs(295));
    assert_eq!(script.versions_watched(), ["5", "70"]);
    assert!(failures.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_not_read_again() {
    let script = script(
        vec![|| list(5, &[]), || list(9, &[])],
        vec![
            || Answer::events(&[event("ADDED", &json!({"metadata": {"name": 3}}))]),
            || Answer::open_events(&[]),
        ],
    );
    let (events, _, failures) = script.start();
    assert_eq!(take(events, 2).await, ["=", "="]);
    assert_eq!(*failures.lock().unwrap(), ["the watch broke off"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_comes_in_pages() {
    let (client, log) = server(|seen| {
        let page = |next: &str, name: &str| {
            let metadata = json!({"resourceVersion": "5", "continue": next});
            Answer::json(
                200,
                &json!({"apiVersion": "v1", "kind": "PartialObjectMetadataList",
                "metadata": metadata, "items": [object(name, name, 1)]}),
            )
        };
        match seen.parameter("continue") {
            _ if seen.is_watch() => Answer::never(),
            None => page("next", "a"),
            Some(_) => page("", "b"),
        }
    });
    let (events, _) = watch::<CoderWorkspace, _>(client, &Options::default(), |_| ());
    assert_eq!(take(events, 3).await, ["*a/a", "*b/b", "="]);
    let seen = log.all();
    assert_eq!(seen[0].parameter("limit"), Some("100"));
    assert_eq!(seen[1].parameter("continue"), Some("next"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_down_once_it_has_failed_for_long_and_well_again_once_it_is() {
    let refused: Step = || Answer::text(503, "no");
    let well: Step = || list(5, &[]);
    let steps = std::iter::repeat_n(refused, 12).chain([well]).collect();
    let script = script(steps, vec![|| Answer::open_events(&[])]);
    let (events, mut health, failures) = script.start();
    let start = Instant::now();
    let follow = async {
        while !health.borrow().is_down() {
            health.changed().await.unwrap();
        }
        let down_after = start.elapsed();
        while health.borrow().is_down() {
            health.changed().await.unwrap();
        }
        down_after
    };
    let mut events = pin!(events);
    let read = async { while events.next().await.is_some() {} };
    let down_after = tokio::select! {
        down_after = follow => down_after,
        () = read => panic!("a watch never ends"),
    };
    let limits = Duration::from_secs(90)..Duration::from_secs(150);
    assert!(limits.contains(&down_after), "{down_after:?}");
    assert_eq!(failures.lock().unwrap().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_now_and_then_is_never_down() {
    // Each is opened, lives for a while, and is refused once.
    let open: Step = || Answer::open_events(&[event("MODIFIED", &object("a", "1", 7))]);
    let refused: Step = || Answer::text(503, "no");
    let steps = [refused, open].repeat(3);
    let script = script(vec![|| list(5, &[])], steps);
    let (events, health, _) = script.start();
    let mut events = pin!(events);
    let read = async { while events.next().await.is_some() {} };
    let ended = timeout(Duration::from_secs(1000), read).await;
    assert!(ended.is_err() && !health.borrow().is_down());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_there_is_told_from_a_server_that_fails() {
    let steps: Vec<Step> = vec![
        || Answer::text(404, "404 page not found"),
        || Answer::text(503, "no"),
        || list(5, &[]),
    ];
    let script = script(steps, vec![|| Answer::open_events(&[])]);
    let (events, mut health, _) = script.start();
    let follow = async {
        let mut said = Vec::new();
        while !health.borrow().synced {
            health.changed().await.unwrap();
            said.push(health.borrow().missing);
        }
        said
    };
    let mut events = pin!(events);
    let read = async { while events.next().await.is_some() {} };
    let said = tokio::select! {
        said = follow => said,
        () = read => panic!("a watch never ends"),
    };
    assert_eq!(said, [true, false, false]);
}
