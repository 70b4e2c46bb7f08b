//! Between an executor's driver and its agent.
