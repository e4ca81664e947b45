//! Making a workspace: for an object that has none, or again where it was lost.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    build_order,
    effect::{Effect, NewWorkspace},
    ephemeral,
    external::{Site, TemplateSite, Workspace},
    fields,
    kind::{Context, Records, Step},
    parameters, pin,
};
use crate::{
    api::{condition::Reason, names, object_name::WorkspaceName, status::RunRecord},
    sync::{
        conditions::ConditionSet,
        fields::table,
        rules::{
            adoption::{self, REQUEUE_AFTER},
            bound, guard,
        },
    },
};

/// Why a workspace of the same owner and name is not the one that is meant.
pub fn name_conflict(name: &WorkspaceName, workspace: &Workspace) -> Option<String> {
    let organization = &workspace.organization;
    (!organization.eq_ignore_ascii_case(&name.organization)).then(|| {
        format!(
            "user {} already has a workspace {} in organization {organization}; names are unique per \
             owner",
            name.owner, name.workspace
        )
    })
}

/// Creates the workspace: finalizer, recorded attempt, request.
pub fn create(context: &Context, name: &WorkspaceName) -> Step {
    let template = match creatable(context, context.observed.site) {
        Ok(template) => template,
        Err(plan) => return *plan,
    };
    let effect = Effect::Create(new_workspace(context, name, template));
    if let Some(refusal) = context.refusal(&effect) {
        return Step::rest(ConditionSet::stalled(Reason::Refused, &refusal.message));
    }
    if let Some(write) = bound::finalizer_change(&context.standing()) {
        return Step::write(write, creating());
    }
    if !adoption::is_attempted(context) {
        return begin(context);
    }
    build_order::placed(context, Step::act(effect, creating())).ended()
}

/// Records that a creation begins. The request makes build 1, a start, so that is recorded too.
fn begin(context: &Context) -> Step {
    let mut records = Records::default();
    records.sync.attempt = Some(adoption::attempt(context));
    records.sync.run = Some(RunRecord {
        wanted: true,
        build_number: 1,
        ordered_at: Some(Time(context.now)),
        ttl_millis: None,
    });
    let template = context
        .observed
        .site
        .and_then(|site| site.template.as_ref());
    let known = template.map_or(&[][..], |template| &template.parameters);
    ephemeral::note_creation(&mut records, context, known);
    Step::record(records, creating())
}

fn creating() -> ConditionSet {
    ConditionSet::reconciling(Reason::Creating, "the workspace is being created")
}

/// A declared object whose workspace is gone stays, for its disk is lost and a new, empty external would
/// hide that.
pub fn lost(context: &Context, id: &str) -> Step {
    if context.standing().annotation(names::ANNOTATION_RECREATE) == Some(id) {
        return begin(context);
    }
    let message = format!(
        "workspace {id} was deleted in Coder and its data with it; to make a new, empty one set the \
         annotation {}: {id}, else delete this object",
        names::ANNOTATION_RECREATE
    );
    Step::rest(ConditionSet::stalled(Reason::DeletedExternally, message))
}

/// The template to create from, or what stands in the way.
fn creatable<'a>(context: &Context, site: Option<&'a Site>) -> Result<&'a TemplateSite, Box<Step>> {
    let stalled =
        |reason, message: String| Err(Box::new(Step::rest(ConditionSet::stalled(reason, message))));
    let Some(template_name) = context.object.spec.template_name.as_deref() else {
        let message = "spec.templateName is needed to create the workspace".to_owned();
        return stalled(Reason::Incomplete, message);
    };
    if let Some(step) = guard::not_supported(&fields::unsupported(context)) {
        return Err(Box::new(step.ended()));
    }
    let Some(template) = site.and_then(|site| site.template.as_ref()) else {
        let message = format!("waiting for template {template_name} to exist in coderd");
        let conditions = ConditionSet::reconciling(Reason::WaitingForTemplate, message);
        return Err(Box::new(Step::requeue_after(REQUEUE_AFTER, conditions)));
    };
    if let Some(step) = unusable_version(context, template) {
        return Err(Box::new(step.ended()));
    }
    if let Some(step) = parameters::incomplete(context, &template.parameters) {
        return Err(Box::new(step.ended()));
    }
    Ok(template)
}

/// What keeps a workspace from being created from the declared version. coderd lets an archived one be
/// started, but not created from.
fn unusable_version(context: &Context, template: &TemplateSite) -> Option<Step> {
    pin::obstacle(context, template.id).or_else(|| {
        let archived = context.observed.pinned.filter(|it| it.is_archived)?;
        Some(pin::unusable(archived, "is archived"))
    })
}

fn new_workspace(context: &Context, name: &WorkspaceName, template: &TemplateSite) -> NewWorkspace {
    let pin = pin::declared(context.object, context.ownership);
    let mut new = NewWorkspace {
        owner: name.owner.clone(),
        name: name.workspace.clone(),
        template_id: template.id,
        pin,
        version_id: pin.unwrap_or(template.active_version_id),
        ttl_millis: None,
        autostart_schedule: None,
        parameters: parameters::declared(context.object, context.observed.referenced),
    };
    table::create(fields::FIELDS, context.object, context.ownership, &mut new);
    new
}
