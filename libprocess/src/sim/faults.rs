//! What goes wrong between nodes and on their disks, on command.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::Sim;
use super::network::Way;
use crate::Runtime;

impl Sim {
    /// How long packets take between two nodes, each way; drawn for each packet.
    pub fn latency(&mut self, one: &Runtime, other: &Runtime, latency: RangeInclusive<Duration>) {
        self.usual(one.address(), other.address(), Some(latency));
    }

    /// Lets packets between two nodes take as long as between any two again.
    pub fn usual_latency(&mut self, one: &Runtime, other: &Runtime) {
        self.usual(one.address(), other.address(), None);
    }

    /// How much the way from one node to another carries: whoever reads slowly, or a line that is narrow.
    /// What is written beyond that waits, first on the way and then in the writer's hands.
    ///
    /// Unit: bytes a second; `None` is as much as comes.
    pub fn narrow(&mut self, from: &Runtime, to: &Runtime, rate: Option<u64>) {
        self.core().network.lock().narrow((from.address(), to.address()), rate);
    }

    /// Closes the way between two nodes, both directions: what is sent waits for the opening, and
    /// whoever waits for too long gives up.
    pub fn partition(&mut self, one: &Runtime, other: &Runtime) {
        self.partition_one_way(one, other);
        self.partition_one_way(other, one);
    }

    /// Closes the way from one node to another; the other direction stays open.
    pub fn partition_one_way(&mut self, from: &Runtime, to: &Runtime) {
        self.core().network.lock().close((from.address(), to.address()));
    }

    /// Opens the way between two nodes; what waited arrives now.
    pub fn heal(&mut self, one: &Runtime, other: &Runtime) {
        let (one, other) = (one.address(), other.address());
        self.open((one, other));
        self.open((other, one));
    }

    /// Opens every way.
    pub fn heal_all(&mut self) {
        let closed = self.core().network.lock().closed_ways();
        closed.into_iter().for_each(|way| self.open(way));
    }

    /// Breaks all connections between two nodes; new ones can be made at once.
    pub fn cut(&mut self, one: &Runtime, other: &Runtime) {
        self.cut_between(one.address(), other.address());
    }

    /// Lets a node's disk have no room for more, or room again.
    pub fn fill_disk(&mut self, node: &Runtime, full: bool) {
        self.machines[&node.address()].disk.set_full(full);
    }

    /// Lets every write and flush of a node's disk fail, or succeed again; what is there can still be read.
    pub fn break_disk(&mut self, node: &Runtime, broken: bool) {
        self.machines[&node.address()].disk.set_broken(broken);
    }

    /// Lets the flushes of a node's disk fail, or succeed again. As on Linux, what a failed flush was to
    /// save can still be read, but no later flush saves it.
    pub fn fail_syncs(&mut self, node: &Runtime, fail: bool) {
        self.machines[&node.address()].disk.set_failing(fail);
    }

    /// How often a node's disk was changed or flushed so far: what [`Sim::stop_disk_after`] counts.
    pub fn disk_operations(&self, node: &Runtime) -> u64 {
        self.machines[&node.address()].disk.operations()
    }

    /// Lets a node's disk take so many more changes and flushes, and none after them until the node is
    /// started again: a crash between any two of them can be tried.
    pub fn stop_disk_after(&mut self, node: &Runtime, operations: u64) {
        self.machines[&node.address()].disk.stop_after(operations);
    }

    /// Changes what lies on a node's disk behind its back, synced or not: a bit that rots, a tail that is
    /// old. Called for each file in order of path.
    pub fn edit_disk(&mut self, node: &Runtime, edit: impl FnMut(&Path, &mut Vec<u8>)) {
        self.machines[&node.address()].disk.edit(edit);
    }

    /// Lets each blocking job of a node take so much longer: its disk is slow.
    pub fn slow_disk(&mut self, node: &Runtime, slow: Duration) {
        if let Some(life) = self.life(node.address()) {
            life.spawner.set_slow(slow);
        }
    }

    /// Stops a node as a swapping machine stops it: its clock goes on, it does nothing. What reaches it
    /// waits, and so do those who wait for it.
    pub fn pause(&mut self, node: &Runtime) {
        if let Some(life) = self.life(node.address()) {
            life.pause();
        }
    }

    /// Lets a paused node go on; all its timers that came due meanwhile are due now.
    pub fn resume(&mut self, node: &Runtime) {
        if let Some(life) = self.life(node.address()) {
            life.resume(self.core());
        }
    }

    pub(super) fn usual(
        &mut self,
        one: SocketAddr,
        other: SocketAddr,
        latency: Option<RangeInclusive<Duration>>,
    ) {
        let mut network = self.core().network.lock();
        network.latency((one, other), latency.clone());
        network.latency((other, one), latency);
    }

    pub(super) fn narrow_between(&mut self, one: SocketAddr, other: SocketAddr, rate: Option<u64>) {
        let mut network = self.core().network.lock();
        network.narrow((one, other), rate);
        network.narrow((other, one), rate);
    }

    pub(super) fn cut_between(&mut self, one: SocketAddr, other: SocketAddr) {
        let outcome = self.core().network.lock().cut(one, other);
        self.core().settle(outcome);
    }

    pub(super) fn open(&mut self, way: Way) {
        let late = self.core().network.lock().open(way);
        self.world.enter(|| {
            late.into_iter()
                .for_each(|(connection, side, packet)| self.world.arrive(connection, side, packet));
        });
    }
}
