//! Sandboxes of containers that are launched by calls.

use serde_json::json;

use crate::containers::{about, launch, wait};
use crate::{answer, play};

#[test]
fn a_sandbox_goes_however_much_is_in_it_and_the_agent_answers_meanwhile() {
    play(async |node| {
        // Deeper than a path can be long, and than a stack is deep.
        let line = "n=0; while [ $n -lt 20000 ]; do : > file-$n; n=$((n + 1)); done; \
                    path=$(yes d/ | head -n 1000 | tr -d '\n'); \
                    for n in 1 2 3; do mkdir -p $path; cd $path; done; echo full";
        assert_eq!(node.call("/api/v1", &launch("full", line)).await, answer(200, ""));
        assert_eq!(wait(node, "full").await, json!({"exit_status": 0}));
        let sandbox = node.work_dir.join("containers/full");
        assert_eq!(std::fs::read_to_string(sandbox.join("stdout")).unwrap(), "full\n");
        assert_eq!(node.call("/api/v1", &about("REMOVE_CONTAINER", "full")).await, answer(200, ""));
        assert_eq!(node.call("/api/v1", &about("WAIT_CONTAINER", "full")).await.0, 404);
        node.until("its sandbox is gone", async || {
            assert_eq!(node.get("/health").await.0, 200);
            !sandbox.exists()
        })
        .await;
    });
}

#[test]
fn a_sandbox_is_not_made_where_a_task_leads_it() {
    play(async |node| {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::create_dir(elsewhere.path().join("taken")).unwrap();
        let line = format!("ln -s {} containers; touch ready; sleep 300", elsewhere.path().display());
        assert_eq!(node.call("/api/v1", &launch("p", &line)).await, answer(200, ""));
        let sandbox = node.work_dir.join("containers/p");
        node.until("its link is there", async || sandbox.join("ready").exists()).await;
        for id in ["p.taken", "p.new"] {
            let (status, why) = node.call("/api/v1", &launch(id, "true")).await;
            assert!(status == 400 && why.contains("failed to make the sandbox"), "{status}: {why}");
        }
        assert!(!elsewhere.path().join("new").exists());
        assert_eq!(node.call("/api/v1", &about("KILL_CONTAINER", "p")).await.0, 200);
        wait(node, "p").await;
    });
}
