//! Listening to one supervisor until it is gone.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use agent_launch::Report;
use agent_linux::packet::Packets;
use agent_linux::pidfd::Pidfd;
use libprocess::Pid;
use libprocess_wire as wire;
use model::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Containerizer, Done};
use crate::containerizer::{Input, Work};

/// Tells `to` everything the supervisor says, and returns once it is gone.
///
/// Nothing is polled: both descriptors wake the reactor.
pub(crate) async fn watch(
    id: ContainerId,
    channel: Rc<Packets>,
    pidfd: Pidfd,
    child: bool,
    to: Pid<Containerizer>,
) -> Done {
    listen(&id, channel, &to).await;
    if let Ok(ended) = readable(pidfd) {
        // An error here means that the reactor is going, and this future with it.
        let _ = ended.readable().await;
        if child {
            // Its status is of no interest, its entry in the process table is.
            let _ = ended.get_ref().reap();
        }
    }
    Done::Gone(id)
}

fn readable<T: AsRawFd>(owned: T) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that are only borrowed; ours are owned"
    )]
    AsyncFd::with_interest(owned, Interest::READABLE)
}

async fn listen(id: &ContainerId, channel: Rc<Packets>, to: &Pid<Containerizer>) {
    let Ok(channel) = readable(channel) else { return };
    loop {
        let Ok(mut ready) = channel.readable().await else { return };
        let message = match ready.try_io(|channel| channel.get_ref().receive()) {
            Err(_would_block) => continue,
            Ok(Err(_)) => return,
            Ok(Ok(message)) if message.is_empty() => return,
            Ok(Ok(message)) => message,
        };
        // A newer supervisor may say what we do not know; its end will be known from its record.
        let Ok(report) = wire::decode::<Report>(&message) else { continue };
        if to.tell(Input::Work(Work(Done::Heard(id.clone(), report)))).is_err() {
            return;
        }
    }
}
