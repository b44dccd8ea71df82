//! HOW WE SPEAK TO A HOST: the library of shell functions, and how scripts are put together from it.
//!
//! A script is static text; what it is told comes as variables in front of it (`command.rs`). `tests/scenarios/variables.rs`
//! compares what each script reads with what its command sets.

/// The text of a part of the library.
macro_rules! library {
    ($part:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/script/", $part))
    };
}

/// A script for a host: the prelude, the parts of the library that it names, then its own parts, one of which has `main`.
macro_rules! script {
    ([$($part:literal),*] $($own:literal),+) => {
        concat!(
            $crate::script::library!("prelude.sh"),
            $($crate::script::library!($part),)*
            $(include_str!($own),)+
            "\nrun_main\n"
        )
    };
}

/// A program that hosts keep, and run without pgrepl: the parts of the library that it names, then its own.
macro_rules! program {
    ([$($part:literal),*] $($own:literal),*) => {
        concat!(
            "#!/bin/sh\nset -eu\numask 077\nLC_ALL=C\nexport LC_ALL\n",
            $($crate::script::library!($part),)*
            $(include_str!($own),)*
        )
    };
}

pub(crate) use {library, program, script};
