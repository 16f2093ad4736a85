//! What caused an error is never lost on the way to people.

use crate::kit::groups::run_with_reports;
use anyhow::Context as _;
use evenkeel::{GroupError, TaskGroup, first_ok, run, scope, try_gather, yield_now};
use std::{error::Error, fmt, io, sync::Arc};

/// Failed to start, as the disk is gone.
#[derive(Debug, thiserror::Error)]
#[error("failed to start")]
struct Start(#[source] io::Error);

fn start() -> Start {
    Start(io::Error::other("the disk is \"gone\""))
}

/// An error and everything that caused it.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts
}

/// A text without places in the source.
fn plain(text: &str) -> String {
    text.lines().map(|line| line.rsplit_once("rs:").map_or(line, |(_, rest)| rest)).collect::<Vec<_>>().join("|")
}

/// The last lines of what says why a group failed: the chain of sources, `{}`, `{:#}` and `{:?}`.
fn told<E: fmt::Debug + 'static>(error: &GroupError<E>) -> (usize, String, [String; 3]) {
    let chain = chain(error);
    let last = |text: String| text.rsplit_once(": ").map(|(_, last)| last.to_owned()).unwrap_or(text);
    let tails = [format!("{error}"), format!("{error:#}"), format!("{error:?}")].map(last);
    (chain.len(), chain.last().cloned().unwrap(), tails)
}

fn expected() -> (usize, String, [String; 3]) {
    let (top, root) = ("failed to start".to_owned(), "the disk is \"gone\"".to_owned());
    (3, root.clone(), [top, root.clone(), root])
}

/// One group with one child that fails.
fn failed<Kind, E: evenkeel::group::Explain<Kind> + 'static>(error: E) -> GroupError<E> {
    let outcome = TaskGroup::run(async |group| {
        group.spawn(async { Err::<(), _>(error) }).named("server");
        Ok(())
    });
    run(outcome).unwrap_err()
}

#[test]
fn met_b2_group_17_the_cause_of_an_error_is_in_the_chain_and_in_the_long_texts() {
    assert_eq!(told(&failed(start())), expected());
}

#[test]
fn met_b2_the_cause_of_a_box_and_of_anyhow_is_too() {
    assert_eq!(told(&failed::<_, Box<dyn Error>>(start().into())), expected());
    assert_eq!(told(&failed::<_, Box<dyn Error + Send>>(Box::new(start()))), expected());
    assert_eq!(told(&failed::<_, Box<dyn Error + Send + Sync>>(start().into())), expected());
    assert_eq!(told(&failed(anyhow::Error::new(start()))), expected());
    let context = Err::<(), _>(io::Error::other("the disk is \"gone\"")).context("failed to start");
    assert_eq!(told(&failed(context.unwrap_err())), expected());
    // What is an error and can be followed to one, too, is an error.
    assert_eq!(told(&failed(Arc::new(start()))).0, 3);
}

#[test]
fn met_b2_texts_and_numbers_have_no_cause() {
    for (count, last, tails) in [
        told(&failed("no such host")),
        told(&failed(String::from("no such host"))),
        told(&failed(std::borrow::Cow::Borrowed("no such host"))),
    ] {
        assert!(last.ends_with(": no such host"), "{last}");
        assert_eq!((count, tails), (2, [(); 3].map(|()| "no such host".to_owned())));
    }
    assert_eq!(told(&failed(404_u16)).2[2], "404");
    assert_eq!(told(&failed(())).2[2], "it failed");
}

#[test]
fn met_b2_all_that_yields_a_tree_knows_causes() {
    let of_scope: GroupError<Start> = run(scope(async |s| {
        s.spawn(async { Err::<(), _>(start()) });
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(told(&of_scope), expected());
    let of_body: GroupError<Start> = run(scope(async |_| Err::<(), _>(start()))).unwrap_err();
    assert_eq!(told(&of_body), expected());
    let of_group = run(TaskGroup::run(async |_| Err::<(), _>(start()))).unwrap_err();
    assert_eq!(told(&of_group), expected());
    let bad = async || Err::<(), _>(start());
    assert_eq!(told(&run(try_gather([bad()])).unwrap_err()), expected());
    assert_eq!(told(&run(try_gather((bad(), async { Ok(1) }))).unwrap_err()), expected());
    assert_eq!(told(&run(first_ok([bad()])).unwrap_err()), expected());
    let built = TaskGroup::builder().name("built").run(async |group| {
        group.report(start());
        Ok(())
    });
    assert_eq!(told(&run(built).unwrap_err()), expected());
}

#[test]
fn met_b2_a_tree_keeps_causes_when_it_is_nested_cut_and_flattened() {
    let tree = || {
        let outcome = TaskGroup::run(async |group| {
            group.spawn_group(async |inner| {
                inner.spawn(async { Err::<(), _>(start()) }).named("inner");
                Ok(())
            });
            Ok(())
        });
        run(outcome).unwrap_err()
    };
    let (liked, _) = tree().split(|_| true);
    assert_eq!(told(&tree().flatten()), expected());
    for error in [tree(), liked.unwrap()] {
        // The entry of the group below comes in between.
        assert_eq!((told(&error).0 - 1, told(&error).1, told(&error).2), expected());
    }
    assert_eq!(
        plain(&format!("{:#}", tree()))
            .split('|')
            .map(|line| line.split_once(": ").map_or(line, |(_, text)| text))
            .collect::<Vec<_>>(),
        ["1 error in a task group", "1 error in a task group", "failed to start: the disk is \"gone\""]
    );
}

#[test]
fn met_b2_what_main_prints_is_the_tree_and_nothing_is_escaped() {
    // As the standard library prints what `main` returns.
    let text = format!("Error: {:?}", failed(start()));
    assert!(text.starts_with("Error: 1 error in a task group\n└─ server ("), "{text}");
    assert!(text.ends_with("): failed to start: the disk is \"gone\""), "{text}");
    // An `unwrap` prints the same; as data it is there, too.
    let data = format!("{:#?}", failed(start()));
    assert!(data.starts_with("GroupError {\n    children: [\n        ChildError {"), "{data}");
}

#[test]
fn met_b2_an_anyhow_chain_that_goes_through_a_group_ends_at_the_root() {
    async fn page() -> anyhow::Result<()> {
        let group = TaskGroup::<anyhow::Error>::run(async |group| {
            group.spawn(async { Err::<(), _>(anyhow::Error::new(start())) });
            Ok(())
        });
        group.await.context("no page")
    }
    let error = run(page()).unwrap_err();
    assert_eq!(error.chain().count(), 4);
    assert_eq!(error.root_cause().to_string(), "the disk is \"gone\"");
}

#[test]
fn met_b2_what_nobody_gets_is_reported_as_people_read_it() {
    let (_, reports) = run_with_reports(async {
        let mut group = Box::pin(TaskGroup::run(async |group| {
            group.spawn(async { Err::<(), _>(start()) });
            std::future::pending::<Result<(), _>>().await
        }));
        assert!(futures::poll!(group.as_mut()).is_pending());
        // The child fails, and the group is not polled any more.
        yield_now().await;
        drop(group);
    });
    assert_eq!(reports, ["skipped", "error: failed to start: the disk is \"gone\""]);
}
