//! The whole behaviour of a template.

use super::{
    creation, deletion, fields, files,
    kind::{Context, Step},
    pin, status, version,
};
use crate::{
    api::template::{CoderTemplate, TemplateStatus},
    sync::{
        chain::{Check, Planned},
        conditions::ConditionSet,
        fields::{push, table::Field},
        rules::{
            adoption::{self, Rules},
            bound, claim, deletion as departure, guard,
        },
        status::Report,
    },
};

const CHAIN: &[Check<CoderTemplate>] = &[
    ("first_status", guard::first_visit),
    ("record_refusals", guard::unrecorded_refusals),
    ("delete", |context| {
        departure::plan(context, deletion::delete)
    }),
    ("stale_claim", claim::stale),
    ("paused", guard::paused),
    ("unknown", guard::unknown),
    ("adopt", |context| adoption::plan(context, &UNBOUND)),
    ("lost", |context| bound::lost(context, creation::lost)),
    ("read_only", guard::read_only),
    ("renamed", bound::renamed),
    ("origin_label", bound::origin),
    ("finalizer", bound::finalizer),
    ("not_supported", |context| {
        guard::not_supported(&fields::unsupported(context))
    }),
    ("fields", |context| push::push(context, fields::FIELDS)),
    ("source_conflict", pin::conflict),
    ("version", version::plan),
    ("pinned", pin::plan),
    ("mirror", files::mirror),
    ("other_name", bound::other_name),
    ("settled", settled),
];

const UNBOUND: Rules<CoderTemplate> = Rules {
    name_conflict: |_name, _template| None,
    create: creation::create,
};

fn settled(context: &Context) -> Option<Step> {
    let conditions = status::settled(context, context.present()?);
    Some(Step::pass(conditions))
}

impl Planned for CoderTemplate {
    const CHAIN: &'static [Check<Self>] = CHAIN;
    const FIELDS: &'static [Field<Self>] = fields::FIELDS;

    fn add_conditions(context: &Context, conditions: &mut ConditionSet) {
        conditions.promoted = status::promoted(context);
    }

    fn complete_status(context: &Context, report: Report<Self>) -> TemplateStatus {
        status::status(context, report)
    }
}
