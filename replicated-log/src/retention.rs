//! When a snapshot is due, and what of the log goes after it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Keep;
use crate::host::Host;
use crate::raft::runtime::sleep;
use crate::{LogError, Machine};

/// How often this is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A snapshot is made at least so often, if anything was applied since.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(3600);

/// Makes snapshots in time, and lets go of what was truncated. How many entries make a snapshot is the concern of
/// consensus itself.
pub(crate) async fn keep<M: Machine>(host: Arc<Host<M>>) {
    let mut made = host.runtime().elapsed();
    let mut seen = 0;
    loop {
        sleep(LOOK).await;
        let standing = host.consensus().standing();
        let now = host.runtime().elapsed();
        if standing.snapshot != seen {
            (seen, made) = (standing.snapshot, now);
        }
        let beginning = host.shared.applied.read().beginning();
        let truncated = host.shared.config.keep == Keep::UntilTruncated && beginning > standing.purged + 1;
        let behind = standing.snapshot < standing.applied;
        let due = behind && now.saturating_sub(made) >= SNAPSHOT_EVERY;
        let outcome = if due || (truncated && beginning > standing.snapshot + 1) {
            made = now;
            host.consensus().snapshot().await
        } else if truncated {
            host.consensus().purge(beginning - 1).await
        } else {
            Ok(())
        };
        if let Err(LogError::Stopped(_)) = outcome {
            return;
        }
    }
}
