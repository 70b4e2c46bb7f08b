//! frameworks/executor
