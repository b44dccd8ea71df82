//! Mistakes of an inventory with the lines they stand on.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::style::count;
use crate::inventory::Problem;

/// More would hide the first ones.
const MOST: usize = 100;

/// Returns the last place at or before an offset where a character begins.
fn boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Tells problems in plain lines, each with its place.
pub fn told(problems: &[Problem], file: &str, text: &str) -> String {
    let told = problems.iter().map(|problem| {
        let before = &text[..boundary(text, problem.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |line| line.chars().count())
            + 1;
        let Problem { message, label, .. } = problem;
        let colon = if label.is_empty() { "" } else { ": " };
        format!("{file}:{line}:{column}: {message}{colon}{label}")
    });
    told.collect::<Vec<_>>().join("\n")
}

/// Shows problems as a compiler would: message, file, line, column, the line itself, help.
pub fn show(problems: &[Problem], file: &str, text: &str, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut shown = String::new();
    for problem in problems.iter().take(MOST) {
        let start = boundary(text, problem.span.start);
        let end = boundary(text, problem.span.end).max(start);
        // A block ends on the next line: only its first line is marked.
        let end = text[start..end]
            .find('\n')
            .map_or(end, |newline| start + newline);
        // The marked line alone is handed over, so that no neighbour with a secret is shown.
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let number = text[..line_start].matches('\n').count() + 1;
        let (source, span) = if problem.secret {
            let hidden = format!("{}***", &line[..start - line_start]);
            let span = start - line_start..hidden.len();
            (hidden, span)
        } else {
            let stop = (end - line_start).min(line.len()).max(start - line_start);
            (line.to_owned(), start - line_start..stop)
        };
        let snippet = Snippet::source(&source)
            .line_start(number)
            .path(file)
            .annotation(AnnotationKind::Primary.span(span).label(&problem.label));
        let mut group =
            Group::with_title(Level::ERROR.primary_title(&problem.message)).element(snippet);
        if !problem.help.is_empty() {
            group = group.element(Level::HELP.message(&problem.help));
        }
        shown.push_str(&renderer.render(&[group]).to_string());
        shown.push_str("\n\n");
    }
    if let Some(more) = problems.len().checked_sub(MOST).filter(|more| *more > 0) {
        shown.push_str(&format!(
            "error: {} not shown\n\n",
            count(more, "more problem")
        ));
    }
    shown
}
