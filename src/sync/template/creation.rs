//! Making a template: from a version that was imported, for an object that has none or whose template
//! was deleted.

use uuid::Uuid;

use super::{Context, Effect, Find, NewTemplate, OwnRecords, Plan, Records, Version, version};
use crate::{
    api::{condition::Reason, object_name::TemplateName},
    sync::{adoption, outlook::Outlook, report, upkeep},
};

/// Creates the template: finalizer, recorded attempt, a version that was imported, request.
pub fn create(context: &Context, name: &TemplateName) -> Plan {
    if let Some(outlook) = report::not_supported(context) {
        return Plan::rest(outlook);
    }
    match context.sight.source {
        None => {
            return stalled(
                Reason::Incomplete,
                "spec.files is needed to create the template",
            );
        }
        Some(Err(message)) => return stalled(Reason::InvalidSource, message),
        Some(Ok(_)) => {}
    }
    if let Some(write) = upkeep::finalizer_change(&context.standing()) {
        return Plan::write(write, creating());
    }
    if let Some(plan) = version::plan_first(context) {
        return plan;
    }
    if let Some(outlook) = version::report::outlook(context) {
        return match version::report::look_again(context) {
            Some(delay) => Plan::look_again(delay, outlook),
            None => Plan::rest(outlook),
        };
    }
    let Find::Found(Version { id, .. }) = context.sight.version else {
        return refused(context);
    };
    let effect = Effect::Create(new_template(context, name, *id));
    if context.refusal(&effect).is_some() {
        return refused(context);
    }
    if !adoption::is_attempted(context) {
        return begin(context, context.records().own);
    }
    Plan::act(effect, creating())
}

fn new_template(context: &Context, name: &TemplateName, version_id: Uuid) -> NewTemplate {
    let spec = &context.object.spec;
    NewTemplate {
        name: name.template.clone(),
        version_id,
        display_name: spec.display_name.clone().unwrap_or_default(),
        description: spec.description.clone().unwrap_or_default(),
        icon: spec.icon.clone().unwrap_or_default(),
    }
}

/// The template was deleted in Coder. Where its source is declared it is made again, for nothing is
/// lost; what was known of its versions is forgotten, for they cannot create another.
pub fn lost(context: &Context, id: &str) -> Plan {
    if context.sight.source.is_some() {
        return begin(context, OwnRecords::default());
    }
    stalled(
        Reason::DeletedExternally,
        &format!(
            "template {id} was deleted in Coder; declare spec.files to make it again, or delete this \
             object"
        ),
    )
}

/// Records that a creation begins.
fn begin(context: &Context, own: OwnRecords) -> Plan {
    let mut records = Records {
        own,
        ..Records::default()
    };
    records.sync.attempt = Some(adoption::attempt(context));
    Plan::record(records, creating())
}

fn creating() -> Outlook {
    Outlook::reconciling(Reason::Creating, "the template is being created")
}

fn stalled(reason: Reason, message: &str) -> Plan {
    Plan::rest(Outlook::stalled(reason, message))
}

/// What coderd refused, in its own words.
fn refused(context: &Context) -> Plan {
    Plan::rest(report::refused(context).unwrap_or_else(creating))
}
