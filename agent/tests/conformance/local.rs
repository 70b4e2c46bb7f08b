//! A captured text as it would be here: other directories, another port, other containers.

use serde_json::Value;

use crate::story::{GOLDEN, Story};

impl Story<'_> {
    pub(crate) fn local(&self, text: &str) -> String {
        let address = self.runtime.address();
        let text = text
            .replace("127.0.0.1:5051", &address.to_string())
            .replace("/var/lib/mesos/agent", &self.work_dir().display().to_string())
            .replace("\"/var/run/mesos\"", &format!("\"{}\"", self.run_dir().display()))
            .replace("${TMPDIR}", "/tmp");
        let pairs = self.containers.iter().chain(self.texts.iter().map(|(theirs, ours)| (theirs, ours)));
        pairs.fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
    }

    pub(crate) fn local_value(&self, value: &Value) -> Value {
        serde_json::from_str(&self.local(&value.to_string())).expect("it was JSON")
    }

    /// Our container of an executor that was recognized.
    pub(crate) fn ours(&self, executor: &str) -> String {
        self.executors.get(executor).expect("it was recognized").clone()
    }

    /// Learns which container of ours is which of theirs, by the executors in them.
    pub(crate) async fn recognize(&mut self, folder: &str, name: &str) {
        let golden = serde_json::from_str(&GOLDEN.one(folder, name).answer).expect("a state");
        let ours = self.state().await;
        let ours = containers(&ours);
        for (executor, container) in containers(&golden) {
            if let Some((_, here)) = ours.iter().find(|(name, _)| *name == executor) {
                self.containers.insert(container.to_owned(), (*here).to_owned());
                self.executors.insert(executor.to_owned(), (*here).to_owned());
            }
        }
    }
}

/// Shape: executor, its container.
fn containers(state: &Value) -> Vec<(&str, &str)> {
    let frameworks = ["frameworks", "completed_frameworks"]
        .into_iter()
        .filter_map(|name| state[name].as_array())
        .flatten();
    frameworks
        .flat_map(|framework| {
            ["executors", "completed_executors"]
                .into_iter()
                .filter_map(|name| framework[name].as_array())
                .flatten()
        })
        .filter_map(|executor| Some((executor["id"].as_str()?, executor["container"].as_str()?)))
        .collect()
}
