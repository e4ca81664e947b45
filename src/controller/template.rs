//! Templates: observe → plan → act → report.

mod act;
mod observe;
mod translate;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;

pub(super) use self::translate::{object_name, translate};
use super::{
    Controller, Key,
    cause::Outcome,
    kind::{Kind, Look},
};
use crate::{
    api::{
        status::{Binding, Refusal},
        template::{CoderTemplate, TemplateStatus},
    },
    k8s::object::Objects,
    sync::{
        outlook::Outlook,
        ownership::Ownership,
        plan::ObjectEffect,
        template::{self, Context, Effect, Records, TemplatePlan, report},
        twin::{Cause, Twin},
    },
};

/// The kind of templates.
pub(super) enum Templates {}

impl Kind for Templates {
    type Object = CoderTemplate;
    type Status = TemplateStatus;
    type Seen = observe::Seen;
    type Effect = Effect;
    type Records = Records;

    fn objects(controller: &Controller) -> &Objects<CoderTemplate> {
        &controller.templates
    }

    fn status(object: &CoderTemplate) -> TemplateStatus {
        object.status.clone().unwrap_or_default()
    }

    fn set_status(object: &mut CoderTemplate, status: TemplateStatus) {
        object.status = Some(status);
    }

    fn keep_up(object: &mut CoderTemplate, before: Option<i64>) {
        let generation = object.metadata.generation;
        if let Some(status) = &mut object.status
            && status.observed_generation == before
        {
            status.observed_generation = generation;
        }
    }

    fn binding(object: &CoderTemplate) -> Option<&Binding> {
        object.status.as_ref()?.binding.as_ref()
    }

    fn spec(object: &CoderTemplate) -> serde_json::Value {
        serde_json::to_value(&object.spec).unwrap_or_default()
    }

    async fn observe(
        controller: &Controller,
        key: &Key,
        object: &CoderTemplate,
        ownership: &Ownership,
    ) -> observe::Seen {
        observe::observe(controller, key, object, ownership).await
    }

    fn is_present(seen: &observe::Seen) -> bool {
        matches!(seen.twin, Twin::Present(_))
    }

    fn unknown(seen: &observe::Seen) -> Option<&Cause> {
        match &seen.twin {
            Twin::Unknown(cause) => Some(cause),
            Twin::Present(_) | Twin::Absent | Twin::Gone => None,
        }
    }

    fn judge(look: &Look<'_, Self>) -> TemplatePlan {
        template::plan(&context(look))
    }

    fn report(
        look: &Look<'_, Self>,
        records: Option<Records>,
        outlook: &Outlook,
    ) -> TemplateStatus {
        let context = context(look);
        let records = records.unwrap_or_else(|| report::records_at_rest(&context));
        report::status(&context, records, outlook)
    }

    fn object_effect(effect: &Effect) -> Option<&ObjectEffect> {
        match effect {
            Effect::Object(effect) => Some(effect),
            Effect::CreateVersion { .. }
            | Effect::Unarchive(_)
            | Effect::Create(_)
            | Effect::Promote(_)
            | Effect::SetMetadata { .. }
            | Effect::Delete => None,
        }
    }

    async fn act(look: &Look<'_, Self>, effect: &Effect) -> Outcome {
        act::act(look, effect).await
    }

    fn refused(effect: &Effect, message: &str) -> Refusal {
        effect.refused(message)
    }

    fn reference(object: &CoderTemplate) -> ObjectReference {
        object.object_ref(&())
    }
}

fn context<'a>(look: &Look<'a, Templates>) -> Context<'a> {
    let seen = look.seen;
    let settings = &look.controller.settings;
    let now = settings.clock.now();
    Context {
        object: look.object,
        ownership: look.ownership,
        twin: &seen.twin,
        organization: seen.organization.as_ref(),
        source: seen.source.as_ref(),
        version: &seen.version,
        active: seen.active.as_deref(),
        workspaces: seen.workspaces,
        bound_elsewhere: seen.bound_elsewhere.as_deref(),
        deployment_id: &seen.session.deployment_id,
        read_only: seen.session.read_only.as_ref(),
        crd_is_going: seen.crd_is_going,
        us: &seen.session.us,
        refused: look.refused,
        request_timeout: settings.request_timeout,
        build_wait: &settings.build_wait,
        coderd_now: seen.coderd_now.unwrap_or(now),
        now,
    }
}
