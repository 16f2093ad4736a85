//! Random programs against a simple model: queues, with waits that are cancelled at any time.

use super::model::check;
use crate::kit::hosts::Hand;
use evenkeel::sync::{Closed, PutError, Queue, TryGetError};
use futures::{FutureExt, future::LocalBoxFuture};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    task::Poll,
};

#[derive(Clone, Copy, Debug)]
enum Use {
    Put,
    TryPut,
    ForcePut,
    Get,
    GetMany(usize),
    TryGet,
    PollPutter(usize),
    PollGetter(usize),
    CancelPutter(usize),
    CancelGetter(usize),
    Close,
    CloseNow,
}

fn uses() -> impl Strategy<Value = (usize, Vec<Use>)> {
    let one = prop_oneof![
        6 => Just(Use::Put),
        2 => Just(Use::TryPut),
        1 => Just(Use::ForcePut),
        6 => Just(Use::Get),
        2 => (0..4_usize).prop_map(Use::GetMany),
        2 => Just(Use::TryGet),
        8 => any::<usize>().prop_map(Use::PollPutter),
        8 => any::<usize>().prop_map(Use::PollGetter),
        4 => any::<usize>().prop_map(Use::CancelPutter),
        4 => any::<usize>().prop_map(Use::CancelGetter),
    ];
    let end = prop_oneof![Just(Use::Close), Just(Use::CloseNow)];
    let program = (prop::collection::vec(one.clone(), 1..70), end, prop::collection::vec(one, 0..20), any::<bool>());
    let program = program.prop_map(|(mut program, end, after, ends)| {
        if ends {
            program.push(end);
            program.extend(after);
        }
        program
    });
    (0..4_usize, program)
}

/// What a queue is to do, in the plainest way.
#[derive(Default)]
struct QueueModel {
    capacity: usize,
    closed: bool,
    items: VecDeque<usize>,
    /// Who stands in line: putters with their items, getters.
    putters: VecDeque<usize>,
    getters: VecDeque<usize>,
    /// What getters were handed, and putters were told, and have not seen yet. `None`: the queue was closed.
    handed: Vec<(usize, Option<usize>)>,
    told: Vec<(usize, bool)>,
    /// In which order items came in.
    numbers: BTreeMap<usize, usize>,
}

impl QueueModel {
    fn put(&mut self, item: usize) -> Option<bool> {
        if self.closed {
            return Some(false);
        }
        if let Some(getter) = self.getters.pop_front() {
            self.number(item);
            self.handed.push((getter, Some(item)));
        } else if self.items.len() < self.capacity {
            self.number(item);
            self.items.push_back(item);
        } else {
            self.putters.push_back(item);
            return None;
        }
        Some(true)
    }

    fn get(&mut self) -> Option<Option<usize>> {
        let item = self.items.pop_front();
        self.admit();
        let item = item.or_else(|| {
            let item = self.putters.pop_front()?;
            self.told.push((item, true));
            Some(item)
        });
        if item.is_none() && !self.closed { None } else { Some(item) }
    }

    fn admit(&mut self) {
        while self.items.len() < self.capacity {
            let Some(item) = self.putters.pop_front() else { return };
            self.told.push((item, true));
            self.number(item);
            self.items.push_back(item);
        }
    }

    fn number(&mut self, item: usize) {
        self.numbers.insert(item, self.numbers.len());
    }

    fn cancel_getter(&mut self, id: usize) {
        self.getters.retain(|other| *other != id);
        if let Some(Some(item)) = take(&mut self.handed, id) {
            match self.getters.pop_front() {
                Some(getter) => self.handed.push((getter, Some(item))),
                None => {
                    let place = self.items.iter().position(|other| self.numbers[other] > self.numbers[&item]);
                    self.items.insert(place.unwrap_or(self.items.len()), item);
                }
            }
        }
    }

    fn close(&mut self) {
        self.closed = true;
        for item in std::mem::take(&mut self.putters) {
            self.told.push((item, false));
        }
        for getter in std::mem::take(&mut self.getters) {
            self.handed.push((getter, None));
        }
    }
}

fn take<T>(list: &mut Vec<(usize, T)>, id: usize) -> Option<T> {
    let place = list.iter().position(|(other, _)| *other == id)?;
    Some(list.remove(place).1)
}

type Putting = Hand<LocalBoxFuture<'static, Result<(), PutError<usize>>>>;
type Getting = Hand<LocalBoxFuture<'static, Result<Vec<usize>, Closed>>>;

fn run_queue((capacity, program): (usize, Vec<Use>)) -> usize {
    let queue = Rc::new(Queue::new(capacity));
    let mut model = QueueModel { capacity, ..Default::default() };
    let mut putters: Vec<(usize, bool, Putting)> = Vec::new();
    let mut getters: Vec<(usize, usize, bool, Getting)> = Vec::new();
    for (id, one) in program.iter().enumerate() {
        match *one {
            Use::Put => {
                let queue = queue.clone();
                putters.push((id, false, Hand::new(async move { queue.put(id).await }.boxed_local())));
            }
            Use::TryPut => {
                let expected = model.put(id);
                model.putters.retain(|other| *other != id);
                match queue.try_put(id) {
                    Ok(()) => assert_eq!(expected, Some(true)),
                    Err(error) if error.is_full() => assert_eq!(expected, None),
                    Err(_) => assert_eq!(expected, Some(false)),
                }
            }
            Use::ForcePut => {
                let full = model.getters.is_empty() && model.items.len() >= capacity;
                let expected = if model.closed || (full && capacity == 0) {
                    Err(())
                } else {
                    let evicted = if full { model.items.pop_front() } else { None };
                    if full {
                        model.number(id);
                        model.items.push_back(id);
                    } else {
                        model.put(id);
                    }
                    Ok(evicted)
                };
                assert_eq!(queue.force_put(id).map_err(drop), expected);
            }
            Use::Get => {
                let queue = queue.clone();
                let get = async move { queue.get().await.map(|item| vec![item]) };
                getters.push((id, 1, false, Hand::new(get.boxed_local())));
            }
            Use::GetMany(most) => {
                let queue = queue.clone();
                let get = async move { queue.get_many(most).await };
                getters.push((id, most, false, Hand::new(get.boxed_local())));
            }
            Use::TryGet => {
                let expected = model.get();
                match queue.try_get() {
                    Ok(item) => assert_eq!(expected, Some(Some(item))),
                    Err(TryGetError::Empty) => assert_eq!(expected, None),
                    Err(_) => assert_eq!(expected, Some(None)),
                }
            }
            Use::PollPutter(which) if !putters.is_empty() => {
                let which = which % putters.len();
                let (id, begun, hand) = &mut putters[which];
                let begun = std::mem::replace(begun, true);
                let expected = if begun { take(&mut model.told, *id) } else { model.put(*id) };
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(outcome) => {
                        assert_eq!(expected, Some(outcome.is_ok()));
                        assert!(outcome.map_err(PutError::into_inner).err().is_none_or(|item| item == *id));
                        putters.remove(which);
                    }
                }
            }
            Use::PollGetter(which) if !getters.is_empty() => {
                let which = which % getters.len();
                let (id, most, begun, hand) = &mut getters[which];
                let first = match (*most, std::mem::replace(begun, true)) {
                    (0, _) => Some(None),
                    (_, true) => take(&mut model.handed, *id),
                    (_, false) => {
                        let first = model.get();
                        if first.is_none() {
                            model.getters.push_back(*id);
                        }
                        first
                    }
                };
                let expected = first.map(|first| {
                    let mut items: Vec<_> = first.into_iter().collect();
                    while !items.is_empty() && items.len() < *most {
                        let Some(Some(item)) = model.get() else { break };
                        items.push(item);
                    }
                    items
                });
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(outcome) => {
                        assert!(outcome.is_ok() || model.closed);
                        assert_eq!(expected, Some(outcome.unwrap_or_default()));
                        getters.remove(which);
                    }
                }
            }
            Use::CancelPutter(which) if !putters.is_empty() => {
                let (id, ..) = putters.remove(which % putters.len());
                model.putters.retain(|other| *other != id);
                take(&mut model.told, id);
            }
            Use::CancelGetter(which) if !getters.is_empty() => {
                let (id, ..) = getters.remove(which % getters.len());
                model.cancel_getter(id);
            }
            Use::Close => {
                queue.close();
                model.close();
            }
            Use::CloseNow => {
                model.close();
                assert_eq!(queue.close_now(), Vec::from(std::mem::take(&mut model.items)));
            }
            _ => {}
        }
        assert_eq!(queue.len(), model.items.len());
        assert_eq!((queue.waiting_putters(), queue.waiting_getters()), (model.putters.len(), model.getters.len()));
        for (id, _, hand) in &putters {
            assert!(!model.told.iter().any(|(other, _)| other == id) || hand.is_woken(), "putter {id} was not woken");
        }
        for (id, _, _, hand) in &getters {
            assert!(!model.handed.iter().any(|(other, _)| other == id) || hand.is_woken(), "getter {id} was not woken");
        }
    }
    // Those who were handed something and never looked put it back; then everything is there once, in order.
    for (id, ..) in getters.drain(..) {
        model.cancel_getter(id);
    }
    putters.clear();
    model.putters.clear();
    let rest: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
    assert_eq!(rest, Vec::from(model.items));
    assert_eq!(queue.unfinished(), 0);
    program.len()
}

#[test]
fn fault_16_and_36_queue_random_programs_agree_with_a_plain_model() {
    check("queue", uses(), run_queue);
}
