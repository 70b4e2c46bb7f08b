//! A URL that needs more than plain HTTP (TLS, FTP): fetched by the machine's own curl, which brings the machine's
//! certificates and policies along.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use agent_linux::beneath::{self, Directory};
use agent_linux::child;

/// Where the program is looked for: a helper has no environment.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What to fetch, and what it may cost.
#[derive(Debug)]
pub(crate) struct Download<'a> {
    pub(crate) url: &'a str,
    pub(crate) name: &'a Path,
    pub(crate) executable: bool,
    /// Unit: seconds without a byte.
    pub(crate) stall: u64,
    pub(crate) redirects: u64,
    pub(crate) bytes: u64,
}

impl Download<'_> {
    /// Fetches it into the sandbox; one cut short does not stay.
    pub(crate) fn run(&self, sandbox: &Directory) -> Result<(), String> {
        let done = self.fetch(sandbox);
        if done.is_err() {
            // What failed is told; that its remains could not be removed would hide it.
            let _ = sandbox.remove(self.name);
        }
        done
    }

    fn fetch(&self, sandbox: &Directory) -> Result<(), String> {
        let mode = if self.executable { 0o755 } else { 0o644 };
        let failed = |error: io::Error| error.to_string();
        let target = sandbox.create(self.name, mode).map_err(failed)?;
        beneath::set_mode(&target, mode).map_err(failed)?;
        // Whatever the server says of the size.
        child::limit_file_size(self.bytes).map_err(failed)?;
        let done = Command::new("curl")
            .env_clear()
            .env("PATH", PATH)
            .args(["--disable", "--fail", "--silent", "--show-error", "--globoff", "--location"])
            .args(["--proto", "=https,ftps,ftp", "--proto-redir", "=https,http,ftps,ftp"])
            .args(["--max-redirs", &self.redirects.to_string()])
            .args(["--connect-timeout", &self.stall.to_string()])
            .args(["--speed-limit", "1", "--speed-time", &self.stall.to_string()])
            .args(["--max-filesize", &self.bytes.to_string()])
            .args(["--url", self.url])
            .stdin(Stdio::null())
            .stdout(target)
            .stderr(Stdio::piped())
            .output();
        let output = match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let scheme = self.url.split("://").next().unwrap_or_default();
                return Err(format!(
                    "the scheme '{scheme}' needs the program curl, which this machine lacks"
                ));
            }
            done => done.map_err(failed)?,
        };
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        match said.lines().next() {
            Some(line) => Err(line.strip_prefix("curl: ").unwrap_or(line).to_owned()),
            None => Err(format!("curl ended with {}", output.status)),
        }
    }
}
