//! Settings of a bound workspace, in both directions.

use super::*;
use crate::sync::refusal::DigestKey;

fn spec() -> Value {
    json!({"templateName": "go", "ttlMillis": 60_000, "autostartSchedule": "30 8 * * 1-5"})
}

fn mirrored(scenario: &Scenario) -> (Value, bool) {
    match scenario.write() {
        Write::ApplySpec { fields, force } => (Value::Object(fields), force),
        other => panic!("no apply but {other:?}"),
    }
}

fn equal(external: &mut Workspace) {
    external.ttl_millis = Some(60_000);
    external.autostart_schedule = Some("30 8 * * 1-5".to_owned());
}

#[test]
fn declared_settings_are_pushed_one_by_one() {
    let scenario = Scenario::declared(&spec());
    assert_eq!(scenario.changes(), [ttl(Some(60_000))]);
    let scenario = scenario.external(|external| external.ttl_millis = Some(60_000));
    assert_eq!(scenario.changes(), [autostart(Some("30 8 * * 1-5"))]);
    assert_eq!(scenario.external(equal).action(), Action::Rest(None));
}

#[test]
fn a_declared_nothing_is_pushed_as_a_removal() {
    let scenario =
        Scenario::declared(&json!({"templateName": "go", "ttlMillis": 0})).external(equal);
    assert_eq!(scenario.changes(), [ttl(None)]);
    let scenario = Scenario::declared(&json!({"templateName": "go", "autostartSchedule": ""}))
        .external(|external| external.autostart_schedule = Some("0 8 * * *".to_owned()));
    assert_eq!(scenario.changes(), [autostart(None)]);
}

#[test]
fn only_a_push_without_a_new_spec_corrects_drift() {
    let scenario = Scenario::declared(&spec());
    assert_eq!(
        scenario.step().events[0].reason,
        EventReason::DriftCorrected
    );
    let edited = scenario.change(|scenario| scenario.stored.generation = 2);
    assert_eq!(edited.step().events, []);
    // Also when coderd could not be seen in between.
    let seen = edited.clone().unknown().rest();
    let back = edited.change(|scenario| scenario.stored.set_status(&seen));
    assert_eq!(back.step().events, []);
}

fn refused() -> Scenario {
    let scenario = Scenario::declared(&spec());
    scenario.refusing_change(&ttl(Some(60_000)), "ttl is set by the template")
}

#[test]
fn a_refused_setting_is_shown_kept_and_holds_up_no_other() {
    let scenario = refused();
    assert_eq!(scenario.changes(), [autostart(Some("30 8 * * 1-5"))]);
    let scenario = scenario.external(|external| {
        equal(external);
        external.ttl_millis = None;
    });
    assert_eq!(scenario.stalled(), Reason::Refused);
    assert!(
        scenario
            .step()
            .conditions
            .because
            .1
            .contains("ttlMillis: ttl is set by the template")
    );
    let status = scenario.rest();
    assert_eq!(status.sync.unwrap().refused.len(), 1);
}

#[test]
fn a_refused_setting_is_sent_again_on_another_value_or_on_request() {
    let scenario = refused();
    let mut edited = scenario.clone();
    edited.stored.edit(USER, "ttlMillis", Some(json!(120_000)));
    assert_eq!(edited.changes(), [ttl(Some(120_000))]);
    let asked = scenario.change(|scenario| {
        scenario
            .stored
            .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    });
    assert_eq!(asked.changes(), [ttl(Some(60_000))]);
}

#[test]
fn a_refused_setting_is_tried_once_more_with_another_token() {
    let mut scenario = refused().external(|external| {
        equal(external);
        external.ttl_millis = None;
    });
    assert_eq!(scenario.stalled(), Reason::Refused);
    scenario.digest_key = DigestKey::new([8; 32]);
    assert_eq!(scenario.changes(), [ttl(Some(60_000))]);
    let scenario = scenario.refusing_change(&ttl(Some(60_000)), "ttl is still set by the template");
    assert_eq!(scenario.stalled(), Reason::Refused);
    assert_eq!(scenario.rest().sync.unwrap().refused.len(), 1);
}

#[test]
fn a_refusal_of_what_is_not_asked_for_any_more_is_forgotten() {
    let scenario = refused().external(equal);
    assert_eq!(scenario.rest().sync.unwrap().refused, []);
}

#[test]
fn mirrored_is_one_complete_set_without_force() {
    let scenario = Scenario::imported().external(equal);
    let complete = json!({
        "organization": "acme", "templateName": "go", "running": true,
        "ttlMillis": 60_000, "autostartSchedule": "30 8 * * 1-5",
        "templateVersionID": id("version").to_string(),
    });
    assert_eq!(mirrored(&scenario), (complete, false));
}

#[test]
fn a_value_that_coderd_dropped_is_left_out() {
    let mut scenario = Scenario::imported().external(equal);
    let (fields, _) = mirrored(&scenario);
    scenario
        .stored
        .apply(MANAGER_CODERD, fields.as_object().unwrap(), false)
        .unwrap();
    let scenario = scenario.external(|external| external.ttl_millis = Some(60_000));
    let (fields, _) = mirrored(&scenario);
    assert!(fields.get("autostartSchedule").is_none(), "{fields}");
    assert_eq!(fields["ttlMillis"], 60_000);
}

#[test]
fn what_nobody_declares_and_spec_cannot_follow_is_shown() {
    let sixty_days = 60 * 24 * 3_600_000;
    let unfit = Scenario::imported().external(|external| external.ttl_millis = Some(sixty_days));
    let borrowed = Scenario::imported().change(|scenario| {
        let set = json!({"ttlMillis": 60_000});
        let set = set.as_object().unwrap();
        scenario
            .stored
            .apply(MANAGER_CONTROLLER, set, false)
            .unwrap();
        scenario.stored.generation = 1;
    });
    for (scenario, text) in [
        (unfit, "ttlMillis: nothing here, in Coder 5184000000"),
        (borrowed, "ttlMillis: 60000 here, in Coder nothing"),
    ] {
        assert_eq!(scenario.action(), Action::Rest(None));
        let status = scenario.rest();
        let condition = |kind| status.condition(kind).unwrap();
        let synced = condition(ConditionType::Synced);
        let said = (synced.status.as_str(), synced.reason.as_str());
        assert_eq!(said, ("False", "NotMirrored"));
        assert!(synced.message.starts_with(text), "{}", synced.message);
        assert_eq!(condition(ConditionType::Ready).status, "True");
    }
}

#[test]
fn a_released_setting_is_mirrored_and_never_pushed() {
    let mut scenario = Scenario::declared(&spec()).external(equal);
    scenario.stored.edit(USER, "ttlMillis", None);
    let (fields, force) = mirrored(&scenario);
    assert_eq!((&fields["ttlMillis"], force), (&json!(60_000), false));
    assert!(fields.get("autostartSchedule").is_none(), "{fields}");
}

#[test]
fn a_co_owned_setting_is_let_go() {
    let mut scenario = Scenario::imported().external(equal);
    let (fields, _) = mirrored(&scenario);
    scenario
        .stored
        .apply(MANAGER_CODERD, fields.as_object().unwrap(), false)
        .unwrap();
    scenario
        .stored
        .apply(
            USER,
            json!({"ttlMillis": 60_000}).as_object().unwrap(),
            false,
        )
        .unwrap();
    let (fields, _) = mirrored(&scenario);
    assert!(fields.get("ttlMillis").is_none(), "{fields}");
    scenario
        .stored
        .apply(MANAGER_CODERD, fields.as_object().unwrap(), false)
        .unwrap();
    assert_eq!(scenario.stored.spec["ttlMillis"], 60_000);
    assert_eq!(scenario.action(), Action::Rest(None));
}

#[test]
fn a_renamed_template_is_told_by_status_before_spec_also_when_running_is_forced() {
    let scenario = Scenario::imported().external(|external| external.template = "rust".to_owned());
    let told = scenario.clone().recorded();
    assert_eq!(told.stored.status["templateName"], "rust");
    assert_eq!(mirrored(&told).0["templateName"], "rust");
    let stopped = scenario.external(|external| {
        external.template = "rust".to_owned();
        external.build = foreign(2, Transition::Stop, Job::Succeeded);
    });
    let told = stopped.recorded();
    let (fields, force) = mirrored(&told);
    assert_eq!(
        (&fields["templateName"], &fields["running"], force),
        (&json!("rust"), &json!(false), true)
    );
}

#[test]
fn observe_pushes_nothing_and_shows_the_difference() {
    let mut spec = spec();
    spec["driftPolicy"] = json!("Observe");
    // Whatever was said before: the passing False of a build, say.
    let ready = json!({
        "type": "Ready", "status": "False", "reason": "Stopping", "message": "build 2 stops",
        "lastTransitionTime": "2026-11-21T09:00:00Z", "observedGeneration": 1,
    });
    let scenario = Scenario::declared(&spec)
        .change(|scenario| scenario.stored.status["conditions"] = json!([ready]));
    assert_eq!(scenario.action(), Action::Rest(None));
    let status = scenario.rest();
    let condition = |kind| {
        status
            .condition(kind)
            .map(|it| (it.status.as_str(), it.reason.as_str()))
    };
    assert_eq!(
        condition(ConditionType::Drifted),
        Some(("True", "FieldDrift"))
    );
    assert_eq!(
        condition(ConditionType::Synced),
        Some(("False", "FieldDrift"))
    );
    assert_eq!(condition(ConditionType::Ready), Some(("True", "Available")));
    let message = &status.condition(ConditionType::Drifted).unwrap().message;
    assert!(
        message.contains("ttlMillis: declared 60000, in Coder nothing"),
        "{message}"
    );
    let equal = scenario.external(equal).rest();
    assert_eq!(equal.condition(ConditionType::Drifted), None);
    assert_eq!(
        equal.condition(ConditionType::Synced).unwrap().status,
        "True"
    );
}

#[test]
fn the_run_lever_works_under_observe_too() {
    let spec = json!({"templateName": "go", "driftPolicy": "Observe", "running": false});
    let record = Scenario::declared(&spec).records().sync.run.unwrap();
    assert_eq!((record.wanted, record.build_number), (false, 2));
}

fn with_cpu(value: &str) -> Scenario {
    let spec = json!({"templateName": "go", "parameters": [{"name": "cpu", "value": value}]});
    Scenario::declared(&spec)
}

fn known(names: &[(&str, bool)], has: &str) -> impl FnOnce(&mut Workspace) {
    let known = names
        .iter()
        .map(|(name, is_ephemeral)| parameter(name, *is_ephemeral))
        .collect();
    let parameters = values(&[("cpu", has)]);
    move |external| (external.known_parameters, external.parameters) = (Some(known), parameters)
}

#[test]
fn parameters_wait_for_the_next_start() {
    let scenario = with_cpu("8").external(known(&[("cpu", false)], "4"));
    assert_eq!(scenario.waits(), (Reason::WaitingForBuild, None));
    let equal = scenario.external(known(&[("cpu", false)], "8"));
    assert_eq!(
        equal.rest().condition(ConditionType::Ready).unwrap().status,
        "True"
    );
}

#[test]
fn an_ephemeral_parameter_is_not_compared() {
    let scenario = with_cpu("8").external(known(&[("cpu", true)], "4"));
    assert_eq!(
        scenario
            .recorded()
            .rest()
            .condition(ConditionType::Ready)
            .unwrap()
            .status,
        "True"
    );
}

#[test]
fn parameters_travel_with_a_start_and_never_with_a_stop() {
    for running in [true, false] {
        let mut spec = json!({"templateName": "go", "running": running});
        spec["parameters"] = json!([{"name": "cpu", "value": "8"}]);
        let latest = Transition::towards(!running);
        let scenario = Scenario::declared(&spec)
            .change(|scenario| {
                scenario.stored.status["sync"]["run"] = json!({
                    "wanted": running, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z",
                });
            })
            .external(|external| {
                known(&[("cpu", false)], "4")(external);
                external.version_of_next_start = Some(id("active"));
                external.build = build(1, latest, Job::Succeeded);
            });
        let Effect::Build(new) = scenario.effect() else {
            panic!("{:?}", scenario.action())
        };
        assert_eq!(new.transition, Transition::towards(running));
        assert_eq!(new.version_id.is_some(), running);
        assert_eq!(new.parameters.is_empty(), !running);
    }
}

#[test]
fn a_start_with_an_unknown_parameter_is_not_requested() {
    let mut spec = json!({"templateName": "go", "running": true});
    spec["parameters"] = json!([{"name": "ram", "value": "8"}]);
    let scenario = Scenario::declared(&spec).external(|external| {
        known(&[("cpu", false)], "4")(external);
        external.build = build(1, Transition::Stop, Job::Succeeded);
    });
    let scenario = scenario.change(|scenario| {
        scenario.stored.status["sync"]["run"] = json!({
            "wanted": true, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z",
        });
    });
    assert_eq!(scenario.stalled(), Reason::UnknownParameter);
}

#[test]
fn a_forbidden_setting_is_shown_and_holds_up_no_other() {
    let scenario = Scenario::declared(&spec());
    let [change] = &scenario.changes()[..] else {
        panic!("{:?}", scenario.action())
    };
    let forbidden = scenario.look(|context| {
        let value = change.value.as_ref();
        context
            .deployment
            .refused(change.field, value, "rbac: forbidden")
    });
    let scenario = scenario.change(|scenario| scenario.withheld = vec![forbidden]);
    assert_eq!(scenario.changed(), ["autostartSchedule"]);
    let scenario =
        scenario.external(|external| external.autostart_schedule = Some("30 8 * * 1-5".to_owned()));
    assert_eq!(
        scenario.action(),
        Action::Rest(Some(Duration::from_mins(1)))
    );
    assert_eq!(scenario.stalled(), Reason::Forbidden);
    assert!(scenario.message().contains("ttlMillis: rbac: forbidden"));
    // The next look tries again.
    let scenario = scenario
        .rested()
        .change(|scenario| scenario.withheld.clear());
    assert_eq!(scenario.changed(), ["ttlMillis"]);
}

/// The step puts one value back, of `field`.
fn correct(scenario: &mut Scenario, field: &str) {
    let corrects = scenario.step().corrects;
    assert_eq!(
        corrects.iter().map(|it| it.field).collect::<Vec<_>>(),
        [field]
    );
    for correction in corrects {
        scenario.damper.corrected(correction, scenario.now);
    }
}

#[test]
fn a_setting_that_two_writers_keep_changing_is_left_alone_for_an_hour() {
    let mut scenario = Scenario::declared(&spec());
    for _ in 0..5 {
        correct(&mut scenario, "ttlMillis");
    }
    // The other setting goes on.
    assert_eq!(scenario.changed(), ["autostartSchedule"]);
    let scenario =
        scenario.external(|external| external.autostart_schedule = Some("30 8 * * 1-5".to_owned()));
    assert_eq!(
        scenario.action(),
        Action::Rest(Some(Duration::from_hours(1)))
    );
    assert_eq!(scenario.stalled(), Reason::Fighting);
    let message = scenario.message();
    assert!(
        message.contains("declared 60000, in Coder nothing"),
        "{message}"
    );

    let settled = scenario.rested();
    let later = |scenario: &mut Scenario| scenario.now += jiff::SignedDuration::from_hours(1);
    let asked = |scenario: &mut Scenario| {
        let name = names::ANNOTATION_RECONCILE_REQUESTED_AT;
        scenario.stored.annotate(name, "now");
    };
    let edited = |scenario: &mut Scenario| {
        scenario
            .stored
            .edit(USER, "ttlMillis", Some(json!(120_000)));
    };
    for change in [later as fn(&mut Scenario), asked, edited] {
        let scenario = settled.clone().change(change);
        assert_eq!(scenario.changed(), ["ttlMillis"]);
    }
}

#[test]
fn a_run_state_that_two_writers_keep_flipping_is_left_alone_for_an_hour() {
    // Somebody stopped it, and somebody else sets spec back each time.
    let mut scenario = Scenario::declared(&json!({"templateName": "go", "running": true}))
        .external(|external| external.build = foreign(2, Transition::Stop, Job::Succeeded))
        .change(|scenario| {
            scenario.stored.status["sync"] = json!({"run": {"wanted": false, "buildNumber": 2}});
        });
    for _ in 0..5 {
        correct(&mut scenario, "running");
    }
    assert_eq!(
        scenario.action(),
        Action::Rest(Some(Duration::from_hours(1)))
    );
    assert_eq!(scenario.stalled(), Reason::Fighting);
    let message = scenario.message();
    assert!(
        message.contains("declared true, in Coder false by ann"),
        "{message}"
    );
    // Each round is a new spec, so that only being asked for, or time, is a reason to try again.
    let edited = scenario
        .clone()
        .change(|scenario| scenario.stored.generation = 7);
    assert_eq!(edited.stalled(), Reason::Fighting);
    let asked = scenario.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert!(asked.records().sync.run.unwrap().ordered_at.is_some());
}

#[test]
fn a_change_of_mind_is_no_fight() {
    let scenario =
        Scenario::declared(&json!({"templateName": "go", "running": false})).change(|scenario| {
            scenario.stored.status["sync"] = json!({"run": {
                "wanted": true, "buildNumber": 1, "orderedAt": "2026-11-21T09:00:00Z",
            }});
        });
    assert!(scenario.records().sync.run.is_some());
    assert_eq!(scenario.step().corrects, []);
}

#[test]
fn an_edit_is_no_correction() {
    let scenario = Scenario::declared(&spec()).change(|scenario| scenario.stored.generation = 2);
    assert_eq!(scenario.step().corrects, []);
}
