//! A person and a container: what it writes is shown, what they type is passed on.

use std::pin::pin;

use anyhow::bail;
use api::v1::ContainerId;
use api::v1::agent::process_io::data::Type;
use futures_util::future::{Either, select};
use libprocess::http::stream;
use tokio::sync::oneshot;

use crate::client::{Cluster, Inside, Reading};
use crate::console::{self, Left, Raw, Typing};
use crate::output;

/// How much may be typed before it is passed on.
const TYPED_MAX: usize = 256;
/// Unit: bytes.
const TYPED_BYTES_MAX: usize = 1024 * 1024;

/// Carries both ways until the container has no more to say, or its person leaves.
///
/// Errors: the agent breaks off, or takes no input.
pub(crate) async fn run(
    cluster: &Cluster,
    inside: &Inside,
    id: &ContainerId,
    reading: Reading,
    types: bool,
    terminal: bool,
    detach: bool,
) -> anyhow::Result<()> {
    if !types {
        return show(reading).await;
    }
    let raw = (terminal && console::is_terminal()).then(Raw::enter).transpose()?;
    let (sender, body) = stream(TYPED_MAX, TYPED_BYTES_MAX);
    let typing = Typing::begin(sender, id);
    let (tell, told) = oneshot::channel();
    typing.read_input(detach && raw.is_some(), move |left| {
        // Who has seen the end already needs not hear of it.
        let _ = tell.send(left);
    });
    let sending = async {
        let sent = pin!(inside.write(body));
        let left = pin!(async { told.await.unwrap_or(Left::Ended) });
        let keeping = pin!(typing.keep_up(cluster.runtime(), raw.is_some()));
        match select(sent, select(left, keeping)).await {
            Either::Left((sent, _)) => sent.map(|()| Left::Ended),
            Either::Right((Either::Left((left, _)), sent)) => match left {
                Left::Detached => Ok(Left::Detached),
                Left::Ended => {
                    typing.close();
                    sent.await.map(|()| Left::Ended)
                }
            },
            Either::Right((Either::Right(_), sent)) => sent.await.map(|()| Left::Ended),
        }
    };
    let result = match select(pin!(show(reading)), pin!(sending)).await {
        Either::Left((shown, _)) => shown,
        Either::Right((Ok(Left::Detached), _)) => Ok(()),
        Either::Right((Ok(Left::Ended), showing)) => showing.await,
        Either::Right((Err(error), _)) => Err(error),
    };
    drop(raw);
    if detach {
        output::progress("");
    }
    result
}

/// Shows what the container writes, where it belongs.
async fn show(mut reading: Reading) -> anyhow::Result<()> {
    while let Some(io) = reading.next().await? {
        let Some(data) = io.data else { continue };
        let bytes = data.data.as_deref().unwrap_or_default();
        match data.r#type() {
            Type::Stderr => output::raw_error(bytes)?,
            Type::Stdout => output::raw(bytes)?,
            other => bail!("the agent sent {}", other.as_str_name()),
        }
    }
    Ok(())
}

/// The exit code a shell would give for a wait status; 1 if it is not known.
pub(crate) fn code(status: Option<i32>) -> u8 {
    let Some(status) = status else { return 1 };
    match status & 0x7f {
        0 => (status >> 8) as u8,
        signal => 128 + signal as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_becomes_the_code_of_a_shell() {
        assert_eq!([code(Some(7 << 8)), code(Some(9)), code(Some(0)), code(None)], [7, 137, 0, 1]);
    }
}
