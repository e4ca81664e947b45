//! Workspaces: observe → plan → act → report.

mod act;
mod observe;
mod translate;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;

pub(super) use self::translate::translate;
use super::{
    Controller, Key,
    cause::Outcome,
    kind::{Kind, Look},
};
use crate::{
    api::{
        status::{Binding, Refusal},
        workspace::{CoderWorkspace, WorkspaceStatus},
    },
    k8s::object::Objects,
    sync::{
        outlook::Outlook,
        ownership::Ownership,
        plan::ObjectEffect,
        twin::{Cause, Twin},
        workspace::{self, Context, Effect, Records, WorkspacePlan, report},
    },
};

/// The kind of workspaces.
pub(super) enum Workspaces {}

impl Kind for Workspaces {
    type Object = CoderWorkspace;
    type Status = WorkspaceStatus;
    type Seen = observe::Seen;
    type Effect = Effect;
    type Records = Records;

    fn objects(controller: &Controller) -> &Objects<CoderWorkspace> {
        &controller.workspaces
    }

    fn status(object: &CoderWorkspace) -> WorkspaceStatus {
        object.status.clone().unwrap_or_default()
    }

    fn set_status(object: &mut CoderWorkspace, status: WorkspaceStatus) {
        object.status = Some(status);
    }

    fn keep_up(object: &mut CoderWorkspace, before: Option<i64>) {
        let generation = object.metadata.generation;
        if let Some(status) = &mut object.status
            && status.observed_generation == before
        {
            status.observed_generation = generation;
        }
    }

    fn binding(object: &CoderWorkspace) -> Option<&Binding> {
        object.status.as_ref()?.binding.as_ref()
    }

    fn spec(object: &CoderWorkspace) -> serde_json::Value {
        serde_json::to_value(&object.spec).unwrap_or_default()
    }

    async fn observe(
        controller: &Controller,
        key: &Key,
        object: &CoderWorkspace,
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

    fn judge(look: &Look<'_, Self>) -> WorkspacePlan {
        workspace::plan(&context(look))
    }

    fn report(
        look: &Look<'_, Self>,
        records: Option<Records>,
        outlook: &Outlook,
    ) -> WorkspaceStatus {
        let context = context(look);
        let records = records.unwrap_or_else(|| report::records_at_rest(&context));
        report::status(&context, records, outlook)
    }

    fn object_effect(effect: &Effect) -> Option<&ObjectEffect> {
        match effect {
            Effect::Object(effect) => Some(effect),
            Effect::Create(_) | Effect::SetTtl(_) | Effect::SetAutostart(_) | Effect::Build(_) => {
                None
            }
        }
    }

    async fn act(look: &Look<'_, Self>, effect: &Effect) -> Outcome {
        act::act(look, effect).await
    }

    fn refused(effect: &Effect, message: &str) -> Refusal {
        effect.refused(message)
    }

    fn reference(object: &CoderWorkspace) -> ObjectReference {
        object.object_ref(&())
    }
}

fn context<'a>(look: &Look<'a, Workspaces>) -> Context<'a> {
    let seen = look.seen;
    let now = look.controller.settings.clock.now();
    Context {
        object: look.object,
        ownership: look.ownership,
        twin: &seen.twin,
        site: seen.site.as_ref(),
        bound_elsewhere: seen.bound_elsewhere.as_deref(),
        deployment_id: &seen.session.deployment_id,
        read_only: seen.session.read_only.as_ref(),
        crd_is_going: seen.crd_is_going,
        us: &seen.session.us,
        stable_for: seen.stable_for,
        refused: look.refused,
        request_timeout: look.controller.settings.request_timeout,
        coderd_now: seen.coderd_now.unwrap_or(now),
        now,
    }
}
