//! Every usual error type in a scope, and functions that are given one.

use evenkeel::{
    CancelScope, GroupError, JoinError, Scope, finally,
    group::{ChildError, Failure},
    run, scope,
    task::TaskLocal,
    yield_now,
};
use std::{
    cell::Cell,
    error::Error,
    fmt,
    future::{pending, poll_fn},
    num::ParseIntError,
    pin::Pin,
    task::Poll,
};

#[derive(Debug)]
enum AppError {
    Parse(ParseIntError),
    Empty,
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppError::Parse(error) => write!(f, "{error}"),
            AppError::Empty => f.write_str("empty"),
        }
    }
}

impl Error for AppError {}

impl From<ParseIntError> for AppError {
    fn from(error: ParseIntError) -> AppError {
        AppError::Parse(error)
    }
}

/// For one error type: `?` in the body, in children, in children of children and in functions.
macro_rules! works_with {
    ($name:ident, $error:ty) => {
        #[test]
        fn $name() {
            async fn sum(words: &[String]) -> Result<i32, GroupError<$error>> {
                let seen = Cell::new(0);
                scope(async |s| {
                    let first = s.spawn(async { Ok(words[0].parse::<i32>()?) });
                    for word in words {
                        let seen = &seen;
                        s.spawn(async move {
                            // A child spawns a sibling, which borrows from the same place.
                            s.spawn(async move {
                                word.parse::<i32>()?;
                                seen.set(seen.get() + 1);
                                Ok(())
                            });
                        });
                    }
                    let base: i32 = words[0].parse()?;
                    in_words(s, &words[1..]).await?;
                    let all = in_lines(s, words.join("\n")).await?;
                    let seen = scope_in_scope(s, words).await?;
                    assert_eq!(seen, words.len());
                    Ok(first.await + base + all)
                })
                .await
            }

            async fn in_words<'env>(s: Scope<'_, 'env, $error>, words: &'env [String]) -> Result<(), $error> {
                let lengths = words.iter().map(|word| s.spawn(async move { Ok(word.parse::<usize>()?) }));
                for (length, word) in lengths.collect::<Vec<_>>().into_iter().zip(words) {
                    assert_eq!(length.await, word.parse::<usize>()?);
                }
                Ok(())
            }

            async fn in_lines(s: Scope<'_, '_, $error>, text: String) -> Result<i32, $error> {
                let mut sum = 0;
                for line in text.lines() {
                    let line = line.to_owned();
                    sum += s.spawn(async move { Ok(line.parse::<i32>()?) }).await;
                }
                Ok(sum)
            }

            /// A scope inside, from which children go into the one around.
            async fn scope_in_scope<'env>(s: Scope<'_, 'env, $error>, words: &'env [String]) -> Result<usize, $error> {
                let inner: Result<usize, GroupError<$error>> = scope(async |inner| {
                    let mut count = 0;
                    for word in words {
                        let here = inner.spawn(async { Ok(word.parse::<i32>()?) });
                        let outside = s.spawn(async { Ok(word.parse::<i32>()?) });
                        count += usize::from(here.await == outside.await);
                    }
                    Ok(count)
                })
                .await;
                Ok(inner.unwrap())
            }

            let words = ["1", "2", "3"].map(String::from);
            assert_eq!(run(sum(&words)).unwrap(), 1 + 1 + 6);
            let words = ["1", "two", "3"].map(String::from);
            let error = run(sum(&words)).unwrap_err();
            assert!(error.errors().all(|error| error.to_string().contains("invalid digit")), "{error}");
        }
    };
}

works_with!(met_c1_box_dyn_error_works_in_a_scope, Box<dyn Error>);
works_with!(met_c1_box_dyn_error_that_may_be_sent_works_in_a_scope, Box<dyn Error + Send + Sync>);
works_with!(met_c1_anyhow_works_in_a_scope, anyhow::Error);
works_with!(met_c1_an_enum_works_in_a_scope, AppError);

#[test]
fn met_c1_texts_work_in_a_scope() {
    async fn first(text: &str) -> Result<i32, GroupError<&'static str>> {
        scope(async |s| {
            let long = s.spawn(async { if text.len() > 9 { Err("too long") } else { Ok(1) } });
            let number: i32 = text.parse().map_err(|_| "no number")?;
            if number == 0 {
                return Err("zero");
            }
            Ok(long.await + number)
        })
        .await
    }
    assert_eq!(run(first("7")).unwrap(), 8);
    assert_eq!(run(first("0")).unwrap_err().into_first(), Some("zero"));
    assert_eq!(run(first("x")).unwrap_err().into_first(), Some("no number"));
    async fn second(text: &str) -> Result<i32, GroupError<String>> {
        scope(async |s| {
            let one = s.spawn(async { text.parse::<i32>().map_err(|error| error.to_string()) });
            text.parse::<i32>().map_err(|error| format!("{text}: {error}"))?;
            if text == "0" {
                Err("zero")?;
            }
            Ok(one.await)
        })
        .await
    }
    assert_eq!(run(second("7")).unwrap(), 7);
    assert_eq!(run(second("0")).unwrap_err().into_first(), Some("zero".into()));
}

#[test]
fn met_c1_an_error_may_borrow_from_outside_of_the_scope() {
    async fn first_bad(words: &[String]) -> Result<(), GroupError<&str>> {
        scope(async |s| {
            for word in words {
                s.spawn(async { word.parse::<i32>().map(drop).map_err(|_| word.as_str()) });
            }
            Ok(())
        })
        .await
    }
    let words = ["1", "two"].map(String::from);
    assert_eq!(run(first_bad(&words)).unwrap_err().into_errors(), ["two"]);
}

#[test]
fn met_c1_a_function_may_leave_the_error_open() {
    async fn both<'scope, E: 'scope, T: 'scope>(
        s: Scope<'scope, '_, E>,
        first: impl Future<Output = Result<T, E>> + 'scope,
        second: impl Future<Output = Result<T, E>> + 'scope,
    ) -> (T, T) {
        let (first, second) = (s.spawn(first), s.spawn(second));
        (first.await, second.await)
    }
    let text = String::from("keel");
    let outcome: Result<_, GroupError<Box<dyn Error>>> =
        run(scope(async |s| Ok(both(s, async { Ok(text.len()) }, async { Ok("4".parse()?) }).await)));
    assert_eq!(outcome.unwrap(), (4, 4));
    assert_eq!(AppError::Empty.to_string(), "empty");
}

/// As the book shows it.
async fn sum<'env>(s: Scope<'_, 'env, Box<dyn Error>>, text: &'env str) -> Result<i32, Box<dyn Error>> {
    let numbers: Vec<_> = text.lines().map(|line| s.spawn(async move { Ok(line.parse::<i32>()?) })).collect();
    let mut sum = 0;
    for number in numbers {
        sum += number.await;
    }
    Ok(sum)
}

#[test]
fn met_c1_a_function_spawns_what_borrows_from_outside() {
    let text = |lines: &[&str]| lines.join("\n");
    let good = text(&["1", "2", "4"]);
    assert_eq!(run(scope(async |s| sum(s, &good).await)).unwrap(), 7);
    let bad = text(&["1", "two", "four"]);
    assert_eq!(run(scope(async |s| sum(s, &bad).await)).unwrap_err().errors().count(), 2);
}

static LOCAL: TaskLocal<u32> = TaskLocal::new();

/// The errors with the names of those whose they are.
fn blamed<E: fmt::Display>(outcome: Result<(), GroupError<E>>) -> Vec<String> {
    let blame = |child: ChildError<E>| match child.error {
        Failure::One(error) => format!("{}: {error}", child.name.unwrap_or_default()),
        _ => unreachable!("no group is in here"),
    };
    outcome.unwrap_err().into_children().into_iter().map(blame).collect()
}

/// A child that has set something is dropped earlier than others. It fails as they do.
#[test]
fn met_a_child_that_has_set_a_local_fails_with_its_name() {
    for polls in 0..3 {
        let fails = async move || {
            LOCAL.set(1);
            for _ in 0..polls {
                yield_now().await;
            }
            if polls == 2 {
                LOCAL.set(2);
            }
            Err::<(), _>("x")
        };
        let awaited = run(scope(async |s| {
            let child = s.spawn(fails()).named("bob");
            child.await;
            Ok(())
        }));
        assert_eq!(blamed(awaited), ["bob: x"]);
        // Its handle is gone.
        let left = run(scope(async |s| {
            s.spawn(fails()).named("bob");
            Ok(())
        }));
        assert_eq!(blamed(left), ["bob: x"]);
        // An await finds out that there is no value, and the outcome is told after that.
        let mut told = None;
        let asked = run(scope(async |s| {
            let mut child = s.spawn(fails());
            finally(async { (&mut child).await }, async |_: Option<&()>| ()).await;
            Ok(())
        }));
        assert!(asked.is_err());
        let asked = run(scope(async |s| {
            let mut child = s.spawn(fails());
            let mut looked = false;
            poll_fn(|cx| {
                let polled = Pin::new(&mut child).poll(cx).is_ready();
                assert!(!polled);
                if !child.is_finished() {
                    return Poll::Pending;
                }
                looked = true;
                told = child.take_result();
                Poll::Ready(())
            })
            .await;
            Ok(())
        }));
        assert!(asked.is_err() && matches!(told, Some(Err(JoinError::ReportedToGroup))), "{told:?}");
    }
}

/// A child that was cancelled alone, and is stopped as its scope is cancelled from around, is among those that the scope is done with.
#[test]
fn met_a_child_that_was_stopped_without_an_outcome_keeps_no_scope_alive() {
    let outcome = run(async {
        let around = CancelScope::new();
        let inner = scope(async |s| {
            let alone = s.spawn(pending::<Result<(), _>>());
            s.spawn(async { finally(pending::<()>(), async |_: Option<&()>| yield_now().await).await });
            s.spawn(async {
                yield_now().await;
                yield_now().await;
                Err::<(), _>("at the same time")
            });
            // All have begun.
            yield_now().await;
            yield_now().await;
            alone.cancel("alone");
            around.cancel("all");
            pending::<Result<(), &str>>().await
        });
        around.run(inner).await
    });
    assert!(matches!(&outcome, Ok(Err(error)) if error.to_string().contains("at the same time")), "{outcome:?}");
}
