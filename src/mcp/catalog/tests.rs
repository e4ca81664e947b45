mod fuzz;

use super::*;

/// The Go project's tools: clients and prompts know them by name.
const GO: [&str; 14] = [
    "list_control_planes",
    "get_control_plane_status",
    "list_control_plane_pods",
    "get_control_plane_deployment_status",
    "get_service_status",
    "list_workspaces",
    "get_workspace",
    "set_workspace_running",
    "list_templates",
    "get_template",
    "set_template_running",
    "get_events",
    "get_pod_logs",
    "check_health",
];

fn names(writes: bool) -> Vec<String> {
    let all = all(writes).into_iter();
    all.map(|tool| tool.definition.name.into_owned()).collect()
}

#[test]
fn the_tools_of_the_go_project_are_there_once() {
    let names = names(true);
    for name in GO {
        let times = names.iter().filter(|one| *one == name).count();
        assert_eq!(times, 1, "{name}");
    }
}

#[test]
fn without_writes_there_is_nothing_that_writes() {
    for tool in all(false) {
        let hints = tool.definition.annotations.unwrap();
        assert_eq!(hints.read_only_hint, Some(true), "{}", tool.definition.name);
    }
    let reading = names(false);
    assert!(
        !reading
            .iter()
            .any(|name| name.starts_with("set_") || name.starts_with("apply_"))
    );
    assert!(reading.contains(&"get_workspace".to_owned()));
}

#[test]
fn every_tool_says_what_it_takes_and_returns_and_does() {
    for tool in all(true) {
        let Definition {
            name,
            description,
            input_schema,
            output_schema,
            annotations,
            ..
        } = tool.definition;
        assert!(
            description.is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        assert_eq!(input_schema["type"], "object", "{name}");
        assert_eq!(input_schema["additionalProperties"], false, "{name}");
        assert_eq!(output_schema.unwrap()["type"], "object", "{name}");
        let hints = annotations.unwrap();
        assert_eq!(hints.read_only_hint, Some(!tool.writes), "{name}");
        assert_eq!(hints.open_world_hint, Some(false), "{name}");
    }
}

/// Clients of the official TypeScript SDK complain of each format that they do not know.
#[test]
fn no_schema_has_an_unsigned_number() {
    for tool in all(true) {
        let text = serde_json::to_string(&tool.definition).unwrap();
        assert!(!text.contains("\"uint"), "{}", tool.definition.name);
    }
}
