//! What a person or a program reads: tables or JSON on stdout, progress and complaints on stderr.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// One line on stdout.
///
/// Errors: when nobody reads any more, as behind `| head`; see [`is_closed`].
pub(crate) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// Bytes on stdout as they are, at once.
pub(crate) fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Bytes on stderr as they are, at once.
pub(crate) fn raw_error(bytes: &[u8]) -> anyhow::Result<()> {
    let mut err = std::io::stderr().lock();
    err.write_all(bytes)?;
    err.flush()?;
    Ok(())
}

/// Whether an error only says that the reader of our output went away.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Rows under headings; a short sentence where there are none.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>, empty: &str) -> anyhow::Result<()> {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    table.add_rows(rows);
    for text in table.to_string().lines() {
        line(text.trim_end())?;
    }
    Ok(())
}

/// What is going on, for a person who waits: on stderr, dim on a terminal.
pub(crate) fn progress(text: impl std::fmt::Display) {
    let mut err = std::io::stderr();
    let _ = if colours(&err) { writeln!(err, "\x1b[2m{text}\x1b[0m") } else { writeln!(err, "{text}") };
}

/// Why it did not work, with everything that led there.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut err = std::io::stderr();
    let word = if colours(&err) { "\x1b[31merror\x1b[0m" } else { "error" };
    let _ = writeln!(err, "{word}: {error:#}");
}

/// Colour is for terminals, unless <https://no-color.org> is asked for.
pub(crate) fn colours(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
