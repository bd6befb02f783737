//! The stand-ins for `SMSFactor` and Smore, over HTTP.

mod client;
mod crm;
mod faults;
mod forms;
mod oauth;
mod program;
mod receiver;
mod smore_hooks;
mod smsfactor;
mod smsfactor_account;
mod smsfactor_hooks;
mod smsfactor_lists;
