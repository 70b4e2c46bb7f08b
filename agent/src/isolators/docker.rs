//! `docker/runtime`: what an image says of how it is run.

use super::isolator::{Isolator, Plan, Subject};
use crate::provisioner::Runtime;

/// The image's program, words, variables and directory, as far as the container's command does not say otherwise.
#[derive(Debug)]
pub(super) struct DockerRuntime {
    ignore: bool,
}

impl DockerRuntime {
    pub(super) fn new(ignore: bool) -> Self {
        Self { ignore }
    }
}

impl Isolator for DockerRuntime {
    fn name(&self) -> &'static str {
        "docker/runtime"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let config = subject.config;
        let Some(image) = subject.image else { return Ok(()) };
        // One that was not asked for a program has no words either but an empty name.
        let words: &[String] = match config.argv.as_slice() {
            [only] if only.is_empty() => &[],
            words => words,
        };
        let runtime = if self.ignore { &Runtime::default() } else { &image.runtime };
        if !image.shared && config.program.is_empty() {
            plan.command = Some(command(runtime, words)?);
        }
        plan.image_environment.extend(runtime.environment.iter().cloned());
        // Within an image of somebody else's, only who looks at it starts where it would.
        if !image.shared || config.session {
            plan.working_dir = runtime.working_dir.clone();
        }
        Ok(())
    }
}

/// What is run where the container names no program.
///
/// | image has | is run |
/// |---|---|
/// | an entrypoint | it, then the container's words, or the image's own if it has none |
/// | a command alone | the first word of it, then the container's words, or the rest of it |
///
/// Source: Mesos, docker/runtime.
fn command(runtime: &Runtime, words: &[String]) -> Result<(String, Vec<String>), String> {
    let given = |own: &[String]| if words.is_empty() { own.to_vec() } else { words.to_vec() };
    let (first, rest) = match (runtime.entrypoint.split_first(), runtime.command.split_first()) {
        (Some((first, more)), _) => (first, [more.to_vec(), given(&runtime.command)].concat()),
        (None, Some((first, more))) => (first, given(more)),
        (None, None) => return Err("neither the container nor its image says what is to be run".to_owned()),
    };
    Ok((first.clone(), [vec![first.clone()], rest].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_fills_in_what_the_container_does_not_say() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let run = |entrypoint: &str, own: &str, given: &str| {
            let runtime =
                Runtime { entrypoint: words(entrypoint), command: words(own), ..Runtime::default() };
            command(&runtime, &words(given)).map(|(program, argv)| {
                assert_eq!(program, argv[0]);
                argv.join(" ")
            })
        };
        assert_eq!(run("/e a", "b c", "").unwrap(), "/e a b c");
        assert_eq!(run("/e a", "b c", "x").unwrap(), "/e a x");
        assert_eq!(run("/e", "", "x y").unwrap(), "/e x y");
        assert_eq!(run("", "/c d", "").unwrap(), "/c d");
        assert_eq!(run("", "/c d", "x").unwrap(), "/c x");
        assert!(run("", "", "x").unwrap_err().contains("what is to be run"));
    }
}
