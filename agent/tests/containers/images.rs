//! Containers with root file systems of their own, made from images.

use std::fs;
use std::path::PathBuf;

use agent::containerizer::{ContainerConfig, ContainerEvent, Input, LaunchStep, Shown};
use agent::provisioner::{Backend, Config, Upkeep};
use model::container::{Image, ImageSource, MesosInfo, Volume};
use model::{ContainerId, ContainerInfo};
use tar::EntryType;

use crate::image::{Layer, Said, save, save_described, shell};
use crate::isolated::{Isolated, asks};
use crate::machine::wait_until;

/// A machine that has images, and the directory they lie in.
pub(crate) struct Images {
    pub(crate) isolated: Isolated,
    registry: tempfile::TempDir,
    store: tempfile::TempDir,
}

impl Images {
    fn new(backend: Option<Backend>) -> Option<Self> {
        Self::with("cgroups/cpu", backend)
    }

    pub(crate) fn with(more: &str, backend: Option<Backend>) -> Option<Self> {
        Self::and(more, backend, |_| {})
    }

    fn and(
        more: &str,
        backend: Option<Backend>,
        change: impl Fn(&mut agent::containerizer::Config) + 'static,
    ) -> Option<Self> {
        let (registry, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (images, layers) = (registry.path().to_owned(), store.path().join("store"));
        let isolated = Isolated::run_by(&format!("filesystem/linux,docker/runtime,{more}"), move |config| {
            config.images = Some(Config {
                registry: images.clone(),
                store_dir: layers.clone(),
                dir: config.runtime_dir.with_file_name("provisioner"),
                run_dir: config.runtime_dir.join("provisioner"),
                backend,
                sandbox: "/mnt/mesos/sandbox".to_owned(),
                upkeep: None,
            });
            config.isolation.images = true;
            change(config);
        })?;
        Some(Self { isolated, registry, store })
    }

    pub(crate) fn save(&self, name: &str, layers: Vec<Layer>, config: &str) {
        save(self.registry.path(), name, layers.into_iter().map(Layer::bytes).collect(), config);
    }

    /// Runs a line in an image to its end; what it said.
    fn output(&self, id: &str, image: &str, line: &str) -> String {
        let (said, end) = self.isolated.output(id, line, in_image(image));
        let run = self.isolated.machine.running().with_file_name("provisioner/containers").join(id);
        assert!(!self.root(id).exists() && !run.exists(), "its root is left");
        assert_eq!(end.status, Some(0), "{said}{}", self.errors(id));
        said
    }

    fn errors(&self, id: &str) -> String {
        fs::read_to_string(self.isolated.machine.sandbox(id).join("stderr")).unwrap_or_default()
    }

    /// What becomes of an image that cannot be had.
    fn refused(&self, image: &str) -> String {
        self.isolated.machine.launch_with("refused", "true", in_image(image));
        let failure = self.isolated.machine.failed();
        assert_eq!(failure.step, LaunchStep::Provision, "{failure}");
        self.isolated.forget("refused");
        assert_eq!(fs::read_dir(self.store.path().join("store/staging")).unwrap().count(), 0);
        failure.message
    }

    fn root(&self, id: &str) -> PathBuf {
        self.isolated.machine.dir.path().join("provisioner/containers").join(id)
    }

    fn layers(&self) -> usize {
        fs::read_dir(self.store.path().join("store/layers")).unwrap().count()
    }

    fn prune(&self, excluded: &[&str]) {
        let excluded = excluded.iter().map(|name| name.parse().unwrap()).collect();
        let agent = self.isolated.machine.agent.as_ref().unwrap();
        let answer = agent
            .containerizer
            .call(std::time::Duration::from_secs(60), |reply| Input::PruneImages { excluded, reply });
        agent.runtime.block_on(answer).unwrap().unwrap();
    }
}

fn of(name: &str) -> impl FnOnce(&mut ContainerInfo) {
    let source = ImageSource::Docker { name: name.to_owned(), credential: None, config: None };
    move |container| container.mesos = Some(MesosInfo { image: Some(Image { source, cached: true }) })
}

pub(crate) fn in_image(name: &str) -> impl FnOnce(&mut ContainerConfig) {
    let container = asks(of(name));
    move |config| config.container = container
}

/// One without a command of its own.
fn as_it_is(name: &str, words: &[&str]) -> impl FnOnce(&mut ContainerConfig) {
    let (container, words) = (asks(of(name)), words.iter().map(|word| (*word).to_owned()).collect());
    move |config| {
        config.container = container;
        config.program = String::new();
        config.argv = words;
    }
}

#[test]
fn a_container_sees_its_image_and_nothing_of_the_host() {
    let Some(images) = Images::with("namespaces/pid,cgroups/devices,cgroups/cpu", None) else { return };
    let own = Layer::new().dir("etc").file("etc/plot", "four").dir("work");
    images.save(
        "shell",
        vec![shell(), own],
        r#"{"Env": ["PATH=/bin:/usr/bin", "A=image"], "WorkingDir": "/work"}"#,
    );
    let line = r#"
        cat /etc/plot; echo; pwd; echo $MESOS_SANDBOX $A $PATH; ls -d /root /home 2>/dev/null
        echo mine > /etc/plot; touch here; cat /etc/plot; touch $MESOS_SANDBOX/kept
        touch /sys/x 2>/dev/null || echo sys; echo 1 2>/dev/null > /proc/sys/kernel/panic || echo proc
        echo x > /dev/null && stat -c '%F %t:%T %a' /dev/null /dev/zero; readlink /dev/fd /dev/ptmx
        echo /proc/[0-9]*; ls /dev/pts; ls -a /mnt/mesos/sandbox"#;
    let said = images.output("c", "shell", line);
    let expected = [
        "four",
        "/work",
        "/mnt/mesos/sandbox image /bin:/usr/bin",
        "mine",
        "sys",
        "proc",
        "character special file 1:3 666",
        "character special file 1:5 666",
        "/proc/self/fd",
        "pts/ptmx",
        "/proc/1 /proc/2",
        "ptmx",
        ".",
        "..",
        "kept",
        "stderr",
        "stdout",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", images.errors("c"));
    // What one wrote, another of the same image does not see; what it left in its sandbox is there.
    assert_eq!(images.output("other", "shell", "cat /etc/plot; ls /work"), "four");
    assert!(images.isolated.machine.sandbox("c").join("kept").exists());
    images.isolated.leave_nothing();
}

#[test]
fn layers_lie_on_top_of_each_other_however_they_are_shown() {
    for backend in [Backend::Overlay, Backend::Copy] {
        let Some(images) = Images::new(Some(backend)) else { return };
        let said = |kind, mode, owner| Said { owner, ..Said::of(kind, mode) };
        let base = shell()
            .dir("d")
            .file("d/old", "old")
            .file("d/gone", "gone")
            .dir("hidden")
            .file("hidden/below", "below")
            .entry("set", "", b"x", said(EntryType::Regular, 0o4755, 7))
            .entry("first", "", b"linked", Said::of(EntryType::Regular, 0o600))
            .entry("second", "first", b"", Said::of(EntryType::Link, 0o600))
            .attribute("user.plot", b"four")
            .file("described", "x")
            .entry("disk", "", b"", Said { device: (8, 0), ..Said::of(EntryType::Block, 0o666) })
            .link("away", "/etc/passwd");
        let top = Layer::new()
            .dir("d")
            .file("d/new", "new")
            .file("d/.wh.gone", "")
            .dir("hidden")
            .file("hidden/.wh..wh..opq", "")
            .file("hidden/above", "above")
            .entry("tmp", "", b"", said(EntryType::Directory, 0o1777, 3));
        images.save("stack", vec![base, top], "{}");
        let line = "cd /; ls d hidden; stat -c '%n %a %u %F %Y' set first tmp disk away; stat -c %h first; cat second; \
                    cat disk 2>/dev/null || echo closed; readlink away";
        let text = images.output("c", "stack", line);
        let expected = "d:\nnew\nold\n\nhidden:\nabove\n\
            set 4755 7 regular file 1000000000\nfirst 600 0 regular file 1000000000\n\
            tmp 1777 3 directory 1000000000\ndisk 666 0 block special file 1000000000\n\
            away 777 0 symbolic link 1000000000\n2\nlinkedclosed\n/etc/passwd\n";
        assert_eq!(text, expected, "{backend:?}");
        // Attributes are not for a shell to see.
        images.isolated.run_with("attributes", "sleep 300", in_image("stack"));
        let pid = images.isolated.machine.runtime_dir("attributes");
        assert!(pid.exists());
        let shown = match backend {
            Backend::Copy => images.root("attributes").join("root/described"),
            _ => fs::read_dir(images.store.path().join("store/layers"))
                .unwrap()
                .map(|layer| layer.unwrap().path().join("described"))
                .find(|path| path.exists())
                .unwrap(),
        };
        let found = agent_linux::exact::attributes(&shown).unwrap();
        assert!(found.contains(&("user.plot".to_owned(), b"four".to_vec())), "{found:?}");
        images.isolated.machine.say(Input::Destroy { id: ContainerId::new("attributes") });
        images.isolated.machine.terminated();
        images.isolated.forget("attributes");
        images.isolated.leave_nothing();
    }
}

#[test]
fn one_layer_can_be_shown_as_it_is_and_cannot_be_written() {
    let Some(images) = Images::new(Some(Backend::Bind)) else { return };
    let places = ["proc", "sys", "dev", "mnt", "mnt/mesos", "mnt/mesos/sandbox"];
    let one = places.iter().fold(shell(), |layer, place| layer.dir(place));
    images.save("one", vec![one], "{}");
    let line = "touch /x 2>/dev/null || echo refused; touch /mnt/mesos/sandbox/y /tmp/z 2>/dev/null; ls /mnt/mesos/sandbox";
    let (said, _) = images.isolated.output("c", line, in_image("one"));
    assert_eq!(said, "refused\nstderr\nstdout\ny\n");
    images.save("two", vec![shell(), Layer::new().dir("x")], "{}");
    assert!(
        images
            .refused("two")
            .ends_with("it has 2 layers, and --image_provisioner_backend=bind shows one alone")
    );
    images.isolated.leave_nothing();
}

#[test]
fn an_image_says_what_is_run_unless_the_container_does() {
    let Some(images) = Images::new(None) else { return };
    let config = r#"{"Entrypoint": ["sh", "-c", "echo $0 $@ $B"], "Cmd": ["own", "words"], "Env": ["B=b"]}"#;
    images.save("speaks", vec![shell()], config);
    images.save("silent", vec![shell()], "{}");
    let said =
        |id: &str, change: Box<dyn FnOnce(&mut ContainerConfig)>| images.isolated.output(id, "", change).0;
    assert_eq!(said("none", Box::new(as_it_is("speaks", &[]))), "own words b\n");
    assert_eq!(said("words", Box::new(as_it_is("speaks", &["x", "y"]))), "x y b\n");
    let variables = |config: &mut ContainerConfig| {
        as_it_is("speaks", &[])(config);
        config.variables.push(("B".into(), "mine".into()));
    };
    assert_eq!(said("variables", Box::new(variables)), "own words mine\n");
    images.isolated.machine.launch_with("silent", "", as_it_is("silent", &[]));
    let failure = images.isolated.machine.failed();
    assert!(
        failure.message.ends_with("neither the container nor its image says what is to be run"),
        "{failure}"
    );
    images.isolated.forget("silent");
    images.isolated.leave_nothing();
}

#[test]
fn an_image_that_lies_is_refused_with_what_is_wrong() {
    let Some(images) = Images::new(None) else { return };
    let evil = |layer: Layer| {
        images.save("evil", vec![layer], "{}");
        images.refused("evil")
    };
    let refuses = |layer: Layer, why: &str| {
        let said = evil(layer);
        assert!(said.ends_with(why), "{said}");
    };
    refuses(Layer::new().file("../out", "x"), "entry '../out': the name ../out leads out of the image");
    refuses(Layer::new().file("/etc/x", "x"), "entry '/etc/x': the name /etc/x leads out of the image");
    let hard = Layer::new().entry("h", "../../etc/passwd", b"", Said::of(EntryType::Link, 0o644));
    refuses(hard, "entry 'h': the name ../../etc/passwd leads out of the image");
    assert!(
        evil(Layer::new().link("up", "/").file("up/hectare-evil", "x")).contains("entry 'up/hectare-evil': ")
    );
    assert!(!fs::exists("/hectare-evil").unwrap());
    refuses(
        Layer::new().entry("w", "", b"", Said::of(EntryType::Char, 0o600)),
        "entry 'w': it is the device 0:0",
    );
    refuses(
        Layer::new().attribute("trusted.overlay.redirect", b"/etc").dir("d"),
        "entry 'd': it bears the attribute trusted.overlay.redirect, which is overlay's own",
    );
    assert!(evil(Layer::new().file(".wh...", "")).ends_with("it takes nothing away that could be"));
    assert!(images.refused("none").contains("none.tar, and no "));
    assert!(images.refused("../x").contains("is no name of an image"));
    fs::write(images.registry.path().join("junk.tar"), [7; 2000]).unwrap();
    assert!(images.refused("junk").contains("junk.tar: it is no archive"));

    let other = format!(r#"{{"rootfs": {{"diff_ids": ["sha256:{}"]}}}}"#, "0a".repeat(32));
    save_described(images.registry.path(), "wrong", vec![shell().bytes()], &other);
    let said = images.refused("wrong");
    assert!(said.contains("its digest is sha256:") && said.ends_with("as the image says"), "{said}");
    save_described(images.registry.path(), "short", vec![], &other);
    assert!(images.refused("short").ends_with("it holds 0 layers of 1"));
    assert_eq!(images.layers(), 0);
    images.isolated.leave_nothing();
}

#[test]
fn a_device_that_is_allowed_is_in_the_image() {
    // One the default list has, under a name no image has.
    let list = r#"{"allowed_devices": [{"device": {"path": "/dev/kmsg"}, "access": {"read": true}}]}"#;
    let more = "linux/devices,cgroups/devices,cgroups/cpu";
    let Some(images) =
        Images::and(more, None, |config| config.isolation.allowed_devices = Some(list.to_owned()))
    else {
        return;
    };
    images.save("shell", vec![shell()], "{}");
    let said = images.output("c", "shell", "stat -c '%F %t:%T' /dev/kmsg; exec 3< /dev/kmsg && echo opened");
    assert_eq!(said, "character special file 1:b\nopened\n", "{}", images.errors("c"));
    images.isolated.leave_nothing();
}

#[test]
fn what_is_written_over_an_image_counts_against_the_disk_that_was_given() {
    let Some(images) = Images::and("disk/du,cgroups/cpu", Some(Backend::Overlay), |config| {
        config.isolation.enforce_disk_quota = true;
        config.isolation.disk_watch_interval = std::time::Duration::from_millis(50);
    }) else {
        return;
    };
    images.save("shell", vec![shell().programs(&["head"])], "{}");
    images.isolated.run_with("c", "head -c 20000000 /dev/zero > /file; sleep 300", |config| {
        in_image("shell")(config);
        config.resources = "disk:10".parse().unwrap();
    });
    let broke = images.isolated.machine.terminated().limitation.expect("it broke its quota");
    assert!(broke.message.ends_with("exceeds quota (10MB)"), "{}", broke.message);
    images.isolated.forget("c");
    images.isolated.leave_nothing();
}

#[test]
fn images_nobody_uses_make_room_by_themselves() {
    let Some(images) = Images::and("cgroups/cpu", None, |config| {
        let (headroom, interval) = (1.0, std::time::Duration::from_millis(50));
        let upkeep = Upkeep { headroom, interval, excluded: vec!["kept".to_owned()] };
        config.images.as_mut().unwrap().upkeep = Some(upkeep);
    }) else {
        return;
    };
    images.save("shell", vec![shell()], "{}");
    images.save("kept", vec![shell(), Layer::new().file("x", "x")], "{}");
    images.save("other", vec![shell(), Layer::new().file("y", "y")], "{}");
    assert_eq!(images.output("a", "kept", "cat /x"), "x");
    assert_eq!(images.output("b", "other", "cat /y"), "y");
    wait_until("there is room", || images.layers() == 2);
    images.isolated.leave_nothing();
}

#[test]
fn volumes_are_seen_in_the_image() {
    let Some(images) = Images::new(None) else { return };
    let (host, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(kept.path().join("kept"), "kept").unwrap();
    fs::write(host.path().join("file"), "from the host").unwrap();
    images.save("shell", vec![shell().dir("var").link("var/data", "/data")], "{}");
    let volume =
        |path: &str| Volume { host_path: Some(host.path().display().to_string()), ..Volume::writable(path) };
    // A persistent volume is a link in the sandbox, which leads there inside as well.
    let sandbox = images.isolated.machine.sandbox("c");
    fs::create_dir_all(&sandbox).unwrap();
    std::os::unix::fs::symlink(kept.path(), sandbox.join("own")).unwrap();
    let line = "cat /var/data/file data/file /data/file own/kept; touch /data/new own/new";
    let (said, _) = images.isolated.output("c", line, |config| {
        in_image("shell")(config);
        config.container.as_mut().unwrap().volumes = vec![volume("/var/data"), volume("data")];
        config.shown.push(Shown { at: "own".into(), to: kept.path().to_owned() });
    });
    assert_eq!(said, format!("{}kept", "from the host".repeat(3)), "{}", images.errors("c"));
    assert!(host.path().join("new").exists() && kept.path().join("new").exists());
    assert!(!fs::exists("/data").unwrap());
    images.isolated.leave_nothing();
}

#[test]
fn who_looks_into_an_image_or_lives_in_one_is_in_it() {
    let Some(images) = Images::with("namespaces/pid,cgroups/cpu", None) else { return };
    images.save("shell", vec![shell().file("plot", "four")], "{}");
    images.save("inner", vec![shell().file("plot", "five")], "{}");
    let machine = &images.isolated.machine;
    images.isolated.run_with("outer", "touch /ready; sleep 300", in_image("shell"));
    let inside = |name: &str, change: &dyn Fn(&mut ContainerConfig)| {
        let id = ContainerId::new("outer").child(name);
        let sandbox = machine.sandbox("outer").join("containers").join(name);
        let mut config = ContainerConfig::shell(&sandbox, "cat /plot; pwd; echo $MESOS_SANDBOX");
        config.environment.push(("PATH".into(), "/nowhere".into()));
        change(&mut config);
        machine.say(Input::Launch { id: id.clone(), config: Box::new(config) });
        machine.held();
        machine.say(Input::Go { id: id.clone() });
        assert!(matches!(machine.hear(), ContainerEvent::Launched { .. }));
        let end = machine.terminated();
        machine.say(Input::Forget { id });
        let read = |name: &str| fs::read_to_string(sandbox.join(name)).unwrap_or_default();
        assert_eq!(end.status, Some(0), "{}", read("stderr"));
        read("stdout")
    };
    assert_eq!(
        inside("shares", &|_| {}),
        "four/mnt/mesos/sandbox/containers/shares\n/mnt/mesos/sandbox/containers/shares\n"
    );
    let own = inside("own", &|config| config.container = asks(of("inner")));
    assert_eq!(own, "five/mnt/mesos/sandbox\n/mnt/mesos/sandbox\n");
    machine.say(Input::Destroy { id: ContainerId::new("outer") });
    machine.terminated();
    images.isolated.forget("outer");
    images.isolated.leave_nothing();
}

#[test]
fn images_outlive_the_agent_and_go_when_nobody_needs_them() {
    let Some(mut images) = Images::new(None) else { return };
    images.save("shell", vec![shell()], "{}");
    images.save("more", vec![shell(), Layer::new().file("x", "x")], "{}");
    images.isolated.machine.launch_with(
        "c",
        "while ! cat /go 2>/dev/null; do sleep 0.05; done",
        in_image("shell"),
    );
    let identity = images.isolated.machine.held();
    images.isolated.machine.say(Input::Go { id: ContainerId::new("c") });
    assert!(matches!(images.isolated.machine.hear(), ContainerEvent::Launched { .. }));
    assert_eq!(images.output("other", "more", "cat /x"), "x");
    assert_eq!(images.layers(), 2);

    // Another agent finds it, and takes away what belongs to nobody.
    let stray = images.root("stray").join("upper/deep");
    images.isolated.machine.agent.take().unwrap().runtime.shutdown();
    fs::create_dir_all(&stray).unwrap();
    fs::create_dir_all(images.store.path().join("store/layers/torn")).unwrap();
    images.isolated.machine.start();
    images.isolated.machine.recover(&[("c", Some(&identity))]);
    assert!(
        matches!(images.isolated.machine.hear(), ContainerEvent::Recovered { running, .. } if running.len() == 1)
    );
    assert!(!images.root("stray").exists() && images.root("c").exists());
    assert_eq!(images.layers(), 2);

    images.prune(&["more"]);
    assert_eq!(images.layers(), 2, "one that is named stays");
    images.prune(&[]);
    assert_eq!(images.layers(), 1, "what a container uses stays");
    // What was pulled is there without its archive, unless it was pruned.
    fs::remove_file(images.registry.path().join("shell.tar")).unwrap();
    assert_eq!(images.output("again", "shell", "echo here"), "here\n");

    let upper = images.root("c").join("upper");
    wait_until("it can be let go", || fs::write(upper.join("go"), "").is_ok());
    images.isolated.machine.say(Input::Destroy { id: ContainerId::new("c") });
    images.isolated.machine.terminated();
    images.isolated.forget("c");
    images.prune(&[]);
    assert_eq!(images.layers(), 0);
    images.isolated.leave_nothing();
}
