//! From an object without a binding to one that is bound: create the template, or adopt it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Context, Effect, NewTemplate, Records, Sight, Template, TemplatePlan, Version, metadata,
    version,
};
use crate::{
    api::{
        condition::Reason,
        names,
        object_name::TemplateName,
        status::{Attempt, Binding, Origin},
    },
    sync::{
        lifecycle,
        note::{Note, NoteReason},
        outlook::Outlook,
        ownership::FieldPath,
        plan::ObjectEffect,
        workspace::Spelling,
    },
};

/// What is awaited in coderd, without anything that tells of it, is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What to do about an object that is not bound; none if it is.
pub fn plan(context: &Context) -> Option<TemplatePlan> {
    if context.standing().binding.is_some() {
        return None;
    }
    let name = match parsed_name(context) {
        Ok(name) => name,
        Err(plan) => return Some(*plan),
    };
    let organization = context.organization?;
    Some(
        misspelled(&name, organization)
            .or_else(|| adopt(context))
            .or_else(|| {
                context
                    .read_only
                    .map(|cause| stalled(cause.reason, &cause.message))
            })
            .or_else(|| abandoned(context, &name))
            .unwrap_or_else(|| create(context, &name)),
    )
}

fn stalled(reason: Reason, message: impl Into<String>) -> TemplatePlan {
    TemplatePlan::rest(Outlook::stalled(reason, message))
}

/// The identity that the object's name spells.
fn parsed_name(context: &Context) -> Result<TemplateName, Box<TemplatePlan>> {
    let name = context.object.metadata.name.as_deref().unwrap_or_default();
    let Some(parsed) = TemplateName::parse(name) else {
        let message = format!("{name} is not <organization>.<template>");
        return Err(Box::new(stalled(Reason::InvalidName, message)));
    };
    match parsed.control_plane.as_deref() {
        None | Some(names::STATIC_CONTROL_PLANE) => Ok(parsed),
        Some(other) => Err(Box::new(stalled(
            Reason::InvalidName,
            format!(
                "there is no control plane {other} in this namespace; the one there is called {}",
                names::STATIC_CONTROL_PLANE
            ),
        ))),
    }
}

/// The organization must exist and be spelled as coderd spells it.
fn misspelled(name: &TemplateName, organization: &Spelling) -> Option<TemplatePlan> {
    match organization {
        Spelling::Canonical => None,
        Spelling::Alias(right) => Some(stalled(
            Reason::NotCanonical,
            format!(
                "{} is an alias of {right} in coderd; name the object {}",
                name.organization,
                TemplateName::new(right, &name.template)
            ),
        )),
        Spelling::NotFound => {
            let message = format!(
                "coderd shows the controller no organization {}; create it or give access",
                name.organization
            );
            let outlook = Outlook::reconciling(Reason::OrganizationNotFound, message);
            Some(TemplatePlan::look_again(LOOK_AGAIN, outlook))
        }
    }
}

/// Binds the object to a template that is there. It counts as created here only where a recorded
/// attempt of ours made it.
fn adopt(context: &Context) -> Option<TemplatePlan> {
    let template = context.present()?;
    if let Some(other) = context.bound_elsewhere {
        let message = format!(
            "template {} is bound to the object {other}; delete one of the two, with deletionPolicy \
             Retain",
            template.id
        );
        let outlook = Outlook::stalled(Reason::Duplicate, message);
        return Some(TemplatePlan::look_again(LOOK_AGAIN, outlook));
    }
    Some(bind(context, template))
}

/// Binds the object to `template`.
pub fn bind(context: &Context, template: &Template) -> TemplatePlan {
    let standing = context.standing();
    let mut records = context.records();
    let is_ours = is_ours(context, template);
    records.binding = Some(Binding {
        deployment_id: context.deployment_id.to_owned(),
        id: template.id.clone(),
        origin: if is_ours {
            standing.origin()
        } else {
            Origin::Coderd
        },
        bound_at: Time(context.now),
    });
    records.sync.attempt = None;
    let note = if is_ours {
        Note::normal(
            NoteReason::Created,
            format!("created template {}", template.id),
        )
    } else if !standing.is_declared {
        Note::normal(
            NoteReason::Imported,
            format!("made for template {}", template.id),
        )
    } else {
        let message = format!("bound to template {}, which existed in Coder", template.id);
        Note::normal(NoteReason::Adopted, message)
    };
    let outlook = Outlook::reconciling(Reason::Creating, "bound to its template");
    TemplatePlan::record(records, outlook).noting(Some(note))
}

/// Whether our recorded attempt made `template`: we created it, no earlier than the attempt by
/// coderd's own clock.
pub fn is_ours(context: &Context, template: &Template) -> bool {
    let attempt = context
        .standing()
        .sync
        .and_then(|sync| sync.attempt.as_ref());
    attempt.is_some_and(|attempt| {
        template.creator == context.us && template.created_at >= attempt.requested_at.0
    })
}

/// Objects that must not make a template: restored ones, and imports that came too late.
fn abandoned(context: &Context, name: &TemplateName) -> Option<TemplatePlan> {
    let standing = context.standing();
    if standing.is_restored() {
        let message = format!(
            "this object was restored or copied (it carries the label {} but has no binding), and \
             coderd has no template {} in {}; nothing is created in its place: remove the label to \
             create one",
            names::LABEL_ORIGIN,
            name.template,
            name.organization
        );
        let outlook = Outlook::stalled(Reason::LostAfterRestore, message);
        return Some(TemplatePlan::look_again(LOOK_AGAIN, outlook));
    }
    let made_by_import = !standing.is_declared
        && context
            .ownership
            .held_by_coderd(&FieldPath::spec("organization"));
    made_by_import.then(|| {
        let message = "its template was deleted in Coder while it was imported";
        let outlook = Outlook::reconciling(Reason::Deleting, message);
        TemplatePlan::act(Effect::Object(ObjectEffect::Delete), outlook)
    })
}

/// Creates the template: finalizer, recorded attempt, a version that was imported, request.
fn create(context: &Context, name: &TemplateName) -> TemplatePlan {
    if let Some(message) = metadata::not_supported(context) {
        return stalled(Reason::NotSupportedYet, message);
    }
    match context.source {
        None => {
            return stalled(
                Reason::Incomplete,
                "spec.files is needed to create the template",
            );
        }
        Some(Err(message)) => return stalled(Reason::Refused, message),
        Some(Ok(_)) => {}
    }
    let outlook = Outlook::reconciling(Reason::Creating, "the template is being created");
    if let Some(effect) = lifecycle::finalizer(&context.standing()) {
        return TemplatePlan::act(Effect::Object(effect), outlook);
    }
    if context.standing().records().attempt.is_none() {
        return begin(context);
    }
    if let Some(plan) = version::plan_first(context) {
        return plan;
    }
    if let Some(outlook) = version::outlook(context) {
        return TemplatePlan {
            next: crate::sync::plan::Next::Rest(version::look_again(context)),
            outlook,
            notes: Vec::new(),
        };
    }
    let Sight::Found(Version { id, .. }) = context.version else {
        return refused(context);
    };
    let spec = &context.object.spec;
    let effect = Effect::Create(NewTemplate {
        name: name.template.clone(),
        version_id: id.clone(),
        display_name: spec.display_name.clone().unwrap_or_default(),
        description: spec.description.clone().unwrap_or_default(),
        icon: spec.icon.clone().unwrap_or_default(),
    });
    if context.refusal(&effect).is_some() {
        return refused(context);
    }
    TemplatePlan::act(effect, outlook)
}

/// What coderd refused, in its own words.
fn refused(context: &Context) -> TemplatePlan {
    let refused = context.records().sync.refused;
    let texts: Vec<_> = refused
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect();
    stalled(Reason::Refused, texts.join("; "))
}

/// Records that a creation begins. What was known of a template that is gone is forgotten: a version
/// that belonged to it cannot create another.
pub fn begin(context: &Context) -> TemplatePlan {
    let mut records = Records::default();
    records.sync.attempt = Some(Attempt {
        requested_at: Time(context.coderd_now),
    });
    let outlook = Outlook::reconciling(Reason::Creating, "the template is being created");
    TemplatePlan::record(records, outlook)
}
