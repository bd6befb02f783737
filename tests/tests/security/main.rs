//! Who must not see what: secrets and personal data in all that real programs say and store, and keys that come and go.

mod canary;
mod heard;
mod keys;
mod resend;
mod stage;
