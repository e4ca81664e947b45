//! Parameters whose values are in Secrets.

use super::*;

fn spec(running: bool) -> Value {
    let reference = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    json!({
        "templateName": "go", "running": running,
        "parameters": [{"name": "cpu", "valueFrom": reference}],
    })
}

fn leads_to(scenario: &mut Scenario, value: Result<&str, &str>) {
    let value = value.map(Into::into).map_err(str::to_owned);
    scenario.own.referenced = Referenced::from([("cpu".to_owned(), value)]);
}

/// The Secret holds "QZQZ"; the latest build, number 1, brought the state `runs` and had `has`.
fn bound(running: bool, runs: bool, has: &str) -> Scenario {
    Scenario::declared(&spec(running))
        .change(|scenario| {
            leads_to(scenario, Ok("QZQZ"));
            scenario.stored.status["sync"] = json!({"run": {"wanted": runs, "buildNumber": 1}});
        })
        .external(|external| {
            external.build = build(1, Transition::towards(runs), Job::Succeeded);
            external.parameters = values(&[("cpu", has)]);
            external.known_parameters = Some(vec![parameter("cpu", false)]);
        })
}

fn ordered(scenario: Scenario) -> Scenario {
    scenario.change(|scenario| {
        scenario.stored.status["sync"]["run"] = json!({
            "wanted": true, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z",
        });
    })
}

#[test]
fn the_value_of_a_secret_travels_with_the_next_start_like_any_other() {
    let waiting = bound(true, true, "4");
    assert_eq!(waiting.waits(), (Reason::WaitingForBuild, None));
    assert!(waiting.message().contains("cpu"));
    let equal = bound(true, true, "QZQZ").rest();
    let ready = equal.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.status, "True");
    let Effect::Build(new) = ordered(bound(true, false, "4")).effect() else {
        panic!("no build")
    };
    assert_eq!(new.parameters, values(&[("cpu", "QZQZ")]));
    let created = Scenario::new(&spec(true)).attempted("10:00:00");
    let created = created.change(|scenario| leads_to(scenario, Ok("QZQZ")));
    let Effect::Create(new) = created.effect() else {
        panic!("no creation")
    };
    assert_eq!(new.parameters, values(&[("cpu", "QZQZ")]));
}

#[test]
fn a_secret_that_is_not_there_is_awaited_and_nothing_is_started_without_it() {
    let missing = |scenario: &mut Scenario| leads_to(scenario, Err("there is no Secret s"));
    for scenario in [
        bound(true, true, "4"),
        ordered(bound(true, false, "4")),
        Scenario::new(&spec(true)),
    ] {
        let scenario = scenario.change(missing);
        assert_eq!(scenario.waits().0, Reason::WaitingForReference);
        let message = scenario.message();
        assert!(message.contains("cpu: there is no Secret s"), "{message}");
    }
    let stop = bound(false, true, "4").change(missing);
    assert!(stop.records().sync.run.is_some());
}

#[test]
fn another_value_is_another_request() {
    let scenario = ordered(bound(true, false, "4"));
    let effect = scenario.effect();
    let refused = scenario.refusing(&effect, "no option");
    assert_eq!(refused.stalled(), Reason::Refused);
    let other = refused.change(|scenario| leads_to(scenario, Ok("ZQZQ")));
    assert!(matches!(other.effect(), Effect::Build(_)));
}

#[test]
fn it_is_shown_nowhere() {
    let mut ephemeral = bound(true, true, "4");
    if let External::Present(external) = &mut ephemeral.external {
        external.known_parameters = Some(vec![parameter("cpu", true)]);
    }
    let start = ordered(bound(true, false, "4"));
    let refused = start.clone().refusing(&start.effect(), "no option");
    let fixed = crate::sync::refusal::DigestKey::default();
    let guessed = fixed.digest(Some(&json!("QZQZ")));
    for scenario in [
        bound(true, true, "4"),
        bound(true, true, "QZQZ"),
        start,
        refused,
        ephemeral.clone(),
        ephemeral.recorded(),
    ] {
        let step = scenario.step();
        let said = format!("{step:?} {scenario:?} {}", scenario.stored.status);
        assert!(!said.contains("QZQZ"), "{said}");
        assert!(!said.contains(&guessed), "{said}");
    }
}

/// Who lets a reference go hands nothing over: parameters are not mirrored, and the value stays in Coder.
#[test]
fn a_reference_that_is_released_leaves_no_value_in_spec() {
    let released = Scenario::imported().external(|external| {
        external.ttl_millis = Some(3_600_000);
        external.parameters = values(&[("cpu", "QZQZ")]);
        external.known_parameters = Some(vec![parameter("cpu", false)]);
    });
    let Write::ApplySpec { fields, .. } = released.write() else {
        panic!("{:?}", released.action())
    };
    assert!(!fields.contains_key("parameters"), "{fields:?}");
}
