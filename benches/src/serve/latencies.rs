//! How long answers took.

use std::time::Duration;

/// How long each answer took, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Notes one; what takes longer than four seconds is noted as that.
    pub(crate) fn note(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
    }

    /// The latencies in microseconds that so many in a hundred did not exceed, by the nearest rank; zero where nothing was noted.
    pub(crate) fn percentiles<const N: usize>(mut self, of_hundred: [usize; N]) -> [f64; N] {
        self.0.sort_unstable();
        of_hundred.map(|part| {
            let rank = (self.0.len() * part).div_ceil(100);
            self.0.get(rank.saturating_sub(1)).map_or(0.0, |latency| f64::from(*latency) / 1000.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        micros.into_iter().for_each(|micros| latencies.note(Duration::from_micros(micros)));
        latencies
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_whatever_the_order() {
        assert_eq!(of((1..=100).rev()).percentiles([1, 50, 99, 100]), [1.0, 50.0, 99.0, 100.0]);
        // Of three, the second is the median, and only the third is not exceeded by 99 in a hundred.
        assert_eq!(of([30, 10, 20]).percentiles([0, 33, 34, 50, 99]), [10.0, 10.0, 20.0, 20.0, 30.0]);
    }

    #[test]
    fn one_is_all_percentiles_and_none_is_zero() {
        assert_eq!(of([7]).percentiles([50, 99]), [7.0, 7.0]);
        assert_eq!(of([]).percentiles([50, 99]), [0.0, 0.0]);
    }

    #[test]
    fn what_is_too_long_to_note_is_the_longest() {
        assert_eq!(of([60_000_000]).percentiles([50]), [f64::from(u32::MAX) / 1000.0]);
    }
}
