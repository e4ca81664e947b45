//! From nothing to a bound object.

use uuid::Uuid;

use super::*;

fn spec() -> Value {
    json!({"templateName": "go"})
}

fn made(creator: Uuid, created: &str) -> impl FnOnce(&mut Workspace) {
    let (creator, created) = (creator, at(created));
    move |external| (external.creator, external.created_at) = (Some(creator), created)
}

#[test]
fn the_first_visit_only_says_that_nothing_is_known_yet() {
    let scenario =
        Scenario::new(&spec()).change(|scenario| scenario.stored.status = testing::unwritten());
    let step = scenario.step();
    let Action::Record(records) = step.action else {
        panic!("{step:?}")
    };
    assert_eq!(*records, Records::default());
    assert_eq!(step.conditions.because.0, Reason::Pending);
    // A restored object is no exception, a terminating one is.
    let deleted = scenario.change(|scenario| scenario.stored.delete());
    assert!(matches!(deleted.action(), Action::Rest(None)));
}

#[test]
fn created_here_goes_by_finalizer_attempt_request_binding_and_label() {
    let scenario = Scenario::new(&spec());
    assert_eq!(scenario.write(), Write::AddFinalizer);

    let scenario = scenario.change(|scenario| scenario.stored.has_finalizer = true);
    let sync = scenario.records().sync;
    assert_eq!(
        sync.attempt,
        Some(Attempt {
            requested_at: Time(at("10:00:00"))
        })
    );
    let first = RunRecord {
        wanted: true,
        build_number: 1,
        ordered_at: Some(Time(at("10:00:00"))),
        ttl_millis: None,
    };
    assert_eq!(sync.run, Some(first.clone()));

    let scenario = scenario.recorded();
    let Effect::Create(new) = scenario.effect() else {
        panic!("{:?}", scenario.action())
    };
    assert_eq!((new.owner.as_str(), new.name.as_str()), ("ann", "dev"));
    assert_eq!(new.template_id, id("template"));

    // The same again for as long as nothing is there: coderd takes a name once.
    assert_eq!(scenario.effect(), Effect::Create(new));

    let scenario = scenario.external(made(US, "10:00:00"));
    let step = scenario.step();
    assert_eq!(step.events[0].reason, EventReason::Created);
    let records = scenario.records();
    let binding = records.binding.unwrap();
    assert_eq!(
        (binding.id.as_str(), binding.origin),
        (ID, Origin::Kubernetes)
    );
    assert_eq!(binding.deployment_id, DEPLOYMENT);
    assert_eq!(records.sync.attempt, None);
    assert_eq!(records.sync.run, Some(first));

    let scenario = scenario.recorded();
    assert_eq!(scenario.write(), Write::ApplyOrigin(Origin::Kubernetes));
}

#[test]
fn with_a_declared_retain_no_finalizer_is_put_on() {
    let scenario = Scenario::new(&json!({"templateName": "go", "deletionPolicy": "Retain"}));
    assert!(scenario.records().sync.attempt.is_some());
}

#[test]
fn what_exists_is_adopted_and_retained() {
    let table: [(Option<&str>, Uuid, &str); 4] = [
        (None, US, "10:00:05"),
        (Some("10:00:00"), id("ann"), "10:00:05"),
        (Some("10:00:00"), US, "09:59:59"),
        (Some("10:00:00"), Uuid::nil(), "10:00:05"),
    ];
    for (attempt, creator, created) in table {
        let mut scenario = Scenario::new(&spec());
        if let Some(attempt) = attempt {
            scenario = scenario.attempted(attempt);
        }
        let scenario = scenario.external(made(creator, created));
        let records = scenario.records();
        let case = format!("{attempt:?} {creator} {created}");
        assert_eq!(records.binding.unwrap().origin, Origin::Coderd, "{case}");
        assert_eq!(
            scenario.step().events[0].reason,
            EventReason::Adopted,
            "{case}"
        );
        assert_eq!(
            (records.sync.attempt, records.sync.run),
            (None, None),
            "{case}"
        );
    }
}

#[test]
fn an_adopted_workspace_loses_the_finalizer_unless_delete_is_declared() {
    let adopted = |spec| {
        Scenario::bound(USER, &spec, Origin::Coderd)
            .change(|scenario| scenario.stored.has_finalizer = true)
    };
    let scenario = adopted(json!({"templateName": "go"}));
    assert_eq!(scenario.write(), Write::RemoveFinalizer);
    let scenario = adopted(json!({"templateName": "go", "deletionPolicy": "Delete"}));
    assert_eq!(scenario.action(), Action::Rest(None));
}

#[test]
fn a_lost_reply_is_settled_by_looking() {
    let scenario = Scenario::new(&spec()).attempted("10:00:00");
    let arrived = scenario.clone().external(made(US, "10:00:01"));
    assert_eq!(
        arrived.records().binding.unwrap().origin,
        Origin::Kubernetes
    );
    assert!(matches!(scenario.effect(), Effect::Create(_)));
}

#[test]
fn a_twin_that_another_object_holds_is_a_duplicate() {
    let scenario = Scenario::new(&spec())
        .external(|_| {})
        .change(|scenario| scenario.bound_elsewhere = Some("static.acme.ann.dev"));
    assert_eq!(scenario.stalled(), Reason::Duplicate);
}

#[test]
fn a_name_that_the_owner_uses_in_another_organization_is_taken() {
    let scenario =
        Scenario::new(&spec()).external(|external| external.organization = "other".to_owned());
    assert_eq!(scenario.stalled(), Reason::NameTaken);
    // Case is no difference.
    let scenario =
        Scenario::new(&spec()).external(|external| external.organization = "ACME".to_owned());
    assert!(scenario.records().binding.is_some());
}

#[test]
fn an_alias_in_the_name_is_not_canonical() {
    let table = [
        (
            Spelling::Alias("coder".to_owned()),
            Spelling::Canonical,
            "coder.ann.dev",
        ),
        (
            Spelling::Canonical,
            Spelling::Alias("carol".to_owned()),
            "acme.carol.dev",
        ),
    ];
    for (organization, owner, right) in table {
        let scenario = Scenario::new(&spec()).change(|scenario| {
            scenario.own.site = Some(Site {
                organization,
                owner,
                ..site()
            });
        });
        assert_eq!(scenario.stalled(), Reason::NotCanonical);
        let message = scenario.message();
        assert!(message.contains(right), "{message}");
    }
    assert_eq!(Spelling::of("Acme", "acme"), Spelling::Canonical);
    assert_eq!(
        Spelling::of("default", "Coder"),
        Spelling::Alias("coder".to_owned())
    );
}

#[test]
fn what_does_not_exist_yet_is_waited_for() {
    let table = [
        (
            Site {
                organization: Spelling::NotFound,
                ..site()
            },
            Reason::OrganizationNotFound,
        ),
        (
            Site {
                owner: Spelling::NotFound,
                ..site()
            },
            Reason::OwnerNotFound,
        ),
        (
            Site {
                template: None,
                ..site()
            },
            Reason::WaitingForTemplate,
        ),
    ];
    for (site, reason) in table {
        let scenario = Scenario::new(&spec()).change(|scenario| scenario.own.site = Some(site));
        let (found, delay) = scenario.waits();
        assert_eq!(found, reason);
        assert!(delay.is_some());
    }
}

#[test]
fn what_cannot_be_created_from_says_what_is_missing() {
    assert_eq!(
        Scenario::new(&json!({"running": true})).stalled(),
        Reason::Incomplete
    );
    let mut spec = json!({"templateName": "go", "parameters": [{"name": "ram", "value": "4"}]});
    assert_eq!(Scenario::new(&spec).stalled(), Reason::UnknownParameter);
    spec["parameters"] = json!([]);
    spec["automaticUpdates"] = json!("always");
    let scenario = Scenario::new(&spec);
    assert_eq!(scenario.stalled(), Reason::NotSupportedYet);
    // It is never ignored in silence, also where the external object is there.
    let bound = Scenario::declared(&spec);
    assert_eq!(bound.stalled(), Reason::NotSupportedYet);
    // What it shapes does not happen without it: a start, but not a stop.
    let mut order = |running: bool| {
        spec["running"] = json!(running);
        let agreed = json!({"wanted": !running, "buildNumber": 1});
        Scenario::declared(&spec)
            .external(|external| {
                external.build = build(1, Transition::towards(!running), Job::Succeeded);
            })
            .change(|scenario| scenario.stored.status["sync"]["run"] = agreed)
    };
    assert_eq!(order(true).stalled(), Reason::NotSupportedYet);
    let run = json!({"wanted": true, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z"});
    let ordered = order(true).change(|scenario| scenario.stored.status["sync"]["run"] = run);
    assert_eq!(ordered.stalled(), Reason::NotSupportedYet);
    assert!(order(false).records().sync.run.is_some());
}

#[test]
fn declared_settings_and_parameters_travel_with_the_creation() {
    let scenario = Scenario::new(&json!({
        "templateName": "go", "ttlMillis": 90_500, "autostartSchedule": "30 8 * * 1-5",
        "parameters": [{"name": "cpu", "value": "4"}],
    }))
    .attempted("10:00:00");
    let Effect::Create(new) = scenario.effect() else {
        panic!("{:?}", scenario.action())
    };
    assert_eq!(new.ttl_millis, Some(60_000));
    assert_eq!(new.autostart_schedule.as_deref(), Some("30 8 * * 1-5"));
    assert_eq!(new.parameters, values(&[("cpu", "4")]));
}

#[test]
fn a_refused_creation_is_not_sent_again_until_something_changes() {
    let scenario = Scenario::new(&spec()).attempted("10:00:00");
    let effect = scenario.effect();
    let scenario = scenario.refusing(&effect, "too many");
    let sync = scenario.look(|context| context.records().sync);
    assert_eq!((sync.attempt, sync.run), (None, None));
    assert_eq!(scenario.stalled(), Reason::Refused);
    assert!(scenario.message().contains("too many"));

    let asked = scenario.clone().change(|scenario| {
        scenario
            .stored
            .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    });
    assert!(asked.records().sync.attempt.is_some());
    let mut edited = scenario.clone();
    edited.stored.edit(USER, "ttlMillis", Some(json!(60_000)));
    assert!(edited.records().sync.attempt.is_some());
    // Another version of the template is another request.
    let mut newer = scenario;
    newer
        .own
        .site
        .as_mut()
        .unwrap()
        .template
        .as_mut()
        .unwrap()
        .active_version_id = id("next");
    assert!(newer.records().sync.attempt.is_some());
}

#[test]
fn an_import_that_came_too_late_takes_its_object_back() {
    let scenario = Scenario::of(MANAGER_CODERD, &json!({"organization": "acme"}));
    let scenario = scenario.change(|scenario| scenario.own.site = Some(site()));
    assert!(matches!(scenario.write(), Write::Delete(_)));
    let late = scenario.external(|_| {});
    assert_eq!(late.records().binding.unwrap().origin, Origin::Coderd);
}

#[test]
fn names_that_spell_no_identity_are_stalled() {
    for name in ["dev", "acme.dev", "a.coder.acme.ann.dev"] {
        let scenario =
            Scenario::new(&spec()).change(|scenario| scenario.stored.name = name.to_owned());
        assert_eq!(scenario.stalled(), Reason::InvalidName, "{name}");
    }
    let scenario = Scenario::new(&spec())
        .change(|scenario| scenario.stored.name = "coder.acme.ann.dev".to_owned());
    assert_eq!(scenario.write(), Write::AddFinalizer);
}

#[test]
fn an_old_coderd_is_read_only() {
    let old = || Some(Failure::new(Reason::UnsupportedCoderVersion, "too old"));
    let scenario = Scenario::new(&spec()).change(|scenario| scenario.read_only = old());
    assert_eq!(scenario.stalled(), Reason::UnsupportedCoderVersion);
    let bound = Scenario::declared(&json!({"templateName": "go", "ttlMillis": 60_000}))
        .change(|scenario| scenario.read_only = old());
    assert_eq!(bound.stalled(), Reason::UnsupportedCoderVersion);
    let deleted = Scenario::declared(&spec()).change(|scenario| {
        scenario.read_only = old();
        scenario.stored.delete();
    });
    assert_eq!(deleted.stalled(), Reason::UnsupportedCoderVersion);
}

#[test]
fn an_attempt_by_a_clock_that_is_ahead_is_taken_again() {
    let scenario = Scenario::new(&spec()).attempted("10:00:03");
    let records = scenario.records();
    assert_eq!(
        records.sync.attempt.map(|attempt| attempt.requested_at.0),
        Some(at("10:00:00"))
    );
    assert!(matches!(scenario.recorded().effect(), Effect::Create(_)));
}

#[test]
fn what_stands_in_the_way_of_a_binding_is_looked_at_again() {
    let taken =
        Scenario::new(&spec()).external(|external| external.organization = "other".to_owned());
    let Action::Rest(Some(delay)) = taken.action() else {
        panic!("{:?}", taken.action())
    };
    assert!(delay <= Duration::from_mins(5));
}
