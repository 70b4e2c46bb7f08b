//! Lines over time, drawn as SVG.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 240.0;
/// Room for the figures beside the axes.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 12.0;
/// Into how many parts an axis is divided; of each end of [`round_up`] the fifth is a short figure too.
const STEPS: u32 = 5;

/// Colours that people of every eyesight can tell apart.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5d5d5d", "#a8a200"];

/// One line.
pub(super) struct Series {
    pub(super) name: String,
    /// Shape: (x, y), in order of x.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot with its legend. `bands` are spans of x that are shaded: times of trouble.
pub(super) fn lines(series: &[Series], bands: &[(f64, f64)], x_unit: &str, y: fn(f64) -> String) -> String {
    let points = || series.iter().flat_map(|series| series.points.iter());
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (x_most, y_most) = (most(|point| point.0).max(1e-9), round_up(most(|point| point.1)));
    let across = |x: f64| LEFT + x / x_most * (WIDTH - LEFT - 8.0);
    let up = |value: f64| TOP + (1.0 - value / y_most) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for (from, until) in bands {
        let (from, until) = (across(*from), across(until.min(x_most)));
        let _ = write!(
            svg,
            "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            (until - from).max(1.0),
            HEIGHT - TOP - BOTTOM
        );
    }
    for step in 0..=STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        let (at, right) = (up(y_most * part), WIDTH - 8.0);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            y(y_most * part)
        );
        let x = across(x_most * part);
        let anchor = if step == STEPS { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{:.0} {x_unit}</text>",
            HEIGHT - 8.0,
            x_most * part
        );
    }
    for (number, series) in series.iter().enumerate() {
        let path: Vec<String> =
            series.points.iter().map(|(x, value)| format!("{:.1},{:.1}", across(*x), up(*value))).collect();
        let colour = COLOURS[number % COLOURS.len()];
        let _ = write!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", path.join(" "));
    }
    svg.push_str("</svg><p class=\"legend\">");
    for (number, series) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let _ = write!(svg, "<span><i style=\"background:{colour}\"></i>{}</span>", escaped(&series.name));
    }
    if !bands.is_empty() {
        svg.push_str("<span><i class=\"trouble\"></i>something is wrong, as planned</span>");
    }
    svg.push_str("</p>");
    svg
}

/// The next of 1, 2, 2.5, 5 and their tenfolds.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let scale = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * scale);
    steps.into_iter().find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_figures() {
        for (value, expected) in
            [(0.0, 1.0), (0.93, 1.0), (1.0, 1.0), (3.0, 5.0), (240.0, 250.0), (99_000.0, 100_000.0)]
        {
            assert!((round_up(value) / expected - 1.0).abs() < 1e-9, "{value}: {}", round_up(value));
        }
    }
}
