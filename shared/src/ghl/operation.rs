//! The operations of the Contacts API, all that the official document has (version 2021-07-28).

use std::fmt;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing but tell.
    Read,
    /// The same however often it is done.
    Once,
    /// Something more each time.
    Each,
}

/// What the request must name that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Nothing.
    Nothing,
    /// A contact.
    Contact,
    /// A contact, and beside it what is called so.
    Beside(&'static str),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $effect:ident, $names:expr;)+) => {
        /// The operations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($(#[$doc])* $name,)+ }

        impl Operation {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its `operationId` in the official document.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect),+ }
            }

            fn names(self) -> Names {
                use Names::{Beside, Contact, Nothing};
                match self { $(Self::$name => $names),+ }
            }
        }
    };
}

operations! {
    /// Find contacts by filters.
    SearchContacts = "search-contacts-advanced", Read, Nothing;
    /// Find a contact by email or phone.
    SearchDuplicate = "get-duplicate-contact", Read, Nothing;
    /// List contacts.
    ListContacts = "get-contacts", Read, Nothing;
    /// List the contacts of a business.
    ListByBusiness = "get-contacts-by-businessId", Read, Nothing;
    /// Read a contact.
    GetContact = "get-contact", Read, Contact;
    /// Create a contact.
    CreateContact = "create-contact", Each, Nothing;
    /// Create a contact, or update the one that is there.
    UpsertContact = "upsert-contact", Once, Nothing;
    /// Update a contact.
    UpdateContact = "update-contact", Once, Contact;
    /// Delete a contact.
    DeleteContact = "delete-contact", Once, Contact;
    /// List a contact's tasks.
    ListTasks = "get-all-tasks", Read, Contact;
    /// Read a task.
    GetTask = "get-task", Read, Beside("task");
    /// Create a task on a contact.
    CreateTask = "create-task", Each, Contact;
    /// Update a contact's task.
    UpdateTask = "update-task", Once, Beside("task");
    /// Mark a contact's task as done, or not done.
    CompleteTask = "update-task-completed", Once, Beside("task");
    /// Delete a contact's task.
    DeleteTask = "delete-task", Once, Beside("task");
    /// List a contact's notes.
    ListNotes = "get-all-notes", Read, Contact;
    /// Read a note.
    GetNote = "get-note", Read, Beside("note");
    /// Attach a note to a contact.
    CreateNote = "create-note", Each, Contact;
    /// Update a contact's note.
    UpdateNote = "update-note", Once, Beside("note");
    /// Delete a contact's note.
    DeleteNote = "delete-note", Once, Beside("note");
    /// Add tags to a contact.
    AddTags = "add-tags", Once, Contact;
    /// Remove tags from a contact.
    RemoveTags = "remove-tags", Once, Contact;
    /// Add the same tags to many contacts, or remove them. (So it is called in the official document.)
    BulkTags = "create-association", Once, Nothing;
    /// Make contacts belong to a business, or to none.
    SetBusiness = "add-remove-contact-from-business", Once, Nothing;
    /// List a contact's appointments.
    ListAppointments = "get-appointments-for-contact", Read, Contact;
    /// Make users follow a contact.
    AddFollowers = "add-followers-contact", Once, Contact;
    /// Make users follow a contact no more.
    RemoveFollowers = "remove-followers-contact", Once, Contact;
    /// Add a contact to a campaign.
    AddToCampaign = "add-contact-to-campaign", Each, Beside("campaign");
    /// Remove a contact from a campaign.
    RemoveFromCampaign = "remove-contact-from-campaign", Once, Beside("campaign");
    /// Remove a contact from every campaign.
    RemoveFromAllCampaigns = "remove-contact-from-every-campaign", Once, Contact;
    /// Add a contact to a workflow.
    AddToWorkflow = "add-contact-to-workflow", Each, Beside("workflow");
    /// Remove a contact from a workflow.
    RemoveFromWorkflow = "delete-contact-from-workflow", Once, Beside("workflow");
}

impl Operation {
    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        self.effect() == Effect::Read
    }

    /// Whether doing it twice is the same as doing it once, as far as the operation alone tells.
    pub(super) fn is_idempotent(self) -> bool {
        self.effect() != Effect::Each
    }

    /// Whether the request is about a contact that must exist.
    pub(super) fn names_contact(self) -> bool {
        // Where nobody has that email or phone, the search may say so in an error.
        self.names() != Names::Nothing || self == Self::SearchDuplicate
    }

    /// What the API calls that which the request names beside a contact, and which must exist too.
    pub(super) fn names_beside(self) -> Option<&'static str> {
        match self.names() {
            Names::Beside(what) => Some(what),
            Names::Nothing | Names::Contact => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
