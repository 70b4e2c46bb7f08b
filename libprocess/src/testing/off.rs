//! What stands for the tools of tests where the feature `testing` is off: nothing, at no cost.

use crate::doors::Letter;
use crate::http::Request;
use crate::mailbox::AnyCell;
use crate::{Context, Exit, Process, Runtime, SendError, Upid};

/// With nothing in it; no unit, so that it is made as its other half is.
#[derive(Clone, Default)]
pub(crate) struct Filters(());

impl Filters {
    #[inline]
    pub(crate) const fn is_active(&self) -> bool {
        false
    }

    pub(crate) fn request(&self, _: &Request) -> Option<futures_util::future::BoxFuture<'static, ()>> {
        None
    }

    pub(crate) fn keep_time(&self, _: &std::sync::Arc<dyn crate::environment::Clock>) {}

    pub(crate) fn ended(&self, _: &[String]) {}
}

pub(crate) fn letter(_: &Runtime, cell: &dyn AnyCell, letter: Letter) -> Result<(), SendError> {
    cell.take_letter(letter)
}

pub(crate) fn input<A: Process>(_: &Context<A>, input: A::Input, _: bool) -> Option<A::Input> {
    Some(input)
}

pub(crate) fn exit<A: Process>(_: &Context<A>, peer: Upid, exit: Exit) -> Option<(Upid, Exit)> {
    Some((peer, exit))
}
