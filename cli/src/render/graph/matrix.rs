//! A picture of more connections than arrows can show: a row a source, a column a destination, a square where the one reaches the
//! other.
//!
//! Rows and columns are classes of ends, or, of more classes than a screen has room for, their namespaces. A square is the darker
//! the more of it is allowed: its title says how many pairs of classes, and on what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use kspec_query::net_graph::{ClassRow, SummaryDocument};

use super::{ALL, LETTER, escaped, groups};

const CELL: usize = 18;
const MARGIN: usize = 16;
/// Lines of text above.
const HEAD: usize = 74;
/// They need so many letters.
const HEAD_LETTERS: usize = 106;
/// Up to so many classes there is a row for each.
const CLASSES: usize = 150;
/// A label is cut after so many letters.
const LONGEST: usize = 44;
/// How many sets of connections a title lists.
const LISTED: usize = 8;

/// A row, and the column of the same place.
struct Line<'d> {
    name: &'d str,
    /// Whether another namespace begins with it.
    begins: bool,
    classes: usize,
    /// Classes of one end, which have no connection with themselves.
    alone: usize,
}

#[derive(Default)]
struct Cell<'d> {
    /// Pairs of classes that are connected, and those of them by everything.
    pairs: usize,
    whole: usize,
    conns: BTreeSet<&'d str>,
}

pub(super) fn matrix(document: &SummaryDocument, pairs: &[(usize, usize, &str)]) -> String {
    let (lines, line_of) = lines(document);
    let mut cells: BTreeMap<(usize, usize), Cell<'_>> = BTreeMap::new();
    for (src, dst, conn) in pairs {
        let (Some(row), Some(column)) = (line_of.get(src), line_of.get(dst)) else { continue };
        let cell = cells.entry((*row, *column)).or_default();
        cell.pairs += 1;
        cell.whole += usize::from(*conn == ALL);
        cell.conns.insert(conn);
    }
    let longest = lines.iter().map(|line| line.name.chars().count().min(LONGEST)).max().unwrap_or_default();
    let label = longest * LETTER + MARGIN;
    let (left, top) = (MARGIN + label, HEAD + label);
    let side = lines.len() * CELL;
    // The lines above may be longer than the picture is wide.
    let (width, height) = ((left + side + MARGIN).max(HEAD_LETTERS * LETTER), top + side + MARGIN);
    let by = if has_a_line_each(document) { "by class of alike ends" } else { "by namespace" };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Who reaches whom</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\" font-weight=\"bold\">Rows reach columns, {by}</text>\n\
         <text x=\"{MARGIN}\" y=\"38\">{} classes of alike ends have {} connections, too many for arrows.</text>\n\
         <text x=\"{MARGIN}\" y=\"56\">The darker, the more pairs are connected; black is everything. `net graph -o html` finds one workload.</text>\n",
        document.classes.len(),
        pairs.len(),
    );
    for (at, line) in lines.iter().enumerate() {
        let (name, whole) = (escaped(&cut(line.name)), escaped(line.name));
        let (x, y) = (left + at * CELL, top + at * CELL);
        let (stroke, edge) = if line.begins { ("#9aa4b8", label) } else { ("#e4e8f0", 0) };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "<path d=\"M{} {y}H{}M{x} {}V{}\" stroke=\"{stroke}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}<title>{whole}</title></text><text transform=\"translate({} {}) rotate(-90)\">{name}<title>{whole}</title></text>",
            left - edge,
            left + side,
            top - edge,
            top + side,
            left - 5,
            y + CELL - 5,
            x + CELL - 5,
            top - 5,
        );
    }
    let _ = writeln!(
        text,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"#9aa4b8\"/>"
    );
    for ((row, column), cell) in &cells {
        let (Some(from), Some(to)) = (lines.get(*row), lines.get(*column)) else { continue };
        let all = from.classes * to.classes - if row == column { from.alone } else { 0 };
        let (color, percent) =
            if cell.whole == all { ("#112", 100) } else { ("#2d5fb8", 15 + 75 * cell.pairs.min(all) / all.max(1)) };
        let mut conns = cell.conns.iter().take(LISTED).copied().collect::<Vec<_>>().join("\n");
        if cell.conns.len() > LISTED {
            let _ = write!(conns, "\nand {} more", cell.conns.len() - LISTED);
        }
        let share = if all == 1 { String::new() } else { format!(": {} of {all} pairs of classes", cell.pairs) };
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{color}\" fill-opacity=\".{:02}\"><title>{}</title></rect>",
            left + column * CELL + 1,
            top + row * CELL + 1,
            CELL - 2,
            CELL - 2,
            percent.min(99),
            escaped(&format!("{} → {}{share}\n{conns}", from.name, to.name)),
        );
    }
    text.push_str("</svg>\n");
    text
}

const fn has_a_line_each(document: &SummaryDocument) -> bool {
    document.classes.len() <= CLASSES
}

/// Rows, and which each class is in.
fn lines(document: &SummaryDocument) -> (Vec<Line<'_>>, BTreeMap<usize, usize>) {
    let (mut lines, mut line_of) = (Vec::new(), BTreeMap::new());
    let each = has_a_line_each(document);
    let alone = |class: &ClassRow| usize::from(class.members.len() == 1);
    for (name, classes) in groups(document) {
        if !each {
            line_of.extend(classes.iter().map(|(number, _)| (*number, lines.len())));
            let (number, alone) = (classes.len(), classes.iter().map(|(_, class)| alone(class)).sum());
            lines.push(Line { name, begins: true, classes: number, alone });
            continue;
        }
        for (at, (number, class)) in classes.into_iter().enumerate() {
            line_of.insert(number, lines.len());
            lines.push(Line { name: &class.name, begins: at == 0, classes: 1, alone: alone(class) });
        }
    }
    (lines, line_of)
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}
