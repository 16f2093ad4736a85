//! The executor core of evenkeel: loop, ready queue, wakers, task table, handles and timers.
//!
//! Programs use the crate `evenkeel`, whose modules sort these names; here they lie flat, for that crate and its siblings.
//!
//! The modules stand in reading order: from the way in, through the loop, to what it stands on.

#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod run;
pub mod testing;
mod host;
mod close;
mod turn;
mod sleep;
mod stall;
mod silent;
mod choose;
mod ebb;
mod core;
mod lookout;
mod parking;
mod schedule;
mod threads;
mod cancel;
mod task;
mod region;
mod time;
mod park;
mod wake;
mod outcome;
mod outside;
mod entered;
mod real_time;
#[expect(unsafe_code, reason = "the raw room")]
mod raw;

pub use crate::{
    cancel::{
        cleanup::{CleanUp, finally, finally_with, shield},
        deadline::{Deadline, Elapsed, Timeout, timeout, timeout_at},
        drop_guard::DropGuard,
        in_scope::InScope,
        point::Shield,
        scope::CancelScope,
        shields::cancel_requested,
        token::{CancelToken, WaitCancelled},
        until_cancelled::RunUntilCancelled,
    },
    core::TooManyExecutors,
    host::{
        builder::ExecutorBuilder,
        driver::{attach_driver, driver},
        enter::Entered,
        executor::{CloseReport, Executor},
        tick::{Budget, Progress, Readiness},
    },
    outcome::{
        attach_error::AttachError,
        call_error::{CallError, ExecutorEnded},
        join_error::JoinError,
        nested_run::NestedRun,
        opaque::Opaque,
        panic::Panic,
        reason::{CancelReason, Cancelled},
        task_id::TaskId,
        task_state::TaskState,
        unhandled::{Unhandled, UnhandledKind},
    },
    park::Park,
    region::remote::RemoteToken,
    run::{run, try_run},
    task::{
        abort_handle::AbortHandle,
        current::{TaskRef, current_task, try_current_task},
        local::TaskLocal,
        spawn::{Spawner, spawn, spawner},
        task::Task,
        yield_now::{YieldNow, yield_now},
    },
    threads::{
        handle::Handle,
        job::JobContext,
        limiter::ThreadLimiter,
        remote,
        remote_task::RemoteTask,
        to_thread::{BlockingWork, ToThread, to_thread, to_thread_with},
    },
    time::{
        clock::Clock,
        instant::Instant,
        interval::{Interval, MissedTick, interval, interval_at},
        sleep::{Sleep, sleep, sleep_until},
        virtual_clock::{ClockHold, VirtualClock},
    },
};

/// For those who write combinators and owners of tasks: `gather`, `scope` and task groups are built of this and of what is public
/// besides, and of nothing else.
pub mod combinator {
    pub use crate::{
        cancel::shields::{is_stopping_hard, open_shields, open_shields_above, shield_depth, take_cleanup_panic},
        cancel::{
            branch::{Branch, Rest, Siblings, poll_branches},
            cleanup::{settle, settle_at},
            nest::{Nest, NestEnd},
        },
        outcome::{
            plain::plain,
            unhandled::{report_unhandled, report_unhandled_of},
            unread::unread_error,
        },
        raw::{
            hand_over::{Handed, hand_over},
            pinned::PinnedRow,
            place::Place,
        },
        task::{
            current::end_grace,
            lodger::{Claim, Lodger, Stand, lodge},
            loose::Loose,
            order::{choose_jitter, choose_order},
            spawn::spawn_at,
        },
        wake::call::{call_waker, discard_waker},
        wake::waker_cell::WakerCell,
        wake::{
            batch::{Batch, Woken},
            wake_set::WakeSet,
        },
    };
}
