//! Secrets that tasks are given, as they are written down: sealed with a key that is on no disk a reboot leaves.
//!
//! The key lies in the runtime directory, as all that lives as long as the machine runs. Who comes to have the journal alone,
//! from a copy or a disk, has no secret; and once the machine was started anew, nobody needs them any more.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use model::container::{ContainerInfo, ImageSource, VolumeSource};
use model::{CommandInfo, ExecutorInfo, Secret, TaskInfo, VariableValue};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use super::Record;

/// What a sealed secret begins with; its nonce and the sealed bytes follow.
const SEALED: &[u8] = b"\0hectare-sealed-1\0";
const KEY: &str = "journal.key";
const LENGTH: usize = 32;

/// Seals and opens the secrets of records.
pub(crate) struct Seal {
    key: LessSafeKey,
    random: SystemRandom,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// The one whose key is in this directory; made if there is none.
    pub(crate) fn kept_in(dir: &Path) -> io::Result<Self> {
        let file = dir.join(KEY);
        let kept = match fs::read(&file) {
            Ok(bytes) if bytes.len() == LENGTH => bytes,
            // Torn, it opens nothing.
            Ok(_) => Self::make(dir, &file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(dir, &file)?,
            Err(error) => return Err(error),
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &kept).expect("it is as long as keys are");
        Ok(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    fn make(dir: &Path, file: &Path) -> io::Result<Vec<u8>> {
        let mut key = vec![0; LENGTH];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| io::Error::other("the machine has no random numbers"))?;
        fs::create_dir_all(dir)?;
        let fresh = dir.join(format!("{KEY}.new"));
        let mut written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        written.write_all(&key)?;
        fs::rename(fresh, file)?;
        Ok(key)
    }

    /// Records as they are written down.
    pub(crate) fn seal<'a>(&self, records: &'a [Record]) -> Cow<'a, [Record]> {
        if !records.iter().any(may_hold_secrets) {
            return Cow::Borrowed(records);
        }
        let mut sealed = records.to_vec();
        sealed.iter_mut().for_each(|record| each(record, &mut |secret| self.close(secret)));
        Cow::Owned(sealed)
    }

    /// Records as they were before. What cannot be opened is a secret nobody has, by whose name its use is refused.
    pub(crate) fn open(&self, records: &mut [Record]) {
        records.iter_mut().for_each(|record| each(record, &mut |secret| self.reveal(secret)));
    }

    fn close(&self, secret: &mut Secret) {
        let Secret::Value(bytes) = secret else { return };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the machine had random numbers before");
        let mut text = std::mem::take(bytes);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(unique, Aad::empty(), &mut text)
            .expect("a secret is not that long");
        *bytes = [SEALED, &nonce, &text].concat();
    }

    fn reveal(&self, secret: &mut Secret) {
        let Secret::Value(bytes) = secret else { return };
        // An earlier agent sealed nothing.
        let Some(rest) = bytes.strip_prefix(SEALED) else { return };
        let opened = rest.split_first_chunk::<NONCE_LEN>().and_then(|(nonce, text)| {
            let (nonce, mut text) = (Nonce::assume_unique_for_key(*nonce), text.to_vec());
            let length = self.key.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
            text.truncate(length);
            Some(text)
        });
        *secret = match opened {
            Some(text) => Secret::Value(text),
            None => Secret::Reference { name: "written down before, its key is gone".to_owned(), key: None },
        };
    }
}

fn may_hold_secrets(record: &Record) -> bool {
    matches!(record, Record::Executor { .. } | Record::Tasks { .. } | Record::Task { .. })
}

/// Every secret of a record.
fn each(record: &mut Record, what: &mut dyn FnMut(&mut Secret)) {
    match record {
        Record::Executor { executor, .. } => of_executor(executor, what),
        Record::Tasks { tasks, .. } => tasks.iter_mut().for_each(|task| of_task(task, what)),
        Record::Task { task, .. } => {
            task.container.iter_mut().for_each(|container| of_container(container, what))
        }
        _ => {}
    }
}

fn of_task(task: &mut TaskInfo, what: &mut dyn FnMut(&mut Secret)) {
    task.executor.iter_mut().for_each(|executor| of_executor(executor, what));
    task.command.iter_mut().for_each(|command| of_command(command, what));
    task.container.iter_mut().for_each(|container| of_container(container, what));
}

fn of_executor(executor: &mut ExecutorInfo, what: &mut dyn FnMut(&mut Secret)) {
    executor.command.iter_mut().for_each(|command| of_command(command, what));
    executor.container.iter_mut().for_each(|container| of_container(container, what));
}

fn of_command(command: &mut CommandInfo, what: &mut dyn FnMut(&mut Secret)) {
    for variable in &mut command.environment.0 {
        if let VariableValue::Secret(secret) = &mut variable.value {
            what(secret);
        }
    }
}

fn of_container(container: &mut ContainerInfo, what: &mut dyn FnMut(&mut Secret)) {
    for volume in &mut container.volumes {
        match &mut volume.source {
            Some(VolumeSource::Secret(secret)) => what(secret),
            Some(VolumeSource::Csi(csi)) => {
                let secrets =
                    csi.node_stage_secrets.values_mut().chain(csi.node_publish_secrets.values_mut());
                secrets.for_each(&mut *what);
            }
            _ => {}
        }
    }
    let image = container.mesos.as_mut().and_then(|mesos| mesos.image.as_mut());
    if let Some(ImageSource::Docker { config: Some(secret), .. }) = image.map(|image| &mut image.source) {
        what(secret);
    }
}

#[cfg(test)]
mod tests {
    use libprocess_wire as wire;
    use model::container::Volume;
    use model::{ContainerKind, Resources, Variable};

    use super::*;

    const WORD: &[u8] = b"sesame-open";

    fn secret() -> Secret {
        Secret::Value(WORD.to_vec())
    }

    /// A task with a secret wherever one can be.
    fn record() -> Record {
        let mut command = CommandInfo::shell("true");
        let variable = Variable { name: "PASSWORD".into(), value: VariableValue::Secret(secret()) };
        command.environment.0 = vec![variable, Variable::new("A", "b")];
        let mut container = ContainerInfo::new(ContainerKind::Mesos);
        let mut volume = Volume::writable("/secret");
        volume.source = Some(VolumeSource::Secret(secret()));
        container.volumes.push(volume);
        let mut executor = ExecutorInfo::new("e");
        (executor.command, executor.container) = (Some(command.clone()), Some(Box::new(container.clone())));
        let mut task = TaskInfo::new("t", "a".into(), Resources::default());
        (task.command, task.container, task.executor) = (Some(command), Some(container), Some(executor));
        Record::Tasks { framework: "f".into(), executor: "e".into(), tasks: vec![task], group: false }
    }

    fn holds(records: &[Record]) -> bool {
        wire::encode(records).windows(WORD.len()).any(|bytes| bytes == WORD)
    }

    #[test]
    fn a_secret_is_not_among_what_is_written_down_and_the_next_agent_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let records = vec![record()];
        assert!(holds(&records));
        let mut written = Seal::kept_in(dir.path()).unwrap().seal(&records).into_owned();
        assert!(!holds(&written));
        Seal::kept_in(dir.path()).unwrap().open(&mut written);
        assert_eq!(written, records);
    }

    #[test]
    fn without_its_key_a_secret_is_one_that_cannot_be_had() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut written = Seal::kept_in(dir.path()).unwrap().seal(&[record()]).into_owned();
        Seal::kept_in(other.path()).unwrap().open(&mut written);
        let mut found = 0;
        each(&mut written[0], &mut |secret| {
            assert!(matches!(secret, Secret::Reference { .. }), "{secret:?}");
            found += 1;
        });
        assert_eq!(found, 4);
    }

    #[test]
    fn what_an_earlier_agent_wrote_in_plain_text_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut written = vec![record()];
        Seal::kept_in(dir.path()).unwrap().open(&mut written);
        assert_eq!(written, [record()]);
    }
}
