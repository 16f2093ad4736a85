//! The error of a group: a tree that can be walked, cut, flattened, printed, and passed on with `?`.

use crate::kit::{
    groups::{Group, fail, value},
    probe::{ms, on_a_small_stack},
    stage::run_clean,
};
use evenkeel::{
    Elapsed, GroupError, TaskGroup,
    group::{ChildError, Explain, Failure},
    run, sleep, timeout, yield_now,
};
use std::{error::Error, fmt, future::pending, io, panic::Location};

/// `a`, a group of `b`, `c` and a group of `d`, and `e`.
fn tree() -> GroupError<&'static str> {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "a")).named("first");
            group
                .spawn_group(async |inner| {
                    inner.spawn(fail(1, "b")).named("second");
                    inner.spawn(fail(1, "c"));
                    inner.spawn_group(async |innermost| {
                        innermost.spawn(fail(1, "d"));
                        Ok(())
                    });
                    Ok(())
                })
                .named("below");
            group.spawn(fail(1, "e"));
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert_eq!(shape(&error), "[a e [b c [d]]]", "groups end after their last child");
        error
    })
}

fn shape<E: fmt::Display>(error: &GroupError<E>) -> String {
    let children = error.children().iter().map(|child| match &child.error {
        Failure::One(error) => error.to_string(),
        Failure::Group(group) => shape(group),
        _ => unreachable!("only a supervisor has others"),
    });
    format!("[{}]", children.collect::<Vec<_>>().join(" "))
}

#[test]
fn group_error_errors_are_the_leaves_in_order() {
    let error = tree();
    assert_eq!(error.errors().collect::<Vec<_>>(), [&"a", &"e", &"b", &"c", &"d"]);
    assert_eq!((error.first(), error.children().len()), (Some(&"a"), 3));
    assert_eq!(tree().into_first(), Some("a"));
    assert_eq!(tree().into_errors(), ["a", "e", "b", "c", "d"]);
    let names: Vec<_> = tree().into_children().into_iter().map(|child| child.name).collect();
    assert_eq!(names, [Some("first".into()), None, Some("below".into())]);
}

#[test]
fn group_error_flatten_keeps_names_and_places() {
    let flat = tree().flatten();
    assert_eq!(shape(&flat), "[a e b c d]");
    let names: Vec<_> = flat.children().iter().map(|child| child.name.as_deref()).collect();
    assert_eq!(names, [Some("first"), None, Some("second"), None, None]);
    let lines: Vec<_> = flat.children().iter().map(|child| child.location.line()).collect();
    let tree = tree();
    assert_eq!(lines[0], tree.children()[0].location.line());
    assert!(flat.children().iter().all(|child| child.location.file() == file!()));
}

#[test]
fn group_error_split_recurses_and_keeps_the_shape() {
    let (vowels, others) = tree().split(|error| "ae".contains(error));
    assert_eq!((shape(&vowels.unwrap()), shape(&others.unwrap())), ("[a e]".into(), "[[b c [d]]]".into()));
    let (some, others) = tree().split(|error| "ad".contains(error));
    assert_eq!((shape(&some.unwrap()), shape(&others.unwrap())), ("[a [[d]]]".into(), "[e [b c]]".into()));
    let (all, none) = tree().split(|_| true);
    assert_eq!((shape(&all.unwrap()), none.is_none()), (shape(&tree()), true));
    let (none, all) = tree().split(|_| false);
    assert_eq!((none.is_none(), shape(&all.unwrap())), (true, shape(&tree())));
    let below = tree().split(|error| "d".contains(error)).0.unwrap();
    assert_eq!(below.children()[0].name.as_deref(), Some("below"), "a part of a group has the group's name");
}

#[test]
fn group_error_flatten_with_takes_groups_out_of_wrappers() {
    async fn inner() -> anyhow::Result<u32> {
        Ok(TaskGroup::<anyhow::Error>::run(async |group| {
            let late = async |error: anyhow::Error| {
                yield_now().await;
                Err::<(), _>(error)
            };
            group.spawn(late(anyhow::anyhow!("inner a")));
            group.spawn(late(io::Error::other("inner b").into()));
            Ok(1)
        })
        .await?)
    }
    let outcome = run(TaskGroup::<anyhow::Error>::run(async |group| {
        group.spawn(evenkeel::shield(inner())).named("wrapper");
        yield_now().await;
        group.report(anyhow::anyhow!("outer"));
        Ok(())
    }));
    let error = outcome.unwrap_err();
    assert_eq!(error.children().len(), 2);
    let flat = error.flatten_with(anyhow::Error::downcast);
    let mut texts: Vec<_> = flat.errors().map(ToString::to_string).collect();
    texts.sort();
    assert_eq!(texts, ["inner a", "inner b", "outer"]);
    let (io, rest) = flat.split(|error| error.is::<io::Error>());
    assert_eq!((io.unwrap().errors().count(), rest.unwrap().errors().count()), (1, 2));
}

#[test]
fn group_error_display_draws_the_tree() {
    let text = tree().to_string().replace(file!(), "FILE");
    let text: String = text.split_inclusive('\n').map(without_place).collect();
    assert_eq!(
        text,
        "5 errors in a task group\n\
         ├─ first (FILE): a\n\
         ├─ spawned at FILE: e\n\
         └─ below (FILE): 3 errors in a task group\n\
         \u{20}  ├─ second (FILE): b\n\
         \u{20}  ├─ spawned at FILE: c\n\
         \u{20}  └─ spawned at FILE: 1 error in a task group\n\
         \u{20}     └─ spawned at FILE: d"
    );
}

/// Takes line and column away.
fn without_place(line: &str) -> String {
    let Some((before, after)) = line.split_once("FILE:") else { return line.to_owned() };
    let end = after.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(after.len());
    let rest = if after[..end].ends_with(':') { &after[end - 1..] } else { &after[end..] };
    format!("{before}FILE{rest}")
}

#[test]
fn group_error_display_indents_texts_of_several_lines() {
    let outcome = run(TaskGroup::<String>::run(async |group| {
        group.spawn_group(async |inner| {
            inner.spawn(async { Err::<(), _>("one\ntwo".to_owned()) }).named("x\u{1b}[31m");
            Ok(())
        });
        Ok(())
    }));
    let text = outcome.unwrap_err().to_string();
    assert!(text.ends_with(": one\n      two"), "{text}");
    assert!(!text.contains('\u{1b}'), "a name may come from outside: {text:?}");
}

#[test]
fn group_error_a_body_has_the_place_where_the_group_was_run() {
    let here = Location::caller().line() + 1;
    let error = run(Group::run(async |_| Err::<(), _>("body"))).unwrap_err();
    assert_eq!((error.children()[0].location.line(), error.children()[0].location.file()), (here, file!()));
    let options = run(Group::builder().name("named").run(async |_| Err::<(), _>("body")));
    assert_eq!(options.unwrap_err().children()[0].location.file(), file!());
    let started = run(Group::run(async |group| {
        group.start::<(), Result<(), _>, _>(async |_| Err("started")).await;
        Ok(())
    }));
    assert_eq!(started.unwrap_err().children()[0].location.file(), file!());
}

#[test]
fn group_13_the_error_of_a_cancelled_group_says_why() {
    run_clean(async {
        let cancelled = async |fails: bool| {
            let outcome = Group::run(async |group| {
                group.cancel("enough");
                if fails {
                    group.report("reported");
                }
                pending::<()>().await;
                Ok(())
            });
            outcome.await.unwrap_err()
        };
        let error = cancelled(false).await;
        assert_eq!(error.to_string(), "the task group was cancelled: enough");
        assert_eq!((error.is_cancelled(), error.first(), error.source().is_none()), (true, None, true));
        error.ignore_cancelled().unwrap();
        let error = cancelled(true).await;
        assert_eq!(
            (error.reason().map(ToString::to_string).as_deref(), error.first()),
            (Some("enough"), Some(&"reported"))
        );
        let error = error.ignore_cancelled().unwrap_err();
        assert!(error.flatten().is_cancelled());
    });
}

#[test]
fn group_error_is_a_std_error_whatever_it_holds() {
    fn sources(error: &dyn Error) -> usize {
        error.source().map_or(0, |source| 1 + sources(source))
    }
    let error = tree();
    assert_eq!(sources(&error), 1);
    assert!(error.source().unwrap().to_string().ends_with(": a"));
    assert!(error.source().unwrap().is::<ChildError<&'static str>>());
    let boxed: GroupError<Box<dyn Error>> =
        run(TaskGroup::run(async |_| Err::<(), Box<dyn Error>>("boxed".into()))).unwrap_err();
    assert!(boxed.source().unwrap().to_string().ends_with(": boxed"));
}

#[test]
fn group_error_passes_through_the_question_mark() {
    async fn a_group<Kind, E: From<&'static str> + Explain<Kind> + 'static>() -> Result<u32, GroupError<E>> {
        TaskGroup::run(async |group: TaskGroup<E>| {
            let one = group.spawn(async { Ok(1) });
            yield_now().await;
            let two = group.spawn(async { Err::<u32, E>("two is missing".into()) });
            Ok(one.await + two.await)
        })
        .await
    }
    #[derive(Debug)]
    struct Text(String);
    impl fmt::Display for Text {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }
    impl Error for Text {}
    impl From<&'static str> for Text {
        fn from(text: &'static str) -> Text {
            Text(text.into())
        }
    }
    async fn boxed() -> Result<u32, Box<dyn Error + Send + Sync>> {
        Ok(a_group::<_, &'static str>().await? + a_group::<_, String>().await? + a_group::<_, Text>().await?)
    }
    async fn with_anyhow() -> anyhow::Result<u32> {
        Ok(a_group::<_, String>().await?)
    }
    async fn anyhow_in_anyhow() -> anyhow::Result<u32> {
        let sum = TaskGroup::<anyhow::Error>::run(async |group| {
            let one = group.spawn(with_anyhow());
            Ok(one.await)
        });
        Ok(sum.await?)
    }
    assert!(run(boxed()).unwrap_err().to_string().ends_with("two is missing"));
    let error = run(with_anyhow()).unwrap_err();
    assert!(error.downcast_ref::<GroupError<String>>().is_some());
    let error = run(anyhow_in_anyhow()).unwrap_err();
    let outer = error.downcast::<GroupError<anyhow::Error>>().unwrap();
    assert!(outer.first().unwrap().is::<GroupError<String>>());
    assert!(outer.to_string().contains("two is missing"), "{outer}");
}

#[test]
fn group_error_a_timeout_in_a_child_becomes_an_io_error() {
    let outcome = run(TaskGroup::<io::Error>::run(async |group| {
        let child = group.spawn(async { Ok(timeout(ms(1), pending::<u8>()).await?) });
        Ok(child.await)
    }));
    let error = outcome.unwrap_err().into_first().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.get_ref().unwrap().is::<Elapsed>());
}

fn deep() -> GroupError<&'static str> {
    run_clean(async {
        let outcome = Group::run(async |group| {
            fn nest(group: &Group, depth: usize) {
                if depth == 0 {
                    return group.report("at the bottom");
                }
                group.spawn_group(async move |inner| {
                    nest(&inner, depth - 1);
                    Ok(())
                });
            }
            nest(&group, 10_000);
            Ok(())
        });
        outcome.await.unwrap_err()
    })
}

/// A tree as deep as groups were nested takes no stack.
#[test]
fn fault_15_a_deep_tree_is_walked_printed_and_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        assert_eq!(deep().errors().count(), 1);
        drop(deep());
        assert_eq!(deep().into_errors(), ["at the bottom"]);
        assert!(deep().to_string().starts_with("1 error"));
    });
}

#[test]
fn group_error_debug_shows_all() {
    let text = format!("{:#?}", tree());
    for part in ["\"a\"", "\"d\"", "below", "errors.rs"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    run_clean(async {
        let group = Group::builder().name("the name").run(async |group| Ok(format!("{group:?}"))).await.unwrap();
        assert!(group.contains("the name") && group.contains("children: 0"), "{group}");
        value(0, ()).await.unwrap();
        sleep(ms(0)).await;
    });
}
