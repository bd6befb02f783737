//! Who must not see what, and what must not lead where: real programs, and what stands against them.

mod canary;
mod doors;
mod heard;
mod keys;
mod records;
mod resend;
mod stage;
mod tokens;
mod unprintable;
