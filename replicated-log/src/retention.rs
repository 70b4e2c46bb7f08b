//! What of the log goes once a writer has truncated it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Keep;
use crate::host::Host;
use crate::raft::runtime::sleep;
use crate::{LogError, Machine};

/// How often this is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Lets go of what was truncated, once a snapshot holds what it amounts to. Where only so many entries are kept, that is
/// the concern of consensus itself.
pub(crate) async fn keep<M: Machine>(host: Arc<Host<M>>) {
    if host.shared.config.keep != Keep::UntilTruncated {
        return;
    }
    loop {
        sleep(LOOK).await;
        let standing = host.consensus().standing();
        let beginning = host.shared.applied.read().beginning();
        let outcome = if beginning <= standing.purged + 1 {
            Ok(())
        } else if beginning > standing.snapshot + 1 {
            host.consensus().snapshot().await
        } else {
            host.consensus().purge(beginning - 1).await
        };
        if let Err(LogError::Stopped(_)) = outcome {
            return;
        }
    }
}
