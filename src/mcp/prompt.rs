//! Prompts for three tasks that people have again and again.

use rmcp::{
    ErrorData,
    model::{
        GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Role,
    },
};
use serde_json::Value;

use crate::api::text::shortened;

/// An argument is a name, or a sentence at most.
const LONGEST: usize = 500;

/// A task: what it is called, what it is for, what has to be known, and what to do. `{argument}` stands
/// for what is known.
struct Task {
    name: &'static str,
    description: &'static str,
    arguments: &'static [(&'static str, &'static str)],
    text: &'static str,
}

const TASKS: [Task; 3] = [
    Task {
        name: "why_not_ready",
        description: "Find out why a workspace is not ready, and what to do about it.",
        arguments: &[
            ("namespace", "The namespace of the CoderWorkspace"),
            ("name", "Its name: <organization>.<owner>.<workspace>"),
        ],
        text: "\
Find out why the CoderWorkspace {name} in namespace {namespace} is not ready.

1. Call explain_workspace. Its summary names the reason that counts.
2. If the reason speaks of a template or its version, call explain_template for it as well.
3. Tell me in a few sentences what is wrong, on what evidence, and what I should do. Change nothing: if a \
change would help, show me which one and ask first.",
    },
    Task {
        name: "roll_out_template",
        description: "Roll a change of a template out, step by step, with confirmation.",
        arguments: &[
            ("namespace", "The namespace of the CoderTemplate"),
            ("name", "Its name: <organization>.<template>"),
            ("change", "What is to change"),
        ],
        text: "\
Roll this change out to the CoderTemplate {name} in namespace {namespace}: {change}

1. Read the object and call explain_template, to know what is there and whether it is well now.
2. Call apply_template without confirm, and show me the changes and any conflicts.
3. Only if I agree: call it again with confirm.
4. Follow it with wait_for (condition Ready) until it is met or stalled, and tell me how it went. If the \
import of the version fails, show me the end of its log from explain_template.",
    },
    Task {
        name: "clean_up_stale_workspaces",
        description: "Plan which workspaces could be stopped or deleted. Changes nothing.",
        arguments: &[
            ("namespace", "The namespace to look through"),
            ("days", "After how many days without use a workspace is stale"),
        ],
        text: "\
Plan a clean-up of the workspaces in namespace {namespace}. Change nothing.

1. Call list_workspaces, page by page, until there is no continue.
2. Call explain_workspace for each; status.lastUsedAt says when it was last used, status.dormantAt and \
status.deletingAt what Coder itself has planned.
3. Make a table of those that were not used for {days} days: name, last use, whether it runs, and what you \
suggest (stop, delete, leave alone) with the reason. I decide.",
    },
];

/// All prompts.
pub(super) fn list() -> ListPromptsResult {
    let argument = |&(name, description): &(&str, &str)| {
        PromptArgument::new(name)
            .with_description(description)
            .with_required(true)
    };
    let prompt = |task: &Task| {
        let arguments = task.arguments.iter().map(argument).collect();
        Prompt::new(task.name, Some(task.description), Some(arguments))
    };
    ListPromptsResult::with_all_items(TASKS.iter().map(prompt).collect())
}

/// A prompt, filled in.
pub(super) fn get(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let task = TASKS.iter().find(|task| task.name == name);
    let task = task.ok_or_else(|| {
        ErrorData::invalid_params(
            format!("unknown prompt: {}", shortened(name, LONGEST)),
            None,
        )
    })?;
    let mut text = String::new();
    // One pass: what is filled in is not looked at again.
    for part in task.text.split_inclusive(['{', '}']) {
        let word = part.strip_suffix('}');
        match word.filter(|word| task.arguments.iter().any(|(name, _)| name == word)) {
            Some(word) => {
                text.pop();
                text.push_str(&known(word, arguments)?);
            }
            None => text.push_str(part),
        }
    }
    let message = PromptMessage::new_text(Role::User, text);
    let mut result = GetPromptResult::new(vec![message]);
    result.description = Some(task.description.to_owned());
    Ok(result)
}

fn known(name: &str, arguments: &JsonObject) -> Result<String, ErrorData> {
    let value = arguments.get(name).and_then(Value::as_str).map(str::trim);
    let value = value.filter(|value| !value.is_empty());
    let value =
        value.ok_or_else(|| ErrorData::invalid_params(format!("{name} is required"), None))?;
    Ok(shortened(value, LONGEST))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(name: &str, arguments: &Value) -> Result<String, ErrorData> {
        let result = get(name, arguments.as_object().unwrap())?;
        Ok(
            serde_json::to_value(result).unwrap()["messages"][0]["content"]["text"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    }

    #[test]
    fn every_argument_is_asked_for_and_filled_in_once() {
        for task in &TASKS {
            let arguments: JsonObject = task
                .arguments
                .iter()
                .map(|(name, _)| ((*name).to_owned(), json!(format!("<{name}> {{name}}"))))
                .collect();
            let filled = text(task.name, &Value::Object(arguments.clone())).unwrap();
            for (name, _) in task.arguments {
                assert!(
                    filled.contains(&format!("<{name}> {{name}}")),
                    "{name}: {filled}"
                );
                let mut without = arguments.clone();
                without.remove(*name);
                let refused = text(task.name, &Value::Object(without)).unwrap_err();
                assert_eq!(refused.message, format!("{name} is required"));
            }
        }
        assert!(text("other", &json!({})).is_err());
    }
}
