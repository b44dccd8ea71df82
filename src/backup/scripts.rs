//! How the scripts of an engine with a program of its own are put together. Paths are those of an engine's folder.

/// A script that pgrepl sends, as root: what engines share, the engine's own part, the verb.
macro_rules! verb {
    ($verb:literal) => {
        $crate::script::script!(
            ["job.sh", "wal_runs.sh", "mount_lock.sh"] "../tool.sh",
            "own.sh",
            $verb
        )
    };
}

/// A program that runs as the service user, without pgrepl.
macro_rules! as_user {
    ([$($part:literal),*] $($own:literal),+) => {
        concat!(
            "#!/bin/sh\n",
            $crate::script::library!("prelude.sh"),
            include_str!("../as_user.sh"),
            $crate::script::library!("mount_lock.sh"),
            include_str!("../tool.sh"),
            include_str!("own.sh"),
            $($crate::script::library!($part),)*
            $(include_str!($own)),+
        )
    };
}

pub(super) use {as_user, verb};
