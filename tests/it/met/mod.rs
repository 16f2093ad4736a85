//! What users of this and of other executors met: what starved, what was silent, what was lost, what was refused.

/// Ctrl-C in a process that ignores it.
mod interrupted;

/// A host's loop inside of a task.
mod dialog;

/// Threads that wait for the loop while the loop waits for threads.
mod absence;

/// Virtual time, which jumps when it may.
mod jump;

/// A panic over a caller's mistake names the caller's line.
mod callers;

/// Errors that nobody reads.
mod unread_errors;
/// Values that nobody takes, and whose destructors panic.
mod unread_values;

/// A limit that is the number of the items, where there are none.
mod no_items;

/// What children may yield: values, errors, nothing, or nothing ever.
mod child_outputs;

/// Children that say when they are ready: their handles, who waits from outside, and who waits no more.
mod started;

/// Every usual error type in a scope, and functions that are given one.
mod scope_errors;

/// Runs that can never go on.
mod stalled;

/// What texts promise.
mod promises;

/// Silent waits that are told of.
mod notices;

/// What is forgotten warns, and says that `let _ = …` forgets it, too.
mod forgotten;

/// Task-locals of futures that share a task.
mod contexts;

/// What branches in place set of their task's values is their own.
mod branch_values;

/// Random programs that set and read task-locals.
mod value_programs;

/// What caused an error is never lost on the way to people.
mod causes;

/// A scope whose own deadline has come.
mod at_a_deadline;
/// Whether code that waits had been woken when it was to be cancelled.
mod at_a_request;
/// What asyncio does otherwise, and is kept.
mod kept;
/// What is ready at once gives way after a while.
mod budget;
/// Who is first among those that are always ready.
mod race_order;
/// How far a tick goes beyond its time.
mod tick_time;

/// How large futures are.
mod sizes;

/// When what a future was given goes.
mod given;
/// Who was notified by a condition, and the lock's line.
mod in_the_locks_line;
