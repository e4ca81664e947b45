//! Immutable and ephemeral parameters.

use super::*;

fn spec(running: bool, value: &str) -> Value {
    json!({
        "templateName": "go", "running": running,
        "parameters": [{"name": "cpu", "value": value}],
    })
}

/// The state that the record says was ordered or agreed on last, and by which build.
fn run(scenario: &mut Scenario, wanted: bool, number: i64, ordered: bool) {
    let at = ordered.then_some("2026-11-21T10:00:00Z");
    scenario.stored.status["sync"]["run"] = json!({"wanted": wanted, "buildNumber": number});
    if let Some(at) = at {
        scenario.stored.status["sync"]["run"]["orderedAt"] = json!(at);
    }
}

/// coderd shows build `number`, with this value of the parameter.
fn shows(scenario: &mut Scenario, latest: Build, value: &str, known: Parameter) {
    let mut external = workspace();
    external.build = latest;
    external.parameters = values(&[("cpu", value)]);
    external.known_parameters = Some(vec![known]);
    scenario.external = External::Present(external);
}

fn is_sent(scenario: &Scenario) -> Vec<(i64, bool)> {
    let records = scenario.records().sync.ephemeral.into_iter();
    records.map(|it| (it.build_number, it.is_sent)).collect()
}

/// What the start sends that is ordered as build `number`.
fn started(scenario: &Scenario, number: i64) -> Values {
    let scenario = scenario
        .clone()
        .change(|scenario| run(scenario, true, number, true));
    match scenario.effect() {
        Effect::Build(new) => new.parameters,
        effect @ Effect::Create(_) => panic!("{effect:?}"),
    }
}

#[test]
fn a_declared_ephemeral_parameter_is_sent_with_one_start() {
    let known = || parameter("cpu", true);
    let stopped = |number| build(number, Transition::Stop, Job::Succeeded);
    let sent = values(&[("cpu", "8")]);
    let mut scenario = Scenario::declared(&spec(true, "8")).change(|scenario| {
        run(scenario, false, 2, false);
        shows(scenario, stopped(2), "4", known());
    });
    assert_eq!(is_sent(&scenario), [(2, false)], "noted before the order");
    scenario = scenario.recorded();
    assert_eq!(started(&scenario, 3), sent);

    // The build that took it is noted while it is at work; one that failed takes nothing.
    run(&mut scenario, true, 3, true);
    for job in [Job::Active, Job::Succeeded] {
        let mut scenario = scenario.clone();
        shows(
            &mut scenario,
            build(3, Transition::Start, job),
            "8",
            known(),
        );
        assert_eq!(is_sent(&scenario), [(3, true)], "{job:?}");
        let mut failed = scenario.recorded();
        shows(
            &mut failed,
            build(3, Transition::Start, Job::Failed),
            "8",
            known(),
        );
        let asked = failed.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
        assert_eq!(started(&asked, 4), sent, "a start that failed is repeated");
    }
    shows(
        &mut scenario,
        build(3, Transition::Start, Job::Active),
        "8",
        known(),
    );
    let mut scenario = scenario.recorded();

    // Later starts leave it out, until another value is declared.
    run(&mut scenario, false, 4, false);
    shows(&mut scenario, stopped(4), "4", known());
    assert_eq!(started(&scenario, 5), Values::new());
    let other = spec(true, "16")["parameters"].clone();
    scenario.stored.edit(USER, "parameters", Some(other));
    let scenario = scenario.change(|scenario| run(scenario, false, 4, false));
    assert_eq!(is_sent(&scenario), [(4, false)]);
    let sent = values(&[("cpu", "16")]);
    assert_eq!(started(&scenario.recorded(), 5), sent);
}

#[test]
fn a_creation_sends_it_and_no_start_after_that() {
    let scenario = Scenario::new(&spec(true, "8")).change(|scenario| {
        let mut site = site();
        site.template.as_mut().unwrap().parameters = vec![parameter("cpu", true)];
        scenario.own.site = Some(site);
        scenario.stored.has_finalizer = true;
    });
    assert_eq!(is_sent(&scenario), [(0, false)]);
    let records = scenario.records().sync.ephemeral;
    let mut created = Scenario::declared(&spec(true, "8"));
    created.stored.status["sync"]["ephemeral"] = json!(records);
    let first = build(1, Transition::Start, Job::Active);
    shows(&mut created, first, "8", parameter("cpu", true));
    assert_eq!(is_sent(&created), [(1, true)]);
}

#[test]
fn an_immutable_parameter_keeps_its_value() {
    let known = || Parameter {
        is_mutable: false,
        ..parameter("cpu", false)
    };
    let running = build(1, Transition::Start, Job::Succeeded);
    let stopped = build(1, Transition::Stop, Job::Succeeded);
    let with = |running: bool, latest: &Build, has: &str| {
        Scenario::declared(&spec(running, "8")).change(|scenario| {
            run(scenario, latest.run_state() == Some(true), 1, false);
            shows(scenario, latest.clone(), has, known());
        })
    };
    assert_eq!(
        with(true, &running, "4").stalled(),
        Reason::ImmutableParameter
    );
    assert!(with(true, &running, "4").message().contains("cpu"));
    let start = with(true, &stopped, "4").change(|scenario| run(scenario, true, 2, true));
    assert_eq!(
        start.stalled(),
        Reason::ImmutableParameter,
        "it is not sent"
    );
    let stop = with(false, &running, "4");
    assert!(stop.records().sync.run.is_some(), "a stop goes on");
    // The same value is fine, and so is the first one.
    let equal = with(true, &running, "8").rest();
    let ready = equal.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.status, "True");
    let first = with(true, &stopped, "8").change(|scenario| {
        if let External::Present(external) = &mut scenario.external {
            external.parameters.clear();
        }
        run(scenario, true, 2, true);
    });
    assert!(matches!(first.effect(), Effect::Build(_)));
}
