//! The whole behaviour of a workspace.

use super::{
    builds, creation, deletion, ephemeral, fields,
    kind::{Context, Step},
    mirror, next_start, parameters, pin, run_state, schedule, status,
};
use crate::{
    api::workspace::{CoderWorkspace, WorkspaceStatus},
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

const CHAIN: &[Check<CoderWorkspace>] = &[
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
    ("version", pin::usable),
    ("parameters", parameters::acceptable),
    ("ephemeral", ephemeral::note),
    ("fields", |context| push::push(context, fields::FIELDS)),
    ("run_state", run_state::plan),
    ("mirror", |context| {
        mirror::plan(context, run_state::settled(context))
    }),
    ("other_name", bound::other_name),
    ("next_start", next_start::wait),
    ("autostart", schedule::blocked),
    ("settled", settled),
];

const UNBOUND: Rules<CoderWorkspace> = Rules {
    name_conflict: creation::name_conflict,
    create: creation::create,
};

fn settled(context: &Context) -> Option<Step> {
    let conditions = status::settled(context, context.present()?);
    Some(Step::pass(conditions).after(schedule::requeue_after(context)))
}

impl Planned for CoderWorkspace {
    const CHAIN: &'static [Check<Self>] = CHAIN;
    const FIELDS: &'static [Field<Self>] = fields::FIELDS;

    fn add_conditions(context: &Context, conditions: &mut ConditionSet) {
        conditions.running = builds::running(context);
    }

    fn complete_status(context: &Context, report: Report<Self>) -> WorkspaceStatus {
        status::status(context, report)
    }
}
