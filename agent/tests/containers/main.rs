//! The containerizer from outside, with real processes: launched, watched, ended, found again.

mod cgroups;
mod devices;
mod fetch;
mod image;
mod images;
mod isolated;
mod life;
mod machine;
mod quotas;
mod recovery;
mod sets_apart;
mod vm;
