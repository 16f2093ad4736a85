//! Programs as a user writes them. How they read is what the API was designed for; that they do their work is asserted here.

mod as_completed;
mod cache;
mod cancel_subtree;
mod crawler;
mod heartbeat;
mod map_concurrent;
mod nested;
mod pipeline;
mod retry_timeout;
mod rollback;
mod server;
mod split;
mod start_ready;
mod virtual_clock_test;
