//! A report's plots.

use super::findings::Report;
use crate::row::Row;
use plotters::prelude::*;
use std::{error::Error, path::Path};

const OURS: &str = "evenkeel";

/// Draws what there is to draw, and returns the names of the files.
pub fn draw(report: &Report, folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut plots = Vec::new();
    let peers: Vec<&str> = report.ran().filter(|name| *name != OURS).collect();
    let libraries: Vec<&str> = report.libraries.iter().map(|library| library.name).collect();
    for (name, others) in [("ratio.svg", peers), ("libraries.svg", libraries)] {
        let rows: Vec<&Row> = report
            .rows
            .iter()
            .filter(|row| row.ratio().is_some() && curve_of(row).is_none() && !row.of(&others).is_empty())
            .collect();
        if !rows.is_empty() {
            ratios(&others, &rows, &folder.join(name))?;
            plots.push(name.to_owned());
        }
    }
    for kind in ["yield-among", "spawn-among"] {
        let rows: Vec<(usize, &Row)> = report
            .rows
            .iter()
            .filter_map(|row| curve_of(row).filter(|(of, _)| *of == kind).map(|(_, size)| (size, row)))
            .collect();
        if rows.len() > 1 {
            let name = format!("{kind}.svg");
            curves(report, kind, &rows, &folder.join(&name))?;
            plots.push(name);
        }
    }
    Ok(plots)
}

/// The kind and the size of a row that is a point of a curve.
fn curve_of(row: &Row) -> Option<(&str, usize)> {
    let (kind, size) = row.workload.rsplit_once('-')?;
    if kind.ends_with("-among") { Some((kind, size.parse().ok()?)) } else { None }
}

/// This project is the first, whatever the others are.
fn color(index: usize) -> RGBAColor {
    Palette99::pick(index).to_rgba()
}

/// For each workload a bar for this project and a dot for each of the others: how many times as fast as tokio.
fn ratios(others: &[&str], rows: &[&Row], path: &Path) -> Result<(), Box<dyn Error>> {
    let all = || rows.iter().flat_map(|row| [OURS].iter().chain(others).filter_map(|name| row.ratio_of(name)));
    let low = all().fold(0.5, f64::min) / 1.2;
    // To the right there is room for the legend.
    let high = all().fold(10.0, f64::max) * 4.0;
    let height = 90 + 20 * rows.len() as u32;
    let area = SVGBackend::new(path, (1000, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let count = rows.len();
    let mut chart = ChartBuilder::on(&area)
        .caption("how many times as fast as tokio (its faster flavour; fastest rounds)", ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(170)
        .build_cartesian_2d((low..high).log_scale(), (0..count).into_segmented())?;
    let name = |segment: &SegmentValue<usize>| match segment {
        // The first row stands at the top.
        SegmentValue::CenterOf(index) if *index < count => rows[count - 1 - index].workload.clone(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(WHITE)
        .y_labels(count)
        .y_label_formatter(&name)
        .x_label_formatter(&|ratio| format!("{ratio}×"))
        .draw()?;
    let bars = rows.iter().enumerate().filter_map(|(index, row)| {
        let place = count - 1 - index;
        let corners = [(1.0, SegmentValue::Exact(place)), (row.ratio()?, SegmentValue::Exact(place + 1))];
        let mut bar = Rectangle::new(corners, color(0).mix(0.6).filled());
        bar.set_margin(3, 3, 0, 0);
        Some(bar)
    });
    chart
        .draw_series(bars)?
        .label(OURS)
        .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], color(0).mix(0.6).filled()));
    for (index, name) in others.iter().enumerate() {
        let color = color(index + 1);
        let dots = rows.iter().enumerate().filter_map(|(index, row)| {
            let at = (row.ratio_of(name)?, SegmentValue::CenterOf(count - 1 - index));
            Some(Circle::new(at, 4, color.filled()))
        });
        chart.draw_series(dots)?.label(*name).legend(move |(x, y)| Circle::new((x + 7, y), 4, color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}

/// For each peer a line: nanoseconds per operation among more and more other tasks.
fn curves(report: &Report, kind: &str, rows: &[(usize, &Row)], path: &Path) -> Result<(), Box<dyn Error>> {
    let all = || rows.iter().flat_map(|(_, row)| report.ran().filter_map(|peer| row.least(peer)));
    // Above there is room for the legend.
    let (low, high) = (all().fold(f64::INFINITY, f64::min) / 1.5, all().fold(1.0, f64::max) * 6.0);
    let largest = rows.iter().map(|(size, _)| *size as f64).fold(10.0, f64::max);
    let area = SVGBackend::new(path, (1000, 600)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{kind}: nanoseconds per operation"), ("sans-serif", 18))
        .margin(10)
        .margin_right(40)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((1.0..largest).log_scale(), (low..high).log_scale())?;
    chart.configure_mesh().light_line_style(WHITE).x_desc("other tasks").y_desc("ns").draw()?;
    for (index, peer) in report.ran().enumerate() {
        let color = color(index);
        let points: Vec<(f64, f64)> =
            rows.iter().filter_map(|(size, row)| Some((*size as f64, row.least(peer)?))).collect();
        if points.is_empty() {
            continue;
        }
        let width = if peer == OURS { 4 } else { 2 };
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(width)).point_size(3))?
            .label(peer)
            .legend(move |(x, y)| Rectangle::new([(x, y - 1), (x + 16, y + 1)], color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}
