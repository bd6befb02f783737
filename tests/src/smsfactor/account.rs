//! Everything an account has.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::lists::List;
use super::options::Options;
use super::register::Register;
use super::reports::Reply;
use super::send::Sms;
use super::tokens::Token;
use super::{answer, number, steer, table, xml};
use crate::sandbox::Moment;
use crate::stand::draw::Draw;
use crate::stand::{
    Answer, Api, Content, Hooks, Input, Operation, Order, Posting, Refusal, Request, Scheme,
    Steered, Trouble, Visit,
};

/// The account's id, as webhooks tell it.
pub(super) const ID: &str = "1234";

/// An `SMSFactor` account.
#[derive(Debug)]
pub struct Account {
    pub(super) draw: Draw,
    pub(super) credits: u64,
    pub(super) tokens: Vec<Token>,
    /// Whether any token is accepted.
    open: bool,
    pub(super) lists: Vec<List>,
    pub(super) blacklist: Register,
    pub(super) npai: Register,
    pub(super) messages: Vec<Sms>,
    pub(super) replies: Vec<Reply>,
    pub(super) hooks: Hooks,
    pub(super) scheme: Scheme,
    pub(super) posting: Arc<Posting>,
    error_status: u16,
    numbers: u64,
}

impl Account {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            draw: Draw::new(options.stand.seed),
            credits: options.credits,
            tokens: Vec::new(),
            open: options.tokens.is_empty(),
            lists: Vec::new(),
            blacklist: Register::new("blacklist"),
            npai: Register::new("npai"),
            messages: Vec::new(),
            replies: Vec::new(),
            hooks: Hooks::default(),
            scheme: options.scheme,
            posting: Arc::new(Posting {
                timeout: options.hook_timeout,
                retries: options.retries.clone(),
                gone_disables: false,
            }),
            error_status: options.error_status,
            numbers: 14_672_467,
        }
        .accepting(&options.tokens)
    }

    fn accepting(mut self, tokens: &[SecretString]) -> Self {
        for token in tokens {
            self.tokens.push(Token::given(token.clone()));
        }
        self
    }

    /// The next number, for tickets and ids that are numbers.
    pub(super) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn accepts(&self, bearer: &str, now: Moment) -> bool {
        let known = |token: &Token| token.secret.expose_secret() == bearer && token.lives_at(now);
        self.open || self.tokens.iter().any(known)
    }
}

/// Where requests name numbers.
const NUMBERS: [&str; 4] = [
    "/sms/recipients/gsm",
    "/list/contacts/gsm",
    "/blacklist/contacts/gsm",
    "/npai/contacts/gsm",
];

impl Api for Account {
    const STEERING: &'static str =
        "POST replies, reports, lists, account; GET messages, lists, blacklist";
    const CODED: bool = true;

    fn operations() -> &'static [Operation<Self>] {
        table::OPERATIONS
    }

    fn visit(&self, _: &'static str, request: &Request) -> Visit {
        let body = request.json().unwrap_or_default();
        let rows = NUMBERS
            .iter()
            .filter_map(|place| body.pointer(place)?.as_array());
        let values = rows.flatten().filter_map(|row| row["value"].as_str());
        Visit {
            tenant: ID.into(),
            quota: Some("burst"),
            contacts: values.map(str::to_owned).collect(),
        }
    }

    fn admit(&self, _: &'static str, input: &Input<'_>) -> Result<(), Refusal> {
        let bearer = input.request.bearer();
        if bearer.is_some_and(|bearer| self.accepts(bearer, input.now)) {
            Ok(())
        } else {
            Err(answer::refused(answer::AUTHENTICATION, "Invalid token"))
        }
    }

    fn no_route(request: &Request) -> Refusal {
        let message = format!("Cannot {} {}", request.method(), request.path());
        Self::trouble(&Trouble::Status(404, Some(message)))
    }

    fn trouble(trouble: &Trouble) -> Refusal {
        match trouble {
            Trouble::Status(status, message) => answer::error(*status, message.as_deref()),
            Trouble::Code(code) => answer::refused(*code, ""),
        }
    }

    /// XML, unless JSON is asked for.
    fn written(&self, request: &Request, mut answer: Answer) -> Answer {
        if answer.status == 200 && answer.code.is_some_and(|code| code < 0) {
            answer.status = self.error_status;
        }
        let accepted = request.header("accept").unwrap_or_default();
        match &answer.body {
            Content::Json(body) if !accepted.contains("application/json") => {
                answer.body = Content::Text(xml::TYPE, xml::document(body));
                answer
            }
            _ => answer,
        }
    }

    fn hooks(&mut self) -> &mut Hooks {
        &mut self.hooks
    }

    fn steer(&mut self, order: &Order<'_>) -> Option<Result<Steered, String>> {
        steer::order(self, order)
    }
}

/// Whether somebody of the account may send to this number, and to nobody why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Open,
    Invalid,
    Blacklisted,
    Unassigned,
}

impl Account {
    pub(super) fn reach(&self, value: &str) -> Reach {
        if !number::is_valid(value) {
            Reach::Invalid
        } else if self.blacklist.holds(value) {
            Reach::Blacklisted
        } else if self.npai.holds(value) {
            Reach::Unassigned
        } else {
            Reach::Open
        }
    }
}
