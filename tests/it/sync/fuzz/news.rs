//! Values that are told: `oneshot`, `watch`, `broadcast`.

use super::{
    items::{Item, Ledger},
    rigs::{Rig, rig},
    sync::{OnceCell, SetOnce, broadcast, oneshot, watch},
};
use futures::FutureExt;
use std::{cell::RefCell, rc::Rc};

pub(super) fn oneshots() -> Rig {
    type Ends = (RefCell<Vec<oneshot::Sender<Item>>>, RefCell<Vec<oneshot::Receiver<Item>>>, Rc<Ledger>);
    rig(
        "oneshot",
        (RefCell::default(), RefCell::default(), Rc::default()),
        2,
        |p: Rc<Ends>, kind| {
            let (mut sender, receiver) = oneshot::channel();
            if kind == 0 {
                p.0.borrow_mut().push(sender);
                return async move { receiver.await.into_iter().for_each(Item::hand) }.boxed_local();
            }
            p.1.borrow_mut().push(receiver);
            async move { sender.closed().await }.boxed_local()
        },
        |p, what| {
            let sender = p.0.borrow_mut().pop();
            if what % 4 == 0 {
                let receiver = p.1.borrow_mut().pop();
                drop((sender, receiver));
            } else if let Some(sender) = sender {
                // If its receiver is dropped then, the item goes with it.
                let (item, _excused) = p.2.item();
                sender.send(item).map_err(Item::hand).unwrap_or(());
            }
        },
        |p| {
            while let Some(sender) = { p.0.borrow_mut().pop() } {
                drop(sender);
            }
            while let Some(receiver) = { p.1.borrow_mut().pop() } {
                drop(receiver);
            }
        },
        |p| p.2.check(),
    )
    .unfair()
}

pub(super) fn watched() -> Rig {
    let (sender, receiver) = watch::channel(0);
    rig(
        "watch",
        (RefCell::new(Some(Rc::new(sender))), RefCell::new(Some(receiver))),
        2,
        |p, kind| {
            let (sender, receiver) = (p.0.borrow().clone(), p.1.borrow().clone());
            match (kind, sender, receiver) {
                (0, _, Some(mut receiver)) => async move {
                    let _ = receiver.changed().await;
                }
                .boxed_local(),
                (_, Some(sender), _) => async move { sender.closed().await }.boxed_local(),
                _ => async {}.boxed_local(),
            }
        },
        |p, what| match what % 8 {
            0 => drop(p.1.take()),
            1 => {
                let receiver = p.1.borrow().clone();
                receiver.into_iter().for_each(|mut receiver| drop(receiver.borrow_and_update()));
            }
            _ => {
                let sender = p.0.borrow().clone();
                sender.into_iter().for_each(|sender| {
                    let _ = sender.send(what);
                });
            }
        },
        |p| {
            let sender = p.0.take();
            sender.iter().for_each(|sender| drop(sender.send_replace(0)));
            drop((p.1.take(), sender));
        },
        |_| None,
    )
    .unfair()
}

pub(super) fn broadcasts() -> Rig {
    let (sender, receiver) = broadcast::channel(2);
    rig(
        "broadcast",
        (RefCell::new(Some(sender)), receiver),
        1,
        |p, _| {
            let mut receiver = p.1.resubscribe();
            async move { while receiver.recv().await.is_ok_and(|n| n % 3 > 0) {} }.boxed_local()
        },
        |p, what| {
            let sender = p.0.borrow().clone();
            sender.into_iter().for_each(|sender| {
                let _ = sender.send(what);
            });
        },
        |p| drop(p.0.take()),
        |_| None,
    )
    .unfair()
}

/// Two cells, of which nobody makes the value.
pub(super) fn set_once() -> Rig {
    rig(
        "set-once",
        (SetOnce::new(), OnceCell::new()),
        2,
        |p, kind| {
            async move {
                match kind {
                    0 => assert_eq!(*p.0.wait().await, 1),
                    _ => assert_eq!(*p.1.wait().await, 2),
                }
            }
            .boxed_local()
        },
        |p, what| match what % 16 {
            0 => drop(p.0.set(1)),
            1 => drop(p.1.set(2)),
            _ => {}
        },
        |p| {
            let _ = p.0.set(1);
            let _ = p.1.set(2);
        },
        |p| (p.0.waiting() > 0).then(|| "somebody is in line".into()),
    )
}

/// Streams that are kept, and senders that wait for their end.
pub(super) fn streams() -> Rig {
    let (watched, fed) = (watch::Sender::new(0), broadcast::Sender::new(2));
    rig(
        "streams",
        (RefCell::new(Some(Rc::new(watched))), RefCell::new(Some(Rc::new(fed)))),
        3,
        |p, kind| {
            let (watched, fed) = (p.0.borrow().clone(), p.1.borrow().clone());
            let (Some(watched), Some(fed)) = (watched, fed) else { return async {}.boxed_local() };
            match kind {
                0 => {
                    let mut items = watched.subscribe().into_items();
                    drop((watched, fed));
                    async move { while items.next().await.is_some_and(|n| *n % 3 > 0) {} }.boxed_local()
                }
                1 => {
                    let mut items = fed.subscribe().into_items();
                    drop((watched, fed));
                    async move { while items.next().await.is_some_and(|n| n.is_ok_and(|n| n % 3 > 0)) {} }.boxed_local()
                }
                _ => async move { fed.closed().await }.boxed_local(),
            }
        },
        |p, what| match what % 4 {
            0 => {
                let sender = p.0.borrow().clone();
                sender.into_iter().for_each(|sender| drop(sender.send_replace(what)));
            }
            1 => {
                let sender = p.0.borrow().clone();
                sender.into_iter().for_each(|sender| {
                    sender.send_if_modified(|value| std::mem::replace(value, what) < what);
                });
            }
            _ => {
                let weak = p.1.borrow().as_ref().map(|sender| sender.downgrade());
                let sender = weak.and_then(|weak| weak.upgrade());
                sender.into_iter().for_each(|sender| {
                    let _ = sender.send(what);
                });
            }
        },
        |p| {
            // Those who wait for the end hold a sender: a value lets the receivers go, and their end the others.
            let (watched, fed) = (p.0.take(), p.1.take());
            watched.iter().for_each(|sender| drop(sender.send_replace(0)));
            fed.iter().for_each(|sender| {
                let _ = sender.send(0);
            });
        },
        |_| None,
    )
    .unfair()
}
