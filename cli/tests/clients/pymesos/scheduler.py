"""Drives a cluster with unmodified pymesos and says `ok <what>` for each thing that held.

usage: scheduler.py MASTER EXECUTOR_COMMAND [PRINCIPAL SECRET]
"""
import base64
import queue
import sys
import time
import uuid

from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

CREDENTIAL = dict(zip(("principal", "secret"), sys.argv[3:5]))
PATIENCE = 60.0  # seconds that anything may take on a slow machine


class Recorder(Scheduler):
    """Puts everything it hears into one queue, in order; acknowledges by hand."""

    def __init__(self):
        self.heard = queue.Queue()

    def registered(self, driver, framework_id, master):
        self.heard.put(("registered", framework_id["value"], master))

    def reregistered(self, driver, master):
        self.heard.put(("reregistered", master))

    def resourceOffers(self, driver, offers):
        for offer in offers:
            self.heard.put(("offer", offer))

    def statusUpdate(self, driver, update):
        self.heard.put(("update", update))
        driver.acknowledgeStatusUpdate(update)

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.heard.put(("message", executor_id["value"], decode_data(message)))

    def error(self, driver, message):
        self.heard.put(("error", message))


class Session:
    """One driver, and what has been read from it but not been asked for yet."""

    def __init__(self, master, framework):
        self.scheduler = Recorder()
        self.driver = MesosSchedulerDriver(
            self.scheduler, framework, master, implicit_acknowledgements=False, **CREDENTIAL
        )
        self.driver.start()
        self.kept = []

    def expect(self, wanted, what):
        """The first thing heard for which `wanted` holds; the rest is kept for later, in order."""
        for index, item in enumerate(self.kept):
            if wanted(item):
                return self.kept.pop(index)
        deadline = time.monotonic() + PATIENCE
        while True:
            left = deadline - time.monotonic()
            try:
                item = self.scheduler.heard.get(timeout=max(left, 0.01))
            except queue.Empty:
                sys.exit(f"FAILED: waited {PATIENCE} s for {what}; heard since: {self.kept}")
            if item[0] == "error":
                sys.exit(f"FAILED: while waiting for {what}: ERROR {item[1]}")
            if wanted(item):
                return item
            self.kept.append(item)

    def offer(self, cpus=0.5, mem=64):
        def enough(item):
            if item[0] != "offer":
                return False
            have = {r["name"]: r["scalar"]["value"] for r in item[1]["resources"] if "scalar" in r}
            return have.get("cpus", 0) >= cpus and have.get("mem", 0) >= mem

        return self.expect(enough, f"an offer of {cpus} cpus and {mem} MB")[1]

    def update(self, task_id, what):
        """The next status update of a task, whatever its state: order is part of the promise."""
        item = self.expect(
            lambda i: i[0] == "update" and i[1]["task_id"]["value"] == task_id, f"{what} of {task_id}"
        )
        return item[1]

    def states(self, task_id, *expected):
        seen = []
        for state in expected:
            update = self.update(task_id, state)
            seen.append(update["state"])
            if update["state"] != state:
                sys.exit(f"FAILED: {task_id}: expected {expected}, got {seen}: {update}")
        return update

    def launch(self, task, **need):
        offer = self.offer(**need)
        task["agent_id"] = offer["agent_id"]
        self.driver.launchTasks(offer["id"], [task])
        return offer


def resources(cpus, mem):
    return [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": mem}},
    ]


def command_task(command, cpus=0.1, mem=32):
    return {
        "task_id": {"value": "t-" + uuid.uuid4().hex[:8]},
        "name": "command",
        "command": {"value": command},
        "resources": resources(cpus, mem),
    }


def ok(what):
    print("ok " + what, flush=True)


def main(master, executor_command):
    framework = {
        "user": "root",
        "name": "pymesos",
        "failover_timeout": 60,
        "checkpoint": True,
        "capabilities": [{"type": "PARTITION_AWARE"}],
    }
    first = Session(master, framework)
    framework_id = first.expect(lambda i: i[0] == "registered", "registration")[1]
    ok("subscribes")
    first.driver.declineOffer(first.offer()["id"], {"refuse_seconds": 0})
    ok("gets offers")

    done = command_task("echo hello")
    first.launch(done)
    last = first.states(done["task_id"]["value"], "TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED")
    assert last["message"] == "Command exited with status 0", last
    assert last["source"] == "SOURCE_EXECUTOR", last
    ok("launches a command task and hears every update in order")

    failing = command_task("exit 3")
    first.launch(failing)
    last = first.states(failing["task_id"]["value"], "TASK_STARTING", "TASK_RUNNING", "TASK_FAILED")
    assert last["message"] == "Command exited with status 3", last
    ok("hears why a task failed")

    bad = command_task("true", cpus=10000)
    first.launch(bad)
    refused = first.states(bad["task_id"]["value"], "TASK_ERROR")
    assert refused["reason"] == "REASON_TASK_INVALID" and "uuid" not in refused, refused
    ok("is told of an impossible task")

    long = command_task("sleep 1000")
    long_id = long["task_id"]["value"]
    first.launch(long)
    first.states(long_id, "TASK_STARTING", "TASK_RUNNING")
    first.driver.reconcileTasks([long])
    answer = first.states(long_id, "TASK_RUNNING")
    assert answer["reason"] == "REASON_RECONCILIATION" and "uuid" not in answer, answer
    ok("reconciles explicitly")
    first.driver.reconcileTasks([])
    answer = first.states(long_id, "TASK_RUNNING")
    assert answer["reason"] == "REASON_RECONCILIATION", answer
    ok("reconciles implicitly")
    stranger = {"task_id": {"value": "never-heard-of"}}
    first.driver.reconcileTasks([stranger])
    first.states("never-heard-of", "TASK_UNKNOWN")
    ok("is told of an unknown task")

    executor = {
        "executor_id": {"value": "echo"},
        "framework_id": {"value": framework_id},
        "name": "echo",
        "source": "python",
        "command": {"value": executor_command},
        "resources": resources(0.1, 32),
    }
    custom = {
        "task_id": {"value": "custom-1"},
        "name": "custom",
        "executor": executor,
        "data": encode_data(b"2"),
        "resources": resources(0.1, 32),
    }
    offer = first.launch(custom)
    first.states("custom-1", "TASK_RUNNING")
    ok("launches a task on a custom executor")
    first.driver.sendFrameworkMessage(executor["executor_id"], offer["agent_id"], encode_data(b"ping"))
    reply = first.expect(lambda i: i[0] == "message", "the executor's echo")
    assert reply[1:] == ("echo", b"echo ping"), reply
    ok("sends and receives framework messages")
    first.states("custom-1", "TASK_FINISHED")
    second_task = dict(custom, task_id={"value": "custom-2"}, data=encode_data(b"1000"))
    # The same executor takes a second task, on the agent where it lives.
    while True:
        again = first.offer()
        if again["agent_id"] == offer["agent_id"]:
            break
        first.driver.declineOffer(again["id"], {"refuse_seconds": 1})
    second_task["agent_id"] = again["agent_id"]
    first.driver.launchTasks(again["id"], [second_task])
    first.states("custom-2", "TASK_RUNNING")
    first.driver.killTask({"value": "custom-2"})
    first.states("custom-2", "TASK_KILLED")
    ok("kills a task of a custom executor")

    first.driver.stop(failover=True)
    first.driver.join()
    second = Session(master, dict(framework, id={"value": framework_id}))
    second.expect(lambda i: i[0] == "reregistered", "re-registration")
    ok("fails over with the same framework id")
    second.driver.reconcileTasks([long])
    second.states(long_id, "TASK_RUNNING")
    second.driver.killTask({"value": long_id})
    killed = second.states(long_id, "TASK_KILLED")
    assert killed["message"] == "Command terminated with signal Terminated", killed
    ok("kills a task after the failover")

    second.driver.stop()
    second.driver.join()
    ok("tears down")


if __name__ == "__main__":
    main(*sys.argv[1:3])
