//! An installation of the app.

use serde::{Serialize, Serializer};

use super::Denied;
use crate::sandbox::clock::Moment;

/// Whom a grant or a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A location, by its id.
    Location(String),
    /// A company, by its id.
    Company(String),
}

impl Subject {
    /// The id of the location or company.
    pub fn id(&self) -> &str {
        match self {
            Self::Location(id) | Self::Company(id) => id,
        }
    }

    /// As tokens call it.
    pub const fn user_type(&self) -> &'static str {
        match self {
            Self::Location(_) => "Location",
            Self::Company(_) => "Company",
        }
    }

    /// Whether it is that location.
    pub fn is_location(&self, location: &str) -> bool {
        matches!(self, Self::Location(id) if id == location)
    }
}

/// What came of one installation. It never shows a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its number, from 1.
    pub number: usize,
    /// Whom it is for.
    pub subject: Subject,
    /// What it allows, space-separated.
    pub scope: String,
    /// When it was made.
    pub at: Moment,
    /// Whether it was ended by an uninstall.
    pub revoked: bool,
    /// Access tokens given out.
    pub tokens: u64,
    /// Refresh tokens that were used, each once.
    pub refreshes: u64,
    /// Refresh tokens that came again after their use, and were refused.
    pub reuses: u64,
}

impl Grant {
    pub(super) fn new(number: usize, subject: Subject, scope: &str, at: Moment) -> Self {
        Self {
            number,
            subject,
            scope: scope.to_owned(),
            at,
            revoked: false,
            tokens: 0,
            refreshes: 0,
            reuses: 0,
        }
    }

    /// A request may name the type of the tokens that it wants; what becomes of another type is not documented, and refused here.
    pub(super) fn check_type(&self, wanted: Option<&str>) -> Result<(), Denied> {
        let fits = wanted.is_none_or(|wanted| wanted == self.subject.user_type());
        fits.then_some(())
            .ok_or(Denied::Grant("user_type is not that of the grant"))
    }
}

impl Serialize for Grant {
    /// `grant, userType, id, scope, at, revoked, tokens, refreshes, reuses`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Flat<'a> {
            grant: usize,
            user_type: &'a str,
            id: &'a str,
            scope: &'a str,
            at: Moment,
            revoked: bool,
            tokens: u64,
            refreshes: u64,
            reuses: u64,
        }
        Flat {
            grant: self.number,
            user_type: self.subject.user_type(),
            id: self.subject.id(),
            scope: &self.scope,
            at: self.at,
            revoked: self.revoked,
            tokens: self.tokens,
            refreshes: self.refreshes,
            reuses: self.reuses,
        }
        .serialize(serializer)
    }
}
