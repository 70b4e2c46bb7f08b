//! Images made by the tests themselves: layers of whatever entries, in a file as `docker save` writes it.

#![allow(dead_code, reason = "each test binary uses its own part of this module")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tar::{Builder, EntryType, Header};

/// One layer: an archive.
pub(crate) struct Layer(Builder<Vec<u8>>);

/// What an entry is, beside its name and content.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) owner: u64,
    pub(crate) device: (u32, u32),
}

impl Said {
    pub(crate) fn of(kind: EntryType, mode: u32) -> Self {
        Self { kind, mode, owner: 0, device: (0, 0) }
    }
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.entry(name, "", content.as_bytes(), Said::of(EntryType::Regular, 0o644))
    }

    pub(crate) fn dir(self, name: &str) -> Self {
        self.entry(name, "", b"", Said::of(EntryType::Directory, 0o755))
    }

    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, target, b"", Said::of(EntryType::Symlink, 0o777))
    }

    /// Names no honest writer would let through come through.
    pub(crate) fn entry(mut self, name: &str, target: &str, content: &[u8], said: Said) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(said.kind);
        header.set_mode(said.mode);
        header.set_uid(said.owner);
        header.set_gid(said.owner);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        header.set_device_major(said.device.0).unwrap();
        header.set_device_minor(said.device.1).unwrap();
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// An extended attribute of the next entry.
    pub(crate) fn attribute(mut self, name: &str, value: &[u8]) -> Self {
        let name = format!("SCHILY.xattr.{name}");
        self.0.append_pax_extensions([(name.as_str(), value)]).unwrap();
        self
    }

    /// Programs of this machine, with all they need to run.
    pub(crate) fn programs(mut self, names: &[&str]) -> Self {
        let mut files: Vec<String> = Vec::new();
        for name in names {
            let found = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].map(|dir| format!("{dir}/{name}"));
            let path =
                found.into_iter().find(|path| Path::new(path).exists()).expect("a program every machine has");
            let said = Command::new("ldd").arg(&path).output().expect("ldd runs").stdout;
            let said = String::from_utf8(said).unwrap();
            files.extend(said.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
            files.push(path);
        }
        files.sort();
        files.dedup();
        for path in files {
            let content = fs::read(&path).unwrap();
            let name = path.trim_start_matches('/');
            self = self.entry(name, "", &content, Said::of(EntryType::Regular, 0o755));
        }
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A layer with a shell and what it takes to look around.
pub(crate) fn shell() -> Layer {
    Layer::new()
        .dir("./")
        .dir("tmp")
        .programs(&["sh", "cat", "ls", "stat", "id", "touch", "readlink", "sleep"])
}

/// Writes an image of these layers; `config` is how it is run, as JSON.
pub(crate) fn save(registry: &Path, name: &str, layers: Vec<Vec<u8>>, config: &str) {
    let digests: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", digest(layer))).collect();
    let description = format!(
        r#"{{"architecture": "amd64", "os": "linux", "config": {config}, "rootfs": {{"type": "layers", "diff_ids": {digests:?}}}}}"#
    );
    save_described(registry, name, layers, &description);
}

/// The same with a description of any kind.
pub(crate) fn save_described(registry: &Path, name: &str, layers: Vec<Vec<u8>>, description: &str) {
    let config = format!("{}.json", digest(description.as_bytes()));
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest =
        format!(r#"[{{"Config": "{config}", "RepoTags": ["{name}:latest"], "Layers": {names:?}}}]"#);
    let mut archive = Builder::new(Vec::new());
    let mut put = |name: &str, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
    };
    for (name, layer) in names.iter().zip(&layers) {
        put(name, layer);
    }
    put(&config, description.as_bytes());
    put("manifest.json", manifest.as_bytes());
    fs::write(registry.join(format!("{name}.tar")), archive.into_inner().unwrap()).unwrap();
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
