//! How things end, in plain words without behaviour: reasons, errors, panics, and reports that nobody reads.

pub(crate) mod nested_run;
pub(crate) mod attach_error;
pub(crate) mod call_error;
pub(crate) mod join_error;
pub(crate) mod unread;
pub(crate) mod opaque;
pub(crate) mod unhandled;
pub(crate) mod panic;
pub(crate) mod flat;
pub(crate) mod reason;
pub(crate) mod task_state;
pub(crate) mod task_id;
pub(crate) mod plain;
pub(crate) mod panics;
pub(crate) mod caught;
pub(crate) mod or_panic;
