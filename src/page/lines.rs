//! Two texts of many lines, line by line: what went, what came, and as much of what stayed as shows where.
use super::diff::{Piece, words_of};
use similar::{ChangeTag, TextDiff};

/// Lines that stayed and are shown around each change.
const CONTEXT: usize = 3;
/// Lines less alike than this have no words in common worth showing.
const ALIKE: f32 = 0.4;

/// One line; the side that does not have it has no number for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub was: Option<usize>,
    pub is: Option<usize>,
    pub pieces: Vec<Piece>,
}

impl Line {
    pub fn gone(&self) -> bool {
        self.is.is_none()
    }

    pub fn came(&self) -> bool {
        self.was.is_none()
    }
}

/// Lines that belong together: changes with what is around them, or what stayed and is folded away.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    pub folded: bool,
    pub lines: Vec<Line>,
}

impl Chunk {
    /// The lines as two columns: what stayed stands on both sides, what went beside what came.
    pub fn pairs(&self) -> Vec<(Option<&Line>, Option<&Line>)> {
        let (mut pairs, mut gone, mut came) = (Vec::new(), Vec::new(), Vec::new());
        let flush = |pairs: &mut Vec<_>, gone: &mut Vec<_>, came: &mut Vec<_>| {
            for n in 0..gone.len().max(came.len()) {
                pairs.push((gone.get(n).copied(), came.get(n).copied()));
            }
            gone.clear();
            came.clear();
        };
        for line in &self.lines {
            match (line.gone(), line.came()) {
                (true, _) => gone.push(line),
                (_, true) => came.push(line),
                _ => {
                    flush(&mut pairs, &mut gone, &mut came);
                    pairs.push((Some(line), Some(line)));
                }
            }
        }
        flush(&mut pairs, &mut gone, &mut came);
        pairs
    }
}

/// Both texts as one sequence of lines, in chunks.
pub fn lines(was: &str, is: &str) -> Vec<Chunk> {
    chunks(marked(was, is))
}

fn marked(was: &str, is: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(was, is);
    let mut lines: Vec<Line> = Vec::new();
    // where the present run of lines that went, and that of those that came, began
    let (mut gone, mut came) = (0, 0);
    for change in diff.iter_all_changes() {
        let text = change.value().trim_end_matches(['\n', '\r']);
        let line = |pieces| Line { was: change.old_index().map(|n| n + 1), is: change.new_index().map(|n| n + 1), pieces };
        let plain = vec![Piece { text: text.to_owned(), marked: false }];
        match change.tag() {
            ChangeTag::Delete => {
                if came > 0 {
                    (gone, came) = (0, 0);
                }
                gone += 1;
                lines.push(line(plain));
            }
            ChangeTag::Insert => {
                // the n-th that came stands for the n-th that went
                let pair = (came < gone).then(|| lines.len() - came - gone + came);
                came += 1;
                match pair.and_then(|at| Some((at, alike(&text_of(&lines[at]), text)?))) {
                    Some((at, (old, new))) => {
                        lines[at].pieces = old;
                        lines.push(line(new));
                    }
                    None => lines.push(line(plain)),
                }
            }
            ChangeTag::Equal => {
                (gone, came) = (0, 0);
                lines.push(line(plain));
            }
        }
    }
    lines
}

fn text_of(line: &Line) -> String {
    line.pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Both lines in pieces, if they have enough in common.
fn alike(was: &str, is: &str) -> Option<(Vec<Piece>, Vec<Piece>)> {
    if TextDiff::from_words(was, is).ratio() < ALIKE {
        return None;
    }
    let words = words_of(was, is);
    Some((words.before, words.after))
}

fn chunks(lines: Vec<Line>) -> Vec<Chunk> {
    let mut near = vec![false; lines.len()];
    for (n, line) in lines.iter().enumerate() {
        if line.gone() || line.came() {
            near[n.saturating_sub(CONTEXT)..lines.len().min(n + CONTEXT + 1)].fill(true);
        }
    }
    // a fold takes a line itself, so one line alone is not folded
    let alone: Vec<usize> = (0..lines.len())
        .filter(|&n| !near[n] && n.checked_sub(1).is_none_or(|before| near[before]) && near.get(n + 1).is_none_or(|after| *after))
        .collect();
    alone.into_iter().for_each(|n| near[n] = true);
    let mut chunks: Vec<Chunk> = Vec::new();
    for (line, near) in lines.into_iter().zip(near) {
        match chunks.last_mut() {
            Some(last) if last.folded != near => last.lines.push(line),
            _ => chunks.push(Chunk { folded: !near, lines: vec![line] }),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn side(chunks: &[Chunk], had: impl Fn(&Line) -> bool) -> String {
        chunks.iter().flat_map(|c| &c.lines).filter(|l| had(l)).map(|l| text_of(l) + "\n").collect()
    }

    #[test]
    fn what_is_far_from_a_change_is_folded_and_changed_words_are_marked() {
        let was: String = (1..=30).map(|n| format!("needs = {n} of them\n")).collect();
        let is = was.replace("needs = 15 of them", "needs = 99 of them");
        let chunks = lines(&was, &is);
        assert_eq!(chunks.iter().map(|c| (c.folded, c.lines.len())).collect::<Vec<_>>(), [(true, 11), (false, 8), (true, 12)]);
        let marked = |line: &Line| line.pieces.iter().filter(|p| p.marked).map(|p| p.text.clone()).collect::<Vec<_>>();
        let changed: Vec<_> = chunks[1].lines.iter().filter(|l| l.gone() || l.came()).map(marked).collect();
        assert_eq!(changed, [vec!["15".to_owned()], vec!["99".to_owned()]]);
        assert_eq!(chunks[1].pairs().len(), 7);
    }

    #[test]
    fn what_has_nothing_in_common_is_not_marked_by_the_word() {
        let chunks = lines("one two three\n", "vier fünf sechs sieben\n");
        assert!(chunks.iter().flat_map(|c| &c.lines).flat_map(|l| &l.pieces).all(|p| !p.marked));
    }

    proptest! {
        /// Folding and marking lose nothing: each side's lines are its text, and the columns hold the same.
        #[test]
        fn both_sides_are_whole(was in "([a-c ]{0,6}\n){0,12}", is in "([a-c ]{0,6}\n){0,12}") {
            let chunks = lines(&was, &is);
            prop_assert_eq!(side(&chunks, |l| !l.came()), was.clone());
            prop_assert_eq!(side(&chunks, |l| !l.gone()), is.clone());
            let (left, right): (Vec<_>, Vec<_>) = chunks.iter().flat_map(Chunk::pairs).unzip();
            let column = |cells: Vec<Option<&Line>>| cells.into_iter().flatten().map(|l| text_of(l) + "\n").collect::<String>();
            prop_assert_eq!(column(left), was);
            prop_assert_eq!(column(right), is);
        }
    }
}
