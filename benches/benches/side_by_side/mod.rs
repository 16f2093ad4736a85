//! Runs the workloads of one group under criterion, each under every peer and with every library.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use evenkeel_benches::{Contest, PeerName, Workload};
use std::time::Duration;

/// All that a benchmark's `main` does. An iteration is one operation, so criterion's times are times per operation.
pub(crate) fn run(group: &str) {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let peers: Vec<PeerName> = PeerName::ALL.into_iter().filter(|peer| peer.obstacle().is_none()).collect();
    for contest in Contest::of_all(&peers).iter().filter(|contest| contest.work().group == group) {
        let workload = &contest.work().name;
        let mut criterion = criterion.benchmark_group(workload);
        criterion.throughput(Throughput::Elements(1));
        if workload == "sleeps" {
            // It mostly waits, and criterion plans by the time on the processor.
            criterion
                .sampling_mode(SamplingMode::Flat)
                .sample_size(10)
                .warm_up_time(Duration::from_millis(100))
                .measurement_time(Duration::from_millis(500));
        }
        for (name, work) in contest.entrants() {
            criterion.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter_custom(|operations| time(work, operations));
            });
        }
    }
    criterion.final_summary();
}

/// The time of so many operations; batches stay whole, of what is too much the share is taken off.
fn time(work: &Workload, operations: u64) -> Duration {
    let count = operations.next_multiple_of(work.unit);
    work.time(count).mul_f64(operations as f64 / count as f64)
}
