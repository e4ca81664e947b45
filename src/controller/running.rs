//! What works on one control plane.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{control_plane::ControlPlane, parts::Parts, sweep, work};

/// Looks at the objects of `plane`, and at its coderd, until `stop`.
pub(super) async fn run(plane: Arc<ControlPlane>, stop: CancellationToken) {
    let settings = &plane.shared.settings;
    let seed = settings.seed_of(&format!("parts of {}", plane.home.place));
    let mut parts = Parts::new(stop, seed);
    if plane.name().is_some() {
        let plane = Arc::clone(&plane);
        parts.droppable("sweep", move || sweep::run(Arc::clone(&plane)));
    }
    for _ in 0..settings.workers {
        let plane = Arc::clone(&plane);
        parts.orderly("worker", move |stop| work::run(Arc::clone(&plane), stop));
    }
    parts.run().await;
}
