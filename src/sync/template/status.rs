//! What a template's object says of itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    external::Template,
    kind::{Context, OwnRecords},
    version::{self, promotion},
};
use crate::{
    api::{
        condition::Reason,
        template::{CoderTemplate, TemplateStatus},
    },
    sync::{
        conditions::{ConditionSet, ConditionState, condition_state},
        external::External,
        rounding::to_the_second,
        status::Report,
    },
};

/// What the object says where nothing objects.
pub fn settled(context: &Context, template: &Template) -> ConditionSet {
    let version = context.records().own.version;
    let active =
        version.filter(|version| version::id_of(version) == Some(template.live.active_version_id));
    let kept = active.and_then(|version| version::kept_variables(&version));
    let kept = kept.map(|text| format!("; {text}")).unwrap_or_default();
    let waiting = promotion::waiting(context, template);
    let waiting = waiting.map(|text| format!("; {text}")).unwrap_or_default();
    let active = &template.active_version_name;
    ConditionSet::settled(format!("active version {active}{kept}{waiting}"))
}

/// `VersionPromoted`: whether the version of the declared source is the active one.
pub fn promoted(context: &Context) -> Option<ConditionState> {
    context.observed.source?;
    let Some(template) = context.present() else {
        let message = "coderd has no template with the declared source yet";
        return match context.external {
            External::Unknown(failure) => {
                Some(condition_state(None, failure.reason, &failure.message))
            }
            External::Absent | External::Gone | External::Present(_) => {
                Some(condition_state(Some(false), Reason::NotPromoted, message))
            }
        };
    };
    let active = &template.active_version_name;
    Some(if is_promoted(context, template) {
        condition_state(Some(true), Reason::Promoted, &format!("{active} is active"))
    } else {
        let still = format!("{active} is still active");
        let waiting = promotion::waiting(context, template);
        let message = waiting.map_or(still.clone(), |text| format!("{still}; {text}"));
        condition_state(Some(false), Reason::NotPromoted, &message)
    })
}

fn is_promoted(context: &Context, template: &Template) -> bool {
    let declared = context
        .observed
        .source
        .and_then(|declared| declared.as_ref().ok());
    context.records().own.version.is_some_and(|version| {
        declared.is_some_and(|declared| declared.hash == version.source_hash)
            && version::id_of(&version) == Some(template.live.active_version_id)
    })
}

/// The complete status: what coderd says of the template, and the report.
pub fn status(context: &Context, report: Report<CoderTemplate>) -> TemplateStatus {
    let facts = match context.external {
        External::Present(template) => facts(template),
        External::Absent => TemplateStatus::default(),
        External::Gone | External::Unknown(_) => context.object.status.clone().unwrap_or_default(),
    };
    let Report {
        observed_generation,
        control_plane,
        binding,
        sync,
        last_handled_reconcile_at,
        conditions,
        own: OwnRecords {
            version,
            mirrored_files,
        },
    } = report;
    // A bound template without a declared source has no version of ours.
    let has_version = context.observed.source.is_some() || context.present().is_none();
    TemplateStatus {
        observed_generation,
        version: version.filter(|_| has_version),
        mirrored_files,
        control_plane,
        binding,
        sync,
        last_handled_reconcile_at,
        conditions,
        ..facts
    }
}

fn facts(template: &Template) -> TemplateStatus {
    TemplateStatus {
        id: Some(template.live.id.to_string()),
        organization_name: Some(template.live.organization_name.clone()),
        active_version_id: Some(template.live.active_version_id.to_string()),
        active_version_name: Some(template.active_version_name.clone()),
        deprecated: Some(template.live.deprecated),
        updated_at: Some(Time(to_the_second(template.live.updated_at))),
        ..TemplateStatus::default()
    }
}
