//! What evenkeel promises, one module per subject. A test's name says the rule that it holds fast; `fault_NN` is a class
//! of faults that other executors really had.
//!
//! Tests are deterministic: they compare records of what happened, count polls and drops, and run on clocks of their own.

#![expect(clippy::async_yields_async, reason = "tasks are handed out of tasks on purpose")]

mod probe;
mod bomb;
mod scope_kit;
mod stage;

mod fairness;
mod wakers;
mod handover;
mod threads;
mod join;
mod ending;
mod cancel_task;
mod panics;
mod unhandled;
mod reentrancy;
mod bombs;
mod locals;
mod sleep;
mod newest_waker;
mod wheel;
mod clocks;
mod interval;
mod parking;
mod embedding;
mod on_wake;
mod host_panics;
mod nested;
mod several;
mod spawner;
mod generations;
mod model;
mod schedule;
mod scale;
mod scope_rules;
mod scope_cleanup;
mod scope_ends;
mod scope_everywhere;
mod scope_wakers;
mod scope_panics;
mod scope_combinators;
mod scope_hostile;
mod scope_shutdown;
mod scope_scale;
mod timeouts;
mod dropped_when;
mod tokens;
mod settle;
mod group_kit;
mod group_boundary;
mod group_edges;
mod group_handles;
mod group_errors;
mod group_children;
mod group_panics;
mod group_places;
mod group_trio;
mod group_nesting;
mod ctrl_c;
mod asyncio;
mod asyncio_timeouts;
mod asyncio_waitfor;
mod asyncio_cancel;
mod asyncio_shield;
mod asyncio_sleep;
mod asyncio_groups;
mod asyncio_taskgroups;
mod asyncio_gather;
mod asyncio_wait;
mod asyncio_as_completed;
mod gather;
mod race;
mod as_completed;
mod map_concurrent;
mod borrowing_scope;
mod in_place_hostile;
mod thread_exit;
mod messages;
mod auto_traits;
mod compile_fail;
mod book;
mod examples;

mod sync_hosts;
mod sync_cases;

mod sync_semaphore;
mod sync_semaphore_bounds;
mod sync_lock;
mod sync_condition;
mod sync_barrier;
mod sync_queue;
mod sync_queue_orders;
mod sync_queue_end;
mod sync_bombs;
mod sync_drops;
mod sync_rw_lock;
mod sync_news;
mod sync_wait_queue;
mod sync_overload;
mod sync_model;
mod sync_queue_model;
