//! A host with a loop of its own, as games and windows have one: 60 frames a second, and a slice of each for evenkeel.

use evenkeel::{Executor, Handle, host::Readiness, sleep, spawn, threads::remote, to_thread, yield_now};
use std::{
    cell::RefCell,
    rc::Rc,
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

/// What the host waits for between two frames.
enum Event {
    /// Something is ready in the executor.
    Wake,
    /// The user has pressed a key.
    Key(char),
}

/// What the frames show. Tasks and host share it: there is one thread.
#[derive(Default)]
struct Screen {
    lines: Vec<String>,
    score: usize,
}

const FRAME: Duration = Duration::from_micros(16_667);
/// So much of a frame may be spent on tasks.
const BUDGET: Duration = Duration::from_millis(4);
/// At least so many.
const FRAMES: usize = 30;

/// Loads a level without stopping the frames: the file is read on another thread, which says how far it is.
async fn load(screen: Rc<RefCell<Screen>>) {
    let (progress, mut percents) = remote::channel(4);
    let shown = screen.clone();
    let meter = spawn(async move {
        while let Some(percent) = percents.recv().await {
            shown.borrow_mut().lines.push(format!("loading: {percent} %"));
        }
    });
    let size = to_thread(move || {
        let mut size = 0;
        for part in 1..=4 {
            size += 250; // blocking work would stand here
            progress.send_blocking(part * 25).expect("the meter runs until this ends");
        }
        size
    })
    .await;
    meter.await.expect("the meter does not fail");
    screen.borrow_mut().lines.push(format!("loaded {size} tiles"));
    sleep(Duration::from_millis(50)).await; // a fanfare
}

/// Counts primes, which takes longer than a frame, so it yields now and then: the budget decides how far it gets in each.
async fn think(screen: Rc<RefCell<Screen>>) {
    for number in 2_u32..20_000 {
        let is_prime =
            (2..number).take_while(|divisor| divisor * divisor <= number).all(|divisor| number % divisor != 0);
        screen.borrow_mut().score += usize::from(is_prime);
        if number % 16 == 0 {
            yield_now().await;
        }
    }
}

fn main() {
    let (events, inbox) = mpsc::channel();
    let wake = events.clone();
    // From any thread, at most once between two ticks. It only leaves a message.
    let executor = Executor::builder().on_wake(move || wake.send(Event::Wake).unwrap_or(())).build();
    let screen = Rc::new(RefCell::new(Screen::default()));
    let tasks = [executor.spawn(load(screen.clone())), executor.spawn(think(screen.clone()))];
    // Another part of the program, on another thread: it presses a key, and asks the loop for something.
    let handle = executor.handle();
    let keyboard = std::thread::spawn(move || press(&events, &handle));

    let mut longest = Duration::ZERO;
    let mut keys = String::new();
    let mut frames = 0;
    while frames < FRAMES || !keyboard.is_finished() || !tasks.iter().all(|task| task.is_finished()) {
        frames += 1;
        let next_frame = Instant::now() + FRAME;
        let begin = Instant::now();
        let mut progress = executor.tick(BUDGET);
        longest = longest.max(begin.elapsed());
        screen.borrow_mut().lines.drain(..).for_each(|line| println!("{line}")); // draw
        // Until the next frame is due there is time for events, and for tasks that they wake. Tasks that have more to do after
        // their part of the frame wait for the next one.
        while let Some(left) = next_frame.checked_duration_since(Instant::now()) {
            let due = progress.next_wait.filter(|_| progress.readiness == Readiness::Idle);
            match inbox.recv_timeout(due.map_or(left, |due| due.min(left))) {
                Ok(Event::Key(key)) => keys.push(key),
                Ok(Event::Wake) => progress = executor.tick(left.min(BUDGET)),
                Err(RecvTimeoutError::Timeout) if due.is_some() => progress = executor.tick(left.min(BUDGET)),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => unreachable!("the executor holds a sender"),
            }
        }
    }
    let answer = keyboard.join().expect("the keyboard does not fail");
    println!("keys: {keys}, answer: {answer}, score: {}", screen.borrow().score);
    assert!(longest < Duration::from_secs(1), "no tick takes much longer than its budget");
    let report = executor.close(Duration::from_secs(1));
    println!("{} tasks did not stop in time", report.stuck().len());
}

fn press(events: &mpsc::Sender<Event>, handle: &Handle) -> u32 {
    for key in "ok".chars() {
        events.send(Event::Key(key)).expect("the host listens");
    }
    // The future runs on the host's thread, between frames.
    handle.block_on_from_thread(|| async { 6 * 7 }).expect("the host runs on for a while")
}
