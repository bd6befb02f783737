//! From a JSON document to typed values, noting every fault on the way instead of stopping at the first.

use std::str::FromStr;

use serde_json::Number;

use super::{
    document::{Content, Node},
    fault::{Faults, Invalid, Noted, Path},
    parent::Parent,
    patch::Patch,
};

/// What can be read out of a JSON document.
pub(super) trait Read: Sized {
    /// The value at this place, or a note of what is wrong with it.
    fn read(place: Place<'_>) -> Result<Self, Noted>;
}

/// A place in a document, and where its faults are noted.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a Node,
    path: &'a Path<'a>,
    faults: &'a Faults,
}

impl<'a> Place<'a> {
    pub(super) fn new(node: &'a Node, path: &'a Path<'a>, faults: &'a Faults) -> Self {
        Self { node, path, faults }
    }

    pub(super) fn fault(self, message: impl Into<String>) -> Noted {
        self.faults.note(self.node.position, self.path, message)
    }

    fn expected(self, what: &str) -> Noted {
        self.fault(format!("expected {what}, found {}", self.node.kind()))
    }

    pub(super) fn bool(self) -> Result<bool, Noted> {
        match self.node.value {
            Content::Bool(value) => Ok(value),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(super) fn number(self) -> Result<&'a Number, Noted> {
        match &self.node.value {
            Content::Number(value) => Ok(value),
            _ => Err(self.expected("a number")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Noted> {
        match &self.node.value {
            Content::Text(value) => Ok(value),
            _ => Err(self.expected("a string")),
        }
    }

    /// A string that is the text form of some type.
    pub(super) fn parsed<T: FromStr<Err = Invalid>>(self) -> Result<T, Noted> {
        let text = self.text()?;
        text.parse()
            .map_err(|invalid: Invalid| self.fault(invalid.to_string()))
    }

    fn items(self) -> Result<&'a [Node], Noted> {
        match &self.node.value {
            Content::List(items) => Ok(items),
            _ => Err(self.expected("a list")),
        }
    }

    /// How many items a list has.
    pub(super) fn count(self) -> Result<usize, Noted> {
        self.items().map(<[Node]>::len)
    }

    /// A list of values; all faulty ones are noted.
    pub(super) fn list<T: Read>(self) -> Result<Vec<T>, Noted> {
        let read = self.items()?.iter().enumerate().map(|(index, node)| {
            let path = Path::Item(self.path, index);
            T::read(Place {
                node,
                path: &path,
                ..self
            })
        });
        // Collected twice, since collecting into a Result would stop at the first fault.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// The members of an object whose names are not known before; all faulty ones are noted.
    pub(super) fn entries<T: Read>(self) -> Result<Vec<(String, T)>, Noted> {
        let Content::Object(members) = &self.node.value else {
            return Err(self.expected("an object"));
        };
        let read = members.iter().map(|(name, node)| {
            let path = Path::Field(self.path, name);
            let value = T::read(Place {
                node,
                path: &path,
                ..self
            });
            value.map(|value| (name.clone(), value))
        });
        // Collected twice, as a list is.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// The members of an object.
    pub(super) fn fields(self) -> Result<Fields<'a>, Noted> {
        match &self.node.value {
            Content::Object(members) => Ok(Fields {
                place: self,
                members,
                known: Vec::new(),
            }),
            _ => Err(self.expected("an object")),
        }
    }
}

/// The members of one object, asked for by name; whatever was not asked for is a fault.
pub(super) struct Fields<'a> {
    place: Place<'a>,
    members: &'a [(String, Node)],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn find(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        let found = self.members.iter().find(|(member, _)| member == name);
        found.map(|(_, node)| node)
    }

    fn within<T>(&self, node: &'a Node, name: &str, read: impl FnOnce(Place<'_>) -> T) -> T {
        let path = Path::Field(self.place.path, name);
        read(Place {
            node,
            path: &path,
            ..self.place
        })
    }

    /// A member that must be there.
    pub(super) fn required<T: Read>(&mut self, name: &'static str) -> Result<T, Noted> {
        match self.find(name) {
            Some(node) => self.within(node, name, T::read),
            None => Err(self.missing(name, "missing")),
        }
    }

    /// A member that may be left out, but not be null. A faulty one reads as left out, with its fault noted.
    pub(super) fn optional<T: Read>(&mut self, name: &'static str) -> Option<T> {
        let node = self.find(name)?;
        self.within(node, name, |place| match node.value {
            Content::Null => {
                Err(place.fault("null is not allowed here; leave the field out instead"))
            }
            _ => T::read(place),
        })
        .ok()
    }

    /// A member that may be left out, or be null to clear what is there.
    pub(super) fn nullable<T: Read>(&mut self, name: &'static str) -> Patch<T> {
        match self.find(name) {
            None => Patch::Keep,
            Some(node) if matches!(node.value, Content::Null) => Patch::Clear,
            Some(node) => self
                .within(node, name, T::read)
                .map_or(Patch::Keep, Patch::Set),
        }
    }

    /// A member read by a function of the caller's, who knows what its type depends on.
    pub(super) fn required_by<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Place<'_>) -> Result<T, Noted>,
    ) -> Result<T, Noted> {
        match self.find(name) {
            Some(node) => self.within(node, name, read),
            None => Err(self.missing(name, "missing")),
        }
    }

    /// The job that a reference goes by, if it goes by one.
    pub(super) fn parent(&mut self) -> Option<Parent> {
        let job = self.optional("job");
        let wait = self.optional::<bool>("wait");
        if job.is_none() && wait.is_some() && !self.has("job") {
            self.missing("wait", "only with job");
        }
        Some(Parent {
            job: job?,
            wait: wait.unwrap_or_default(),
        })
    }

    /// Notes that a member is wanting.
    pub(super) fn missing(&self, name: &str, message: &str) -> Noted {
        let path = Path::Field(self.place.path, name);
        self.place
            .faults
            .note(self.place.node.position, &path, message)
    }

    /// Whether the object has a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// Notes that there is nothing but these: a change has to change something.
    pub(super) fn some_beside(&self, names: &[&str]) {
        let is_other = |(member, _): &(String, Node)| !names.contains(&member.as_str());
        if !self.members.iter().any(is_other) {
            self.place.fault("nothing is to be changed");
        }
    }

    /// Notes every member that nobody asked for.
    pub(super) fn finish(self) {
        for (name, node) in self.members {
            if !self.known.contains(&name.as_str()) {
                self.within(node, name, |place| place.fault(unknown(name, &self.known)));
            }
        }
    }
}

/// Says what was probably meant: the same name in another spelling.
fn unknown(name: &str, known: &[&str]) -> String {
    let plain = |name: &str| name.replace(['_', '-', ' '], "").to_ascii_lowercase();
    let wanted = plain(name);
    match known.iter().find(|known| plain(known) == wanted) {
        Some(meant) => format!("unknown field; did you mean {meant}?"),
        None => "unknown field".to_owned(),
    }
}

impl Read for bool {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.bool()
    }
}
