//! What an object says of itself once no step is left: an ordered chain of checks, and the status.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde_json::Value;

use super::{
    context::{Context, Records},
    field::FieldState,
    kind::Kind,
    outlook::{Outlook, finding},
    setting, upkeep,
};
use crate::api::{
    condition::Reason,
    names,
    status::{Binding, DriftPolicy, Refusal, Sync},
};

/// The part of a status that both kinds have, and the records.
#[derive(Debug)]
pub struct Report<K: Kind> {
    /// `observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `controlPlane`.
    pub control_plane: Option<String>,
    /// `binding`.
    pub binding: Option<Binding>,
    /// `sync`; left out where it is empty.
    pub sync: Option<Sync>,
    /// `lastHandledReconcileAt`.
    pub last_handled_reconcile_at: Option<String>,
    /// `conditions`.
    pub conditions: Vec<Condition>,
    /// The records that only this kind has.
    pub own: K::OwnRecords,
}

impl<K: Kind> Context<'_, K> {
    /// The records once no step is left: refusals of what is not asked for any more are dropped.
    pub fn records_at_rest(&self) -> Records<K> {
        let mut records = self.records();
        records.sync.refused = standing_refusals(self);
        records.own = K::own_records_at_rest(self);
        if self.present().is_some() && upkeep::new_name(self).is_none() {
            records.sync.removal_suspended = None;
        }
        records
    }
}

/// What the object says once no step is left. `Ready` speaks of what is enforced; what else differs is
/// shown beside it.
pub fn outlook<K: Kind>(context: &Context<K>) -> Outlook {
    let Some(twin) = context.present() else {
        return Outlook::settled("");
    };
    let mut outlook = K::outlook(context, twin);
    if context.standing().drift_policy == DriftPolicy::Observe {
        let mut drifted = setting::drifted(context, twin);
        drifted.extend(K::drifted(context, twin));
        outlook.drifted = (!drifted.is_empty()).then(|| drifted.join("; "));
        differs(&mut outlook, Reason::FieldDrift, &drifted);
    }
    let states = K::mirrored(context, twin);
    let unmirrored: Vec<_> = states.iter().filter_map(FieldState::unmirrored).collect();
    differs(&mut outlook, Reason::NotMirrored, &unmirrored);
    outlook
}

/// A right that is missing may be granted without anybody being told.
pub const TRY_FORBIDDEN_AGAIN: Duration = Duration::from_secs(60);

/// When to look again once no step is left: the kind's own time, when a fight is over, or when what is
/// forbidden may be tried again.
pub fn look_again<K: Kind>(context: &Context<K>) -> Option<Duration> {
    let twin = context.present()?;
    let fights = setting::fights(context, twin).into_iter();
    let ends = fights.map(|(_, fight)| fight.remaining(context.now));
    let forbidden = (!context.withheld.is_empty()).then_some(TRY_FORBIDDEN_AGAIN);
    let times = K::look_again(context).into_iter().chain(ends);
    times.chain(forbidden).min()
}

/// coderd forbids us to set a declared setting; the others go on.
pub fn forbidden<K: Kind>(context: &Context<K>) -> Option<Outlook> {
    let texts: Vec<_> = context
        .withheld
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect();
    (!texts.is_empty()).then(|| {
        let message = format!(
            "{}; give the controller's user the right, and it is set within a minute",
            texts.join("; ")
        );
        Outlook::stalled(Reason::Forbidden, message)
    })
}

/// Somebody else keeps changing declared settings.
pub fn fighting<K: Kind>(context: &Context<K>) -> Option<Outlook> {
    let fights = setting::fights(context, context.present()?);
    let differences: Vec<_> = fights.iter().map(|(state, _)| state.difference()).collect();
    let (_, fight) = fights.first()?;
    Some(fight.outlook(&differences.join("; ")))
}

/// Where all that is enforced is in effect, both sides are still not equal.
fn differs(outlook: &mut Outlook, reason: Reason, differences: &[String]) {
    let is_equal = outlook.synced.holds == Some(true);
    if is_equal && !differences.is_empty() {
        outlook.synced = finding(Some(false), reason, &differences.join("; "));
    }
}

/// A declared field of this version's schema is never silently ignored.
pub fn not_supported<K: Kind>(context: &Context<K>) -> Option<Outlook> {
    let fields = K::unsupported(context);
    (!fields.is_empty()).then(|| {
        let message = format!(
            "{} is not synchronised by this version yet; leave it out",
            fields.join(", ")
        );
        Outlook::stalled(Reason::NotSupportedYet, message)
    })
}

/// What coderd refused and is still asked for, in its own words.
pub fn refused<K: Kind>(context: &Context<K>) -> Option<Outlook> {
    let refusals = standing_refusals(context);
    let texts: Vec<_> = refusals
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect();
    (!texts.is_empty()).then(|| Outlook::stalled(Reason::Refused, texts.join("; ")))
}

/// The refusals that still stand in the way of what is asked for.
fn standing_refusals<K: Kind>(context: &Context<K>) -> Vec<Refusal> {
    let known = context.records().sync.refused;
    let twin = match context.present() {
        Some(twin) if !context.standing().is_terminating() => twin,
        _ => return known,
    };
    let pending = K::pending(context, twin);
    let others = pending.iter().filter_map(|effect| context.refusal(effect));
    let mut refused = setting::refused(context, twin);
    refused.extend(others.cloned());
    refused
}

/// A declared object whose twin has another name now keeps syncing by id.
pub fn renamed<K: Kind>(context: &Context<K>) -> Option<Outlook> {
    let name = upkeep::new_name(context)?;
    let message = format!(
        "the {} was renamed in Coder; to follow, set spec.deletionPolicy: Retain, delete this object \
         and apply it as {name}",
        K::NOUN
    );
    Some(Outlook::stalled(Reason::RenamedInCoder, message))
}

/// The complete status: what coderd says, the records, and the conditions.
pub fn status<K: Kind>(context: &Context<K>, records: Records<K>, outlook: &Outlook) -> K::Status {
    let before = context.object.shared_status().conditions;
    let generation = context.object.metadata().generation;
    let (observed_generation, last_handled_reconcile_at) = context.standing().acted_on(outlook);
    let Records { binding, sync, own } = records;
    let report = Report {
        observed_generation,
        control_plane: Some(names::STATIC_CONTROL_PLANE.to_owned()),
        binding,
        sync: (sync != Sync::default()).then_some(sync),
        last_handled_reconcile_at,
        conditions: outlook.conditions(before, generation, context.now),
        own,
    };
    K::status(context, report)
}

/// Whether the status `after` tells nothing that `before` does not, besides times: to record it is no
/// step, and would be taken again and again.
pub fn repeats(before: &impl Serialize, after: &impl Serialize) -> bool {
    let before = serde_json::to_value(before).map(timeless).ok();
    let after = serde_json::to_value(after).map(timeless).ok();
    before == after
}

/// A status in which one time is like another: each record has a new one.
fn timeless(status: Value) -> Value {
    let is_time = |name: &str| {
        name != "lastHandledReconcileAt" && (name.ends_with("At") || name.ends_with("Time"))
    };
    match status {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let same = |(name, value): (String, Value)| {
                let value = if is_time(&name) {
                    Value::from("a time")
                } else {
                    timeless(value)
                };
                (name, value)
            };
            fields.map(same).collect()
        }
        Value::Array(items) => items.into_iter().map(timeless).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => status,
    }
}
