//! The small programs print what their Python originals print.

use super::pages::example_binary;
use std::process::{Command, Output};

fn output_of(example: &str) -> Output {
    let output = Command::new(example_binary(example)).output().expect("`cargo test` builds the examples");
    assert!(output.status.success(), "{example}: {output:?}");
    output
}

#[test]
fn example_profile_page_prints_the_page_with_user_and_orders() {
    let output = output_of("profile_page");
    assert_eq!(output.stdout, b"Page(user='U-7', orders=('U-7:ORD-1',))\n");
    assert!(output.stderr.is_empty());
}

#[test]
fn example_dependency_failure_counts_one_failure_and_draws_the_tree() {
    let output = output_of("dependency_failure");
    assert_eq!(output.stdout, b"1\n");
    let tree = String::from_utf8(output.stderr).unwrap();
    assert!(tree.starts_with("1 error in a task group\n└─ profile (examples/dependency_failure.rs:"), "{tree}");
    assert!(tree.ends_with("): connection refused\n"), "{tree}");
}

#[test]
fn example_owned_audit_prints_the_order_when_it_is_on_record() {
    let output = output_of("owned_audit");
    assert_eq!(output.stdout, b"ORD-7\n");
    assert!(output.stderr.is_empty());
}
