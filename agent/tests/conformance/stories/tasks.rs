//! An idle agent, command tasks that run and end, a task group, and the end of their framework.

use api_conformance::Judge;
use model::TaskState;
use model::messages::ShutdownFramework;
use serde_json::Value;

use crate::story::{EPOCH, GOLDEN, Story, tell as begin};

pub(crate) fn tell(judge: &mut Judge) {
    begin(judge, "725738bd-c746-46d6-9006-a08c61b972b3", async |story| {
        story.replay_all("01-idle").await;
        story.replay_all("errors").await;

        story.meet("02-running-task");
        run_tasks(story).await;
        story.recognize("02-running-task", "GET_state").await;
        story.replay_all("02-running-task").await;
        story.replay_in_order("scheduler", SANDBOX).await;

        story.release("t-onlycpu").await;
        fail_tasks(story);
        run_group(story).await;
        story.recognize("03-running-group", "GET_state").await;
        story.replay_all("03-running-group").await;

        end(story).await;
        story.recognize("05-completed-framework", "GET_state").await;
        story.replay_all("05-completed-framework").await;
        story.compare_updates("scheduler", "stream_1_full_session", TASKS);
        story.compare_exit("scheduler", "stream_1_full_session", "dflt");
    });
}

const TASKS: &[&str] = &[
    "t-sleep",
    "t-true",
    "t-noalloc",
    "t-smallmem",
    "t-onlycpu",
    "t-exit3",
    "t-sig",
    "t-noexec",
    "t-fetchfail",
    "t-unacked",
    "g-1",
    "g-2",
];

const SANDBOX: &[&str] = &["sandbox_list", "sandbox_read_stdout", "sandbox_read_offset_past_end"];

/// One task goes on and four end; the executor of the last is still there.
async fn run_tasks(story: &mut Story<'_>) {
    story.accept("scheduler", "call_ACCEPT_LAUNCH");
    story.await_update("t-sleep", TaskState::Running);
    story.await_update("t-true", TaskState::Finished);
    for (call, task) in [
        ("live_invalid_task_09_t-noalloc", "t-noalloc"),
        ("live_invalid_task_13_t-smallmem", "t-smallmem"),
        ("live_invalid_task_14_t-onlycpu", "t-onlycpu"),
    ] {
        story.accept("scheduler", call);
        story.await_update(task, TaskState::Finished);
    }
    settled(story, 2, 3).await;
}

/// Tasks that fail, each in its own way; one that is killed; and one that was acknowledged late.
fn fail_tasks(story: &mut Story<'_>) {
    story.accept("scheduler", "call_ACCEPT_LAUNCH_failing");
    for task in ["t-exit3", "t-sig", "t-noexec", "t-fetchfail"] {
        story.await_update(task, TaskState::Failed);
    }
    let unacked =
        GOLDEN.one("scheduler", "live_invalid_task_09_t-noalloc").body.replace("t-noalloc", "t-unacked");
    story.accept_call("t-unacked", &unacked);
    story.await_update("t-unacked", TaskState::Finished);
    story.kill("t-sleep");
    story.await_update("t-sleep", TaskState::Killed);
}

async fn run_group(story: &mut Story<'_>) {
    story.accept("scheduler", "call_ACCEPT_LAUNCH_GROUP");
    for task in ["g-1", "g-2"] {
        story.await_update(task, TaskState::Running);
    }
    settled(story, 1, 10).await;
}

/// A member of the group is killed, which ends all of it; then the framework ends.
async fn end(story: &mut Story<'_>) {
    story.kill("g-1");
    for task in ["g-1", "g-2"] {
        story.await_update(task, TaskState::Killed);
    }
    story.await_exit("dflt");
    let framework_id = story.framework().id.expect("the master fills it in");
    story.say(ShutdownFramework { epoch: EPOCH, framework_id });
    story
        .until("the framework is over", |state| {
            state["completed_frameworks"].as_array().is_some_and(|frameworks| frameworks.len() == 1)
        })
        .await;
}

/// Every update is acknowledged, and as many executors run and have ended.
async fn settled(story: &Story<'_>, running: usize, ended: usize) {
    let count = |state: &Value, list: &str| state[list].as_array().map_or(0, Vec::len);
    story
        .until("executors have ended", |state| {
            let framework = &state["frameworks"][0];
            (count(framework, "executors"), count(framework, "completed_executors")) == (running, ended)
        })
        .await;
    story.until_acknowledged().await;
}
