//! Bringing what a launch needs: its image into the store, its URIs into its sandbox.

use libprocess::metrics::Histogram;
use model::ContainerId;
use model::container::Image;

use super::start;
use crate::containerizer::{ContainerConfig, LaunchFailure, LaunchStep};
use crate::fetcher::Fetcher;
use crate::provisioner::{Provisioner, Pulled, Stopper};

/// What it takes to bring something.
pub(super) struct Bringer {
    pub(super) fetcher: Fetcher,
    /// `None`: this agent has no images.
    pub(super) provisioner: Option<Provisioner>,
    /// How long pulls take. Unit: milliseconds.
    pub(super) pulls: Option<Histogram>,
}

impl Bringer {
    /// Brings all of it. Dropping the future stops it.
    pub(super) async fn bring(
        self,
        id: ContainerId,
        config: ContainerConfig,
    ) -> Result<Option<Pulled>, LaunchFailure> {
        let pulled = match config.image().cloned() {
            Some(image) => Some(self.pull(image).await?),
            None => None,
        };
        let prepared = self.fetcher.blocking({
            let (id, config) = (id.clone(), config.clone());
            move || start::prepare(&id, &config)
        });
        let who = prepared.await.map_err(|error| not(LaunchStep::Prepare, error))??;
        let fetched = self.fetcher.fetch_all(&config.uris, &config.sandbox, who).await;
        fetched.map_err(|error| not(LaunchStep::Fetch, error.sentence(&id)))?;
        Ok(pulled)
    }

    async fn pull(&self, image: Image) -> Result<Pulled, LaunchFailure> {
        let Some(provisioner) = self.provisioner.clone() else {
            let why =
                "it asks for an image, and this agent has none: it was started without --image_providers";
            return Err(not(LaunchStep::Provision, why));
        };
        let begun = self.fetcher.runtime.elapsed();
        let (stopper, stopped) = Stopper::new().map_err(|error| not(LaunchStep::Provision, error))?;
        let launcher = self.fetcher.launcher.clone();
        let pulled = self.fetcher.blocking(move || provisioner.pull(&image, &launcher, &stopped)).await;
        drop(stopper);
        let pulled = pulled.map_err(|error| not(LaunchStep::Provision, error))?;
        if let Some(pulls) = &self.pulls {
            pulls.record((self.fetcher.runtime.elapsed() - begun).as_secs_f64() * 1e3);
        }
        pulled.map_err(|why| not(LaunchStep::Provision, why))
    }
}

/// Why a launch came no further.
pub(super) fn not(step: LaunchStep, why: impl ToString) -> LaunchFailure {
    LaunchFailure { step, message: why.to_string() }
}
