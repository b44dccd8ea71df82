pub mod command;
pub mod facts;
pub mod inventory;
pub mod platform;
pub mod postgres;
