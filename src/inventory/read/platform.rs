//! Where a PostgreSQL lives that no known package put there.

use std::ops::Range;

use super::super::file;
use crate::inventory::problem::Problem;
use crate::inventory::said::{path, path_of};
use crate::platform::{Custom, custom::Service};

/// Completes `platform:`, or says what starts the server and stops it is not told.
pub(super) fn platform(
    file: file::Platform,
    span: &Range<usize>,
    problems: &mut Vec<Problem>,
) -> Option<Custom> {
    let service = match (&file.unit, &file.start, &file.stop) {
        (Some(unit), None, None) => unit.value.clone().map(|unit| Service::Unit(unit.0)),
        (None, Some(start), Some(stop)) => match (start.value.clone(), stop.value.clone()) {
            (Some(start), Some(stop)) => Some(Service::Commands {
                start: start.0,
                stop: stop.0,
            }),
            _ => None,
        },
        _ => {
            problems.push(
                Problem::new(
                    span.clone(),
                    "`platform` wants a `unit`, or both `start` and `stop`",
                    "what starts the server and stops it?",
                )
                .help("unit: postgresql.service"),
            );
            None
        }
    };
    Some(Custom {
        bindir: path(file.bindir.value?),
        config_directory: path_of(&file.config_directory),
        user: match file.user {
            None => "postgres".into(),
            Some(user) => user.value?.0,
        },
        home: path(file.home.value?),
        // PostgreSQL's own default, unless whoever built it changed that.
        socket_directory: path_of(&file.socket_directory).unwrap_or_else(|| "/tmp".into()),
        log_directory: path_of(&file.log_directory),
        service: service?,
    })
}
