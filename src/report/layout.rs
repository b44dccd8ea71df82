//! How wide text is: tables that leave out what matters least, and sentences that are folded.

use super::foreign::line;
use super::style::Style;

/// Lays out a table; the second word of a heading says how soon its column is left out where it is too wide: 0 never.
pub fn table(head: &[(&str, u8)], rows: &[Vec<String>], style: Style) -> String {
    let cells = |row: &[String]| -> Vec<String> { row.iter().map(|cell| line(cell)).collect() };
    let heads: Vec<String> = head.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heads)
        .chain(rows.iter().map(|row| cells(row)))
        .collect();
    let widest = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let mut kept: Vec<usize> = (0..head.len()).collect();
    let needs = |kept: &[usize]| {
        kept.iter()
            .map(|column| widest(*column) + 2)
            .sum::<usize>()
            .saturating_sub(2)
    };
    while needs(&kept) > style.width.unwrap_or(usize::MAX) {
        let least = kept.iter().max_by_key(|column| head[**column].1).copied();
        match least.filter(|column| head[*column].1 > 0) {
            Some(least) => kept.retain(|column| *column != least),
            None => break,
        }
    }
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let padded: Vec<String> = kept
            .iter()
            .map(|column| format!("{:<width$}", row[*column], width = widest(*column)))
            .collect();
        let joined = padded.join("  ").trim_end().to_owned();
        text += &if at == 0 { style.dim(&joined) } else { joined };
        text.push('\n');
    }
    text
}

/// Folds a sentence that begins behind a mark of so many characters; what follows stands below it. A word is never cut.
pub fn folded(text: &str, mark: usize, style: Style) -> String {
    let text = line(text);
    let Some(width) = style.width else {
        return text;
    };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if mark + last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{}", " ".repeat(mark)))
}

/// Folds each line of a text below its own beginning, the first behind a mark of so many characters.
pub fn folded_lines(text: &str, mark: usize, style: Style) -> String {
    let lines = text.lines().enumerate().map(|(at, line)| {
        let words = line.trim_start();
        let begin = line.len() - words.len();
        match at {
            0 => folded(words, mark, style),
            _ => format!("{}{}", " ".repeat(begin), folded(words, begin + 2, style)),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(width: usize) -> Style {
        Style {
            color: false,
            width: Some(width),
        }
    }

    #[test]
    fn columns_go_in_their_order_until_the_rest_fits() {
        let head = [("HOST", 0), ("LAG", 1), ("WRITE", 3), ("SLOT", 2)];
        let row = ["server1", "12 kB", "1 kB", "ok"].map(str::to_owned);
        let rows = [row.to_vec()];
        let heads = |width: usize| {
            let text = table(&head, &rows, wide(width));
            let line = text.lines().next().unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(heads(80), "HOST LAG WRITE SLOT");
        assert_eq!(heads(24), "HOST LAG SLOT");
        assert_eq!(heads(19), "HOST LAG");
        assert_eq!(heads(5), "HOST");
        assert_eq!(
            table(&head, &rows, Style::plain()),
            table(&head, &rows, wide(80))
        );
    }

    #[test]
    fn a_sentence_is_folded_between_words_and_nothing_is_lost() {
        let text = "not enough space on /srv/a-long-name: 12 MB are needed";
        for width in 1..70 {
            let said = folded(text, 2, wide(width));
            assert_eq!(said.split_whitespace().collect::<Vec<_>>().join(" "), text);
            for line in said.lines().filter(|line| line.trim().contains(' ')) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        assert_eq!(folded(text, 2, Style::plain()), text);
    }
}
