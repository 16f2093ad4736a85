//! Queues: items that wait for whoever uses them, and those who wait for items or for room.

mod items;
mod places;
mod put;
mod get;
mod job;
mod end;
mod in_hand;
mod ordered;
mod order;
mod errors;

pub use errors::{PutError, Refused, TryGetError};
pub use items::{OwnedQueueItems, QueueItems};
pub use job::{Job, OwnedJob};
pub use order::{Fifo, Lifo, Order, Priority};
pub use ordered::{Full, LifoQueue, OrderedQueue, PriorityQueue, Queue};

pub(crate) use get::Getting;
pub(crate) use items::Items;
pub(crate) use put::Putting;
