//! What users stop with: tasks, scopes, timeouts, tokens, and clean-up.

/// Cancelling a whole task.
mod task;
/// The rules 1 to 6: the mark, delivery, results, who is resumed.
mod scope_rules;
/// The rule 7: clean-up that awaits.
mod scope_cleanup;
/// The rules 8 to 13: grace, abort, states, foreign combinators, cost.
mod scope_ends;
/// Cancelling from everywhere.
mod scope_everywhere;
/// Clean-up points in combinators that know nothing of them.
mod scope_combinators;
/// Wakers and destructors that cancel and drop what they were to wake.
mod scope_wakers;
/// Panics in clean-up, and in destructors.
mod scope_panics;
/// What breaks simple implementations.
mod scope_hostile;
/// Clean-up at the end of an executor.
mod scope_shutdown;
/// Scopes whose memory was another's before.
mod scope_used_again;
/// What is linear, measured in polls.
mod scope_scale;
/// Timeouts and deadlines.
mod timeouts;
/// Cancellation that is passed by hand, to other tasks and threads.
mod tokens;
/// The book's table of what is dropped when, row by row.
mod dropped_when;
/// Who still has to clean up, and when its scope may end.
mod cleaners;
/// Every interleaving of clean-up points, in small.
mod cleanup_model;
/// What is borrowed and not polled any more holds nobody up.
mod reach;
/// What is borrowed and outlives a cancellation goes on.
mod outlived;
/// Nests take their scope as a future that runs in it does.
mod nests;
