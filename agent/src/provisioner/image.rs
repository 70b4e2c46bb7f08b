//! What an image says of itself.

use serde::{Deserialize, Serialize};

use super::reference::is_hex;

/// The most layers a root is made of: what Docker allows.
const LAYERS_MAX: usize = 127;

/// Where programs of an image that does not say are looked for.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program in the image is to be run, unless somebody says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runtime {
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// Shape: name, value.
    pub environment: Vec<(String, String)>,
    pub working_dir: Option<String>,
}

/// An image's own description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub runtime: Runtime,
    /// Digests of its layers, uncompressed, in hexadecimal digits; the lowest first.
    pub layers: Vec<String>,
}

/// As it is spelled. Source: Docker image specification v1.2, OCI image configuration.
#[derive(Deserialize)]
struct Spelled {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    config: Option<SpelledRuntime>,
    rootfs: SpelledLayers,
}

#[derive(Default, Deserialize)]
struct SpelledRuntime {
    #[serde(default, rename = "Entrypoint")]
    entrypoint: Option<Vec<String>>,
    #[serde(default, rename = "Cmd")]
    command: Option<Vec<String>>,
    #[serde(default, rename = "Env")]
    environment: Option<Vec<String>>,
    #[serde(default, rename = "WorkingDir")]
    working_dir: Option<String>,
}

#[derive(Deserialize)]
struct SpelledLayers {
    diff_ids: Vec<String>,
}

impl Description {
    /// Errors: it is not understood, or what it describes cannot be run here.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let spelled: Spelled = serde_json::from_slice(bytes)
            .map_err(|error| format!("its description is not understood: {error}"))?;
        if let Some(os) = spelled.os.filter(|os| os != "linux" && !os.is_empty()) {
            return Err(format!("it is an image for {os}"));
        }
        let digest = |id: &String| {
            let hex = id.strip_prefix("sha256:").filter(|hex| is_hex(hex));
            hex.map(str::to_owned).ok_or_else(|| format!("'{id}' is no digest of a layer"))
        };
        let layers = spelled.rootfs.diff_ids.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        match layers.len() {
            0 => return Err("it has no layers".to_owned()),
            more if more > LAYERS_MAX => {
                return Err(format!("it has {more} layers; {LAYERS_MAX} are allowed"));
            }
            _ => {}
        }
        let config = spelled.config.unwrap_or_default();
        let variable = |line: String| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (line, String::new()),
        };
        let runtime = Runtime {
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.command.unwrap_or_default(),
            environment: config.environment.unwrap_or_default().into_iter().map(variable).collect(),
            working_dir: config.working_dir.filter(|dir| !dir.is_empty()),
        };
        Ok(Self { runtime, layers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_leaves_out_is_empty() {
        let digest = "ab".repeat(32);
        let read = |text: String| Description::read(text.as_bytes());
        let plain =
            read(format!(r#"{{"rootfs": {{"type": "layers", "diff_ids": ["sha256:{digest}"]}}}}"#)).unwrap();
        assert_eq!(plain, Description { runtime: Runtime::default(), layers: vec![digest.clone()] });
        let full = read(format!(
            r#"{{"os": "linux", "config": {{"Entrypoint": null, "Cmd": ["sh"], "Env": ["A=b=c", "D"], "WorkingDir": "/w"}},
                "rootfs": {{"diff_ids": ["sha256:{digest}"]}}}}"#
        ))
        .unwrap();
        assert_eq!(full.runtime.command, ["sh"]);
        assert_eq!(full.runtime.environment, [("A".into(), "b=c".into()), ("D".into(), String::new())]);
        assert_eq!(full.runtime.working_dir.as_deref(), Some("/w"));
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let error = |text: &str| Description::read(text.as_bytes()).unwrap_err();
        assert!(error("{").starts_with("its description is not understood"));
        assert_eq!(error(r#"{"os": "windows", "rootfs": {"diff_ids": []}}"#), "it is an image for windows");
        assert_eq!(error(r#"{"rootfs": {"diff_ids": []}}"#), "it has no layers");
        assert_eq!(error(r#"{"rootfs": {"diff_ids": ["../x"]}}"#), "'../x' is no digest of a layer");
    }
}
