//! The examples of parts that others bring, run as anybody would.

use std::process::{Command, Output};

fn run(program: &str, args: &[&str]) -> Output {
    // Errors are compared to the letter: none brings its stack along.
    Command::new(program).args(args).env_remove("RUST_BACKTRACE").output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_module_is_chosen_by_name_and_told_its_parameters() {
    let module = env!("CARGO_BIN_EXE_greeter_module");
    assert_eq!(said(&run(module, &[])), "hello, module\n");
    assert_eq!(said(&run(module, &["polite_greeter", "word=salve"])), "salve, module\n");

    let unknown = complained(&run(module, &["rude_greeter"]));
    assert_eq!(unknown, "Error: no module `rude_greeter` for `greeter`; there is polite_greeter\n");
    let wrong = complained(&run(module, &["polite_greeter", "word="]));
    assert_eq!(wrong, "Error: module parameter `word`: is empty\n");
}

#[test]
fn a_plugin_joins_its_host_serves_and_is_missed_when_it_is_gone() {
    // Built beside the host, which looks for it there.
    let _ = env!("CARGO_BIN_EXE_greeter_plugin");
    let host = run(env!("CARGO_BIN_EXE_greeter_host"), &[]);
    assert_eq!(said(&host), "greeter is filled\nhello from outside, plugin\ngreeter is empty\n");
}

#[test]
fn a_plugin_that_nobody_invited_says_so() {
    let alone = complained(&run(env!("CARGO_BIN_EXE_greeter_plugin"), &[]));
    assert_eq!(alone, "Error: LIBPROCESS_PLUGIN_HOST is not set; a plugin is started by its host\n");
}
