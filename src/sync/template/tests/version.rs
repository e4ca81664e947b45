//! The version of the declared source.

use super::*;
use crate::sync::template::version::id_of;

pub(super) fn spec() -> Value {
    json!({"files": files("a")})
}

fn name(text: &str, attempt: u32) -> String {
    source::version_name(&hash(text), attempt)
}

#[test]
fn row_content_that_is_active_already_is_recorded_and_not_built() {
    let scene = Scene::declared(&spec()).change(|scene| scene.own.active = Some(content("a")));
    let record = scene.records().own.version.unwrap();
    assert_eq!(
        (id_of(&record), record.name.as_str()),
        (Some(id("active")), "angry_name1")
    );
    assert_eq!(record.source_hash, hash("a"));
    let scene = scene.recorded().change(|scene| {
        scene.own.version = Find::Found(version("active", Some(ID), VersionJob::Succeeded));
    });
    assert_eq!(scene.action(), Action::Rest(None));
    assert_eq!(
        scene.condition(ConditionType::VersionPromoted).unwrap().0,
        "True"
    );
    // Also by its name, where the content cannot be read, but only if it is ours.
    for (creator, known) in [(US, Some(id("active"))), (id("ann"), None)] {
        let named = Scene::declared(&spec())
            .change(|scene| scene.own.active = Some(unreadable("no file", false)))
            .external(|external| {
                external.active_version_name = name("a", 3);
                external.active_version_creator = Some(creator);
            });
        assert_eq!(
            id_of(&named.records().own.version.unwrap()),
            known,
            "{creator}"
        );
    }
}

#[test]
fn somebody_elses_version_under_our_name_is_passed_over_and_never_promoted() {
    let foreign = |attempt| {
        let version = Version {
            creator: Some(id("ann")),
            ..version("theirs", Some(ID), VersionJob::Succeeded)
        };
        Scene::declared(&spec()).seeing(recorded("a", attempt, None), version)
    };
    let record = foreign(1).records().own.version.unwrap();
    assert_eq!((record.id, record.name), (None, name("a", 2)));
    // There is an end to it.
    assert_eq!(foreign(16).stalled(), Reason::NameTaken);
    let asked = foreign(16).annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 17));
}

#[test]
fn row_another_source_is_recorded_built_awaited_and_promoted() {
    let scene = Scene::declared(&spec()).change(|scene| scene.own.active = Some(content("b")));
    let record = scene.records().own.version.unwrap();
    assert_eq!((record.id, record.name), (None, name("a", 1)));

    let scene = scene
        .recorded()
        .change(|scene| scene.own.version = Find::Absent);
    let effect = Effect::CreateVersion {
        name: name("a", 1),
        template_id: Some(id(ID)),
        executables: Vec::new(),
    };
    assert_eq!(scene.effect(), effect);

    let found = |job| Find::Found(version("v1", Some(ID), job));
    let scene = scene
        .change(|scene| scene.own.version = found(VersionJob::Active))
        .recorded();
    assert_eq!(
        scene.waits(),
        (Reason::Building, Some(Duration::from_secs(2)))
    );

    let scene = scene
        .change(|scene| scene.own.version = found(VersionJob::Succeeded))
        .recorded();
    assert_eq!(scene.effect(), Effect::Promote(id("v1")));
    assert_eq!(scene.step().events[0].reason, EventReason::VersionPromoted);

    let scene = scene.active("v1").recorded();
    assert!(scene.records_now().promoted_at.is_some());
    assert_eq!(scene.action(), Action::Rest(None));
}

impl Scene {
    fn records_now(&self) -> VersionStatus {
        serde_json::from_value(self.stored.status["version"].clone()).unwrap()
    }
}

#[test]
fn row_a_lost_reply_finds_its_own_version_by_name() {
    let scene = Scene::declared(&spec()).seeing(
        recorded("a", 1, None),
        version("v1", Some(ID), VersionJob::Active),
    );
    assert_eq!(id_of(&scene.records().own.version.unwrap()), Some(id("v1")));
}

#[test]
fn row_a_failed_import_is_stalled_with_its_log_and_the_old_version_stays() {
    let scene = Scene::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    assert_eq!(scene.stalled(), Reason::VersionFailed);
    assert!(scene.message().contains("line 3"));
    assert_eq!(
        scene.condition(ConditionType::VersionPromoted).unwrap().0,
        "False"
    );
}

#[test]
fn row_the_next_attempt_comes_on_request_only() {
    let scene = Scene::declared(&spec())
        .seeing(
            recorded("a", 4, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    let asked = scene
        .clone()
        .annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 5));
    // It is asked for once.
    let begun = asked.recorded();
    assert_eq!(begun.stored.status["lastHandledReconcileAt"], "now");
    // A new source begins at its first attempt.
    let mut edited = scene;
    edited.stored.edit(USER, "files", Some(files("b")));
    edited.own.version = Find::NotSought;
    assert_eq!(edited.records().own.version.unwrap().name, name("b", 1));
}

#[test]
fn row_a_build_that_was_given_up_is_tried_three_times_in_all() {
    for attempt in 1..=4 {
        let scene = Scene::declared(&spec())
            .seeing(
                recorded("a", attempt, Some("v1")),
                version("v1", Some(ID), failed(true)),
            )
            .recorded();
        if attempt < 3 {
            assert_eq!(
                scene.records().own.version.unwrap().name,
                name("a", attempt + 1)
            );
        } else {
            assert_eq!(scene.stalled(), Reason::VersionFailed);
        }
    }
}

#[test]
fn row_an_archived_version_is_brought_back_before_it_is_promoted() {
    let archived = Version {
        is_archived: true,
        ..version("v1", Some(ID), VersionJob::Succeeded)
    };
    let scene = Scene::declared(&spec())
        .seeing(recorded("a", 1, Some("v1")), archived)
        .recorded();
    assert_eq!(scene.effect(), Effect::Unarchive(id("v1")));
    assert_eq!(scene.step().events, []);
}

#[test]
fn row_nothing_is_promoted_before_it_succeeded() {
    for job in [VersionJob::Active, failed(false)] {
        let scene = Scene::declared(&spec())
            .seeing(recorded("a", 1, Some("v1")), version("v1", Some(ID), job))
            .recorded();
        assert!(
            matches!(scene.action(), Action::Rest(_)),
            "{:?}",
            scene.action()
        );
    }
}

#[test]
fn row_promoted_by_somebody_else_is_enforced_without_a_build() {
    let scene = Scene::promoted().active("other");
    assert_eq!(scene.effect(), Effect::Promote(id("v1")));
    assert_eq!(scene.step().events[0].reason, EventReason::DriftCorrected);
}

#[test]
fn row_promoted_by_somebody_else_is_shown_where_it_is_only_watched() {
    let mut scene = Scene::promoted().rested();
    scene
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    scene.stored.generation = 1;
    let scene = scene.active("other");
    assert_eq!(scene.action(), Action::Rest(None));
    let condition = |kind| scene.condition(kind).unwrap().0;
    assert_eq!(condition(ConditionType::Drifted), "True");
    assert_eq!(condition(ConditionType::Synced), "False");
    assert_eq!(condition(ConditionType::Ready), "True");
    assert_eq!(condition(ConditionType::VersionPromoted), "False");
}

#[test]
fn row_observe_builds_nothing() {
    let mut spec = spec();
    spec["driftPolicy"] = json!("Observe");
    let scene = Scene::declared(&spec).change(|scene| scene.own.active = Some(content("b")));
    assert_eq!(scene.action(), Action::Rest(None));
    assert_eq!(scene.condition(ConditionType::Drifted).unwrap().0, "True");
    // Nor does a version that failed before hold up what is still enforced.
    let failed = Scene::declared(&spec)
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    assert_eq!(failed.condition(ConditionType::Ready).unwrap().0, "True");
}

#[test]
fn row_an_import_that_takes_too_long_is_promoted_when_it_still_succeeds() {
    let scene = Scene::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Active),
        )
        .recorded()
        .change(|scene| scene.now = at("10:25:00"));
    let (reason, delay) = scene.rests(crate::sync::conditions::Progress::Stalled);
    assert_eq!(
        (reason, delay),
        (Reason::VersionTimedOut, Some(Duration::from_secs(60)))
    );
    let late = scene
        .change(|scene| {
            scene.own.version = Find::Found(version("v1", Some(ID), VersionJob::Succeeded));
        })
        .recorded();
    assert_eq!(late.effect(), Effect::Promote(id("v1")));
}

#[test]
fn the_wait_goes_on_where_it_stopped() {
    let scene = Scene::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Active),
        )
        .recorded()
        .change(|scene| scene.now = at("10:10:00"));
    assert_eq!(scene.waits().1, Some(Duration::from_secs(10)));
}

#[test]
fn row_a_version_without_a_template_gets_one_of_its_own_in_a_template_of_others() {
    // Built to create the template, which somebody else created meanwhile.
    for owner in [None, Some("another")] {
        let scene = Scene::declared(&spec()).seeing(
            recorded("a", 1, Some("v1")),
            version("v1", owner, VersionJob::Succeeded),
        );
        // Under another name: by its old one the controller remembers the version that it made.
        let record = scene.records().own.version.unwrap();
        assert_eq!((record.id, record.name), (None, name("a", 2)));
        let scene = scene
            .recorded()
            .change(|scene| scene.own.version = Find::Absent);
        assert!(matches!(
            scene.effect(),
            Effect::CreateVersion {
                template_id: Some(_),
                ..
            }
        ));
    }
}

#[test]
fn a_version_that_vanished_is_built_again_on_request_only() {
    let scene = Scene::declared(&spec()).change(|scene| {
        scene.stored.status["version"] = recorded("a", 1, Some("v1"));
        scene.own.version = Find::Absent;
    });
    assert_eq!(scene.stalled(), Reason::NotProved);
    let asked = scene.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 2));
}

#[test]
fn a_refused_version_is_stalled_and_not_sent_again() {
    let scene = Scene::declared(&spec()).change(|scene| {
        scene.stored.status["version"] = recorded("a", 1, None);
        scene.own.version = Find::Absent;
    });
    let effect = scene.effect();
    let refused = scene.refusing(&effect, "coderd says no");
    assert_eq!(refused.stalled(), Reason::Refused);
    assert_eq!(refused.clone().rested().stalled(), Reason::Refused);
    let asked = refused.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert!(matches!(asked.effect(), Effect::CreateVersion { .. }));
}

#[test]
fn a_refused_promotion_is_stalled_also_in_place_of_somebody_elses() {
    let first = Scene::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Succeeded),
        )
        .recorded();
    for scene in [first, Scene::promoted().active("other")] {
        let refused = scene.clone().refusing(&scene.effect(), "coderd says no");
        assert_eq!(refused.stalled(), Reason::Refused);
        assert_eq!(refused.rested().stalled(), Reason::Refused);
    }
}

#[test]
fn a_source_that_is_no_source_is_refused() {
    let scene = Scene::declared(&json!({"files": {"../x": "a"}}));
    assert_eq!(scene.stalled(), Reason::InvalidSource);
}

#[test]
fn the_version_is_sought_where_its_record_says() {
    let seek = |record: Value, text: &str| {
        let scene =
            Scene::declared(&spec()).change(|scene| scene.stored.status["version"] = record);
        let object: CoderTemplate = scene.stored.object();
        format!(
            "{:?}",
            crate::sync::template::version::seek(&object, &hash(text))
        )
    };
    assert_eq!(
        seek(recorded("a", 1, Some("v1")), "a"),
        format!("ById({})", id("v1"))
    );
    assert_eq!(
        seek(recorded("a", 2, None), "a"),
        format!("ByName({:?})", name("a", 2))
    );
    assert_eq!(seek(recorded("a", 1, Some("v1")), "b"), "Nothing");
    assert_eq!(seek(Value::Null, "a"), "Nothing");
}

#[test]
fn row_a_version_that_two_writers_keep_replacing_is_left_alone_for_an_hour() {
    let mut scene = Scene::promoted().active("other");
    for _ in 0..5 {
        assert_eq!(scene.effect(), Effect::Promote(id("v1")));
        let corrects = scene.step().corrects;
        assert_eq!(corrects.len(), 1);
        for correction in corrects {
            scene.damper.corrected(correction, scene.now);
        }
    }
    assert_eq!(scene.action(), Action::Rest(Some(Duration::from_hours(1))));
    assert_eq!(scene.stalled(), Reason::Fighting);
    let message = scene.message();
    assert!(message.contains("name-of-other is active"), "{message}");
}

#[test]
fn row_a_source_that_comes_back_passes_over_its_failed_version() {
    let failed_before = |created: &str| Version {
        created_at: at(created),
        ..version("v1", Some(ID), failed(false))
    };
    let scene = Scene::declared(&spec())
        .seeing(recorded("a", 1, None), failed_before("09:00:00"))
        .change(|scene| scene.now = at("10:00:00"));
    let record = scene.records().own.version.unwrap();
    assert_eq!((record.name, record.id), (name("a", 2), None));
    // The one that was made just now is the one.
    let scene = Scene::declared(&spec())
        .seeing(recorded("a", 1, None), failed_before("10:00:00"))
        .recorded();
    assert_eq!(scene.stalled(), Reason::VersionFailed);
}

#[test]
fn row_an_import_is_dated_by_the_clock_that_it_is_compared_with() {
    let scene = Scene::declared(&spec()).change(|scene| {
        scene.now = at("11:00:00");
        scene.coderd_now = Some(at("10:00:00"));
    });
    let begun = scene.records().own.version.unwrap();
    let started = begun.started_at.map(|time| time.0);
    assert_eq!(
        started,
        Some(at("10:00:00")),
        "{begun:?}",
        begun = begun.name
    );
}
