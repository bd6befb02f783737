//! What was given out: codes, access tokens and refresh tokens. They are known by their hashes alone, so that nothing here can
//! show one.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::grant::Subject;
use crate::sandbox::api::ids::Ids;
use crate::sandbox::clock::Moment;

/// The hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Print([u8; 32]);

impl Print {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

#[derive(Debug)]
pub(super) struct Code {
    /// The place of its grant.
    pub(super) grant: usize,
    pub(super) redirect_uri: Option<String>,
    pub(super) used: bool,
    pub(super) ends: Moment,
}

#[derive(Debug)]
pub(super) struct Access {
    pub(super) subject: Subject,
    pub(super) scope: String,
    /// The place of its grant.
    pub(super) grant: usize,
    pub(super) ends: Moment,
}

#[derive(Debug)]
pub(super) struct Refresh {
    /// The place of its grant.
    pub(super) grant: usize,
    pub(super) used: bool,
    pub(super) revoked: bool,
    pub(super) ends: Moment,
}

/// All that was ever given out.
#[derive(Debug)]
pub(super) struct Keys {
    ids: Ids,
    codes: HashMap<Print, Code>,
    access: HashMap<Print, Access>,
    refresh: HashMap<Print, Refresh>,
}

impl Keys {
    pub(super) fn new(ids: Ids) -> Self {
        Self {
            ids,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
        }
    }

    /// A text of 40 letters and digits after its prefix.
    fn draw(&mut self, prefix: &str) -> (String, Print) {
        let token = format!("{prefix}{}{}", self.ids.next(), self.ids.next());
        let print = Print::of(&token);
        (token, print)
    }

    pub(super) fn add_code(&mut self, code: Code) -> String {
        let (text, print) = self.draw("code");
        self.codes.insert(print, code);
        text
    }

    pub(super) fn add_access(&mut self, access: Access) -> String {
        let (text, print) = self.draw("access");
        self.access.insert(print, access);
        text
    }

    pub(super) fn add_refresh(&mut self, refresh: Refresh) -> String {
        let (text, print) = self.draw("refresh");
        self.refresh.insert(print, refresh);
        text
    }

    pub(super) fn code_mut(&mut self, code: &str) -> Option<&mut Code> {
        self.codes.get_mut(&Print::of(code))
    }

    pub(super) fn access(&self, print: Print) -> Option<&Access> {
        self.access.get(&print)
    }

    pub(super) fn refresh(&self, print: Print) -> Option<&Refresh> {
        self.refresh.get(&print)
    }

    pub(super) fn refresh_mut(&mut self, token: &str) -> Option<&mut Refresh> {
        self.refresh.get_mut(&Print::of(token))
    }

    /// Ends those that are meant, as if their time had come.
    pub(super) fn end_access(&mut self, meant: impl Fn(&Access) -> bool) {
        let all = self.access.values_mut();
        all.filter(|access| meant(access))
            .for_each(|access| access.ends = Moment::from_micros(0));
    }

    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let print = Print::of(token);
        if let Some(access) = self.access.get_mut(&print) {
            access.ends = Moment::from_micros(0);
            return true;
        }
        let refresh = self.refresh.get_mut(&print);
        refresh.map(|refresh| refresh.revoked = true).is_some()
    }
}
