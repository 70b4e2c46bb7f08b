// Drives a cluster with unmodified mesos-framework and says `ok <what>` for each thing that held.
//
// usage: node scheduler.js MODULES HOST:PORT
//
// This client takes each piece of a response that Node hands it for one event: it works only where one event is one
// chunk. It acknowledges by itself, and declines what it has no use for.
"use strict";

const path = require("path");
const { Scheduler, Mesos } = require(path.join(process.argv[2], "mesos-framework"));

const [host, port] = process.argv[3].split(":");
const proto = Mesos.getMesos();
const PATIENCE = 60000; // milliseconds that everything may take on a slow machine

function ok(what) {
    console.log("ok " + what);
}

function fail(why) {
    console.error(why);
    process.exit(1);
}

/** A scheduler, what it has heard, and who waits to hear something. */
class Session {
    constructor(tasks, frameworkId) {
        this.heard = [];
        this.waiting = [];
        this.driver = new Scheduler({
            masterUrl: host,
            port,
            frameworkName: "mesos-framework",
            logging: { level: "error" },
            restartStates: [],
            tasks,
        });
        this.driver.frameworkId = frameworkId;
        for (const event of ["subscribed", "offers", "update", "heartbeat", "error"]) {
            this.driver.on(event, (content) => this.hear(event, content));
        }
        this.driver.on("ready", () => this.driver.subscribe());
    }

    hear(event, content) {
        this.heard.push({ event, content });
        this.waiting = this.waiting.filter(({ holds, done }) => {
            const found = this.heard.find(holds);
            if (found) done(found.content);
            return !found;
        });
    }

    /** The first thing heard, or to be heard, for which `holds` does. */
    expect(holds) {
        const found = this.heard.find(holds);
        return found ? Promise.resolve(found.content) : new Promise((done) => this.waiting.push({ holds, done }));
    }

    event(name) {
        return this.expect(({ event }) => event === name);
    }

    status(holds) {
        return this.expect(({ event, content }) => event === "update" && holds(content.status)).then((it) => it.status);
    }

    statesOf(task) {
        return this.heard
            .filter(({ event, content }) => event === "update" && content.status.task_id.value === task)
            .map(({ content }) => content.status.state);
    }

    errors() {
        return this.heard.filter(({ event }) => event === "error").map(({ content }) => content.message);
    }
}

function shell(command, instances, ports) {
    const info = new proto.CommandInfo(null, null, true, command, null, null);
    return { instances, commandInfo: info, resources: { cpus: 0.1, mem: 32, disk: 0, ports } };
}

const of = (name, state) => (status) => status.task_id.value.includes(name) && status.state === state;
const same = (status, state) => (it) => it.task_id.value === status.task_id.value && it.state === state;
const reconciled = (status) => (it) =>
    same(status, "TASK_RUNNING")(it) && it.reason === "REASON_RECONCILIATION" && !it.uuid;

async function main() {
    const first = new Session({
        quick: shell('test -n "$HOST"', 1, 2),
        broken: shell("exit 3", 1, 0),
        killed: shell("sleep 1000", 1, 0),
        stays: shell("sleep 1000", 1, 0),
    });
    const { frameworkId } = await first.event("subscribed");
    if (frameworkId && first.driver.mesosStreamId) ok("subscribes, and is given ids");
    await first.event("heartbeat");
    ok("hears a heartbeat");

    const [offer] = (await first.event("offers")).offers;
    if (offer.url.address.ip && offer.url.address.port && offer.url.path === "/slave(1)") ok("is offered an agent");

    const finished = await first.status(of("quick", "TASK_FINISHED"));
    const states = first.statesOf(finished.task_id.value).join();
    if (states === "TASK_STARTING,TASK_RUNNING,TASK_FINISHED") ok("hears every state once, in order");
    const failed = await first.status(of("broken", "TASK_FAILED"));
    if (failed.message === "Command exited with status 3") ok("hears why a task failed");

    const killed = await first.status(of("killed", "TASK_RUNNING"));
    first.driver.reconcile(killed.task_id.value, killed.agent_id.value);
    await first.status(reconciled(killed));
    ok("reconciles a task");
    first.driver.kill(killed.task_id.value, killed.agent_id.value);
    await first.status(same(killed, "TASK_KILLED"));
    ok("kills a task");

    const stays = await first.status(of("stays", "TASK_RUNNING"));
    if (first.errors().length > 0) fail(first.errors().join("\n"));
    first.driver.subscribe = () => {}; // or it would take its place back
    const second = new Session({}, frameworkId);
    const error = await first.event("error");
    if (error.message.endsWith("Framework failed over")) ok("is told that another has its place");
    if ((await second.event("subscribed")).frameworkId === frameworkId) ok("fails over with its id");
    second.driver.reconcile(stays.task_id.value, stays.agent_id.value);
    await second.status(reconciled(stays));
    ok("finds its task again");

    if (second.errors().length > 0) fail(second.errors().join("\n"));
    second.driver.subscribe = () => {};
    second.driver.teardown();
    await second.event("error"); // its stream has ended
    ok("tears down");
    process.exit(0);
}

setTimeout(() => fail("waited a minute"), PATIENCE);
main().catch((error) => fail(error.stack));
