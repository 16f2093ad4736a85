//! The ways to run several futures side by side and to get all their outputs, behind one call.

use crate::{
    peer::Peer,
    peers::{Evenkeel, Tokio},
};
use evenkeel::{TaskGroup, gather, scope};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use futures_concurrency::future::Join;
use std::{convert::Infallible, future::Future, marker::PhantomData};

/// Runs children to their ends.
///
/// Each method is what a user would write; handles and futures are collected where the library wants that.
pub trait Family: 'static {
    /// The executor that it runs on.
    type Home: Peer;

    /// The sum of what the children yield.
    fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> impl Future<Output = u64>;
}

/// Each child is a task, and the first failure would cancel the others.
#[derive(Debug)]
pub struct InGroup;

impl Family for InGroup {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let outcome = TaskGroup::<Infallible>::run(async |group| {
            let handles: Vec<_> = children.map(|child| group.spawn(async { Ok(child.await) })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await;
            }
            Ok(sum)
        });
        outcome.await.unwrap()
    }
}

/// The same for children that could borrow.
#[derive(Debug)]
pub struct InScope;

impl Family for InScope {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let outcome = scope::<_, _, Infallible, _>(async |s| {
            let handles: Vec<_> = children.map(|child| s.spawn(async { Ok(child.await) })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await;
            }
            Ok(sum)
        });
        outcome.await.unwrap()
    }
}

/// Tasks that nobody owns: what the others have to be compared with.
#[derive(Debug)]
pub struct Spawned;

impl Family for Spawned {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let tasks: Vec<_> = children.map(evenkeel::spawn).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    }
}

/// `evenkeel::gather`.
#[derive(Debug)]
pub struct Gathered;

impl Family for Gathered {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        gather(children).await.into_iter().sum()
    }
}

/// `tokio::task::JoinSet`, of which each child is a task.
#[derive(Debug)]
pub struct InJoinSet<P = Tokio>(PhantomData<P>);

impl<P: Peer> Family for InJoinSet<P> {
    type Home = P;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let mut set = tokio::task::JoinSet::new();
        for child in children {
            set.spawn_local(child);
        }
        let mut sum = 0;
        while let Some(output) = set.join_next().await {
            sum += output.unwrap();
        }
        sum
    }
}

/// `futures::stream::FuturesUnordered`.
#[derive(Debug)]
pub struct Unordered;

impl Family for Unordered {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let mut unordered: FuturesUnordered<C> = children.collect();
        let mut sum = 0;
        while let Some(output) = unordered.next().await {
            sum += output;
        }
        sum
    }
}

/// `futures::future::join_all`.
#[derive(Debug)]
pub struct JoinAll;

impl Family for JoinAll {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        join_all(children).await.into_iter().sum()
    }
}

/// `futures_concurrency`'s `join` for a `Vec`.
#[derive(Debug)]
pub struct Concurrency;

impl Family for Concurrency {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        let children: Vec<C> = children.collect();
        children.join().await.into_iter().sum()
    }
}

/// `futures_buffered::join_all`.
#[derive(Debug)]
pub struct Buffered;

impl Family for Buffered {
    type Home = Evenkeel;

    async fn sum<C: Future<Output = u64> + 'static>(children: impl Iterator<Item = C>) -> u64 {
        futures_buffered::join_all(children).await.into_iter().sum()
    }
}

/// Nested so many deep, with the innermost one's only child at work.
pub trait Nest: 'static {
    /// Runs `child` inside.
    fn nest<'a, C: Future<Output = u64> + 'a>(depth: u64, child: C) -> impl Future<Output = u64> + 'a;
}

type Local<'a> = futures::future::LocalBoxFuture<'a, u64>;

/// In scopes.
#[derive(Debug)]
pub struct Scopes;

impl Nest for Scopes {
    fn nest<'a, C: Future<Output = u64> + 'a>(depth: u64, child: C) -> impl Future<Output = u64> + 'a {
        (0..depth).fold(Box::pin(child) as Local<'a>, |inner, _| {
            Box::pin(async {
                let outcome = scope::<_, _, Infallible, _>(async |s| {
                    let handle = s.spawn(async { Ok(inner.await) });
                    Ok(handle.await)
                });
                outcome.await.unwrap()
            })
        })
    }
}

/// In `gather`s.
#[derive(Debug)]
pub struct Gathers;

impl Nest for Gathers {
    fn nest<'a, C: Future<Output = u64> + 'a>(depth: u64, child: C) -> impl Future<Output = u64> + 'a {
        (0..depth)
            .fold(Box::pin(child) as Local<'a>, |inner, _| Box::pin(async { gather([inner]).await.into_iter().sum() }))
    }
}

/// In `FuturesUnordered`.
#[derive(Debug)]
pub struct Unordereds;

impl Nest for Unordereds {
    fn nest<'a, C: Future<Output = u64> + 'a>(depth: u64, child: C) -> impl Future<Output = u64> + 'a {
        (0..depth).fold(Box::pin(child) as Local<'a>, |inner, _| {
            Box::pin(async {
                let mut unordered: FuturesUnordered<_> = [inner].into_iter().collect();
                unordered.next().await.unwrap_or_default()
            })
        })
    }
}
