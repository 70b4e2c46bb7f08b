//! A cluster in one thread: the same code as on threads and sockets, moved by one seed.

mod probe;

mod disks;
mod filters;
mod here;
mod links;
mod times;
mod troubles;
mod versions;
mod web;
