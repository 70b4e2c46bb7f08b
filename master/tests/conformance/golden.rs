//! What the original said.

use api_conformance::Captures;

pub(crate) const GOLDEN: Captures = Captures::of(env!("CARGO_MANIFEST_DIR"));

/// The ids of the masters that were captured.
pub(crate) const MASTERS: [&str; 5] = [
    "725738bd-c746-46d6-9006-a08c61b972b3",
    "07bad322-e99b-475f-8037-25166e739559",
    "1e968c36-c743-4863-aac4-85f7e5f02dbc",
    "42f85ccb-ce8f-4fe9-9a69-dd192ba823bf",
    "5e23a5b9-62cb-4f30-990e-a56eabeabad6",
];
