//! A server with a bound on its connections, which ends when it is told to.

use evenkeel::{GroupError, Instant, TaskGroup, race, sleep, sync::Event, testing};
use std::{cell::Cell, rc::Rc, time::Duration};
/// A connection comes each second.
#[derive(Default)]
struct Listener(Rc<Cell<u32>>);

struct Conn(Rc<Cell<u32>>);

impl Listener {
    async fn accept(&self) -> std::io::Result<Conn> {
        sleep(Duration::from_secs(1)).await;
        Ok(Conn(self.0.clone()))
    }
}

async fn serve(conn: Conn) {
    sleep(Duration::from_secs(4)).await;
    conn.0.set(conn.0.get() + 1);
}

enum Got {
    Conn(Conn),
    Stop,
}

async fn server(listener: Listener, stop: Rc<Event>) -> Result<(), GroupError<std::io::Error>> {
    TaskGroup::builder()
        .limit(1000)
        .run(async |group| {
            loop {
                let slot = group.slot().await;
                let got = race((async { Ok(Got::Conn(listener.accept().await?)) }, async {
                    stop.wait().await;
                    Ok::<_, std::io::Error>(Got::Stop)
                }))
                .await?;
                match got {
                    Got::Conn(conn) => {
                        slot.spawn(async {
                            serve(conn).await;
                            Ok(())
                        });
                    }
                    Got::Stop => break,
                }
            }
            let g = group.clone();
            group.spawn_background(async move {
                sleep(Duration::from_secs(10)).await;
                g.cancel("grace period is over");
                Ok(())
            });
            Ok(())
        })
        .await
}

#[test]
fn a_server_that_is_stopped_serves_those_who_are_there() {
    let (stop, served) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
    let elapsed = testing::run(async {
        let begin = Instant::now();
        let stopper = evenkeel::spawn({
            let stop = stop.clone();
            async move {
                sleep(Duration::from_millis(5500)).await;
                stop.set();
            }
        });
        server(Listener(served.clone()), stop).await.unwrap();
        stopper.await.unwrap();
        begin.elapsed()
    });
    // The fifth came after five seconds, and took four.
    assert_eq!((served.get(), elapsed), (5, Duration::from_secs(9)));
}
