//! What is known of a panic once it is caught: its text, and where it came from.
//!
//! Where is known only while it unwinds, so a hook notes it for the thread. The hook that was there
//! before is called as ever, unless a simulation was asked to be [quiet](crate::sim::quietly).

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::{Reason, sim};

/// A backtrace travels to linkers; no more of it than this. Unit: bytes.
const BACKTRACE_MAX: usize = 16 << 10;

thread_local! {
    /// Where the latest panic of this thread began.
    static WHERE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics note where they come from, from now on.
pub(crate) fn note() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = place(panic);
            let noted = sim::quiet::note(|| format!("{}, {place}", message(panic.payload())));
            // A thread that is going has no place to keep it.
            let _ = WHERE.try_with(|latest| *latest.borrow_mut() = Some(place));
            if !noted {
                before(panic);
            }
        }));
    });
}

/// The reason a caught panic is for an end; `input` is what was handled.
pub(crate) fn reason(panic: &(dyn Any + Send), input: &str) -> Reason {
    Reason::Panicked {
        message: message(panic),
        input: input.to_owned(),
        backtrace: WHERE.take().unwrap_or_default(),
    }
}

/// The text a panic carries.
pub(crate) fn message(panic: &dyn Any) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without text".to_owned())
}

/// File and line; behind them the stack, if `RUST_BACKTRACE` asks for it. In a simulation the stack would
/// tell who moved it, and make two traces of one seed.
fn place(panic: &PanicHookInfo<'_>) -> String {
    let mut text = panic.location().map_or(String::new(), |location| format!("at {location}"));
    if sim::moves_here() {
        return text;
    }
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("\n{backtrace}"));
        let end = (0..=BACKTRACE_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
    text
}
