//! asyncio is the yardstick: each fact about it, and each of its own tests, is named by a test here or stands in the book's table
//! of differences. This list says of which parts that holds.
//!
//! A fact 42 is held by a test `asyncio_fact_42_…`, CPython's `test_timeouts.py`, `test_timeout_basic` by
//! `test_timeouts_timeout_basic`. What concerns Python alone is not listed.

use std::{collections::BTreeSet, fs, ops::RangeInclusive, path::Path};
use walkdir::WalkDir;

/// The facts about task groups, `gather`, timeouts, `wait_for`, `shield`, `wait`, `as_completed` and `Task.cancel`; about
/// `to_thread`, and Ctrl-C. Those about synchronisation have a page of their own in the book.
const FACTS: [RangeInclusive<u32>; 3] = [1..=58, 76..=78, 82..=82];

const TESTS: &[(&str, &[&str])] = &[
    (
        "test_taskgroups",
        &[
            "taskgroup_01",
            "taskgroup_02",
            "taskgroup_03",
            "taskgroup_04",
            "cancel_children_on_child_error",
            "cancellation",
            "taskgroup_07",
            "taskgroup_08",
            "taskgroup_09",
            "taskgroup_10",
            "taskgroup_11",
            "taskgroup_12",
            "taskgroup_13",
            "taskgroup_14",
            "taskgroup_15",
            "taskgroup_16",
            "taskgroup_17",
            "taskgroup_18",
            "taskgroup_19",
            "taskgroup_20",
            "taskgroup_20a",
            "taskgroup_21",
            "taskgroup_21a",
            "taskgroup_22",
            "taskgroup_23",
            "taskgroup_24",
            "taskgroup_25",
            "taskgroup_task_name",
            "taskgroup_task_context",
            "taskgroup_no_create_task_after_failure",
            "taskgroup_context_manager_exit_raises",
            "taskgroup_already_entered",
            "taskgroup_double_enter",
            "taskgroup_finished",
            "coro_closed_when_tg_closed",
            "taskgroup_not_entered",
            "taskgroup_without_parent_task",
            "cancelling_level_preserved",
            "nested_groups_both_cancelled",
            "error_and_cancel",
        ],
    ),
    // What came to task groups after CPython 3.13.
    (
        "asyncio_3_15",
        &[
            "cancel_before_entry",
            "cancel_twice",
            "cancel_after_exit",
            "cancel_with_errors",
            "an_eager_child_cancels_its_group_before_its_first_suspension",
            "an_outside_cancel_during_a_self_cancelled_exit_survives",
            "errors_beside_a_keyboard_interrupt_are_reported",
        ],
    ),
    (
        "test_timeouts",
        &[
            "timeout_basic",
            "timeout_at_basic",
            "nested_timeouts",
            "waiter_cancelled",
            "timeout_not_called",
            "timeout_disabled",
            "timeout_at_disabled",
            "timeout_zero",
            "timeout_zero_sleep_zero",
            "timeout_in_the_past_sleep_zero",
            "foreign_exception_passed",
            "foreign_cancel_doesnt_timeout_if_not_expired",
            "outer_task_is_not_cancelled",
            "nested_timeouts_concurrent",
            "nested_timeouts_loop_busy",
            "reschedule",
            "nested_timeout_in_finally",
            "timeout_after_cancellation",
            "cancel_in_timeout_after_cancellation",
            "timeout_already_entered",
            "timeout_double_enter",
            "timeout_finished",
            "timeout_expired",
            "timeout_expiring",
            "timeout_not_entered",
            "timeout_without_task",
            "timeout_taskgroup",
        ],
    ),
    (
        "test_waitfor",
        &[
            "asyncio_wait_for_cancelled",
            "asyncio_wait_for_timeout",
            "wait_for_timeout_less_then_0_or_0_future_done",
            "wait_for_timeout_less_then_0_or_0_coroutine_do_not_started",
            "wait_for_timeout_less_then_0_or_0",
            "wait_for",
            "wait_for_blocking",
            "wait_for_race_condition",
            "wait_for_cancellation_race_condition",
            "wait_for_cancel_suppressed",
            "wait_for_waits_for_task_cancellation",
            "wait_for_waits_for_task_cancellation_w_timeout_0",
            "wait_for_reraises_exception_during_cancellation",
            "cancel_blocking_wait_for",
            "cancel_wait_for",
            "wait_for_issue86296",
            "shield_zero_timeout",
            "shield_shielded_timeout",
            "shield_none_timeout",
        ],
    ),
    (
        "test_tasks",
        &[
            "cancelling",
            "uncancel_basic",
            "uncancel_structured_blocks",
            "uncancel_resets_must_cancel",
            "cancel",
            "cancel_yield",
            "cancel_with_message_then_future_result",
            "cancel_with_message_then_future_exception",
            "cancel_with_message_before_starting_task",
            "cancel_inner_future",
            "cancel_both_task_and_inner_future",
            "cancel_task_catching",
            "cancel_task_ignoring",
            "cancel_current_task",
            "cancel_at_end",
            "cancel_awaited_task",
            "task_cancel_sleeping_task",
            "task_cancel_waiter_future",
            "baseexception_during_cancel",
            "stop_while_run_in_complete",
            "yield_future_passes_cancel",
            "yield_wait_does_not_shield_cancel",
            "wait",
            "wait_with_iterator_of_tasks",
            "wait_generator",
            "wait_duplicate_coroutines",
            "wait_errors",
            "wait_invalid_args",
            "wait_first_completed",
            "wait_really_done",
            "wait_first_exception",
            "wait_first_exception_in_wait",
            "wait_with_exception",
            "wait_with_timeout",
            "wait_concurrent_complete",
            "as_completed",
            "as_completed_same_tasks_in_as_out",
            "as_completed_with_timeout",
            "as_completed_with_unused_timeout",
            "as_completed_resume_iterator",
            "as_completed_reverse_wait",
            "as_completed_concurrent",
            "as_completed_duplicate_coroutines",
            "as_completed_invalid_args",
            "sleep",
            "sleep_cancel",
            "sleep_when_delay_is_nan",
            "sleep_zero",
            "shield_result",
            "shield_exception",
            "shield_shortcut",
            "shield_cancel_inner",
            "shield_cancel_outer",
            "shield_effect",
            "shield_gather",
            "gather_shield",
            "cancel_gather_1",
            "cancel_gather_2",
            "gather_success",
            "gather_result_exception_success",
            "gather_one_exception",
            "gather_return_exceptions",
            "gather_one_cancellation",
            "gather_result_exception_one_cancellation",
            "gather_cancellation_broadcast",
            "gather_duplicate_coroutines",
            "gather_exception_marking",
            "log_destroyed_pending_task",
            "tb_logger_not_called_after_cancel",
        ],
    ),
    (
        "test_threads",
        &["to_thread", "to_thread_exception", "to_thread_once", "to_thread_concurrent", "to_thread_contextvars"],
    ),
    (
        "test_runners",
        &["interrupt_call_soon", "interrupt_wait", "interrupt_cancelled_task", "signal_install_not_supported_ok"],
    ),
];

fn facts() -> impl Iterator<Item = u32> {
    FACTS.into_iter().flatten()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names of all functions in these tests.
fn functions() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files = WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file.path()).unwrap();
        let found = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once('(').map(|(name, _)| name));
        names.extend(found.map(str::to_owned));
    }
    names
}

/// What the first column of the book's tables names in backticks.
fn differences() -> BTreeSet<String> {
    let page = read("docs/src/differences.md");
    let firsts = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ").map(|(first, _)| first));
    firsts.flat_map(|first| first.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn asyncio_every_listed_fact_and_test_has_a_test_or_a_row_in_the_book() {
    let (functions, differences) = (functions(), differences());
    let facts = facts().map(|fact| format!("fact_{fact}")).filter(|fact| {
        let prefix = format!("asyncio_{fact}_");
        !functions.iter().any(|name| name.starts_with(&prefix)) && !differences.contains(fact)
    });
    let tests = TESTS.iter().flat_map(|(file, names)| names.iter().map(move |name| format!("{file}_{name}")));
    let tests = tests.filter(|name| !functions.contains(name) && !differences.contains(name));
    let missing: Vec<String> = facts.chain(tests).collect();
    assert!(missing.is_empty(), "neither tested nor explained: {missing:?}");
}

#[test]
fn asyncio_every_row_in_the_book_names_a_listed_fact_or_test() {
    let known: BTreeSet<String> = facts()
        .map(|fact| format!("fact_{fact}"))
        .chain(TESTS.iter().flat_map(|(file, names)| names.iter().map(move |name| format!("{file}_{name}"))))
        .collect();
    let unknown: Vec<String> = differences().into_iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "misspelt in docs/src/differences.md: {unknown:?}");
}
