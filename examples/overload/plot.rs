//! The plot: latency and tasks over time, for each policy.

use crate::record::Record;
use plotters::prelude::*;
use std::{error::Error, path::Path, rc::Rc, time::Duration};

/// Latencies are drawn as the worst of such a time.
const SLICE: Duration = Duration::from_millis(100);

const SECONDS: f64 = 30.0;

/// Draws both panels into an SVG file.
pub(crate) fn draw(path: &Path, outcomes: &[(&str, Rc<Record>)]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(path, (900, 900)).into_drawing_area();
    area.fill(&WHITE)?;
    let (latency, tasks) = area.split_vertically(450);
    let title = "latency of the requests done in each tenth of a second, worst (s)";
    panel(&latency, title, outcomes, 1e-3..30.0, worst_latencies)?;
    panel(&tasks, "live tasks", outcomes, 1.0..10_000.0, |record| {
        let samples = record.samples.borrow();
        samples.iter().map(|(at, tasks)| (at.as_secs_f64(), (*tasks as f64).max(1.0))).collect()
    })?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    outcomes: &[(&str, Rc<Record>)],
    range: std::ops::Range<f64>,
    points: impl Fn(&Record) -> Vec<(f64, f64)>,
) -> Result<(), Box<dyn Error>> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..SECONDS, range.log_scale())?;
    chart.configure_mesh().x_desc("time (s)").light_line_style(WHITE).draw()?;
    for (index, (name, record)) in outcomes.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let points = points(record).into_iter().filter(|(at, _)| *at <= SECONDS);
        let series = LineSeries::new(points, color.stroke_width(2));
        chart
            .draw_series(series)?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 1), (x + 16, y + 1)], color));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    Ok(())
}

fn worst_latencies(record: &Record) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (at, took) in record.done.borrow().iter() {
        let slice = (at.as_millis() / SLICE.as_millis()) as f64 * SLICE.as_secs_f64();
        match points.last_mut() {
            Some((last, worst)) if *last == slice => *worst = worst.max(took.as_secs_f64()),
            _ => points.push((slice, took.as_secs_f64())),
        }
    }
    points
}
