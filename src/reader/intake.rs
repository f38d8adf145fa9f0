//! From text to stored atoms without trees in between: forms become tokens, a batch
//! of them at a time, and go into a store as they are.

use std::sync::Arc;

use chimera_grammar::{Lexer, Span, Token as Lexeme};

use crate::atom::{Atom, Grounded};
use crate::budget::Budget;
use crate::reader;
use crate::reader::words::Words;
use crate::space::flat;
use crate::space::token::{self, Token};
use crate::space::{Space, Stored};
use crate::symbol::names;

/// Tokens of a batch before it goes into the store.
const BATCH: usize = 1 << 13;

/// How many names met lately are known: heads of facts come again and again.
const MET: usize = 64;

/// Where reading facts stopped.
pub(crate) enum Stop {
    /// At the end of the text.
    End,
    /// Before a form that must be read, or evaluated, on its own.
    Form,
    /// After this line: there is no room for more.
    Full(u32),
}

/// A batch of forms as tokens.
pub(crate) struct Intake<'s> {
    words: Words,
    tokens: Vec<u32>,
    values: Vec<Grounded>,
    rows: Vec<Row>,
    /// Names that have no number yet, and how many tokens wait for it.
    names: Vec<(&'s str, u32)>,
    waiting: Vec<Waiting>,
    /// Places of names met lately, by their shape.
    met: [u32; MET],
    /// Of the form that is being read: open expressions, as the place of the token and the
    /// number of children so far.
    open: Vec<(usize, u32)>,
    /// The names of its variables, by their number.
    variables: Vec<&'s str>,
}

/// A token whose name has no number yet.
struct Waiting {
    token: usize,
    /// The place of the name among those of the batch.
    name: u32,
    is_variable: bool,
}

struct Row {
    /// Where its tokens end.
    end: usize,
    /// Where its values end.
    values_end: usize,
    line: u32,
}

/// Why a form is not read here.
struct Special;

impl<'s> Intake<'s> {
    /// Nothing is read yet; words stand for what `words` say.
    pub(crate) fn new(words: &Words) -> Intake<'s> {
        Intake {
            words: words.clone(),
            tokens: Vec::with_capacity(BATCH),
            values: Vec::new(),
            rows: Vec::new(),
            names: Vec::new(),
            waiting: Vec::new(),
            met: [u32::MAX; MET],
            open: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// From now on words stand for what `words` say.
    pub(crate) fn set_words(&mut self, words: &Words) {
        if !self.words.is_same(words) {
            self.words = words.clone();
        }
    }

    /// Adds the forms from here on to `space`, up to one that is special. The text is
    /// well-formed, and the lexer stands between forms.
    pub(crate) fn read(
        &mut self,
        lexer: &mut Lexer<'s>,
        space: &Space,
        file: &Arc<str>,
        budget: &Budget,
    ) -> Stop {
        loop {
            let stop = self.read_batch(lexer);
            if !self.rows.is_empty() {
                self.number_names();
                self.store(space, file);
            }
            if let Some(stop) = stop {
                return stop;
            }
            if !budget.has_room() {
                return Stop::Full(lexer.line());
            }
        }
    }

    /// Reads a batch; says why it ended if not for its size.
    fn read_batch(&mut self, lexer: &mut Lexer<'s>) -> Option<Stop> {
        while self.tokens.len() < BATCH {
            let before = lexer.clone();
            let (tokens, values) = (self.tokens.len(), self.values.len());
            let (names, waiting) = (self.names.len(), self.waiting.len());
            match self.read_form(lexer) {
                Ok(Some(line)) => {
                    for name in std::mem::take(&mut self.variables) {
                        self.wait(name, true);
                    }
                    self.rows.push(Row {
                        end: self.tokens.len(),
                        values_end: self.values.len(),
                        line,
                    });
                }
                Ok(None) => return Some(Stop::End),
                Err(Special) => {
                    self.tokens.truncate(tokens);
                    self.values.truncate(values);
                    for Waiting { name, .. } in self.waiting.drain(waiting..) {
                        self.names[name as usize].1 -= 1;
                    }
                    self.names.truncate(names);
                    self.open.clear();
                    self.variables.clear();
                    *lexer = before;
                    return Some(Stop::Form);
                }
            }
        }
        None
    }

    /// Appends a token that waits for the number of `name`.
    fn wait(&mut self, name: &'s str, is_variable: bool) {
        let met = &mut self.met[Words::shape(name.as_bytes()) % MET];
        match self.names.get_mut(*met as usize) {
            Some((known, uses)) if *known == name => *uses += 1,
            _ => {
                *met = self.names.len() as u32;
                self.names.push((name, 1));
            }
        }
        self.waiting.push(Waiting {
            token: self.tokens.len(),
            name: *met,
            is_variable,
        });
        self.tokens.push(0);
    }

    /// Gives every token that waits the number of its name, which it uses from now on.
    fn number_names(&mut self) {
        let mut ids = Vec::with_capacity(self.names.len());
        names().retain_all(&self.names, &mut ids);
        for waiting in self.waiting.drain(..) {
            let id = ids[waiting.name as usize];
            self.tokens[waiting.token] = if waiting.is_variable {
                flat::named(id)
            } else {
                token::symbol(id)
            };
        }
        self.names.clear();
    }

    /// Reads one form into tokens, without the table of its variables; its line.
    fn read_form(&mut self, lexer: &mut Lexer<'s>) -> Result<Option<u32>, Special> {
        let source = lexer.source();
        let first_value = self.values.len();
        let mut line = None;
        while let Some((lexeme, Span { start, end })) = lexer.next_token(self.open.is_empty()) {
            let text = &source[start..end];
            if line.is_none() && lexeme != Lexeme::Comment {
                line = Some(lexer.line());
            }
            match lexeme {
                Lexeme::Comment => continue,
                Lexeme::Directive | Lexeme::UnclosedString => return Err(Special),
                Lexeme::Open => {
                    self.count_child();
                    self.open.push((self.tokens.len(), 0));
                    self.tokens.push(token::expression(0));
                    continue;
                }
                Lexeme::Close => {
                    let (place, children) = self.open.pop().ok_or(Special)?;
                    self.tokens[place] = token::expression(children);
                }
                Lexeme::Variable => {
                    self.count_child();
                    let number = self.variable(&text[1..])?;
                    Token::Variable(number).write(&mut self.tokens);
                }
                Lexeme::Word => {
                    self.count_child();
                    self.word(text, first_value)?;
                }
                Lexeme::String => {
                    self.count_child();
                    let text = chimera_grammar::unescape(text).map_err(|_| Special)?;
                    if self.open.is_empty() {
                        // It may begin on an earlier line than it ends.
                        return Err(Special);
                    }
                    self.value(&Grounded::Text((&*text).into()), first_value);
                }
            }
            if self.open.is_empty() {
                return Ok(line);
            }
        }
        Ok(None)
    }

    fn count_child(&mut self) {
        if let Some((_, children)) = self.open.last_mut() {
            *children += 1;
        }
    }

    /// The number of the variable of this name within the form.
    fn variable(&mut self, name: &'s str) -> Result<u32, Special> {
        const FEW: usize = 64;
        if let Some(number) = self.variables.iter().position(|known| *known == name) {
            return Ok(number as u32);
        }
        self.variables.push(name);
        if self.variables.len() > FEW {
            return Err(Special);
        }
        Ok(self.variables.len() as u32 - 1)
    }

    fn word(&mut self, word: &'s str, first_value: usize) -> Result<(), Special> {
        match self.words.get(word) {
            Some(Atom::Grounded(value)) => {
                let value = value.clone();
                self.value(&value, first_value);
            }
            Some(Atom::Symbol(_) | Atom::Variable(_) | Atom::Expression(_)) => {
                return Err(Special);
            }
            None => match reader::value(word) {
                Some(value) => self.value(&value, first_value),
                None => self.wait(word, false),
            },
        }
        Ok(())
    }

    fn value(&mut self, value: &Grounded, first_value: usize) {
        let values = &mut self.values;
        flat::push_value(value, &mut self.tokens, |value| {
            values.push(value);
            values.len() - first_value - 1
        });
    }

    /// Moves the batch into the store.
    fn store(&mut self, space: &Space, file: &Arc<str>) {
        let rows = self.rows.drain(..).scan((0, 0), |(start, values), row| {
            let stored = Stored {
                tokens: *start..row.end,
                values: row.values_end - *values,
                line: row.line,
            };
            (*start, *values) = (row.end, row.values_end);
            Some(stored)
        });
        space.add_rows(&mut self.tokens, &mut self.values, rows, file);
        self.tokens.clear();
    }
}
