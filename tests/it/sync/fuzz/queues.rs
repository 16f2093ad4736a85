//! Queues and channels: nothing is lost, nothing is doubled, and nobody waits for what is there.

use super::{
    items::{Item, Ledger},
    rigs::{Rig, rig},
    sync::{Order, OrderedQueue, OwnedJob, channel},
};
use crate::kit::probe::on_drop;
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
};

/// A queue, its jobs that are out, and its items.
struct Queueing<O: Order<Item>> {
    queue: Rc<OrderedQueue<Item, O>>,
    jobs: RefCell<Vec<OwnedJob<Item, O>>>,
    ledger: Rc<Ledger>,
    in_order: fn(&dyn Fn(usize) -> usize, usize, usize) -> bool,
    /// How many wait for the end of all jobs.
    joining: Rc<Cell<usize>>,
    wrong: RefCell<Option<String>>,
}

impl<O: Order<Item> + 'static> Queueing<O> {
    fn release(&self) -> bool {
        let job = self.jobs.borrow_mut().pop();
        job.map(|job| drop(job.into_inner())).is_some()
    }

    fn drain(&self) {
        let items = self.queue.close_now();
        let ids = items.iter().map(|item| item.id);
        let ids: Vec<_> = ids.filter(|id| !self.ledger.is_anywhere(*id)).collect();
        let key = |id| items.iter().find(|item| item.id == id).map_or(0, |item| item.key);
        if !ids.is_sorted_by(|a, b| (self.in_order)(&key, *a, *b)) {
            self.wrong.borrow_mut().get_or_insert(format!("out of order: {ids:?}"));
        }
        items.into_iter().for_each(Item::hand);
    }

    async fn wait(&self, kind: usize) {
        match kind {
            0 => {
                let (item, putting) = self.ledger.item();
                let mut id = Some(item.id);
                let mut put = self.queue.put(item);
                let outcome = poll_fn(|cx| {
                    let _comes = on_drop(|| id.take().into_iter().for_each(|id| self.ledger.has_come(id)));
                    put.poll_unpin(cx)
                });
                let outcome = outcome.await;
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            1 => self.queue.get().await.into_iter().for_each(Item::hand),
            2 => self.queue.get_many(3).await.into_iter().flatten().for_each(Item::hand),
            3 => {
                if let Ok(job) = self.queue.get_job_owned().await {
                    job.in_hands();
                    self.jobs.borrow_mut().push(job);
                }
            }
            _ => {
                self.joining.set(self.joining.get() + 1);
                let _joining = on_drop(|| self.joining.set(self.joining.get() - 1));
                self.queue.join().await;
            }
        }
    }

    /// Does somebody wait for what is there?
    fn look(&self, at_rest: bool) -> Option<String> {
        let (queue, is_full) = (&self.queue, self.queue.is_full());
        let (getters, putters) = (queue.waiting_getters(), queue.waiting_putters());
        let in_vain = [
            ("room", putters > 0 && (!is_full || queue.is_closed() || getters > 0)),
            ("an item", getters > 0 && (!queue.is_empty() || queue.is_closed())),
            ("the end of all jobs", at_rest && self.joining.get() > 0 && queue.unfinished() == 0),
        ];
        let wrong = in_vain.into_iter().find(|(_, is_so)| *is_so);
        wrong.map(|(what, _)| format!("somebody waits for {what}, which is there"))
    }

    fn deed(&self, what: usize) {
        match what % 20 {
            0..4 => {
                let (item, putting) = self.ledger.item();
                let outcome = self.queue.try_put(item);
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            4..8 => self.queue.try_get().into_iter().for_each(Item::hand),
            // It overtakes those who wait for room.
            8 if self.queue.waiting_putters() == 0 => {
                let (item, putting) = self.ledger.item();
                let outcome = self.queue.force_put(item);
                putting.told();
                match outcome {
                    Ok(evicted) => evicted.into_iter().for_each(Item::hand),
                    Err(error) => error.into_inner().hand(),
                }
            }
            9 | 10 => self.ledger.armed.set(1 + what / 10),
            11 => self.queue.close(),
            12 => self.drain(),
            _ => drop(self.release()),
        }
    }
}

pub(super) fn queue<O: Order<Item> + 'static>(
    name: &'static str,
    queue: OrderedQueue<Item, O>,
    in_order: fn(&dyn Fn(usize) -> usize, usize, usize) -> bool,
) -> Rig {
    let (jobs, ledger, joining, wrong) = (RefCell::default(), Rc::default(), Rc::default(), RefCell::default());
    let queueing = Rc::new(Queueing { queue: Rc::new(queue), jobs, ledger, in_order, joining, wrong });
    let looked = queueing.clone();
    let mut rig = rig(
        name,
        queueing,
        5,
        |p, kind| async move { p.wait(kind).await }.boxed_local(),
        |p, what| p.deed(what),
        |p| {
            p.queue.close();
            while p.release() {}
            while let Ok(item) = p.queue.try_get() {
                item.hand();
            }
        },
        |p| {
            p.ledger.armed.set(0);
            while p.release() {}
            p.drain();
            let counts = (p.queue.len(), p.queue.unfinished(), p.queue.waiting_getters(), p.queue.waiting_putters());
            let wrong = p.wrong.take().or_else(|| p.ledger.check());
            wrong.or_else(|| super::rigs::wrong(counts != (0, 0, 0, 0), format!("the counts are wrong: {counts:?}")))
        },
    );
    rig.look = Box::new(move |at_rest| looked.look(at_rest));
    rig
}

pub(super) fn channel_rig() -> Rig {
    let ledger: Rc<Ledger> = Rc::default();
    let (sender, receiver) = channel(2);
    rig(
        "channel",
        (RefCell::new(Some(sender)), receiver, ledger),
        2,
        |p, kind| {
            let sender = p.0.borrow().clone();
            async move {
                let Some(sender) = sender.filter(|_| kind == 0) else {
                    return p.1.recv().await.into_iter().for_each(Item::hand);
                };
                let (item, putting) = p.2.item();
                let outcome = sender.send(item).await;
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            .boxed_local()
        },
        |p, what| match what % 12 {
            0 => drop(p.0.take()),
            1..4 => p.1.try_recv().into_iter().for_each(Item::hand),
            _ => {
                let Some(sender) = p.0.borrow().clone() else { return };
                let (item, putting) = p.2.item();
                let outcome = sender.try_send(item);
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
        },
        |p| {
            p.1.close();
            while let Ok(item) = p.1.try_recv() {
                item.hand();
            }
        },
        |p| p.2.check(),
    )
}
