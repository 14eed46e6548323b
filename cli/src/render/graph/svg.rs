//! A picture: a box a namespace, a node a class of ends, an arrow from source to destination.
//!
//! Boxes stand in a grid that is about as wide as it is high, in the order of their names; nodes stand below each other in their box.
//! What an arrow allows is its title, and its label where there are few and it is not everything. Of more arrows than can be told
//! apart there is a [matrix](super::matrix).

use std::{collections::BTreeMap, fmt::Write as _};

use kspec_query::net_graph::SummaryDocument;

use super::{ALL, LETTER, escaped, groups, lines, matrix::matrix};

const LINE: usize = 16;
const PADDING: usize = 8;
/// Between nodes, and between a box and what is in it.
const GAP: usize = 14;
/// Between boxes, where arrows run.
const AISLE: usize = 110;
const TITLE: usize = 24;
/// Above so many labels, they would cover each other.
const LABELLED: usize = 40;
/// Above so many arrows, they would.
const ARROWS: usize = 250;

#[derive(Clone, Copy)]
struct Rect {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

struct Drawn<'d> {
    name: &'d str,
    rect: Rect,
    nodes: Vec<(usize, Rect, Vec<String>)>,
}

pub(crate) fn svg(document: &SummaryDocument) -> String {
    let pairs = document.pairs();
    if pairs.len() > ARROWS {
        return matrix(document, &pairs);
    }
    let (boxes, width, height) = layout(document);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Who reaches whom</title>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#556\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut places = BTreeMap::new();
    for Drawn { name, rect, nodes } in &boxes {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#f3f5f9\" stroke=\"#9aa4b8\"/><text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>",
            rect.x,
            rect.y,
            rect.width,
            rect.height,
            rect.x + GAP,
            rect.y + 17,
            escaped(name)
        );
        for (number, rect, _) in nodes {
            places.insert(*number, *rect);
        }
    }
    let labelled = pairs.iter().filter(|(.., conn)| *conn != ALL).count() <= LABELLED;
    let mut from_source = BTreeMap::new();
    let names: Vec<&str> = document.classes.iter().map(|class| class.name.as_str()).collect();
    let named = |number: usize| names.get(number).copied().unwrap_or_default();
    for (src, dst, conn) in pairs {
        let (Some(from), Some(to)) = (places.get(&src), places.get(&dst)) else { continue };
        let curve = arrow(*from, *to, src == dst);
        let [(x1, y1), (x2, y2), (x3, y3), (x4, y4)] = curve;
        let path = format!("M{x1} {y1} C{x2} {y2} {x3} {y3} {x4} {y4}");
        let title = escaped(&format!("{} → {} : {}", named(src), named(dst), conn));
        let _ = writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#556\" stroke-opacity=\".55\" marker-end=\"url(#head)\"><title>{title}</title></path>"
        );
        if labelled && conn != ALL {
            let conn = escaped(conn);
            // Those of one source stand at different places along their arrows.
            let place = from_source.entry(src).or_insert(0_usize);
            let (x, y) = point(curve, 2 + *place % 5);
            *place += 1;
            let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"10\">{conn}</text>");
        }
    }
    for Drawn { nodes, .. } in &boxes {
        for (number, rect, lines) in nodes {
            let members = document.classes.get(*number).map(|class| class.members.join("\n")).unwrap_or_default();
            let _ = writeln!(
                text,
                "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#fff\" stroke=\"#334\"/>",
                escaped(&members),
                rect.x,
                rect.y,
                rect.width,
                rect.height
            );
            for (line, words) in lines.iter().enumerate() {
                let y = rect.y + PADDING + 11 + line * LINE;
                let _ = writeln!(text, "<text x=\"{}\" y=\"{y}\">{}</text>", rect.x + PADDING, escaped(words));
            }
            text.push_str("</g>\n");
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Where everything stands, and how large it is.
fn layout(document: &SummaryDocument) -> (Vec<Drawn<'_>>, usize, usize) {
    let mut boxes: Vec<Drawn<'_>> = groups(document)
        .into_iter()
        .map(|(name, classes)| {
            let mut y = TITLE + GAP / 2;
            let mut widest = name.chars().count() * (LETTER + 1);
            let nodes = classes.into_iter().map(|(number, class)| {
                let lines = lines(class);
                let letters = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
                let (width, height) = (letters * LETTER + 2 * PADDING, lines.len() * LINE + PADDING);
                let rect = Rect { x: GAP, y, width, height };
                y += height + GAP;
                widest = widest.max(width);
                (number, rect, lines)
            });
            let nodes: Vec<_> = nodes.collect();
            Drawn { name, rect: Rect { x: 0, y: 0, width: widest + 2 * GAP, height: y }, nodes }
        })
        .collect();
    let area: usize = boxes.iter().map(|drawn| (drawn.rect.width + AISLE) * (drawn.rect.height + AISLE / 2)).sum();
    let widest = boxes.iter().map(|drawn| drawn.rect.width + AISLE).max().unwrap_or_default();
    let wanted = widest.max(area.isqrt() * 5 / 4);
    let (mut x, mut y, mut row, mut width) = (AISLE / 2, AISLE / 4, 0, 0);
    for drawn in &mut boxes {
        if x > AISLE / 2 && x + drawn.rect.width > wanted {
            (x, y, row) = (AISLE / 2, y + row + AISLE / 2, 0);
        }
        (drawn.rect.x, drawn.rect.y) = (x, y);
        for (_, rect, _) in &mut drawn.nodes {
            (rect.x, rect.y) = (rect.x + x, rect.y + y);
        }
        row = row.max(drawn.rect.height);
        width = width.max(x + drawn.rect.width + AISLE);
        x += drawn.rect.width + AISLE;
    }
    (boxes, width.max(AISLE), y + row + AISLE / 4)
}

/// Start, two controls and end of a cubic curve.
type Curve = [(usize, usize); 4];

/// From one node to another, or round its side to itself.
fn arrow(from: Rect, to: Rect, own: bool) -> Curve {
    let middle = |rect: Rect| rect.y + rect.height / 2;
    let (left, right) = (|rect: Rect| rect.x, |rect: Rect| rect.x + rect.width);
    let bend = AISLE / 2;
    let (start, first, last, end) = if own || from.x + from.width > to.x && to.x + to.width > from.x {
        // Below each other, or to itself: round the right side.
        let out = right(from).max(right(to)) + bend;
        (right(from), out, out, right(to))
    } else if from.x < to.x {
        (right(from), right(from) + bend, left(to).saturating_sub(bend), left(to))
    } else {
        (left(from), left(from).saturating_sub(bend), right(to) + bend, right(to))
    };
    let (y1, y2) = (middle(from), middle(to) + if own { 6 } else { 0 });
    [(start, y1), (first, y1), (last, y2), (end, y2)]
}

/// The point of a curve after so many eighths of it (Bernstein's polynomials).
fn point(curve: Curve, eighths: usize) -> (usize, usize) {
    let (done, left) = (eighths.min(8), 8 - eighths.min(8));
    let weights = [left * left * left, 3 * left * left * done, 3 * left * done * done, done * done * done];
    let sum = |of: fn((usize, usize)) -> usize| -> usize {
        curve.iter().zip(weights).map(|(point, weight)| of(*point) * weight).sum::<usize>() / 512
    };
    (sum(|(x, _)| x), sum(|(_, y)| y).saturating_sub(3))
}
