//! What must hold when a program has ended.

use super::{
    program::Program,
    record::{Record, Seen},
};

/// What did not hold. Programs with one class are alike to the shrinker.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Wrong {
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Wrong {
    pub(super) fn new(class: &'static str, text: String) -> Wrong {
        Wrong { class, text }
    }
}

pub(super) fn check(program: &Program, record: &Record) -> Result<(), Wrong> {
    values_are_dropped_once(record)?;
    panics_are_seen_once(record)?;
    errors_are_seen_once(record)?;
    cleanup_runs_or_is_reported(program, record)
}

fn values_are_dropped_once(record: &Record) -> Result<(), Wrong> {
    let tokens = record.tokens.borrow();
    let dropped = |times: &dyn Fn(u32) -> bool| tokens.iter().filter(|&&n| times(n)).count();
    match (dropped(&|times| times == 0), dropped(&|times| times > 1)) {
        (0, 0) => Ok(()),
        (never, 0) => Err(Wrong::new("leaked", format!("{never} of {} values were not dropped", tokens.len()))),
        (_, twice) => Err(Wrong::new("dropped twice", format!("{twice} of {} values", tokens.len()))),
    }
}

fn panics_are_seen_once(record: &Record) -> Result<(), Wrong> {
    if let Some(text) = record.strange.borrow().first() {
        return Err(Wrong::new("invented panic", text.clone()));
    }
    for (id, Seen { given, got }) in record.panics.borrow().iter().copied().enumerate() {
        if got < given {
            return Err(Wrong::new("panic lost", format!("panic#{id}")));
        }
        if got > given {
            return Err(Wrong::new("panic seen twice", format!("panic#{id}")));
        }
    }
    Ok(())
}

fn errors_are_seen_once(record: &Record) -> Result<(), Wrong> {
    let faults = record.faults.borrow();
    let lost = faults.iter().filter(|seen| seen.given > seen.got).count();
    let named = faults.iter().position(|seen| seen.got > seen.given.max(1));
    if let Some(id) = named {
        return Err(Wrong::new("error seen twice", format!("fault#{id}")));
    }
    let nameless = record.nameless.get();
    if lost > nameless {
        let id = faults.iter().position(|seen| seen.given > seen.got).unwrap_or(0);
        return Err(Wrong::new(
            "error lost",
            format!("fault#{id}; {lost} in all, and {nameless} reported without a name"),
        ));
    }
    if nameless > lost {
        return Err(Wrong::new("error reported twice", format!("{nameless} reports without a name, {lost} were lost")));
    }
    Ok(())
}

fn cleanup_runs_or_is_reported(program: &Program, record: &Record) -> Result<(), Wrong> {
    let points = record.points.borrow();
    if let Some(point) = points.iter().find(|point| point.runs > 1) {
        return Err(Wrong::new("clean-up twice", format!("#{}", point.frame)));
    }
    let undone = |is_certain| points.iter().filter(|point| !point.is_done && point.is_certain == is_certain).count();
    let (certain, perhaps) = (undone(true), undone(false));
    let reported = record.skips_reported.get();
    if reported < certain && !program.is_quiet() {
        let text = format!("{} were begun and are not done, {reported} were reported", certain);
        return Err(Wrong::new("clean-up neither run nor reported", text));
    }
    if reported > certain + perhaps {
        let text = format!("{} are not done, {reported} were reported", certain + perhaps);
        return Err(Wrong::new("clean-up run and reported", text));
    }
    let (dropped, reported) = (record.groups_dropped.get(), record.group_skips_reported.get());
    if reported > dropped {
        let text = format!("{dropped} groups were dropped, {reported} were reported");
        return Err(Wrong::new("group ended and reported", text));
    }
    Ok(())
}
