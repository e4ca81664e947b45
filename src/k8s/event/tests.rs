use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::SignedDuration;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::k8s::fake::{Answer, Log, Seen, server, status};

fn now() -> Timestamp {
    "2026-11-21T13:00:00.5Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn workspace(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("coder.com/v1alpha1".to_owned()),
        kind: Some("CoderWorkspace".to_owned()),
        namespace: Some("team".to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("uid of {name}")),
        ..ObjectReference::default()
    }
}

fn event(note: &str) -> Event {
    Event {
        severity: Severity::Warning,
        reason: "DriftCorrected".to_owned(),
        action: "Push".to_owned(),
        related: None,
        note: note.to_owned(),
    }
}

fn recorder(answer: impl Fn(&Seen) -> Answer + Clone + Send + 'static) -> (EventRecorder, Log) {
    let (client, log) = server(answer);
    (EventRecorder::new(client, "pod-1"), log)
}

fn ok(_: &Seen) -> Answer {
    Answer::json(201, &json!({}))
}

#[tokio::test]
async fn an_event_says_all_that_the_server_asks_for() {
    let (recorder, log) = recorder(ok);
    recorder
        .publish(&workspace("acme.ann.dev"), &event("ttl was 1"), now())
        .await;
    let seen = log.only();
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.path, "/apis/events.k8s.io/v1/namespaces/team/events");
    let name = format!("acme.ann.dev.{:x}", now().as_microsecond());
    assert_eq!(
        seen.body,
        json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"namespace": "team", "name": name},
            "eventTime": "2026-11-21T13:00:00.500000Z",
            "type": "Warning", "reason": "DriftCorrected", "action": "Push", "note": "ttl was 1",
            "regarding": {"apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
                "namespace": "team", "name": "acme.ann.dev", "uid": "uid of acme.ann.dev"},
            "reportingController": "coder-k8s", "reportingInstance": "pod-1",
        })
    );
}

#[tokio::test]
async fn an_equal_event_is_counted_on_the_first() {
    let (recorder, log) = recorder(ok);
    for seconds in [0, 10, 300, 659] {
        recorder
            .publish(&workspace("x"), &event("same"), after(seconds))
            .await;
    }
    let seen = log.all();
    let name = seen[0].body["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    for (index, time) in [(1, "13:00:10"), (2, "13:05:00"), (3, "13:10:59")] {
        assert_eq!(seen[index].method, "PATCH");
        assert_eq!(
            seen[index].path,
            format!("/apis/events.k8s.io/v1/namespaces/team/events/{name}")
        );
        assert_eq!(
            seen[index].header("content-type"),
            "application/merge-patch+json"
        );
        assert_eq!(
            seen[index].body,
            json!({"series": {"count": index + 1,
                "lastObservedTime": format!("2026-11-21T{time}.500000Z")}})
        );
    }
    recorder
        .publish(&workspace("x"), &event("same"), after(659 + 360))
        .await;
    assert_eq!(log.all()[4].method, "POST");
}

#[tokio::test]
async fn another_note_or_another_object_is_another_event() {
    let (recorder, log) = recorder(ok);
    recorder
        .publish(&workspace("x"), &event("one"), now())
        .await;
    recorder
        .publish(&workspace("x"), &event("two"), now())
        .await;
    recorder
        .publish(&workspace("y"), &event("one"), now())
        .await;
    let again = ObjectReference {
        uid: Some("created again".to_owned()),
        ..workspace("x")
    };
    recorder.publish(&again, &event("one"), now()).await;
    let seen = log.all();
    assert!(seen.iter().all(|seen| seen.method == "POST"), "{seen:#?}");
    let mut names: Vec<_> = seen
        .iter()
        .map(|seen| seen.body["metadata"]["name"].to_string())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[tokio::test]
async fn an_event_that_expired_is_written_anew() {
    let (recorder, log) = recorder(|seen| {
        let name = seen.path.rsplit('/').next().unwrap();
        let details = json!({"name": name, "group": "events.k8s.io", "kind": "events"});
        if seen.method == "PATCH" {
            Answer::json(404, &status(404, "NotFound", "gone", &details))
        } else {
            ok(seen)
        }
    });
    recorder
        .publish(&workspace("x"), &event("same"), now())
        .await;
    recorder
        .publish(&workspace("x"), &event("same"), after(1))
        .await;
    let seen = log.all();
    let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "POST"]);
    assert_ne!(
        seen[0].body["metadata"]["name"],
        seen[2].body["metadata"]["name"]
    );
}

#[tokio::test]
async fn what_was_refused_is_not_counted() {
    let repaired = Arc::new(AtomicBool::new(false));
    let switch = repaired.clone();
    let (recorder, log) = recorder(move |seen| {
        if switch.load(Ordering::Relaxed) {
            return ok(seen);
        }
        let details = json!({"causes": [{"reason": "NamespaceTerminating"}]});
        Answer::json(403, &status(403, "Forbidden", "terminated", &details))
    });
    recorder
        .publish(&workspace("x"), &event("same"), now())
        .await;
    repaired.store(true, Ordering::Relaxed);
    recorder
        .publish(&workspace("x"), &event("same"), after(1))
        .await;
    let methods: Vec<_> = log.all().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["POST", "POST"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_holds_nobody_up() {
    let (recorder, _) = recorder(|_| Answer::never());
    let begun = Instant::now();
    recorder
        .publish(&workspace("x"), &event("same"), now())
        .await;
    assert_eq!(begun.elapsed(), LIMIT);
}

#[tokio::test]
async fn long_words_are_cut_between_characters() {
    let (recorder, log) = recorder(ok);
    let wordy = Event {
        reason: "R".repeat(300),
        action: "A".repeat(300),
        ..event(&"€".repeat(1000))
    };
    recorder
        .publish(&workspace(&"n".repeat(253)), &wordy, now())
        .await;
    let body = log.only().body;
    let length = |field: &str| body[field].as_str().unwrap().len();
    assert_eq!(
        (length("reason"), length("action"), length("note")),
        (128, 128, 1023)
    );
    assert!(body["note"].as_str().unwrap().ends_with("€…"));
    assert!(body["metadata"]["name"].as_str().unwrap().len() <= 253);
}

#[tokio::test]
async fn an_object_without_namespace_is_told_of_in_default() {
    let (recorder, log) = recorder(ok);
    let crd = ObjectReference {
        kind: Some("CustomResourceDefinition".to_owned()),
        name: Some("coderworkspaces.coder.com".to_owned()),
        ..ObjectReference::default()
    };
    recorder.publish(&crd, &event("going"), now()).await;
    assert_eq!(
        log.only().path,
        "/apis/events.k8s.io/v1/namespaces/default/events"
    );
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let mut dedup = Dedup::default();
    let total = i64::try_from(CAPACITY).unwrap() + 10;
    let note = |index: i64| event(&index.to_string());
    for index in 0..total {
        let time = now() + SignedDuration::from_millis(index);
        dedup.step(&workspace("x"), &note(index), time);
    }
    assert!(dedup.len() <= CAPACITY);
    let is_counted = |dedup: &mut Dedup, index| {
        matches!(
            dedup.step(&workspace("x"), &note(index), after(60)),
            Step::Count { .. }
        )
    };
    assert!(is_counted(&mut dedup, total - 1));
    assert!(!is_counted(&mut dedup, 0));
}
