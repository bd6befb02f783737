//! The fault laboratory: the short forms of its runs, and faults that its judge must catch.

mod chaos;
mod crash;
mod deploy;
mod lapse;
mod power;
mod program;
mod seeded;
mod stop;
