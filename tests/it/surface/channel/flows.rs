//! Streams, sinks, and many items at once.

use crate::kit::{
    hosts::{Hand, now},
    probe::Wakes,
};
use evenkeel::{
    run, spawn,
    sync::{Closed, PriorityQueue, Queue, channel, unbounded_channel},
    yield_now,
};
use futures::{FutureExt, Sink, SinkExt, StreamExt, future::join, stream, stream::FusedStream};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

#[test]
fn a_receiver_is_a_stream_by_value_and_by_reference() {
    let (sender, mut receiver) = channel(4);
    for n in 0..4 {
        sender.try_send(n).unwrap();
    }
    assert_eq!(now(receiver.next()), Some(0));
    let two: Vec<_> = now((&mut receiver).take(2).collect());
    drop(sender);
    assert_eq!((two, now(receiver.collect::<Vec<_>>())), (vec![1, 2], vec![3]));
}

#[test]
fn a_receiver_keeps_its_place_in_line_between_polls() {
    let (sender, mut receiver) = channel(1);
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(receiver.poll_recv(&mut cx).is_pending());
    let other = receiver.clone();
    let mut recv = Hand::waiting(other.recv());
    assert!(receiver.poll_recv(&mut cx).is_pending());
    sender.try_send("first").unwrap();
    assert_eq!((wakes.count(), recv.is_woken()), (1, false));
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Some("first")));
    sender.try_send("second").unwrap();
    assert_eq!(recv.ready(), Some("second"));
}

#[test]
fn a_receiver_that_is_used_otherwise_has_what_it_was_handed_as_a_stream() {
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let (sender, mut receiver) = channel(3);
    for way in 0..5 {
        assert!(receiver.poll_recv(&mut cx).is_pending());
        sender.try_send(way).unwrap();
        let got = match way {
            0 => now(receiver.recv()),
            1 => receiver.try_recv().ok(),
            2 => now(receiver.recv_many(3)).unwrap().pop(),
            3 => now(receiver.items().next()),
            _ => {
                let mut buffer = Vec::new();
                assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 1);
                buffer.pop()
            }
        };
        assert_eq!(got, Some(way));
    }
}

#[test]
fn a_receiver_that_is_dropped_as_a_stream_passes_its_item_on() {
    let (_, waker) = Wakes::new();
    let (sender, mut receiver) = channel(3);
    assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    let other = receiver.clone();
    let mut recv = Hand::waiting(other.recv());
    sender.try_send(1).unwrap();
    drop(receiver);
    assert_eq!(recv.ready(), Some(1));
}

#[test]
fn a_clone_of_a_receiver_has_no_place_of_the_others() {
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let (sender, mut receiver) = channel(3);
    assert!(receiver.poll_recv(&mut cx).is_pending());
    let mut clone = receiver.clone();
    sender.try_send(1).unwrap();
    assert!(clone.poll_recv(&mut cx).is_pending());
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Some(1)));
}

#[test]
fn a_stream_is_terminated_when_nothing_more_comes() {
    let (sender, mut receiver) = channel(2);
    let permit = sender.try_reserve().unwrap();
    sender.try_send(1).unwrap();
    receiver.close();
    assert_eq!(now(receiver.next()), Some(1));
    assert!(!receiver.is_terminated(), "a place is kept");
    permit.send(2).unwrap();
    assert!(!receiver.is_terminated());
    assert_eq!((now(receiver.next()), receiver.is_terminated()), (Some(2), true));
    assert_eq!(now(receiver.next()), None);
}

#[test]
fn recv_into_appends_as_many_as_there_are() {
    let (sender, receiver) = channel(10);
    let mut buffer = vec!["before"];
    assert_eq!(now(receiver.recv_into(&mut buffer, 0)), 0);
    let mut waiting = Box::pin(receiver.recv_into(&mut buffer, 3));
    assert!(waiting.as_mut().now_or_never().is_none());
    for item in ["a", "b", "c", "d"] {
        sender.try_send(item).unwrap();
    }
    assert_eq!(waiting.as_mut().now_or_never(), Some(3));
    drop(waiting);
    drop(sender);
    assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 1);
    assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 0);
    assert_eq!(buffer, ["before", "a", "b", "c", "d"]);
}

#[test]
fn recv_into_lets_those_in_who_wait_for_room() {
    run(async {
        let (sender, receiver) = channel(2);
        let producer = spawn(async move {
            for n in 0..7 {
                sender.send(n).await.unwrap();
            }
        });
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        loop {
            match receiver.recv_into(&mut all, 100).await {
                0 => break,
                size => sizes.push(size),
            }
        }
        producer.await.unwrap();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
        assert!(sizes.iter().all(|size| *size <= 4), "{sizes:?}");
    });
}

#[test]
fn a_queue_is_read_into_a_buffer_in_its_order() {
    let queue = PriorityQueue::new(9);
    for n in [3, 1, 2] {
        queue.try_put(n).unwrap();
    }
    let mut buffer = Vec::new();
    assert_eq!(now(queue.get_into(&mut buffer, 2)), 2);
    assert_eq!((buffer, queue.unfinished()), (vec![1, 2], 1));
}

#[test]
fn a_queue_has_streams_that_own_a_share_of_it() {
    let queue = Rc::new(Queue::new(1));
    let mut first = queue.items_owned();
    let mut waiting = Box::pin(first.next());
    assert!(waiting.as_mut().now_or_never().is_none());
    queue.try_put(1).unwrap();
    // What it was handed goes to another when it leaves.
    drop(waiting);
    let second = queue.items_owned();
    drop(first);
    queue.close();
    assert_eq!(now(second.collect::<Vec<_>>()), [1]);
    assert_eq!(Rc::strong_count(&queue), 1);
}

#[test]
fn a_sink_takes_what_a_stream_brings_and_waits_for_room() {
    run(async {
        let (sender, receiver) = channel(2);
        let forward = stream::iter(0..10).map(Ok).forward(sender.into_sink());
        let (sent, got) = join(forward, receiver.collect::<Vec<_>>()).await;
        assert_eq!((sent, got), (Ok(()), (0..10).collect()));
    });
}

#[test]
fn a_sink_sends_all_in_a_rendezvous_too() {
    for capacity in [0, 1, usize::MAX] {
        run(async move {
            let (sender, receiver) = if capacity == usize::MAX { unbounded_channel() } else { channel(capacity) };
            let mut sink = sender.into_sink();
            let task = spawn(async move {
                sink.send_all(&mut stream::iter(0..5).map(Ok)).await.unwrap();
                sink.feed(5).await.unwrap();
                sink.flush().await.unwrap();
                sink.close().await.unwrap();
                assert_eq!(sink.send(6).await, Err(Closed));
                sink.sender().is_none()
            });
            assert_eq!(receiver.collect::<Vec<_>>().await, (0..=5).collect::<Vec<_>>());
            assert!(task.await.unwrap());
        });
    }
}

#[test]
fn a_sink_that_is_ready_keeps_a_place_and_gives_it_back() {
    let (sender, receiver) = channel(1);
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut sink = sender.clone().into_sink();
    for _ in 0..2 {
        assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Poll::Ready(Ok(())));
    }
    assert!(sender.is_full());
    // A clone has a place of its own, for which it has to wait.
    let mut other = sink.clone();
    assert!(Pin::new(&mut other).poll_ready(&mut cx).is_pending());
    sink.abort_send();
    assert!(sender.is_full());
    assert_eq!(Pin::new(&mut other).poll_ready(&mut cx), Poll::Ready(Ok(())));
    drop(other);
    assert!(!sender.is_full());
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Poll::Ready(Ok(())));
    receiver.close();
    Pin::new(&mut sink).start_send("late").unwrap();
    assert_eq!(receiver.try_recv(), Ok("late"));
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Poll::Ready(Err(Closed)));
}

#[test]
fn a_sink_gives_its_sender_back_without_its_place() {
    let (sender, _receiver) = channel::<u8>(1);
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut sink = sender.clone().into_sink();
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Poll::Ready(Ok(())));
    assert!(sender.is_full());
    let back = sink.into_sender().unwrap();
    assert!(back.same_channel(&sender) && !sender.is_full());
    assert_eq!(sender.sender_count(), 2);
    let mut closed = back.into_sink();
    assert_eq!(Pin::new(&mut closed).poll_close(&mut cx), Poll::Ready(Ok(())));
    assert!(closed.into_sender().is_none());
    assert_eq!(sender.sender_count(), 1);
}

#[test]
fn a_sink_that_waits_leaves_the_line_when_it_is_dropped_or_closed() {
    for close in [false, true] {
        let (sender, receiver) = channel(1);
        sender.try_send(1).unwrap();
        let mut sink = sender.clone().into_sink();
        let (_, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_pending());
        let mut next = Hand::waiting(sender.send(2));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(!next.is_woken());
        if close {
            assert!(Pin::new(&mut sink).poll_close(&mut cx).is_ready());
        } else {
            drop(sink);
        }
        assert!(next.is_woken());
        next.ready().unwrap();
    }
}

#[test]
fn a_sink_that_is_not_ready_takes_nothing() {
    let (sender, receiver) = channel(1);
    let mut sink = sender.into_sink();
    let sent = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut sink).start_send(1)));
    assert!(sent.is_err());
    assert!(receiver.is_empty());
    now(sink.send(2)).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn a_stream_and_a_sink_give_way_to_other_tasks() {
    run(async {
        let (sender, mut receiver) = unbounded_channel();
        for n in 0..10_000 {
            sender.try_send(n).unwrap();
        }
        let reader = spawn(async move {
            let mut count = 0;
            while receiver.next().await.is_some() {
                count += 1;
            }
            count
        });
        let mut sink = sender.into_sink();
        let writer = spawn(async move {
            for n in 0..10_000 {
                sink.feed(n).await.unwrap();
            }
        });
        yield_now().await;
        assert!(!reader.is_finished() && !writer.is_finished());
        writer.await.unwrap();
        assert_eq!(reader.await.unwrap(), 20_000);
    });
}
