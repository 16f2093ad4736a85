//! A list of workloads that grows.

use crate::{
    watch::{Clock, Watch},
    workload::Workload,
};

/// Workloads, in the order of all reports.
pub(crate) struct List(pub(crate) Vec<Workload>);

impl List {
    /// Adds a workload that is measured by its thread's time, which is right for most.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        group: &'static str,
        about: &'static str,
        unit: u64,
        body: impl Fn(u64, &mut Watch) -> u64 + 'static,
    ) -> &mut Workload {
        self.0.push(Workload { name: name.into(), group, about, unit, clock: Clock::Thread, body: Box::new(body) });
        self.0.last_mut().expect("one was added just now")
    }
}
