//! How a program ends.

use std::{
    error::Error,
    io::{self, Write as _},
    process::{ExitCode, Termination},
};

use crate::queue::error::QueueError;

/// What a program's end says to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it is done.
    Done,
    /// 1: it could not be done, through no fault of the caller's.
    Failed,
    /// 2: the caller's input (arguments, settings, jobs) was wrong.
    BadInput,
}

impl Exit {
    /// The process' exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// Why a program ends early. Whatever is not said to be the caller's input is a plain failure, so
/// `?` works on any error; only an address of Redis that is none is always a wrong setting.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    /// Nothing, where nothing is left to be said.
    error: Option<anyhow::Error>,
}

impl Failure {
    /// The caller's input was wrong: exit code 2.
    pub fn bad_input(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::BadInput,
            error: Some(error.into()),
        }
    }

    /// It could not be done: exit code 1.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Failed,
            error: Some(error.into()),
        }
    }

    /// Ends with this exit code; all was said already.
    pub fn silent(exit: Exit) -> Self {
        Self { exit, error: None }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.chain().any(is_wrong_setting) {
            Self::bad_input(error)
        } else {
            Self::failed(error)
        }
    }
}

fn is_wrong_setting(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<QueueError>();
    matches!(error, Some(QueueError::Misaddressed(_)))
}

/// Writes to standard output. A reader that has seen enough (`… | head`) ends the program quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::silent(Exit::Done)),
        other => Ok(other?),
    }
}

/// Prints the one error, and gives the exit code.
pub(super) fn report(ended: Result<Exit, Failure>) -> Exit {
    match ended {
        Ok(exit) => exit,
        Err(Failure { exit, error }) => {
            if let Some(error) = error {
                // Where even standard error is gone, the exit code has to do.
                let _ = writeln!(io::stderr(), "error: {}", chain(&error));
            }
            exit
        }
    }
}

/// The error and its causes in one line. A cause that the text before it already tells is left
/// out; so are control characters, which could otherwise draw on the terminal.
fn chain(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told.replace(|c: char| c.is_control() && c != '\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn each_cause_is_told_once() {
        let error = anyhow!("connection refused")
            .context("Redis is away: connection refused")
            .context("jobs were not stored");
        assert_eq!(
            chain(&error),
            "jobs were not stored: Redis is away: connection refused"
        );
    }

    #[test]
    fn errors_cannot_draw_on_the_terminal() {
        assert_eq!(chain(&anyhow!("a\u{1b}[2Jb\r")), "a [2Jb ");
    }

    #[test]
    fn any_error_is_a_failure_and_only_the_named_ones_bad_input() {
        fn main() -> Result<(), Failure> {
            Err(io::Error::other("away")).context("writing")?;
            Ok(())
        }
        assert_eq!(report(main().map(|()| Exit::Done)), Exit::Failed);
        let wrong = Failure::bad_input(anyhow!("not a job"));
        assert_eq!(report(Err(wrong)), Exit::BadInput);
        assert_eq!(report(Err(Failure::silent(Exit::Done))), Exit::Done);
    }

    #[test]
    fn codes_are_the_documented_ones() {
        let codes = [Exit::Done, Exit::Failed, Exit::BadInput].map(Exit::code);
        assert_eq!(codes, [0, 1, 2]);
    }
}
