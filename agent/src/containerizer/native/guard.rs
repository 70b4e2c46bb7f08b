//! Listening for what a running container may have broken.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use libprocess::{Pid, Runtime};
use model::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use super::{Containerizer, Done};
use crate::containerizer::{Input, Work};
use crate::isolators::Alarm;

/// The kernel rings before it counts: how often, and how far apart, the count is looked at after a ring.
const LOOKS: u32 = 25;
const BETWEEN: Duration = Duration::from_millis(20);

/// Tells `to` each time the alarm rings, until `stopped`.
pub(crate) async fn guard(
    id: ContainerId,
    alarm: Alarm,
    stopped: oneshot::Receiver<()>,
    runtime: Runtime,
    to: Pid<Containerizer>,
) -> Done {
    let rings = async {
        match alarm {
            Alarm::Event(alarm) => {
                let Ok(alarm) = watched(alarm, Interest::READABLE) else { return };
                while let Ok(mut ready) = alarm.readable().await {
                    ready.get_inner().clear();
                    ready.clear_ready();
                    tell(&id, &runtime, &to).await;
                }
            }
            Alarm::File(file) => {
                let Ok(file) = watched(std::fs::File::from(file), Interest::PRIORITY) else { return };
                while let Ok(mut ready) = file.ready(Interest::PRIORITY).await {
                    read_again(ready.get_inner());
                    ready.clear_ready();
                    tell(&id, &runtime, &to).await;
                }
            }
        }
    };
    if let Either::Left(((), stopped)) = select(pin!(rings), stopped).await {
        // Nothing rings any more; the container is looked at when it ends.
        let _ = stopped.await;
    }
    Done::Nothing
}

async fn tell(id: &ContainerId, runtime: &Runtime, to: &Pid<Containerizer>) {
    for _ in 0..LOOKS {
        if to.tell(Input::Work(Work(Done::Rang(id.clone())))).is_err() {
            return;
        }
        runtime.sleep(BETWEEN).await;
    }
}

/// What was read is not rung for again.
fn read_again(file: &std::fs::File) {
    use std::os::unix::fs::FileExt;
    let mut text = [0; 1024];
    let _ = file.read_at(&mut text, 0);
}

fn watched<T: AsRawFd>(owned: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that are only borrowed; ours are owned"
    )]
    AsyncFd::with_interest(owned, interest)
}
