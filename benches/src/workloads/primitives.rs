//! Queues, semaphores, mutexes and oneshots.

use super::batches::share;
use crate::{
    kit::{Channel, Gate, Once, Received, Sent},
    peer::Peer,
    watch::Watch,
};
use std::{cell::RefCell, rc::Rc};

/// Producers, one for each sender, put numbers into one channel, and the sum of them must come out.
pub fn queue<P: Peer, C: Channel>(
    capacity: usize,
    senders: impl Fn(C::Sender) -> Vec<C::Sender>,
    count: u64,
    watch: &mut Watch,
) -> u64 {
    P::run(async {
        let (sender, mut receiver) = C::new(capacity);
        // Some executors poll a task while they spawn it, and without a bound a producer may be through then.
        watch.start();
        let senders = senders(sender);
        let all = senders.len() as u64;
        let producers: Vec<_> = (0..all)
            .zip(senders)
            .map(|(index, mut sender)| {
                let mine = share(count, all, index);
                P::spawn(async move {
                    for _ in 0..mine {
                        C::send(&mut sender, 1).await.check();
                    }
                })
            })
            .collect();
        let consumer = P::spawn(async move {
            let mut sum = 0;
            for _ in 0..count {
                sum += C::receive(&mut receiver).await.item();
            }
            sum
        });
        let sum = consumer.await.unwrap();
        watch.stop();
        for producer in producers {
            producer.await.unwrap();
        }
        sum
    })
}

/// Two tasks and two channels with room for one.
pub fn ping_pong<P: Peer, C: Channel>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let (mut there, mut arrives) = C::new(1);
        let (mut back, mut returns) = C::new(1);
        let pong = P::spawn(async move {
            for _ in 0..count {
                let ball = C::receive(&mut arrives).await.item();
                C::send(&mut back, ball + 1).await.check();
            }
        });
        let ping = P::spawn(async move {
            let mut ball = 0;
            for _ in 0..count {
                C::send(&mut there, ball).await.check();
                ball = C::receive(&mut returns).await.item();
            }
            ball
        });
        watch.start();
        let done = ping.await.unwrap();
        watch.stop();
        pong.await.unwrap();
        done
    })
}

/// Enters and leaves with nobody else there.
pub fn uncontended<P: Peer, G: Gate>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let gate = G::new(1);
        let mut done = 0;
        watch.start();
        for _ in 0..count {
            let _inside = gate.enter().await;
            done += 1;
        }
        watch.stop();
        done
    })
}

/// So many tasks enter in turn, and give way once while they are inside.
pub fn contended<P: Peer, G: Gate>(tasks: u64, permits: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let gate = Rc::new(G::new(permits));
        let tasks: Vec<_> = (0..tasks)
            .map(|index| {
                let (gate, mine) = (gate.clone(), share(count, tasks, index));
                P::spawn(async move {
                    for _ in 0..mine {
                        let _inside = gate.enter().await;
                        P::yield_now().await;
                    }
                    mine
                })
            })
            .collect();
        watch.start();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        watch.stop();
        done
    })
}

/// Makes a oneshot, sends, and receives what is there.
pub fn oneshot_ready<P: Peer, O: Once>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut sum = 0;
        watch.start();
        for _ in 0..count {
            let (sender, receiver) = O::new();
            O::send(sender, 1);
            sum += receiver.await.item();
        }
        watch.stop();
        sum
    })
}

/// Makes a oneshot and waits; another task sends.
pub fn oneshot_pending<P: Peer, O: Once>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let slot: Rc<RefCell<Option<O::Sender>>> = Rc::default();
        let taking = slot.clone();
        let waits = P::spawn(async move {
            let mut sum = 0;
            for _ in 0..count {
                let (sender, receiver) = O::new();
                *slot.borrow_mut() = Some(sender);
                sum += receiver.await.item();
            }
            sum
        });
        let sends = P::spawn(async move {
            let mut left = count;
            while left > 0 {
                let sender = taking.borrow_mut().take();
                if let Some(sender) = sender {
                    O::send(sender, 1);
                    left -= 1;
                }
                P::yield_now().await;
            }
        });
        watch.start();
        let sum = waits.await.unwrap();
        watch.stop();
        sends.await.unwrap();
        sum
    })
}
