//! What travels with the next start; nothing is forced on a running workspace.

use super::{
    ephemeral,
    external::Workspace,
    kind::{Context, Step},
    parameters, pin,
    value::Values,
};
use crate::{api::condition::Reason, sync::conditions::ConditionSet};

/// The parameters that it sends.
pub fn values(context: &Context, workspace: &Workspace) -> Values {
    let mut values = parameters::declared(context.object, context.observed.referenced);
    let known = workspace.known_parameters.as_deref().unwrap_or_default();
    for name in parameters::ephemeral(context, known).keys() {
        if !ephemeral::is_due(context, workspace, name) {
            values.remove(name);
        }
    }
    values
}

/// What is declared and takes effect only when the workspace is started again.
pub fn wait(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    if workspace.build.run_state() == Some(false) {
        return None;
    }
    let pin = pin::is_waiting(context, workspace).then(|| pin::PIN.to_owned());
    let names = parameters::waiting(context, workspace);
    let parameters = (!names.is_empty()).then(|| format!("parameters {}", names.join(", ")));
    let waiting: Vec<_> = pin.into_iter().chain(parameters).collect();
    let message = format!(
        "{} take effect with the next start; stop and start the workspace",
        waiting.join(" and ")
    );
    let conditions = ConditionSet::reconciling(Reason::WaitingForBuild, message);
    (!waiting.is_empty()).then(|| Step::pass(conditions))
}
