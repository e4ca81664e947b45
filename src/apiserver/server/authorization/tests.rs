use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, ResourceAttributes,
};
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;
use crate::k8s::fake::{Answer, Log, Seen, server};

fn alice() -> Identity {
    Identity {
        name: "alice".to_owned(),
        groups: vec!["b".to_owned(), "a".to_owned()],
        ..Identity::anonymous()
    }
}

fn get(name: &str) -> Attributes {
    Attributes::Resource(Box::new(ResourceAttributes {
        verb: Some("get".to_owned()),
        namespace: Some("team".to_owned()),
        resource: Some("coderworkspaces".to_owned()),
        name: Some(name.to_owned()),
        ..ResourceAttributes::default()
    }))
}

fn status(status: &Value) -> Answer {
    Answer::json(201, &json!({"status": status}))
}

fn allowed() -> Answer {
    status(&json!({"allowed": true, "reason": "RBAC: allowed by x"}))
}

fn authorizer(answer: impl Fn(&Seen) -> Answer + Clone + Send + 'static) -> (Authorizer, Log) {
    let (client, log) = server(answer);
    (Authorizer::new(client, 1), log)
}

fn denied(reason: &str) -> Decision {
    Decision::Denied {
        reason: reason.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn allowed_is_what_is_allowed_and_not_denied() {
    for (answer, expected) in [
        (json!({"allowed": true}), Decision::Allowed),
        (json!({"allowed": true, "denied": false}), Decision::Allowed),
        (
            json!({"allowed": true, "evaluationError": "x"}),
            Decision::Allowed,
        ),
        (
            json!({"allowed": true, "denied": true, "reason": "r"}),
            denied("r"),
        ),
        (json!({"allowed": false}), denied("")),
        (json!({"allowed": false, "denied": true}), denied("")),
        (json!({"allowed": false, "reason": "r"}), denied("r")),
        (json!({}), denied("")),
    ] {
        let (authorizer, log) = authorizer(move |_| status(&answer));
        let decision = authorizer.authorize(&alice(), &get("x")).await.unwrap();
        assert_eq!(decision, expected);
        assert_eq!(
            log.only().path,
            "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_never_allows_and_is_not_remembered() {
    for failure in [
        (|| Answer::text(500, "x")) as fn() -> Answer,
        || Answer::text(403, "x"),
        || Answer::text(200, "x"),
        || Answer::json(201, &json!({"spec": {}})),
        || Answer::json(201, &json!({"status": null})),
        || Answer::json(201, &json!({"status": {"allowed": "true"}})),
        Answer::never,
    ] {
        let well = Arc::new(AtomicBool::new(false));
        let is_well = well.clone();
        let (authorizer, _) = authorizer(move |_| {
            if is_well.load(Ordering::Relaxed) {
                allowed()
            } else {
                failure()
            }
        });
        assert!(authorizer.authorize(&alice(), &get("x")).await.is_err());
        well.store(true, Ordering::Relaxed);
        let decision = authorizer.authorize(&alice(), &get("x")).await.unwrap();
        assert_eq!(decision, Decision::Allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn masters_may_do_everything_unasked() {
    let (authorizer, log) = authorizer(|_| Answer::never());
    for (group, is_master) in [("system:masters", true), ("system:master", false)] {
        let mut identity = alice();
        identity.groups.push(group.to_owned());
        let decision = authorizer.authorize(&identity, &get("x")).await;
        assert_eq!(decision.is_ok_and(|it| it == Decision::Allowed), is_master);
    }
    assert_eq!(log.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn both_decisions_are_good_for_ten_seconds() {
    for answer in [allowed, || status(&json!({"allowed": false}))] {
        let (authorizer, log) = authorizer(move |_| answer());
        for (second, requests) in [(0, 1), (5, 1), (9, 1), (10, 2), (19, 2), (20, 3)] {
            let decision = authorizer.authorize(&alice(), &get("x")).await;
            assert!(decision.is_ok());
            assert_eq!(log.all().len(), requests, "{second}");
            let next = match second {
                0 => 5,
                5 => 4,
                10 => 9,
                _ => 1,
            };
            advance(Duration::from_secs(next)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_taken_away_is_gone_within_ten_seconds() {
    let revoked = Arc::new(AtomicBool::new(false));
    let is_revoked = revoked.clone();
    let (authorizer, _) =
        authorizer(move |_| status(&json!({"allowed": !is_revoked.load(Ordering::Relaxed)})));
    assert_eq!(
        authorizer.authorize(&alice(), &get("x")).await.unwrap(),
        Decision::Allowed
    );
    revoked.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        // However often it is used meanwhile, an answer does not live longer.
        let _ = authorizer.authorize(&alice(), &get("x")).await.unwrap();
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(
        authorizer.authorize(&alice(), &get("x")).await.unwrap(),
        denied("")
    );
}

#[tokio::test(start_paused = true)]
async fn every_part_of_the_question_counts() {
    let changes: [fn(&mut Identity, &mut ResourceAttributes); 18] = [
        |_, _| (),
        |user, _| user.name.push('x'),
        |user, _| user.uid = Some("1".to_owned()),
        |user, _| user.groups.reverse(),
        |user, _| user.groups = vec!["ba".to_owned()],
        |user, _| user.groups = vec!["b".to_owned(), "a".to_owned(), "a".to_owned()],
        |user, _| user.groups.clear(),
        |user, _| {
            user.extra = BTreeMap::from([("k".to_owned(), vec!["1".to_owned(), "2".to_owned()])]);
        },
        |user, _| {
            user.extra = BTreeMap::from([("k".to_owned(), vec!["2".to_owned(), "1".to_owned()])]);
        },
        |user, _| user.extra = BTreeMap::from([("k".to_owned(), vec!["12".to_owned()])]),
        |user, _| user.extra = BTreeMap::from([("k".to_owned(), vec![])]),
        |_, request| request.verb = Some("list".to_owned()),
        |_, request| request.namespace = None,
        |_, request| request.resource = Some("codertemplates".to_owned()),
        |_, request| request.subresource = Some("status".to_owned()),
        |_, request| request.name = None,
        |_, request| request.label_selector = Some(LabelSelectorAttributes::default()),
        |_, request| request.field_selector = Some(FieldSelectorAttributes::default()),
    ];
    let (authorizer, log) = authorizer(|_| allowed());
    for _ in 0..2 {
        for change in changes {
            let (mut identity, mut request) = (
                alice(),
                ResourceAttributes {
                    verb: Some("get".to_owned()),
                    namespace: Some("team".to_owned()),
                    resource: Some("coderworkspaces".to_owned()),
                    name: Some("x".to_owned()),
                    ..ResourceAttributes::default()
                },
            );
            change(&mut identity, &mut request);
            authorizer
                .authorize(&identity, &Attributes::Resource(request.into()))
                .await
                .unwrap();
        }
        assert_eq!(log.all().len(), changes.len());
    }
    for verb in ["get", "head"] {
        let path = Attributes::Path {
            path: "/apis".to_owned(),
            verb: verb.to_owned(),
        };
        authorizer.authorize(&alice(), &path).await.unwrap();
    }
    assert_eq!(log.all().len(), changes.len() + 2);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_ask_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let (authorizer, _) = authorizer(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        allowed()
    });
    let (identity, attributes) = (alice(), get("x"));
    let decisions = (0..100).map(|_| authorizer.authorize(&identity, &attributes));
    for decision in join_all(decisions).await {
        assert_eq!(decision.unwrap(), Decision::Allowed);
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_ten_seconds() {
    let (authorizer, _) = authorizer(|_| Answer::never());
    let (identity, attributes) = (alice(), get("x"));
    let begin = tokio::time::Instant::now();
    let decisions = (0..5).map(|_| authorizer.authorize(&identity, &attributes));
    for decision in join_all(decisions).await {
        assert!(matches!(decision, Err(ReviewError::Late(_))));
    }
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
}
