//! Making a template: from a version that was imported, for an object that has none or whose template
//! was deleted.

use uuid::Uuid;

use super::{
    effect::Effect,
    external::Find,
    fields,
    kind::{Context, OwnRecords, Records, Step},
    pin, version,
};
use crate::{
    api::{condition::Reason, object_name::TemplateName},
    coderd::types::NewTemplate,
    sync::{
        conditions::ConditionSet,
        fields::{push, table},
        rules::{adoption, bound, guard},
    },
};

/// Creates the template: finalizer, recorded attempt, a version that was imported, request.
pub fn create(context: &Context, name: &TemplateName) -> Step {
    if let Some(step) = guard::not_supported(&fields::unsupported(context)) {
        return step.ended();
    }
    if let Some(step) = pin::conflict(context).or_else(|| impossible(context)) {
        return step.ended();
    }
    if let Some(write) = bound::finalizer_change(&context.standing()) {
        return Step::write(write, creating());
    }
    let first = match context.observed.source {
        Some(_) => built(context),
        None => pin::first(context),
    };
    let first = match first {
        Ok(first) => first,
        Err(step) => return step.ended(),
    };
    let effect = Effect::Create(Box::new(new_template(context, name, first)));
    if let Some(refusal) = context.refusal(&effect) {
        return push::refused_before(refusal).ended();
    }
    if !adoption::is_attempted(context) {
        return begin(context, context.records().own);
    }
    Step::act(effect, creating())
}

/// What keeps a template from being created of what is declared, whatever is done for it.
fn impossible(context: &Context) -> Option<Step> {
    match context.observed.source {
        None => pin::first(context).err().map(|step| *step),
        Some(source) => source.as_ref().err().map(version::unusable),
    }
}

/// The version that was built of the declared source, or what that waits for.
fn built(context: &Context) -> Result<Uuid, Box<Step>> {
    if let Some(step) = version::plan_first(context) {
        return Err(Box::new(step));
    }
    match context.observed.version {
        Find::Found(version) => Ok(version.id),
        Find::Absent | Find::NotSought => Err(Box::new(Step::rest(creating()))),
    }
}

fn new_template(context: &Context, name: &TemplateName, version_id: Uuid) -> NewTemplate {
    let mut new = NewTemplate {
        name: name.template.clone(),
        template_version_id: version_id,
        ..NewTemplate::default()
    };
    table::create(fields::FIELDS, context.object, context.ownership, &mut new);
    new
}

/// The template was deleted in Coder. Where its source is declared it is made again, for nothing is
/// lost; what was known of its versions is forgotten, for they cannot create another.
pub fn lost(context: &Context, id: &str) -> Step {
    if context.observed.source.is_some() {
        return begin(context, OwnRecords::default());
    }
    stalled(
        Reason::DeletedExternally,
        &format!(
            "template {id} was deleted in Coder; declare spec.files or spec.source to make it again, or delete this \
             object"
        ),
    )
}

/// Records that a creation begins.
fn begin(context: &Context, own: OwnRecords) -> Step {
    let mut records = Records {
        own,
        ..Records::default()
    };
    records.sync.attempt = Some(adoption::attempt(context));
    Step::record(records, creating())
}

fn creating() -> ConditionSet {
    ConditionSet::reconciling(Reason::Creating, "the template is being created")
}

fn stalled(reason: Reason, message: &str) -> Step {
    Step::rest(ConditionSet::stalled(reason, message))
}
