//! Reports say what the program said.

use crate::kit::probe::Record;
use evenkeel::{
    Executor, GroupError, TaskGroup, combinator::report_unhandled, finally, host::UnhandledKind, yield_now,
};
use std::future::pending;

/// The lines that an executor's hook gets.
fn lines(program: impl AsyncFnOnce()) -> Vec<String> {
    let record = Record::new();
    let says = record.clone();
    Executor::builder().on_unhandled(move |unhandled| says.add(unhandled.to_string())).build().run(program());
    record.take()
}

async fn yields(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

const SAID: &str = "can't open \"C:\\data\": it's locked, naïve café, e\u{301}, 👩\u{200d}🚀";

#[test]
fn fault_38_a_panics_message_is_printed_as_it_is() {
    let lines = lines(async || {
        evenkeel::spawn(async { panic!("{SAID}") }).named("the 'first' \"one\"").detach();
        yield_now().await;
        yield_now().await;
    });
    assert!(lines[0].ends_with(&format!(": {SAID}")), "{lines:?}");
    assert!(lines[0].contains(" named \"the 'first' \"one\"\" ("), "{lines:?}");
}

#[test]
fn fault_38_an_errors_text_is_printed_as_it_is() {
    let lines = lines(async || report_unhandled(UnhandledKind::Error(SAID.into())));
    assert!(lines[0].ends_with(&format!(": {SAID}")), "{lines:?}");
}

#[test]
fn fault_38_the_text_of_an_error_whose_group_is_gone_is_printed_as_it_is() {
    let texts = lines(async || {
        let group = Box::pin(TaskGroup::<String>::run(async |group| {
            // Its clean-up keeps the group open.
            group.spawn(finally(pending::<Result<(), String>>(), async |_: Option<&_>| yields(10).await));
            group.spawn(async { Err::<(), _>(SAID.to_owned()) });
            Ok(())
        }));
        drop(futures::future::select(group, Box::pin(yields(4))).await);
    });
    let error = texts.iter().find(|line| line.contains("had an error")).unwrap();
    assert!(error.ends_with(SAID), "{texts:?}");
}

#[test]
fn fault_38_what_would_command_a_terminal_is_escaped_and_one_report_is_one_line() {
    let evil = "a\u{1b}[31m\nb\u{7}\r\u{202e}c\u{2028}d\u{9b}e\u{2066}";
    let lines = lines(async move || report_unhandled(UnhandledKind::Error(evil.into())));
    assert!(lines[0].ends_with(r"a\u{1b}[31m\nb\u{7}\r\u{202e}c\u{2028}d\u{9b}e\u{2066}"), "{lines:?}");
}

#[test]
fn fault_38_a_groups_tree_has_names_and_errors_as_they_are() {
    let error: GroupError<String> = evenkeel::run(TaskGroup::<String>::run(async |group| {
        group.spawn(async { Err::<(), _>(SAID.to_owned()) }).named("it's \"me\"");
        Ok(())
    }))
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("it's \"me\" (") && text.ends_with(SAID), "{text}");
}
