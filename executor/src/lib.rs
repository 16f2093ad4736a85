//! The executor core of evenkeel: loop, ready queue, wakers, task table, handles and timers.
//!
//! Use it through the facade crate `evenkeel`. The modules stand in reading order: from the way in, through the loop, to
//! what it stands on.

mod run;
mod turn;
mod close;
mod core;
mod executor;
mod spawn;
mod task;
mod task_id;
mod task_state;
mod current;
mod yield_now;
mod local;
mod cancel;
mod join_error;
mod unhandled;
mod plain;
mod flat;
mod few;
#[expect(unsafe_code, reason = "the raw room")]
mod raw;
mod number;
mod seats;
mod wake_set;
mod inbox;
mod handle;
mod threads;
#[cfg(feature = "ctrl-c")]
mod ctrl_c;
mod registry;
mod park;
mod schedule;
mod time;
mod shim;
pub mod testing;

pub use crate::{
    cancel::{
        CancelReason, CancelScope, CancelToken, Cancelled, Deadline, Elapsed, InScope, RemoteToken, Shield, Timeout,
        WaitCancelled, cancel_requested, finally, finally_with, settle, shield, timeout, timeout_at,
    },
    core::TooManyExecutors,
    current::{TaskRef, current, try_current},
    executor::{Budget, Builder, Executor, Progress, Report, State},
    handle::{Ended, Handle},
    join_error::{JoinError, Panic},
    local::TaskLocal,
    park::Park,
    run::{NestedRun, run, try_run},
    schedule::{Choice, Fifo, Schedule, Seeded},
    spawn::{Spawner, spawn, spawner},
    task::Task,
    task_id::TaskId,
    task_state::TaskState,
    threads::{CallError, JobContext, RemoteTask, ThreadLimiter, ToThread, remote, to_thread, to_thread_with},
    time::{Clock, Instant, Interval, MissedTick, Sleep, VirtualClock, interval, interval_at, sleep, sleep_until},
    unhandled::{Cause, Unhandled},
    yield_now::{YieldNow, yield_now},
};

/// For those who write combinators and owners of tasks: `gather`, `scope` and task groups are built of this and of what is public
/// besides, and of nothing else.
pub mod combinator {
    pub use crate::{
        cancel::{
            Branch, Siblings, is_stopping_hard, open_shields, open_shields_above, poll_branches, settle_at,
            shield_depth, take_cleanup_panic,
        },
        plain::plain,
        raw::{pinned::PinnedRow, place::Place},
        spawn::spawn_at,
        unhandled::report_unhandled,
        wake_set::{Batch, WakeSet, Woken},
    };
}
