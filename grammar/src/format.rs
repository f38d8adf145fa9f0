//! Laying text out: `chimera fmt`.
//!
//! What the author broke over lines stays broken there; what fits on a line of
//! 100 columns and was on one stays on one, and so does a fact of any length; a
//! rule or directive that does not fit is broken after the first arguments that
//! belong to its head. Children on lines of their own are
//! indented by two from their parenthesis. Comments stay where they were, at most
//! one blank line in a row is kept, and each top-level form begins a line.
//!
//! The work is linear and without native recursion; indentation ends at 60 columns,
//! so that depth does not make the text quadratic.

use crate::error::SyntaxError;
use crate::parse::parse;
use crate::tree::{NodeKind, Tree};

const WIDTH: usize = 100;
const INDENT_MAX: usize = 60;

/// `source` laid out. Formatting the result again changes nothing.
///
/// # Errors
/// The syntax errors of `source`; what is not MeTTa cannot be laid out.
pub fn format(source: &str) -> Result<String, Vec<SyntaxError>> {
    let parsed = parse(source);
    if !parsed.errors.is_empty() {
        return Err(parsed.errors);
    }
    Ok(Layout::new(&parsed.tree).run())
}

/// The forms of `tree`, one a line with single spaces, without comments.
pub fn print(tree: &Tree<'_>) -> String {
    let mut text = String::new();
    for form in tree.forms() {
        if form.directive {
            text.push('!');
        }
        let first = form.node as usize;
        let mut open: Vec<u32> = Vec::new();
        let mut index = first;
        let end = end_of(tree, first);
        while index < end {
            if index > first && !text.ends_with('(') {
                text.push(' ');
            }
            let node = tree.nodes()[index];
            match node.kind {
                NodeKind::Expression { end } => {
                    text.push('(');
                    open.push(end);
                }
                NodeKind::Variable | NodeKind::Word | NodeKind::String => {
                    text.push_str(&tree.source()[node.span.start..node.span.end]);
                }
            }
            index += 1;
            while open.last().is_some_and(|end| *end as usize == index) {
                open.pop();
                text.push(')');
            }
        }
        text.push('\n');
    }
    text
}

fn end_of(tree: &Tree<'_>, index: usize) -> usize {
    match tree.nodes()[index].kind {
        NodeKind::Expression { end } => end as usize,
        NodeKind::Variable | NodeKind::Word | NodeKind::String => index + 1,
    }
}

/// Arguments that stay on the line of their head when it has to be broken.
fn arguments_beside(head: &str) -> usize {
    match head {
        "foldl-atom" => 4,
        "let" | "match" | "chain" | "unify" | "map-atom" | "filter-atom" => 2,
        "function" | "," => 0,
        _ => 1,
    }
}

/// What is known of a node before anything is laid out.
#[derive(Clone, Copy, Default)]
struct Facts {
    /// Characters on one line.
    width: u32,
    /// Line ends between it and what stands before it, at most 2.
    breaks: u8,
    /// Whether a line end or a comment stands somewhere inside it.
    broken_inside: bool,
}

/// An expression that is being written.
struct Open {
    end: u32,
    /// Where its `)` stands in the source.
    close: usize,
    /// The column of its `(`.
    column: usize,
    /// Whether children that began a line still do.
    keeps_breaks: bool,
    /// Children beyond this many begin a line, as it did not fit.
    beside: usize,
    /// Children written.
    count: usize,
}

struct Layout<'t, 's> {
    tree: &'t Tree<'s>,
    source: &'s str,
    facts: Vec<Facts>,
    /// The next comment to be written.
    comment: usize,
    out: String,
    /// Characters on the last line of `out`.
    column: usize,
    /// Whether the last thing written was a comment, so that a line must end.
    after_comment: bool,
}

impl<'t, 's> Layout<'t, 's> {
    fn new(tree: &'t Tree<'s>) -> Layout<'t, 's> {
        let source = tree.source();
        Layout {
            tree,
            source,
            facts: facts(tree),
            comment: 0,
            out: String::with_capacity(source.len() + source.len() / 8),
            column: 0,
            after_comment: false,
        }
    }

    fn run(mut self) -> String {
        let tree = self.tree;
        for form in tree.forms() {
            self.comments_before(form.span.start, 0);
            if !self.out.is_empty() {
                self.new_line(0, breaks_before(self.source, form.span.start));
            }
            if form.directive {
                self.write("!");
                // Other engines read `!word` as one word. A comment brings its own space.
                let atom = tree.nodes()[form.node as usize];
                let comment = tree.comments().get(self.comment);
                if !matches!(atom.kind, NodeKind::Expression { .. })
                    && comment.is_none_or(|comment| comment.span.start > atom.span.start)
                {
                    self.write(" ");
                }
            }
            self.form(form.node as usize, form.directive);
        }
        self.comments_before(self.source.len(), 0);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        match text.rfind('\n') {
            Some(at) => self.column = text[at + 1..].chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn new_line(&mut self, indent: usize, breaks: u8) {
        self.out.push('\n');
        if breaks > 1 {
            self.out.push('\n');
        }
        self.column = indent;
        for _ in 0..indent {
            self.out.push(' ');
        }
        self.after_comment = false;
    }

    /// Writes the comments that stand before `offset`.
    fn comments_before(&mut self, offset: usize, indent: usize) {
        while let Some(comment) = self.tree.comments().get(self.comment)
            && comment.span.start < offset
        {
            self.comment += 1;
            let text = self.source[comment.span.start..comment.span.end].trim_end();
            let breaks = breaks_before(self.source, comment.span.start);
            if self.out.is_empty() {
                // The first thing of the text.
            } else if breaks > 0 || self.after_comment {
                self.new_line(indent, breaks);
            } else {
                self.write(" ");
            }
            self.write(text);
            self.after_comment = true;
        }
    }

    fn form(&mut self, first: usize, directive: bool) {
        // A fact stays on its line, however long it is.
        let fact = !directive && self.head(first) != Some("=");
        let mut open: Vec<Open> = Vec::new();
        let mut index = first;
        loop {
            while let Some(expression) = open.last()
                && expression.end as usize == index
            {
                let (close, column) = (expression.close, expression.column);
                let indent = (column + 2).min(INDENT_MAX);
                self.comments_before(close, indent);
                if self.after_comment {
                    self.new_line(column.min(INDENT_MAX), 1);
                }
                self.write(")");
                open.pop();
            }
            if index > first && open.is_empty() {
                return;
            }
            if let Some(expression) = open.last_mut() {
                let count = expression.count;
                expression.count += 1;
                let indent = (expression.column + 2).min(INDENT_MAX);
                let (keeps, beside) = (expression.keeps_breaks, expression.beside);
                let node = self.tree.nodes()[index];
                self.comments_before(node.span.start, indent);
                let breaks = self.facts[index].breaks;
                if self.after_comment || (count > 0 && ((keeps && breaks > 0) || count > beside)) {
                    self.new_line(indent, if keeps { breaks } else { 1 });
                } else if count > 0 {
                    self.write(" ");
                }
            } else {
                // Comments between `!` and its atom.
                self.comments_before(self.tree.nodes()[index].span.start, 0);
                if self.after_comment {
                    self.new_line(0, 1);
                }
            }
            let node = self.tree.nodes()[index];
            match node.kind {
                NodeKind::Expression { end } => {
                    let facts = self.facts[index];
                    let fits = self.column + facts.width as usize <= WIDTH;
                    let beside = if facts.broken_inside || fits || fact {
                        usize::MAX
                    } else {
                        self.beside(index, end)
                    };
                    open.push(Open {
                        end,
                        close: node.span.end - 1,
                        column: self.column,
                        keeps_breaks: facts.broken_inside,
                        beside,
                        count: 0,
                    });
                    self.write("(");
                }
                NodeKind::Variable | NodeKind::Word | NodeKind::String => {
                    let source = self.source;
                    self.write(&source[node.span.start..node.span.end]);
                }
            }
            index += 1;
            if open.is_empty() {
                return;
            }
        }
    }

    /// The word that an expression begins with.
    fn head(&self, index: usize) -> Option<&'s str> {
        let nodes = self.tree.nodes();
        match (nodes[index].kind, nodes.get(index + 1)) {
            (NodeKind::Expression { end }, Some(head))
                if end as usize > index + 1 && head.kind == NodeKind::Word =>
            {
                Some(&self.source[head.span.start..head.span.end])
            }
            _ => None,
        }
    }

    /// How many arguments stay beside the head of an expression that does not fit.
    fn beside(&self, index: usize, end: u32) -> usize {
        if index + 1 >= end as usize {
            return usize::MAX;
        }
        let head = self.tree.nodes()[index + 1];
        match head.kind {
            NodeKind::Word => arguments_beside(&self.source[head.span.start..head.span.end]),
            // A list of expressions: one a line.
            NodeKind::Expression { .. } => 0,
            NodeKind::Variable | NodeKind::String => 1,
        }
    }
}

/// Line ends in the white space before `offset`, at most 2.
fn breaks_before(source: &str, offset: usize) -> u8 {
    let mut breaks = 0;
    for character in source[..offset].chars().rev() {
        if character == '\n' {
            breaks += 1;
            if breaks == 2 {
                break;
            }
        } else if !character.is_whitespace() {
            break;
        }
    }
    breaks
}

/// The facts of every node, from the last to the first, so that what is inside
/// is known before what is around it.
fn facts(tree: &Tree<'_>) -> Vec<Facts> {
    let nodes = tree.nodes();
    let mut facts = vec![Facts::default(); nodes.len()];
    let mut parents: Vec<u32> = vec![u32::MAX; nodes.len()];
    let mut open: Vec<u32> = Vec::new();
    let mut comments = tree.comments().iter().peekable();
    for (index, node) in nodes.iter().enumerate() {
        let closed = |open: &mut Vec<u32>, offset: usize| {
            while open
                .last()
                .is_some_and(|last| nodes[*last as usize].span.end <= offset)
            {
                open.pop();
            }
        };
        while let Some(comment) = comments.next_if(|comment| comment.span.start < node.span.start) {
            closed(&mut open, comment.span.start);
            if let Some(inside) = open.last() {
                facts[*inside as usize].broken_inside = true;
            }
        }
        closed(&mut open, node.span.start);
        parents[index] = open.last().copied().unwrap_or(u32::MAX);
        if matches!(node.kind, NodeKind::Expression { .. }) {
            open.push(index as u32);
        }
        facts[index].breaks = breaks_before(tree.source(), node.span.start);
    }
    for comment in comments {
        while let Some(last) = open.pop() {
            if nodes[last as usize].span.end > comment.span.start {
                facts[last as usize].broken_inside = true;
                open.push(last);
                break;
            }
        }
    }
    for index in (0..nodes.len()).rev() {
        let node = nodes[index];
        let own = &mut facts[index];
        match node.kind {
            NodeKind::Expression { end } => {
                // Its children have added a space each.
                own.width = own
                    .width
                    .saturating_add(1 + u32::from(end as usize == index + 1));
            }
            NodeKind::Variable | NodeKind::Word | NodeKind::String => {
                let text = &tree.source()[node.span.start..node.span.end];
                let line = text.lines().next().unwrap_or("");
                own.width = u32::try_from(line.chars().count()).unwrap_or(u32::MAX);
            }
        }
        let own = facts[index];
        if parents[index] != u32::MAX {
            let parent = parents[index] as usize;
            let first = index == parent + 1;
            let around = &mut facts[parent];
            around.width = around.width.saturating_add(own.width).saturating_add(1);
            around.broken_inside |= own.broken_inside || (!first && own.breaks > 0);
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::{format, print};
    use crate::parse;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let formatted = format(source).unwrap();
        assert_eq!(formatted, expected);
        assert_eq!(format(&formatted).unwrap(), formatted, "formatting twice");
        assert_eq!(print(&parse(source).tree), print(&parse(&formatted).tree));
    }

    #[test]
    fn one_form_a_line_and_single_spaces() {
        check(
            "(a   b)(c\t d) ! (f  x)\n\n\n\n(e)",
            "(a b)\n(c d)\n!(f x)\n\n(e)\n",
        );
        check("\u{feff}(a)\r\n(b)\r\n", "(a)\n(b)\n");
        check("", "");
        check("( )", "()\n");
    }

    #[test]
    fn a_word_stays_apart_from_the_mark_of_a_directive() {
        check("!   \"text\"\n!word ! $x", "! \"text\"\n! word\n! $x\n");
        check("! ; why\nword", "! ; why\nword\n");
    }

    #[test]
    fn comments_stay_where_they_were() {
        check(
            "; first\n(a) ; beside\n\n ; own\n(b ; in\n c)\n;last",
            "; first\n(a) ; beside\n\n; own\n(b ; in\n  c)\n;last\n",
        );
        check("(a\n  b ; end\n)", "(a\n  b ; end\n)\n");
        check("(a ; one\n ; two\n)", "(a ; one\n  ; two\n)\n");
    }

    #[test]
    fn what_is_broken_stays_broken() {
        check("(= (f $x)\n      (g $x))", "(= (f $x)\n  (g $x))\n");
        check(
            "(= (f $x) (if a\n b\n\n\n  c))",
            "(= (f $x) (if a\n            b\n\n            c))\n",
        );
        check("(\n a\n b)", "(a\n  b)\n");
    }

    #[test]
    fn what_does_not_fit_is_broken() {
        let long = "x".repeat(36);
        check(
            &format!("(= (f $x) (let $y ({long} $x) ({long} $y)))"),
            &format!("(= (f $x)\n  (let $y ({long} $x) ({long} $y)))\n"),
        );
        check(
            &format!("(= (f $x) (let $y ({long} $x) ({long} {long} $y)))"),
            &format!("(= (f $x)\n  (let $y ({long} $x)\n    ({long} {long} $y)))\n"),
        );
    }

    #[test]
    fn facts_stay_on_their_line() {
        let long = "x".repeat(120);
        check(&format!("(fact   {long} b)"), &format!("(fact {long} b)\n"));
        check(
            &format!("!(fact   {long} b)"),
            &format!("!(fact {long}\n   b)\n"),
        );
    }

    #[test]
    fn strings_are_left_alone() {
        check("(a \"x  y\n  z\"   b)", "(a \"x  y\n  z\" b)\n");
    }

    #[test]
    fn deep_texts_are_laid_out_in_linear_space() {
        let depth = 200_000;
        for (opening, middle) in [("(", ""), ("(a (b) ", "c"), ("(a\n", "c")] {
            let source = opening.repeat(depth) + middle + &")".repeat(depth);
            let formatted = format(&source).unwrap();
            assert!(formatted.len() < 100 * source.len());
            assert!(format(&formatted).unwrap() == formatted);
        }
    }

    #[test]
    fn what_is_wrong_is_not_laid_out() {
        assert_eq!(format("(a").unwrap_err().len(), 1);
    }
}
