//! Certificates that are renewed while the node runs: their files are read again and again.

use tokio::sync::oneshot;

use crate::Runtime;
use crate::tls::{Tls, TlsError};

/// Looks for as long as the node lives. What is wrong with the files is said once, and changes nothing:
/// they may be half written.
pub(super) async fn keep(runtime: Runtime, mut tls: Tls) {
    let mut said = None;
    loop {
        runtime.sleep(tls.reread).await;
        match look(&runtime, &tls).await {
            Ok(None) => said = None,
            Ok(Some(renewed)) => {
                tracing::info!("certificates renewed");
                (tls, said) = (renewed, None);
            }
            Err(error) => {
                let why = error.to_string();
                if said.as_ref() != Some(&why) {
                    tracing::warn!(error = why, "certificates not renewed");
                    said = Some(why);
                }
            }
        }
    }
}

/// What the files hold, if that is new and in use from now on.
async fn look(runtime: &Runtime, tls: &Tls) -> Result<Option<Tls>, TlsError> {
    let (give, given) = oneshot::channel();
    let before = tls.clone();
    runtime.environment().spawner.blocking(Box::new(move || drop(give.send(before.read_again()))));
    // The job is dropped when the node ends.
    let Ok(read) = given.await else { return Ok(None) };
    let Some(renewed) = read? else { return Ok(None) };
    runtime.renew(&renewed)?;
    Ok(Some(renewed))
}
