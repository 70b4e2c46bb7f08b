//! What goes wrong between nodes and on their disks, on command.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Sim;
use super::network::Way;
use crate::Runtime;

impl Sim {
    /// How long packets take between two nodes, each way; drawn for each packet.
    pub fn latency(&mut self, one: &Runtime, other: &Runtime, latency: RangeInclusive<Duration>) {
        let (one, other) = (one.address(), other.address());
        let mut network = self.core().network.lock();
        network.latency((one, other), latency.clone());
        network.latency((other, one), latency);
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
        let outcome = self.core().network.lock().cut(one.address(), other.address());
        self.core().settle(outcome);
    }

    /// Lets a node's disk have no room for more, or room again.
    pub fn fill_disk(&mut self, node: &Runtime, full: bool) {
        self.machines[&node.address()].disk.set_full(full);
    }

    /// Lets every write and flush of a node's disk fail, or succeed again; what is there can still be read.
    pub fn break_disk(&mut self, node: &Runtime, broken: bool) {
        self.machines[&node.address()].disk.set_broken(broken);
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

    fn open(&mut self, way: Way) {
        let late = self.core().network.lock().open(way);
        self.world.enter(|| {
            late.into_iter()
                .for_each(|(connection, side, packet)| self.world.arrive(connection, side, packet));
        });
    }
}
