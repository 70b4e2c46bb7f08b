//! The smallest of everything: each file in `bin/` is a program to read in one sitting.
//!
//! | program | is |
//! |---|---|
//! | `hello_framework` | a scheduler: takes the first offer that fits and runs one task on it |
//! | `hello_executor` | an executor: says hello for each task it is given |
//! | `ping_pong` | two processes, one message, no cluster |
//! | `custom_allocator` | a master with a policy of one's own, which is `first_come` |
//! | `greeter_module` | a part that is compiled in, chosen by name |
//! | `greeter_host`, `greeter_plugin` | the same part as a program of its own, let in by a token |

pub mod first_come;
pub mod greeting;
