//! Variables and tags: they are part of what a version is built from.

use super::*;

fn spec(value: &str, tag: &str) -> Value {
    json!({
        "files": files("a"),
        "variables": [{"name": "region", "value": value}],
        "provisionerTags": {"env": tag},
    })
}

fn name_of(spec: &Value) -> String {
    let scenario =
        Scenario::declared(spec).change(|scenario| scenario.own.active = Some(content("b")));
    scenario.records().own.version.unwrap().name
}

#[test]
fn each_value_and_each_tag_make_another_version_and_the_same_make_none() {
    let plain = name_of(&json!({"files": files("a")}));
    let names = [
        plain.clone(),
        name_of(&spec("eu", "prod")),
        name_of(&spec("us", "prod")),
        name_of(&spec("eu", "test")),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{names:?}");
    }
    assert_eq!(names[1], name_of(&spec("eu", "prod")));
    let empty = json!({"files": files("a"), "variables": [], "provisionerTags": {}});
    assert_eq!(name_of(&empty), plain, "nothing is built again for nothing");
}

#[test]
fn the_name_tells_values_only_to_who_has_the_key() {
    let named = |key: u8, name: &str, value: &str| {
        let value = VariableValue {
            text: value.into(),
            is_secret: true,
        };
        let values = BTreeMap::from([(name.to_owned(), value)]);
        let variables = Variables::new(values, VariablesKey::new([key; 32]));
        assert!(!format!("{variables:?}").contains("abc"), "{variables:?}");
        variables.joined_to("hash".to_owned())
    };
    assert_eq!(named(1, "v", "abc"), named(1, "v", "abc"));
    assert_ne!(named(1, "v", "abc"), named(2, "v", "abc"));
    assert_ne!(named(1, "v", "abc"), named(1, "va", "bc"));
}

#[test]
fn the_same_files_without_known_values_are_built_once() {
    let spec = spec("eu", "prod");
    let scenario =
        Scenario::declared(&spec).change(|scenario| scenario.own.active = Some(content("a")));
    let record = scenario.records().own.version.unwrap();
    assert_eq!(
        record.id, None,
        "what the active version was built with, nobody can tell"
    );
    let ours = scenario
        .change(|scenario| scenario.own.active = None)
        .external(|external| {
            external.active_version_name = record.name;
            external.active_version_creator = Some(US);
        });
    let record = ours.records().own.version.unwrap();
    assert_eq!(
        record.id.as_deref(),
        Some(id("active").to_string().as_str())
    );
}

#[test]
fn a_secret_that_is_not_there_is_named_and_awaited() {
    let reference = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let spec = json!({
        "files": files("a"), "variables": [{"name": "region", "valueFrom": reference}],
    });
    let waiting = (Reason::WaitingForReference, Some(Duration::from_secs(60)));
    for scenario in [Scenario::new(&spec), Scenario::declared(&spec)] {
        assert_eq!(scenario.waits(), waiting);
        assert!(
            scenario.message().contains("no Secret s"),
            "{}",
            scenario.message()
        );
    }
}

#[test]
fn without_a_source_of_its_own_nothing_is_ignored_in_silence() {
    for (field, value) in [
        ("variables", json!([{"name": "region", "value": "eu"}])),
        ("provisionerTags", json!({"env": "prod"})),
    ] {
        let scenario = Scenario::declared(&json!({ field: value }));
        assert_eq!(scenario.stalled(), Reason::Incomplete, "{field}");
        assert!(scenario.message().contains(field), "{}", scenario.message());
    }
}
