//! One curve as an SVG file: logarithmic x, y from zero, a dot at each measurement with its number.

use std::fmt::Write;

use crate::report::number;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
/// Steps of the y axis.
const STEPS: u32 = 4;

#[derive(Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

pub struct Plot<'a> {
    pub title: &'a str,
    /// What the x axis counts.
    pub x: &'a str,
    pub points: &'a [Point],
}

impl Plot<'_> {
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, LEFT, 20.0, "start", self.title);
        text(&mut svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0, "middle", self.x);
        for step in 0..=STEPS {
            let y = self.top() * f64::from(step) / f64::from(STEPS);
            let at = self.y(y);
            line(&mut svg, (LEFT, at), (WIDTH - RIGHT, at));
            text(&mut svg, LEFT - 6.0, at + 4.0, "end", &number(y));
        }
        let mut path = String::new();
        for Point { x, y } in self.points {
            let (at_x, at_y) = (self.x(*x), self.y(*y));
            let _ = write!(path, "{at_x:.1},{at_y:.1} ");
            let _ = writeln!(
                svg,
                "<circle cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"3\" fill=\"#1f5f8b\"/>"
            );
            text(&mut svg, at_x, at_y - 7.0, "middle", &number(*y));
            text(&mut svg, at_x, HEIGHT - BOTTOM + 16.0, "middle", &number(*x));
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f5f8b\" stroke-width=\"1.5\"/>\n</svg>",
            path.trim_end()
        );
        svg
    }

    /// The end of the y axis: a round number over the largest.
    fn top(&self) -> f64 {
        let largest = self.points.iter().map(|point| point.y).fold(f64::MIN_POSITIVE, f64::max);
        let unit = 10_f64.powf((largest * 1.1).log10().floor());
        [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0]
            .into_iter()
            .map(|factor| factor * unit)
            .find(|top| *top >= largest * 1.1)
            .unwrap_or(largest * 1.1)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - y / self.top() * (HEIGHT - BOTTOM - TOP)
    }

    fn x(&self, x: f64) -> f64 {
        let logs = self.points.iter().map(|point| point.x.log10());
        let (least, largest) = logs.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
        let span = (largest - least).max(f64::MIN_POSITIVE);
        LEFT + 24.0 + (x.log10() - least) / span * (WIDTH - LEFT - RIGHT - 48.0)
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>",
        from.0, from.1, to.0, to.1
    );
}
