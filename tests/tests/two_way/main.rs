//! The ready-made flows, as they are shipped: from a signed webhook to what it comes to in the other system.

mod crm;
mod duplicate;
mod form;
mod gone;
mod initial;
mod list;
mod loops;
mod page;
mod polled;
mod rough;
mod sms;
mod stage;
mod told;
mod trigger;
mod writes;
