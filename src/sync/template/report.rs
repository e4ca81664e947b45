//! What a bound template's object says of itself: an ordered chain of checks, and the status.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Context, Effect, Records, Sight, Template, metadata, version};
use crate::{
    api::{
        condition::{ConditionType, Reason},
        names,
        object_name::TemplateName,
        status::{DriftPolicy, Refusal, Sync},
        template::TemplateStatus,
    },
    sync::{
        outlook::{Finding, Outlook, Progress, finding, kept},
        rounding::to_the_second,
        twin::Twin,
    },
};

/// What the object says once no step is left: the first check that objects, or that all is well.
pub fn outlook(context: &Context) -> Outlook {
    let Some(template) = context.present() else {
        return Outlook::settled("");
    };
    let mut outlook = not_supported(context)
        .or_else(|| refused(context))
        .or_else(|| version::outlook(context))
        .or_else(|| renamed(context))
        .unwrap_or_else(|| {
            Outlook::settled(format!("active version {}", template.active_version_name))
        });
    drift(context, template, &mut outlook);
    outlook
}

/// When to look again once no step is left; none waits for a change.
pub fn look_again(context: &Context) -> Option<Duration> {
    version::look_again(context)
}

/// The records once no step is left: refusals of what is not asked for any more are dropped.
pub fn records_at_rest(context: &Context) -> Records {
    let mut records = context.records();
    records.sync.refused = standing_refusals(context);
    if context.source.is_none() && context.present().is_some() {
        records.version = None;
    }
    records
}

/// A declared field of this version's schema is never silently ignored.
fn not_supported(context: &Context) -> Option<Outlook> {
    metadata::not_supported(context).map(|text| Outlook::stalled(Reason::NotSupportedYet, text))
}

/// What coderd refused, in its own words.
fn refused(context: &Context) -> Option<Outlook> {
    let refusals = standing_refusals(context);
    let texts: Vec<_> = refusals
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect();
    (!texts.is_empty()).then(|| Outlook::stalled(Reason::Refused, texts.join("; ")))
}

/// The refusals that still stand in the way of what is asked for.
fn standing_refusals(context: &Context) -> Vec<Refusal> {
    let Some(template) = context.present() else {
        return context.records().sync.refused;
    };
    let mut refused = metadata::refused(context, template);
    let asked = match (context.version, context.records().version) {
        (Sight::Found(version), Some(_)) if version.id != template.active_version_id => {
            vec![
                Effect::Unarchive(version.id.clone()),
                Effect::Promote(version.id.clone()),
            ]
        }
        (Sight::Absent, Some(record)) => {
            let template_id = Some(template.id.clone());
            vec![Effect::CreateVersion {
                name: record.name,
                template_id,
            }]
        }
        _ => Vec::new(),
    };
    refused.extend(
        asked
            .iter()
            .filter_map(|effect| context.refusal(effect))
            .cloned(),
    );
    refused
}

/// A declared object whose twin has another name now keeps syncing by id.
fn renamed(context: &Context) -> Option<Outlook> {
    let name = new_name(context)?;
    let message = format!(
        "the template was renamed in Coder; to follow, set spec.deletionPolicy: Retain, delete this \
         object and apply it as {name}"
    );
    Some(Outlook::stalled(Reason::RenamedInCoder, message))
}

/// The name that an object for the twin would have now, where it is another one.
pub fn new_name(context: &Context) -> Option<TemplateName> {
    let own = TemplateName::parse(context.object.metadata.name.as_deref()?)?;
    let now = TemplateName {
        control_plane: own.control_plane.clone(),
        ..context.present()?.object_name()
    };
    (now != own).then_some(now)
}

/// With `driftPolicy: Observe`, what differs is shown and `Ready` stays as it was.
fn drift(context: &Context, template: &Template, outlook: &mut Outlook) {
    if context.standing().drift_policy != DriftPolicy::Observe {
        return;
    }
    let mut drifted = metadata::drifted(context, template);
    if context.source.is_some() && !is_promoted(context, template) {
        let active = &template.active_version_name;
        drifted.push(format!(
            "files: the active version {active} was not built from them"
        ));
    }
    if drifted.is_empty() {
        return;
    }
    let message = drifted.join("; ");
    if outlook.progress == Progress::Done {
        let before = context
            .object
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.conditions);
        outlook.ready = kept(before, ConditionType::Ready, None);
        outlook.synced = finding(Some(false), Reason::FieldDrift, &message);
    }
    outlook.drifted = Some(message);
}

/// `VersionPromoted`: whether the version of the declared source is the active one.
pub fn promoted(context: &Context) -> Option<Finding> {
    context.source?;
    let Some(template) = context.present() else {
        let message = "coderd has no template with the declared source yet";
        return match context.twin {
            Twin::Unknown(cause) => Some(finding(None, cause.reason, &cause.message)),
            Twin::Absent | Twin::Gone | Twin::Present(_) => {
                Some(finding(Some(false), Reason::NotPromoted, message))
            }
        };
    };
    let active = &template.active_version_name;
    Some(if is_promoted(context, template) {
        finding(Some(true), Reason::Promoted, &format!("{active} is active"))
    } else {
        finding(
            Some(false),
            Reason::NotPromoted,
            &format!("{active} is still active"),
        )
    })
}

fn is_promoted(context: &Context, template: &Template) -> bool {
    let declared = context.source.and_then(|declared| declared.as_ref().ok());
    context.records().version.is_some_and(|version| {
        declared.is_some_and(|declared| declared.hash == version.source_hash)
            && version.id.as_ref() == Some(&template.active_version_id)
    })
}

/// The complete status: what coderd says, the records, and the conditions.
pub fn status(context: &Context, records: Records, outlook: &Outlook) -> TemplateStatus {
    let previous = context.object.status.clone().unwrap_or_default();
    let generation = context.object.metadata.generation;
    let conditions = outlook.conditions(&previous.conditions, generation, context.now);
    let (observed_generation, last_handled_reconcile_at) = context.standing().acted_on(outlook);
    let facts = match context.twin {
        Twin::Present(template) => facts(template),
        Twin::Absent => TemplateStatus::default(),
        Twin::Gone | Twin::Unknown(_) => previous,
    };
    let Records {
        binding,
        sync,
        version,
        mirrored_files,
    } = records;
    TemplateStatus {
        observed_generation,
        control_plane: Some(names::STATIC_CONTROL_PLANE.to_owned()),
        version,
        mirrored_files,
        binding,
        sync: (sync != Sync::default()).then_some(sync),
        last_handled_reconcile_at,
        conditions,
        ..facts
    }
}

fn facts(template: &Template) -> TemplateStatus {
    TemplateStatus {
        id: Some(template.id.clone()),
        organization_name: Some(template.organization.clone()),
        active_version_id: Some(template.active_version_id.clone()),
        active_version_name: Some(template.active_version_name.clone()),
        deprecated: Some(template.is_deprecated),
        updated_at: Some(Time(to_the_second(template.updated_at))),
        ..TemplateStatus::default()
    }
}
