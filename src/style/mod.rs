//! The living style page: each component in each of its states, in the demo alone. Whoever changes a component sees here what
//! becomes of it, and tests photograph it in every theme, density and language.
mod samples;
mod upload;
pub mod web;
