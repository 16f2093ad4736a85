//! A report's plot.

use super::findings::{Cell, Report};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::{error::Error, path::Path};

/// For each load a panel, and in it a bar for each server: CPU time for a request.
pub(super) fn draw(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let loads = report.loads();
    let counts = loads.iter().map(|(_, connections, _)| *connections).collect::<std::collections::BTreeSet<_>>();
    let columns = counts.len().max(1);
    let rows = loads.len().div_ceil(columns).max(1);
    let most = loads.iter().map(|(_, _, cells)| cells.len()).max().unwrap_or_default().max(2);
    let size = (380 * columns as u32, 40 + rows as u32 * (60 + 26 * most as u32));
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled("CPU time of the server for a request, in µs: shorter is better", ("sans-serif", 18))?;
    let panels = area.split_evenly((rows, columns));
    for ((kind, connections, cells), panel) in loads.iter().zip(&panels) {
        bars(report, &kind.over(*connections), cells, panel)?;
    }
    area.present()?;
    Ok(())
}

/// One panel.
fn bars(
    report: &Report,
    title: &str,
    cells: &[&Cell],
    panel: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), Box<dyn Error>> {
    let cpu = |cell: &Cell| cell.best().map(|best| best.cpu);
    // To the right there is room for the figures.
    let most = cells.iter().filter_map(|cell| cpu(cell)).fold(0.1, f64::max) * 1.25;
    // An axis has two segments at least; of one server the second stays empty.
    let (count, rows) = (cells.len(), cells.len().max(2));
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(22)
        .y_label_area_size(125)
        .build_cartesian_2d(0.0..most, (0..rows - 1).into_segmented())?;
    let name = |segment: &SegmentValue<usize>| match segment {
        // The first server stands at the top.
        SegmentValue::CenterOf(index) if *index < count => cells[count - 1 - index].server.to_owned(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(WHITE)
        .x_labels(5)
        .y_labels(rows)
        .y_label_formatter(&name)
        .draw()?;
    for (index, cell) in cells.iter().enumerate() {
        let Some(cpu) = cpu(cell) else { continue };
        let place = count - 1 - index;
        let who = report.servers.iter().position(|server| server.subject.name == cell.server).unwrap_or(index);
        let corners = [(0.0, SegmentValue::Exact(place)), (cpu, SegmentValue::Exact(place + 1))];
        let mut bar = Rectangle::new(corners, Palette99::pick(who).mix(0.6).filled());
        bar.set_margin(3, 3, 0, 0);
        chart.draw_series([bar])?;
        let style = ("sans-serif", 13).into_text_style(panel).pos(Pos::new(HPos::Left, VPos::Center));
        let at = (cpu + most * 0.01, SegmentValue::CenterOf(place));
        chart.draw_series([Text::new(format!("{cpu:.2}"), at, style)])?;
    }
    Ok(())
}
