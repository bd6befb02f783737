//! How grants are called.

use std::fmt;

/// Whose grant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A location's, by OAuth.
    Location,
    /// A company's, by OAuth.
    Company,
    /// Private integration tokens of a tenant.
    Private,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Location, Self::Company, Self::Private];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Company => "company",
            Self::Private => "private",
        }
    }
}

/// A grant's name: `<kind>/<app>/<id>`. None of these holds a slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrantName {
    text: String,
    kind: Kind,
}

impl GrantName {
    /// The grant of this kind that an app has of an account; private tokens are no app's.
    pub fn new(kind: Kind, app: &str, id: &str) -> Self {
        Self {
            text: format!("{}/{app}/{id}", kind.as_str()),
            kind,
        }
    }

    /// `None` for what is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (kind, _app, _id) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        parts.next().is_none().then(|| Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose grant it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The app's client id; empty for private tokens.
    pub fn app(&self) -> &str {
        self.text.split('/').nth(1).unwrap_or_default()
    }

    /// The location's or the company's id, or the tenant.
    pub fn id(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (kind, app, id) in [
            (Kind::Location, "app-1", "loc"),
            (Kind::Company, "app-1", "co"),
            (Kind::Private, "", "loc"),
        ] {
            let name = GrantName::new(kind, app, id);
            assert_eq!(GrantName::parse(name.as_str()), Some(name.clone()));
            assert_eq!((name.kind(), name.app(), name.id()), (kind, app, id));
        }
        for no_name in ["", "location/app", "location/app/a/b", "else/app/a"] {
            assert_eq!(GrantName::parse(no_name), None, "{no_name}");
        }
    }
}
