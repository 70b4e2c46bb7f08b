//! What an error repeats of a text from outside.

use std::fmt::{self, Display};

/// As many bytes are repeated, at most: enough to recognize a text by.
pub const BRIEF_MAX: usize = 128;

/// A text as errors, log lines and names of figures repeat it: what is longer than [`BRIEF_MAX`] bytes ends with an
/// ellipsis, so that nobody who sends a megabyte is sent it back, or has it written to a log.
///
/// ```
/// let text = "long ".repeat(1000);
/// assert_eq!(libprocess_wire::brief(&text).to_string().len(), 128 + "…".len());
/// assert_eq!(libprocess_wire::brief("short").to_string(), "short");
/// ```
pub fn brief(text: &str) -> Brief<'_> {
    Brief(text)
}

/// See [`brief`].
#[derive(Clone, Copy, Debug)]
pub struct Brief<'a>(&'a str);

impl Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= BRIEF_MAX {
            return f.write_str(self.0);
        }
        let end = (0..=BRIEF_MAX).rev().find(|&end| self.0.is_char_boundary(end)).unwrap_or(0);
        f.write_str(&self.0[..end])?;
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = format!("{}é", "a".repeat(127));
        assert_eq!(brief(&text).to_string(), format!("{}…", "a".repeat(127)));
        let fits = format!("{}é", "a".repeat(126));
        assert_eq!(brief(&fits).to_string(), fits);
    }
}
