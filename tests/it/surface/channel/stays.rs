//! Places in line that streams and sinks keep from poll to poll.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, now},
    probe::{Wakes, poll_with_noop},
};
use evenkeel::sync::{Queue, Receiver, SendPermits, Sender, broadcast, channel, watch};
use futures::{FutureExt, Sink, Stream, future::LocalBoxFuture};
use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Polls three times: with a waker of which an operation panics at the first poll (a clone) or the second (a drop), and then with a calm one,
/// after `give` has seen to it that there is something.
fn poll_on<O>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<O>, give: impl FnOnce()) -> O {
    for op in [Op::Clone, Op::Drop] {
        let armed = Rc::new(Cell::new(op == Op::Clone));
        let fuse = armed.clone();
        let waker = bomb(move |happened| assert!(!(happened == op && fuse.get()), "bang"));
        let mut polled =
            |waker: &Waker| catch_unwind(AssertUnwindSafe(|| poll(&mut Context::from_waker(waker)).is_pending())).ok();
        let (_, calm) = Wakes::new();
        assert_eq!(polled(&waker), (op == Op::Drop).then_some(true));
        armed.set(op == Op::Drop);
        // The waker of the poll before is dropped.
        assert_eq!(polled(&calm), (op == Op::Clone).then_some(true));
        armed.set(false);
        assert_eq!(polled(&calm), Some(true));
        defuse();
    }
    let (wakes, calm) = Wakes::new();
    assert!(poll(&mut Context::from_waker(&calm)).is_pending());
    give();
    assert_eq!(wakes.count(), 1);
    match poll(&mut Context::from_waker(&calm)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("there was something"),
    }
}

fn next_of<S: Stream>(stream: S, give: impl FnOnce()) -> Option<S::Item> {
    let mut stream = pin!(stream);
    poll_on(|cx| stream.as_mut().poll_next(cx), give)
}

#[test]
fn a_stream_goes_on_after_a_wakers_panic() {
    let (sender, mut receiver) = channel(1);
    assert_eq!(next_of(receiver.items(), || sender.try_send(1).unwrap()), Some(1));
    assert_eq!(poll_on(|cx| receiver.poll_recv(cx), || sender.try_send(2).unwrap()), Some(2));
    assert_eq!(next_of(receiver, || sender.try_send(3).unwrap()), Some(3));
    let queue = Rc::new(Queue::new(1));
    assert_eq!(next_of(queue.items(), || queue.try_put(1).unwrap()), Some(1));
    assert_eq!(next_of(queue.items_owned(), || queue.try_put(2).unwrap()), Some(2));
    let (sender, mut receiver) = broadcast::channel(1);
    assert_eq!(poll_on(|cx| receiver.poll_recv(cx), || assert_eq!(sender.send(1), Ok(1))), Ok(1));
    let (sender, mut receiver) = watch::channel(0);
    assert_eq!(next_of(receiver.items(), || sender.send(1).unwrap()).map(|seen| *seen), Some(1));
}

#[test]
fn a_sink_goes_on_after_a_wakers_panic() {
    let (sender, receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut sink = pin!(sender.into_sink());
    let ready = poll_on(|cx| sink.as_mut().poll_ready(cx), || assert_eq!(receiver.try_recv(), Ok(1)));
    assert_eq!((ready, sink.sender().unwrap().is_full()), (Ok(()), true));
    sink.as_mut().start_send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn what_a_receiver_was_handed_in_its_place_is_counted_by_itself() {
    let (sender, mut receiver) = channel(2);
    let other = receiver.clone();
    let (_, waker) = Wakes::new();
    assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    assert!(receiver.is_empty());
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!((receiver.len(), receiver.is_empty(), other.len(), sender.len()), (2, false, 1, 1));
    drop(sender);
    assert_eq!(receiver.poll_recv(&mut Context::from_waker(&waker)), Poll::Ready(Some(1)));
    assert_eq!((receiver.len(), other.try_recv()), (1, Ok(2)));
    assert!(receiver.is_empty());
    // To be told of the end is to be handed nothing.
    assert_eq!(receiver.poll_recv(&mut Context::from_waker(&waker)), Poll::Ready(None));
    assert!(receiver.is_empty());
}

#[test]
fn the_end_is_nothing_that_a_receiver_was_handed() {
    let (sender, mut receiver) = channel::<u8>(2);
    let (_, waker) = Wakes::new();
    assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    drop(sender);
    assert_eq!((receiver.len(), receiver.is_empty()), (0, true));
}

#[test]
fn who_has_an_item_already_is_lent_no_place_for_more() {
    let (sender, receiver) = channel(0);
    let mut reserve = Hand::waiting(sender.reserve());
    let mut send = Hand::waiting(sender.send(1));
    let mut buffer = Vec::new();
    assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 1);
    send.ready().unwrap();
    assert!(!reserve.is_woken() && reserve.is_pending());
    let mut send = Hand::waiting(sender.send(2));
    assert_eq!(now(receiver.recv_many(3)), Ok(vec![2]));
    send.ready().unwrap();
    assert!(!reserve.is_woken());
    // More items are taken along.
    let mut sends = [3, 4].map(|n| Hand::waiting(sender.send(n)));
    assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 2);
    sends.iter_mut().for_each(|send| send.ready().unwrap());
    assert_eq!((buffer, reserve.is_pending()), (vec![1, 3, 4], true));
    // Who waits for an item is lent a place for.
    let mut recv = Hand::waiting(receiver.recv());
    reserve.ready().unwrap().send(5).unwrap();
    assert_eq!(recv.ready(), Some(5));
}

#[test]
fn an_item_of_a_send_that_gives_up_is_dropped_once_if_its_waker_panics() {
    for op in [Op::Drop, Op::Wake] {
        let drops = crate::kit::probe::Drops::default();
        let (sender, receiver) = channel(2);
        let armed = Rc::new(Cell::new(false));
        let fuse = armed.clone();
        let waker = bomb(move |happened| assert!(!(happened == op && fuse.get()), "bang"));
        let over = Cell::new(false);
        let end = std::future::poll_fn(|_| if over.get() { Poll::Ready(()) } else { Poll::Pending });
        // The first in line wants all; who is behind it could have the one place that is free.
        assert!(sender.try_send(drops.guard()).is_ok());
        assert!(sender.try_send(drops.guard()).is_ok());
        let mut send = Hand::new(sender.send_until(drops.guard(), end));
        assert!(send.poll_with(&waker).is_pending());
        armed.set(true);
        over.set(true);
        let ended = catch_unwind(AssertUnwindSafe(|| send.poll_with(&waker).map(|sent| drop(sent.unwrap_err()))));
        armed.set(false);
        assert_eq!(ended.is_err(), op == Op::Drop);
        drop(send);
        assert_eq!(drops.count(), 1, "{op:?}");
        drop((sender, receiver));
        assert_eq!(drops.count(), 3);
        defuse();
    }
}

#[test]
fn a_receive_beside_many_who_reserve_costs_what_one_does() {
    // Those in line are not looked at one by one, of whom none has an item.
    let (sender, receiver) = channel(1);
    let held = sender.try_reserve().unwrap();
    let mut line: Vec<_> = (0..10_000).map(|_| Hand::waiting(sender.reserve())).collect();
    held.send(0).unwrap();
    for (n, reserve) in line.iter_mut().enumerate() {
        assert_eq!(receiver.try_recv(), Ok(n));
        assert!(receiver.try_recv().is_err());
        reserve.ready().unwrap().send(n + 1).unwrap();
    }
    assert_eq!((receiver.try_recv(), receiver.recv().now_or_never()), (Ok(10_000), None));
}

#[test]
fn wishes_that_leave_in_any_way_hide_no_item() {
    for way in 0..5 {
        let (sender, receiver) = channel(1);
        let held = sender.try_reserve().unwrap();
        let mut first = Hand::waiting(sender.reserve());
        let second = Hand::waiting(sender.reserve());
        let mut send = Hand::waiting(sender.send(7));
        match way {
            0 => drop(first),
            1 => drop(second),
            2 => drop((first, second)),
            3 => drop((second, first)),
            _ => {
                drop(held);
                let permit = first.ready().unwrap();
                assert_eq!(receiver.try_recv(), Ok(7));
                drop((permit, second));
                send.ready().unwrap();
                assert!(receiver.try_recv().is_err());
                continue;
            }
        }
        assert_eq!(receiver.try_recv(), Ok(7), "{way}");
        send.ready().unwrap();
        assert!(receiver.try_recv().is_err());
        // Refused, they are gone as well.
        let wish = Hand::waiting(sender.reserve());
        receiver.close();
        drop((wish, held));
        assert_eq!(now(receiver.recv()), None);
    }
}

#[test]
fn so_many_places_that_none_could_be_counted_are_too_many() {
    use evenkeel::sync::{Refused, unbounded_channel};
    let (sender, receiver) = unbounded_channel();
    assert_eq!(sender.try_reserve_many(usize::MAX).unwrap_err(), Refused::TooMany);
    assert_eq!(now(sender.reserve_many(usize::MAX / 2 + 1)).unwrap_err(), Refused::TooMany);
    let many = sender.try_reserve_many(usize::MAX / 2).unwrap();
    assert_eq!(sender.try_reserve_many(2).unwrap_err(), Refused::TooMany);
    now(sender.reserve()).unwrap().send(1).unwrap();
    now(sender.clone().reserve_owned()).unwrap().send(2).unwrap();
    drop(many);
    assert_eq!(now(receiver.recv_many(3)), Ok(vec![1, 2]));
}

#[test]
fn who_gets_while_wakers_are_called_is_not_left_in_line_beside_an_item() {
    type Kept<T> = Rc<RefCell<Option<T>>>;
    fn is_wake(op: Op) -> bool {
        matches!(op, Op::Wake | Op::WakeByRef)
    }
    let (sender, receiver) = channel::<&'static str>(2);
    let (sender, receiver): (&'static Sender<_>, &'static Receiver<_>) =
        (Box::leak(Box::new(sender)), Box::leak(Box::new(receiver)));
    let all = sender.try_reserve_many(2).unwrap();
    let places: Kept<SendPermits<'static, &'static str>> = Rc::default();
    let getting: Kept<LocalBoxFuture<'static, Option<&'static str>>> = Rc::default();
    let reserving: Kept<LocalBoxFuture<'static, bool>> = Rc::default();
    // The first waker takes what was let in, keeps all room, and somebody waits for more of it; then somebody gets.
    let (kept, get, reserve) = (places.clone(), getting.clone(), reserving.clone());
    let one = bomb(move |op| {
        if !is_wake(op) {
            return;
        }
        assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok("a"), Ok("b")]);
        kept.replace(Some(sender.try_reserve_many(2).unwrap()));
        let mut third = sender.reserve().map(|permit| permit.is_ok()).boxed_local();
        assert!(poll_with_noop(&mut third).is_pending());
        reserve.replace(Some(third));
        let mut item = receiver.recv().boxed_local();
        assert!(poll_with_noop(&mut item).is_pending());
        get.replace(Some(item));
    });
    // The second one puts.
    let kept = places.clone();
    let two = bomb(move |op| {
        if is_wake(op) {
            let permit = kept.borrow_mut().as_mut().unwrap().next().unwrap();
            permit.send("x").unwrap();
        }
    });
    let mut sends = ["a", "b"].map(|item| sender.send(item));
    for (send, waker) in sends.iter_mut().zip([&one, &two]) {
        assert!(Pin::new(send).poll(&mut Context::from_waker(waker)).is_pending());
    }
    drop(all);
    let mut item = getting.take().unwrap();
    assert_eq!((poll_with_noop(&mut item), receiver.len()), (Poll::Ready(Some("x")), 0));
    defuse();
}
