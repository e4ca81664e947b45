//! Sweeps: coderd's lists at an interval, compared with the sweep before.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Controller, Key, cause,
    inventory::{Row, RowContent},
    queue::Lane,
    session::session,
    template, workspace,
};
use crate::{
    coderd,
    sync::{kind::TwinFacts, rounding},
};

/// A sweep takes at most this share of the time.
const DUTY: u32 = 10;
/// How soon a sweep that failed is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(3);
/// So many failures in a row mean that coderd cannot be seen; one may be an accident.
const BLIND_AFTER: u32 = 2;

/// Sweeps for ever.
pub(super) async fn run(controller: Arc<Controller>) {
    let mut failures = 0;
    loop {
        let start = Instant::now();
        let result = sweep(&controller).await;
        let took = start.elapsed();
        let interval = controller.settings.sweep_interval;
        let pause = match result {
            Ok(()) => {
                failures = 0;
                controller.settings.metrics.swept("ok", took);
                interval.max(took * DUTY)
            }
            Err(error) => {
                failures += 1;
                controller.settings.metrics.swept("failed", took);
                let cause = cause::of(&error);
                tracing::warn!(error = %cause.message, failures, "a sweep of coderd failed");
                let pause = interval
                    .min(AFTER_FAILURE)
                    .max(cause.retry_after.unwrap_or_default());
                if failures >= BLIND_AFTER && controller.sessions.set(Err(cause)) {
                    controller.look_at_everything();
                }
                pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn sweep(controller: &Controller) -> Result<(), coderd::Error> {
    let client = &controller.settings.coderd;
    let info = client.build_info().await?;
    let user = client.user("me").await?;
    let mut rows: BTreeMap<Uuid, Row> = BTreeMap::new();
    let templates = client.templates().await?;
    let deprecated = client.deprecated_templates().await?;
    let workspaces = client.workspaces().await?;
    rows.extend(templates.iter().chain(&deprecated).map(template_row));
    rows.extend(
        workspaces
            .workspaces
            .iter()
            .filter(|row| {
                !row.is_prebuild && row.latest_build.status != coderd::BuildStatus::Deleted
            })
            .map(workspace_row),
    );
    let is_new = controller.sessions.set(Ok(session(&info, &user)));
    let watching = controller.is_watching();
    let imports = &controller.settings.imports;
    let changes = controller
        .inventory
        .swept(rows, |name| watching && imports.cover(name));
    for key in changes.objects.into_iter().chain(changes.imports) {
        controller.queue.add(key, Lane::Sweep);
    }
    if is_new {
        controller.look_at_everything();
    }
    controller.progressed(|progress| progress.swept = true);
    Ok(())
}

fn workspace_row(row: &coderd::Workspace) -> (Uuid, Row) {
    let mut twin = workspace::translate(row);
    twin.last_used_at = twin.last_used_at.map(rounding::to_the_hour);
    let row_content = Row {
        name: twin.object_name().to_string(),
        organization: twin.organization.clone(),
        content: RowContent::Workspace(Box::new(twin)),
    };
    (row.id, row_content)
}

fn template_row(row: &coderd::Template) -> (Uuid, Row) {
    let twin = template::translate(row, "");
    let row_content = Row {
        name: twin.object_name().to_string(),
        organization: twin.organization.clone(),
        content: RowContent::Template(Box::new(twin)),
    };
    (row.id, row_content)
}

impl Controller {
    /// What may be seen of coderd has changed: every object looks for itself.
    fn look_at_everything(&self) {
        self.look_at(self.inventory.objects());
    }

    /// The objects `keys` look for themselves.
    pub(super) fn look_at(&self, keys: Vec<Key>) {
        for key in keys {
            self.queue.add(key, Lane::Sweep);
        }
    }
}
