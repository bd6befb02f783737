//! The arguments that every program takes beside its own.

use std::{ffi::OsString, str::FromStr as _};

use clap::{
    Arg, ArgAction, Command, Parser,
    builder::styling::{AnsiColor, Styles},
};
use clap_complete::Shell;

use super::{Exit, Failure, VERSION, exit};

const PRINT_CONFIG: &str = "print-config";
const COMPLETIONS: &str = "completions";

/// What a command line that can be understood asks for.
#[derive(Debug)]
pub(super) enum Parsed<C> {
    Run(C),
    PrintConfig,
}

/// A command line that is answered with a text: help, a version, completions, or a complaint.
#[derive(Debug)]
pub(super) enum Answer {
    Clap(clap::Error),
    Completions(String),
}

impl Answer {
    pub(super) fn print(self) -> Result<Exit, Failure> {
        match self {
            // Its printing honours NO_COLOR and what the terminal can do.
            Self::Clap(error) => match (error.print(), error.use_stderr()) {
                (_, true) => Ok(Exit::BadInput),
                (_, false) => Ok(Exit::Done),
            },
            Self::Completions(script) => exit::print(&script).map(|()| Exit::Done),
        }
    }
}

/// Reads a command line, the program's name first.
pub(super) fn parse<C: Parser>(line: Vec<OsString>) -> Result<Parsed<C>, Answer> {
    let mut command = extended(C::command());
    // Found by hand, for they stand alone: the program's own required arguments are not.
    if let Some(shell) = value_of(COMPLETIONS, &line) {
        return Err(completions(command, &shell));
    }
    if given(PRINT_CONFIG, &line) {
        return Ok(Parsed::PrintConfig);
    }
    let mut matches = command
        .try_get_matches_from_mut(line)
        .map_err(Answer::Clap)?;
    C::from_arg_matches_mut(&mut matches)
        .map(Parsed::Run)
        .map_err(|error| Answer::Clap(error.format(&mut command)))
}

fn extended(command: Command) -> Command {
    let print_config = Arg::new(PRINT_CONFIG)
        .long(PRINT_CONFIG)
        .action(ArgAction::SetTrue)
        .global(true)
        .help_heading("Common options")
        .help("Print the effective settings, secrets redacted, and where each comes from");
    let completions = Arg::new(COMPLETIONS)
        .long(COMPLETIONS)
        .value_name("SHELL")
        .value_parser(clap::value_parser!(Shell))
        .global(true)
        .help_heading("Common options")
        .help("Print a completion script for this shell");
    command
        .version(VERSION)
        .styles(STYLES)
        .arg(print_config)
        .arg(completions)
}

/// Colours for help and complaints; clap leaves them out where `NO_COLOR` is set or no terminal is
/// there.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

fn completions(mut command: Command, shell: &str) -> Answer {
    let Ok(shell) = Shell::from_str(shell) else {
        let complaint = "--completions takes one of bash, elvish, fish, powershell and zsh";
        return Answer::Clap(command.error(clap::error::ErrorKind::InvalidValue, complaint));
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    Answer::Completions(String::from_utf8_lossy(&script).into_owned())
}

/// The arguments before `--`, after which nothing is an option any more.
fn options(line: &[OsString]) -> impl Iterator<Item = &str> {
    let texts = line.iter().skip(1).map(|text| text.to_str().unwrap_or(""));
    texts.take_while(|text| *text != "--")
}

fn given(name: &str, line: &[OsString]) -> bool {
    options(line).any(|text| text.strip_prefix("--") == Some(name))
}

/// The value of `--name VALUE` or `--name=VALUE`; empty where it is missing.
fn value_of(name: &str, line: &[OsString]) -> Option<String> {
    let mut options = options(line);
    while let Some(text) = options.next() {
        let Some(rest) = text
            .strip_prefix("--")
            .and_then(|text| text.strip_prefix(name))
        else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(value) => return Some(value.to_owned()),
            None if rest.is_empty() => return Some(options.next().unwrap_or("").to_owned()),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves water.
    #[derive(Debug, Parser, PartialEq, Eq)]
    #[command(name = "sluice", subcommand_required = true)]
    enum Sluice {
        /// Opens.
        Open { gate: String },
    }

    fn parsed(line: &str) -> Result<Parsed<Sluice>, Answer> {
        parse(line.split(' ').map(OsString::from).collect())
    }

    fn code(answer: &Answer) -> Option<i32> {
        match answer {
            Answer::Clap(error) => Some(error.exit_code()),
            Answer::Completions(_) => None,
        }
    }

    #[test]
    fn a_program_gets_its_own_arguments() {
        let Ok(Parsed::Run(sluice)) = parsed("sluice open east") else {
            panic!("not understood");
        };
        assert_eq!(
            sluice,
            Sluice::Open {
                gate: "east".to_owned()
            }
        );
    }

    #[test]
    fn print_config_needs_nothing_else() {
        for line in ["sluice --print-config", "sluice open --print-config"] {
            assert!(matches!(parsed(line), Ok(Parsed::PrintConfig)), "{line}");
        }
        let Ok(Parsed::Run(sluice)) = parsed("sluice open -- --print-config") else {
            panic!("an argument was taken for an option");
        };
        let gate = "--print-config".to_owned();
        assert_eq!(sluice, Sluice::Open { gate });
    }

    #[test]
    fn completions_are_made_for_each_shell() {
        for line in ["sluice --completions bash", "sluice open --completions=zsh"] {
            let Err(Answer::Completions(script)) = parsed(line) else {
                panic!("no script for {line}");
            };
            assert!(script.contains("sluice"), "{script}");
        }
        for line in ["sluice --completions tcsh", "sluice --completions"] {
            assert_eq!(code(&parsed(line).unwrap_err()), Some(2), "{line}");
        }
    }

    #[test]
    fn help_is_an_answer_and_nonsense_a_complaint() {
        for (line, expected) in [
            ("sluice --help", 0),
            ("sluice --version", 0),
            ("sluice", 2),
            ("sluice shut", 2),
        ] {
            assert_eq!(code(&parsed(line).unwrap_err()), Some(expected), "{line}");
        }
        let Err(Answer::Clap(help)) = parsed("sluice --help") else {
            panic!("no help");
        };
        assert!(help.to_string().contains("--print-config"), "{help}");
    }
}
