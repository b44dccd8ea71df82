//! How the scripts of an engine with a program of its own are put together.

/// A script that pgrepl sends, as root: what engines share, the engine's own part, the verb.
macro_rules! script {
    ($own:literal, $verb:literal) => {
        concat!(
            include_str!("../action/prelude.sh"),
            include_str!("../action/job.sh"),
            include_str!("../facts/wal_runs.sh"),
            include_str!("../files/mount_lock.sh"),
            include_str!("tool.sh"),
            include_str!($own),
            include_str!($verb),
            "\nrun_main\n"
        )
    };
}

/// A program that runs as the service user, without pgrepl.
macro_rules! as_user {
    ($($part:literal),+) => {
        concat!(
            "#!/bin/sh\n",
            include_str!("../action/prelude.sh"),
            include_str!("as_user.sh"),
            include_str!("../files/mount_lock.sh"),
            include_str!("tool.sh"),
            $(include_str!($part)),+
        )
    };
}

pub(super) use {as_user, script};
