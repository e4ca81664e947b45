//! From an object without a binding to one that is bound: create the workspace, or adopt it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Context, Effect, NewWorkspace, Records, Site, Spelling, TemplateSite, Workspace, WorkspacePlan,
    settings,
};
use crate::{
    api::{
        condition::Reason,
        names,
        object_name::WorkspaceName,
        status::{Attempt, Binding, Origin, RunRecord},
    },
    sync::{
        field,
        lifecycle,
        outlook::Outlook,
        ownership::FieldPath,
        plan::{Note, NoteReason, ObjectEffect},
        twin::Twin,
    },
};

/// What is awaited in coderd, without anything that tells of it, is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What to do about an object that is not bound; none if it is.
pub fn plan(context: &Context) -> Option<WorkspacePlan> {
    if context.standing().binding.is_some() {
        return None;
    }
    let name = match parsed_name(context) {
        Ok(name) => name,
        Err(plan) => return Some(*plan),
    };
    let site = context.site?;
    Some(
        misspelled(&name, site)
            .or_else(|| adopt(context, &name))
            .or_else(|| context.read_only.map(stalled_by))
            .or_else(|| abandoned(context, &name))
            .unwrap_or_else(|| create(context, &name, site)),
    )
}

fn stalled_by(cause: &crate::sync::twin::Cause) -> WorkspacePlan {
    WorkspacePlan::rest(Outlook::stalled(cause.reason, &cause.message))
}

/// The identity that the object's name spells.
fn parsed_name(context: &Context) -> Result<WorkspaceName, Box<WorkspacePlan>> {
    let name = context.object.metadata.name.as_deref().unwrap_or_default();
    let parsed = WorkspaceName::parse(name);
    let stalled = |message| {
        Box::new(WorkspacePlan::rest(Outlook::stalled(Reason::InvalidName, message)))
    };
    let Some(parsed) = parsed else {
        return Err(stalled(format!("{name} is not <organization>.<owner>.<workspace>")));
    };
    match parsed.control_plane.as_deref() {
        None | Some(names::STATIC_CONTROL_PLANE) => Ok(parsed),
        Some(other) => Err(stalled(format!(
            "there is no control plane {other} in this namespace; the one there is called {}",
            names::STATIC_CONTROL_PLANE
        ))),
    }
}

/// The organization and the owner must exist and be spelled as coderd spells them.
fn misspelled(name: &WorkspaceName, site: &Site) -> Option<WorkspacePlan> {
    let alias = |part: &str, right: &str, whole: String| {
        let message = format!("{part} is an alias of {right} in coderd; name the object {whole}");
        Some(WorkspacePlan::rest(Outlook::stalled(Reason::NotCanonical, message)))
    };
    let missing = |reason, what: String| {
        let message = format!("coderd shows the controller no {what}; create it or give access");
        Some(WorkspacePlan::look_again(LOOK_AGAIN, Outlook::reconciling(reason, message)))
    };
    let (organization, owner) = (&name.organization, &name.owner);
    match (&site.organization, &site.owner) {
        (Spelling::Alias(right), _) => {
            alias(organization, right, WorkspaceName::new(right, owner, &name.workspace).to_string())
        }
        (Spelling::NotFound, _) => {
            missing(Reason::OrganizationNotFound, format!("organization {organization}"))
        }
        (Spelling::Canonical, Spelling::Alias(right)) => {
            alias(owner, right, WorkspaceName::new(organization, right, &name.workspace).to_string())
        }
        (Spelling::Canonical, Spelling::NotFound) => {
            missing(Reason::OwnerNotFound, format!("user {owner}"))
        }
        (Spelling::Canonical, Spelling::Canonical) => None,
    }
}

/// Binds the object to a workspace that is there. It counts as created here only where a recorded
/// attempt of ours made it.
fn adopt(context: &Context, name: &WorkspaceName) -> Option<WorkspacePlan> {
    let workspace = context.present()?;
    if let Some(other) = context.bound_elsewhere {
        let message = format!(
            "workspace {} is bound to the object {other}; delete one of the two, with \
             deletionPolicy Retain",
            workspace.id
        );
        return Some(WorkspacePlan::rest(Outlook::stalled(Reason::Duplicate, message)));
    }
    if !workspace.organization.eq_ignore_ascii_case(&name.organization) {
        let message = format!(
            "user {} already has a workspace {} in organization {}; names are unique per owner",
            name.owner, name.workspace, workspace.organization
        );
        return Some(WorkspacePlan::rest(Outlook::stalled(Reason::NameTaken, message)));
    }
    Some(bind(context, workspace))
}

/// Binds the object to `workspace`.
pub fn bind(context: &Context, workspace: &Workspace) -> WorkspacePlan {
    let standing = context.standing();
    let mut records = Records { binding: None, sync: standing.records() };
    let is_ours = is_ours(context, workspace);
    records.binding = Some(Binding {
        deployment_id: context.deployment_id.to_owned(),
        id: workspace.id.clone(),
        origin: if is_ours { Origin::Kubernetes } else { Origin::Coderd },
        bound_at: Time(context.now),
    });
    records.sync.attempt = None;
    if !is_ours {
        // What a restored object asks for counts as agreed, so that the first look mirrors.
        records.sync.run = context
            .object
            .spec
            .running
            .filter(|_| standing.is_restored())
            .map(|wanted| RunRecord { wanted, build_number: 0, ordered_at: None });
    }
    let note = if is_ours {
        Note::normal(NoteReason::Created, format!("created workspace {}", workspace.id))
    } else {
        Note::normal(
            NoteReason::Adopted,
            format!("bound to workspace {}, which existed in Coder", workspace.id),
        )
    };
    let outlook = Outlook::reconciling(Reason::Creating, "bound to its workspace");
    WorkspacePlan::record(records, outlook).noting(Some(note))
}

/// Whether our recorded attempt made `workspace`: we began its first build, and it is no older than
/// the attempt by coderd's own clock.
pub fn is_ours(context: &Context, workspace: &Workspace) -> bool {
    let attempt = context.standing().sync.and_then(|sync| sync.attempt.as_ref());
    attempt.is_some_and(|attempt| {
        workspace.creator.as_deref() == Some(context.us)
            && workspace.created_at >= attempt.requested_at.0
    })
}

/// Objects that must not make a workspace: restored ones, and imports that came too late.
fn abandoned(context: &Context, name: &WorkspaceName) -> Option<WorkspacePlan> {
    let standing = context.standing();
    if standing.is_restored() {
        let message = format!(
            "this object was restored or copied (it carries the label {} but has no binding), and \
             coderd has no workspace {} of {}; nothing is created in its place: remove the label to \
             create a new, empty one",
            names::LABEL_ORIGIN,
            name.workspace,
            name.owner
        );
        let outlook = Outlook::stalled(Reason::LostAfterRestore, message);
        return Some(WorkspacePlan::look_again(LOOK_AGAIN, outlook));
    }
    let made_by_import = !standing.is_declared
        && context.ownership.held_by_coderd(&FieldPath::spec("organization"));
    made_by_import.then(|| {
        let message = "its workspace was deleted in Coder while it was imported";
        let outlook = Outlook::reconciling(Reason::Deleting, message);
        WorkspacePlan::act(Effect::Object(ObjectEffect::Delete), outlook)
    })
}

/// Creates the workspace: finalizer, recorded attempt, request.
fn create(context: &Context, name: &WorkspaceName, site: &Site) -> WorkspacePlan {
    debug_assert_eq!(*context.twin, Twin::Absent, "only what is absent is created");
    let template = match creatable(context, site) {
        Ok(template) => template,
        Err(plan) => return *plan,
    };
    let new = new_workspace(context, name, template);
    let effect = Effect::Create(new);
    if let Some(refusal) = context.refusal(&effect) {
        return WorkspacePlan::rest(Outlook::stalled(Reason::Refused, &refusal.message));
    }
    let outlook = Outlook::reconciling(Reason::Creating, "the workspace is being created");
    if let Some(first) = lifecycle::finalizer(&context.standing()) {
        return WorkspacePlan::act(Effect::Object(first), outlook);
    }
    if context.standing().records().attempt.is_none() {
        return begin(context);
    }
    WorkspacePlan::act(effect, outlook)
}

/// Records that a creation begins. The request makes build 1, a start, so that is recorded too.
pub fn begin(context: &Context) -> WorkspacePlan {
    let mut records = Records::default();
    records.sync.attempt = Some(Attempt { requested_at: Time(context.coderd_now) });
    records.sync.run =
        Some(RunRecord { wanted: true, build_number: 1, ordered_at: Some(Time(context.now)) });
    let outlook = Outlook::reconciling(Reason::Creating, "the workspace is being created");
    WorkspacePlan::record(records, outlook)
}

/// The template to create from, or what stands in the way.
fn creatable<'a>(
    context: &Context,
    site: &'a Site,
) -> Result<&'a TemplateSite, Box<WorkspacePlan>> {
    let stalled = |reason, message: String| {
        Err(Box::new(WorkspacePlan::rest(Outlook::stalled(reason, message))))
    };
    let Some(template_name) = context.object.spec.template_name.as_deref() else {
        let message = "spec.templateName is needed to create the workspace".to_owned();
        return stalled(Reason::Incomplete, message);
    };
    if let Some(message) = settings::not_supported(context) {
        return stalled(Reason::NotSupportedYet, message);
    }
    let Some(template) = &site.template else {
        let message = format!("waiting for template {template_name} to exist in coderd");
        let outlook = Outlook::reconciling(Reason::WaitingForTemplate, message);
        return Err(Box::new(WorkspacePlan::look_again(LOOK_AGAIN, outlook)));
    };
    if let Some(message) = settings::unknown_parameter(context, &template.parameters) {
        return stalled(Reason::UnknownParameter, message);
    }
    Ok(template)
}

fn new_workspace(
    context: &Context,
    name: &WorkspaceName,
    template: &TemplateSite,
) -> NewWorkspace {
    let spec = &context.object.spec;
    NewWorkspace {
        owner: name.owner.clone(),
        name: name.workspace.clone(),
        template_id: template.id.clone(),
        version_id: template.active_version_id.clone(),
        ttl_millis: spec.ttl_millis.and_then(field::canonical_ttl),
        autostart_schedule: spec.autostart_schedule.clone().filter(|text| !text.is_empty()),
        parameters: settings::declared_parameters(context.object),
    }
}
