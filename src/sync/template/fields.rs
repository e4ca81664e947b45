//! The fields of a template that both sides hold, and those that are not synchronised yet.

use serde_json::Value;

use super::{kind::Context, week};
use crate::{
    api::template::CoderTemplate,
    sync::fields::{rule, table::Field},
};

/// The fields that both sides hold.
pub const FIELDS: &[Field<CoderTemplate>] = &[
    Field {
        name: "displayName",
        wire: "display_name",
        declared: |object| text(object.spec.display_name.as_deref()),
        external: |template| text(Some(&template.live.display_name)),
        patch: |patch, value| patch.display_name = Some(string(value)),
        create: |new, value| new.display_name = string(value),
        fits: |_| true,
    },
    Field {
        name: "description",
        wire: "description",
        declared: |object| text(object.spec.description.as_deref()),
        external: |template| text(Some(&template.live.description)),
        patch: |patch, value| patch.description = Some(string(value)),
        create: |new, value| new.description = string(value),
        fits: |_| true,
    },
    Field {
        name: "icon",
        wire: "icon",
        declared: |object| text(object.spec.icon.as_deref()),
        external: |template| text(Some(&template.live.icon)),
        patch: |patch, value| patch.icon = Some(string(value)),
        create: |new, value| new.icon = string(value),
        fits: |_| true,
    },
    Field {
        name: "defaultTTLMillis",
        wire: "default_ttl_ms",
        declared: |object| millis(object.spec.default_ttl_millis),
        external: |template| millis(Some(template.live.default_ttl_ms)),
        patch: |patch, value| patch.default_ttl_ms = Some(number(value).unwrap_or_default()),
        create: |new, value| new.default_ttl_ms = number(value),
        fits: |_| true,
    },
    Field {
        name: "activityBumpMillis",
        wire: "activity_bump_ms",
        declared: |object| millis(object.spec.activity_bump_millis),
        external: |template| millis(Some(template.live.activity_bump_ms)),
        patch: |patch, value| patch.activity_bump_ms = Some(number(value).unwrap_or_default()),
        create: |new, value| new.activity_bump_ms = number(value),
        fits: |_| true,
    },
    Field {
        name: "timeTilAutostopNotifyMillis",
        wire: "time_til_autostop_notify_ms",
        declared: |object| millis(object.spec.time_til_autostop_notify_millis),
        external: |template| millis(Some(template.live.time_til_autostop_notify_ms)),
        patch: |patch, value| {
            patch.time_til_autostop_notify_ms = Some(number(value).unwrap_or_default());
        },
        create: |new, value| new.time_til_autostop_notify_ms = number(value),
        fits: |_| true,
    },
    Field {
        name: "allowUserCancelWorkspaceJobs",
        wire: "allow_user_cancel_workspace_jobs",
        declared: |object| {
            object
                .spec
                .allow_user_cancel_workspace_jobs
                .map(Value::from)
        },
        external: |template| Some(template.live.allow_user_cancel_workspace_jobs.into()),
        patch: |patch, value| {
            patch.allow_user_cancel_workspace_jobs = value.and_then(Value::as_bool);
        },
        create: |new, value| new.allow_user_cancel_workspace_jobs = value.and_then(Value::as_bool),
        fits: |_| true,
    },
    Field {
        name: "deprecationMessage",
        wire: "deprecation_message",
        declared: |object| text(object.spec.deprecation_message.as_deref()),
        external: |template| text(Some(&template.live.deprecation_message)),
        patch: |patch, value| patch.deprecation_message = Some(string(value)),
        create: |_, _| (),
        fits: |value| {
            value
                .as_str()
                .is_some_and(|text| text.chars().count() <= 1024)
        },
    },
    Field {
        name: "autostopRequirement",
        wire: "autostop_requirement",
        declared: |object| week::declared_autostop(object.spec.autostop_requirement.as_ref()?),
        external: |template| week::autostop(template.live.autostop_requirement.as_ref()?),
        patch: |patch, value| patch.autostop_requirement = Some(week::autostop_request(value)),
        create: |new, value| {
            new.autostop_requirement = value.map(|value| week::autostop_request(Some(value)));
        },
        fits: week::is_autostop,
    },
    Field {
        name: "autostartRequirement",
        wire: "autostart_requirement",
        declared: |object| week::declared_autostart(object.spec.autostart_requirement.as_ref()?),
        external: |template| week::autostart(template.live.autostart_requirement.as_ref()?),
        patch: |patch, value| patch.autostart_requirement = value.map(week::autostart_request),
        create: |new, value| new.autostart_requirement = value.map(week::autostart_request),
        fits: week::is_autostart,
    },
    Field {
        name: "allowUserAutostart",
        wire: "allow_user_autostart",
        declared: |object| object.spec.allow_user_autostart.map(Value::from),
        external: |template| Some(template.live.allow_user_autostart.into()),
        patch: |patch, value| patch.allow_user_autostart = value.and_then(Value::as_bool),
        create: |new, value| new.allow_user_autostart = value.and_then(Value::as_bool),
        fits: |_| true,
    },
    Field {
        name: "allowUserAutostop",
        wire: "allow_user_autostop",
        declared: |object| object.spec.allow_user_autostop.map(Value::from),
        external: |template| Some(template.live.allow_user_autostop.into()),
        patch: |patch, value| patch.allow_user_autostop = value.and_then(Value::as_bool),
        create: |new, value| new.allow_user_autostop = value.and_then(Value::as_bool),
        fits: |_| true,
    },
    Field {
        name: "failureTTLMillis",
        wire: "failure_ttl_ms",
        declared: |object| millis(object.spec.failure_ttl_millis),
        external: |template| millis(Some(template.live.failure_ttl_ms)),
        patch: |patch, value| {
            patch.failure_ttl_ms = Some(number(value).unwrap_or_default());
        },
        create: |new, value| new.failure_ttl_ms = number(value),
        fits: is_a_minute,
    },
    Field {
        name: "timeTilDormantMillis",
        wire: "time_til_dormant_ms",
        declared: |object| millis(object.spec.time_til_dormant_millis),
        external: |template| millis(Some(template.live.time_til_dormant_ms)),
        patch: |patch, value| {
            patch.time_til_dormant_ms = Some(number(value).unwrap_or_default());
        },
        create: |new, value| new.dormant_ttl_ms = number(value),
        fits: is_a_minute,
    },
    Field {
        name: "timeTilDormantAutoDeleteMillis",
        wire: "time_til_dormant_autodelete_ms",
        declared: |object| millis(object.spec.time_til_dormant_auto_delete_millis),
        external: |template| millis(Some(template.live.time_til_dormant_autodelete_ms)),
        patch: |patch, value| {
            patch.time_til_dormant_autodelete_ms = Some(number(value).unwrap_or_default());
        },
        create: |new, value| new.delete_ttl_ms = number(value),
        fits: is_a_minute,
    },
    Field {
        name: "requireActiveVersion",
        wire: "require_active_version",
        declared: |object| object.spec.require_active_version.map(Value::from),
        external: |template| Some(template.live.require_active_version.into()),
        patch: |patch, value| patch.require_active_version = value.and_then(Value::as_bool),
        create: |new, value| new.require_active_version = value.and_then(Value::as_bool),
        fits: |_| true,
    },
];

fn text(text: Option<&str>) -> Option<Value> {
    text.map(Value::from)
}

/// 0 counts as absent.
fn millis(millis: Option<i64>) -> Option<Value> {
    millis.and_then(rule::canonical_millis).map(Value::from)
}

fn number(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_i64)
}

/// What `spec` has room for: coderd may have kept a shorter time from before it refused them.
fn is_a_minute(value: &Value) -> bool {
    value.as_i64().is_some_and(|millis| millis >= 60_000)
}

fn string(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The declared fields that are not synchronised yet.
pub fn unsupported(context: &Context) -> Vec<String> {
    let names = unsupported_of_version(context).into_iter();
    names.map(|name| format!("spec.{name}")).collect()
}

/// The declared fields that are not synchronised yet and say which version is built and promoted, or
/// how. As long as there is one, none is: it would not be the one that is asked for.
pub fn unsupported_of_version(context: &Context) -> Vec<&'static str> {
    let spec = &context.object.spec;
    let source = spec.source.as_ref();
    given([
        (
            source.is_some_and(|source| source.artifact.is_some()),
            "source.artifact",
        ),
        (
            source.is_some_and(|source| source.archive.is_some()),
            "source.archive",
        ),
    ])
}

fn given<const N: usize>(fields: [(bool, &'static str); N]) -> Vec<&'static str> {
    let given = fields.into_iter().filter(|(is_given, _)| *is_given);
    given.map(|(_, name)| name).collect()
}
