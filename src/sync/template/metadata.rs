//! The metadata of a template: the fields that are pushed one by one.

use serde_json::Value;

use super::{Context, Effect, Template};
use crate::{
    api::template::Promotion,
    sync::{field::FieldState, setting},
};

/// The fields that can be pushed one by one.
pub fn settings(context: &Context, template: &Template) -> Vec<(&'static str, FieldState)> {
    let spec = &context.object.spec;
    [
        ("displayName", &spec.display_name, &template.display_name),
        ("description", &spec.description, &template.description),
        ("icon", &spec.icon, &template.icon),
    ]
    .into_iter()
    .map(|(name, wanted, actual)| {
        let wanted = wanted.clone().map(Value::from);
        let actual = Some(Value::from(actual.as_str()));
        (name, setting::state(context, name, wanted, actual))
    })
    .collect()
}

/// The effect that sets a field to its declared value.
pub fn set(field: &'static str, wanted: Option<&Value>) -> Effect {
    let value = wanted.and_then(Value::as_str).unwrap_or_default();
    Effect::SetMetadata {
        field,
        value: value.to_owned(),
    }
}

/// The declared fields that are not synchronised yet.
pub fn unsupported(context: &Context) -> Vec<String> {
    unsupported_settings(context)
        .into_iter()
        .chain(unsupported_of_version(context))
        .map(|name| format!("spec.{name}"))
        .collect()
}

/// The declared fields that are not synchronised yet and say which version is built and promoted, or
/// how. As long as there is one, none is: it would not be the one that is asked for.
pub fn unsupported_of_version(context: &Context) -> Vec<&'static str> {
    let spec = &context.object.spec;
    let active = context
        .present()
        .map(|template| template.active_version_id.to_string());
    let version_id = spec.version_id.as_deref();
    let tags = spec.provisioner_tags.as_ref();
    given([
        (spec.source.is_some(), "source"),
        (
            version_id.is_some_and(|id| !id.is_empty() && Some(id) != active.as_deref()),
            "versionID",
        ),
        (!spec.variables.is_empty(), "variables"),
        (tags.is_some_and(|tags| !tags.is_empty()), "provisionerTags"),
        (spec.promotion == Some(Promotion::Manual), "promotion"),
    ])
}

fn given<const N: usize>(fields: [(bool, &'static str); N]) -> Vec<&'static str> {
    let given = fields.into_iter().filter(|(is_given, _)| *is_given);
    given.map(|(_, name)| name).collect()
}

fn unsupported_settings(context: &Context) -> Vec<&'static str> {
    let spec = &context.object.spec;
    let deprecation = spec.deprecation_message.as_deref();
    given([
        (
            deprecation.is_some_and(|text| !text.is_empty()),
            "deprecationMessage",
        ),
        (spec.default_ttl_millis.is_some(), "defaultTTLMillis"),
        (spec.activity_bump_millis.is_some(), "activityBumpMillis"),
        (
            spec.time_til_autostop_notify_millis.is_some(),
            "timeTilAutostopNotifyMillis",
        ),
        (spec.autostop_requirement.is_some(), "autostopRequirement"),
        (spec.autostart_requirement.is_some(), "autostartRequirement"),
        (spec.allow_user_autostart.is_some(), "allowUserAutostart"),
        (spec.allow_user_autostop.is_some(), "allowUserAutostop"),
        (
            spec.allow_user_cancel_workspace_jobs.is_some(),
            "allowUserCancelWorkspaceJobs",
        ),
        (spec.failure_ttl_millis.is_some(), "failureTTLMillis"),
        (
            spec.time_til_dormant_millis.is_some(),
            "timeTilDormantMillis",
        ),
        (
            spec.time_til_dormant_auto_delete_millis.is_some(),
            "timeTilDormantAutoDeleteMillis",
        ),
        (
            spec.require_active_version.is_some(),
            "requireActiveVersion",
        ),
    ])
}
