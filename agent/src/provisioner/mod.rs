//! Root file systems from images: pulled into a store once, provisioned for each container, garbage when nobody needs them.
//!
//! ```text
//! <name>.tar ─ pull ─► store: layers by digest, images by name ─ provision ─► <work_dir>/provisioner/containers/<id>
//!                        └── prune: what no image and no container names                └── mounted by the container itself
//! ```
//!
//! Nothing is mounted where the agent could see it: a container puts its root together in its own mount namespace, which
//! ends with it. What is left here are directories.
//!
//! Read in this order:
//! 1. [`reference`]: how an image is named; [`archive`]: an image in a file, as `docker save` writes it; [`image`]: what an
//!    image says of itself;
//! 2. [`store`]: what was pulled, on disk;
//! 3. [`backend`]: how layers become a root; [`copy`]: by copying them;
//! 4. [`provision`]: all of it for one agent.
//!
//! All of it blocks and runs on the pool. Left out on purpose: what a root is mounted with is `agent-launch`'s.

mod archive;
mod backend;
mod copy;
mod image;
mod provision;
mod reference;
mod store;

pub use backend::Backend;
pub(crate) use image::{PATH, Runtime};
pub use provision::{Config, Upkeep};
pub(crate) use provision::{Provisioned, Provisioner};
pub use reference::Reference;
pub(crate) use store::{Pulled, Stopper};
