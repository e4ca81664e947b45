//! The whole behaviour of a template.

use super::{Context, Step, creation, deletion, fields, files, report, version};
use crate::{
    api::template::{CoderTemplate, TemplateStatus},
    sync::{
        adoption::{self, Rules},
        bound,
        chain::{Check, Planned},
        claim,
        conditions::ConditionSet,
        deletion as departure,
        fields::{push, table::Field},
        guard,
        report::Report,
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
    ("version", version::plan),
    ("mirror", files::mirror),
    ("other_name", bound::other_name),
    ("settled", settled),
];

const UNBOUND: Rules<CoderTemplate> = Rules {
    name_conflict: |_name, _template| None,
    create: creation::create,
};

fn settled(context: &Context) -> Option<Step> {
    let conditions = report::settled(context, context.present()?);
    Some(Step::pass(conditions))
}

impl Planned for CoderTemplate {
    const CHAIN: &'static [Check<Self>] = CHAIN;
    const FIELDS: &'static [Field<Self>] = fields::FIELDS;

    fn add_conditions(context: &Context, conditions: &mut ConditionSet) {
        conditions.promoted = report::promoted(context);
    }

    fn complete_status(context: &Context, report: Report<Self>) -> TemplateStatus {
        report::status(context, report)
    }
}
