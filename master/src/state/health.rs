//! Whether an agent answers its pings.

/// What is known of one agent's answers. Kept outside the snapshot: it changes with every ping and nobody reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// Pings sent since it last answered.
    pub(crate) unanswered: u32,
}
