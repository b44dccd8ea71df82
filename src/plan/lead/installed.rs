//! What a standby's host does not have of what the primary serves with: certificates, extensions and their libraries.
//!
//! Certificates are compared as far as it is cheap: whether the files are there and can be read, whom client certificates are
//! believed from, which of them were revoked, who signed the server's own and until when it is valid. Nobody's signature is
//! checked, no intermediate one looked for, the names in a server's certificate are not compared with its address, nor what is
//! in `ssl_crl_dir`.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::able::{Able, Held, Missing};
use crate::facts::collation::Sorter;
use crate::inventory::Cluster;
use crate::plan::lead::lack::{About, Lack, Side};
use crate::platform::extensions::package;

/// What somebody could read of the one who leads now; nothing where he cannot be seen.
pub(in crate::plan) fn installed(
    cluster: &Cluster,
    leads: Option<&Side>,
    follows: &Side,
    found: &mut Vec<Lack>,
) {
    let Some(able) = &follows.facts.able else {
        return;
    };
    let there = leads.and_then(|leads| leads.facts.able.as_ref());
    if follows.is_on("ssl") && leads.is_none_or(|leads| leads.is_on("ssl")) {
        files(follows, able, there, found);
        valid(follows, able, there, found);
        if let (Some(leads), Some(there)) = (leads, there) {
            signed(follows, able, there, found);
            believed(leads, follows, there, able, found);
        }
    }
    extensions(cluster, follows, able, there, found);
}

/// Libraries that sort text in another version: indexes were made by the primary's.
pub(in crate::plan) fn sorted(leads: &Side, follows: &Side, found: &mut Vec<Lack>) {
    for library in Sorter::ALL {
        let of = |side: &Side| library.version(side.facts).map(str::to_owned);
        let (Some(primary), Some(standby)) = (of(leads), of(follows)) else {
            continue;
        };
        if primary != standby && library.matters(leads.facts) {
            found.push(Lack {
                about: About::Collation,
                what: format!("{}, which sorts text", library.as_str()),
                primary,
                standby,
                means: "indexes on text may be corrupt there: REINDEX DATABASE".into(),
                needs_word: false,
            });
        }
    }
}

fn certificate(what: String, primary: &str, standby: String, means: &str) -> Lack {
    Lack {
        about: About::Certificate,
        what,
        primary: primary.into(),
        standby,
        means: means.into(),
        needs_word: false,
    }
}

/// Files that are not there, or not for the server: it has what it read before, until it is started again.
fn files(follows: &Side, able: &Able, there: Option<&Able>, found: &mut Vec<Lack>) {
    for (setting, held) in &able.held {
        let as_well = there.and_then(|there| there.held.get(setting));
        if held.why.is_empty() || as_well.is_some_and(|as_well| !as_well.why.is_empty()) {
            continue;
        }
        let what = format!("{setting} {}", follows.says(setting));
        let primary = as_well.map_or("", |_| "can be read");
        let means = "once it is started again it does not come up";
        found.push(certificate(what, primary, held.why.clone(), means));
    }
}

/// A certificate whose time is over, or has not come.
fn valid(follows: &Side, able: &Able, there: Option<&Able>, found: &mut Vec<Lack>) {
    let wrong = |able: &Able| {
        let certificate = able.certificate.as_ref()?;
        let day = |time: &str| format!("{}-{}-{}", &time[..4], &time[4..6], &time[6..8]);
        if able.now.is_empty() {
            None
        } else if certificate.until < able.now {
            Some(format!("expired on {}", day(&certificate.until)))
        } else if certificate.from > able.now {
            Some(format!("not valid before {}", day(&certificate.from)))
        } else {
            None
        }
    };
    if let Some(standby) = wrong(able)
        && there.and_then(wrong).is_none()
    {
        let primary = there.map_or("", |_| "valid");
        let what = format!("ssl_cert_file {}", follows.says("ssl_cert_file"));
        let means = "clients that verify it turn away";
        found.push(certificate(what, primary, standby, means));
    }
}

/// Who signed the server's certificate. One that signed itself is known to clients by itself: there is nothing to compare.
fn signed(follows: &Side, able: &Able, there: &Able, found: &mut Vec<Lack>) {
    let (Some(own), Some(theirs)) = (&able.certificate, &there.certificate) else {
        return;
    };
    if theirs.own || own.issuer == theirs.issuer {
        return;
    }
    let by = |by: &str| match by {
        "" => "signed by somebody without a name".to_owned(),
        by => format!("signed by {by}"),
    };
    let standby = match own.own {
        true => "signed by itself".to_owned(),
        false if own.by == theirs.by => format!("{}, another one", by(&own.by)),
        false => by(&own.by),
    };
    let what = format!("ssl_cert_file {}", follows.says("ssl_cert_file"));
    let means = "clients that verify it and know only the primary's issuer turn away";
    found.push(certificate(what, &by(&theirs.by), standby, means));
}

/// Whose client certificates count, and which of them do not any more.
fn believed(leads: &Side, follows: &Side, there: &Able, able: &Able, found: &mut Vec<Lack>) {
    for (setting, nothing, other) in [
        (
            "ssl_ca_file",
            "no client certificate is believed",
            "clients with certificates of these are turned away",
        ),
        (
            "ssl_crl_file",
            "certificates that the primary refuses are believed",
            "certificates that the primary refuses may be believed",
        ),
        (
            "ssl_crl_dir",
            "certificates that the primary refuses are believed",
            "",
        ),
    ] {
        let (wanted, has) = (leads.says(setting), follows.says(setting));
        if wanted.is_empty() {
            continue;
        }
        if has.is_empty() {
            found.push(certificate(setting.into(), wanted, "''".into(), nothing));
            continue;
        }
        let read = |able: &Able| {
            able.held
                .get(setting)
                .filter(|held| held.why.is_empty())
                .cloned()
        };
        let (Some(Held { ends: wanted, .. }), Some(Held { ends, .. })) = (read(there), read(able))
        else {
            continue;
        };
        let what = format!("{setting} {has}");
        let primary = format!("has {}", wanted.len());
        let lacking = wanted.difference(&ends).count();
        let more = ends.difference(&wanted).count();
        if lacking > 0 {
            let standby = format!("has {}, and {lacking} of these not", ends.len());
            found.push(certificate(what, &primary, standby, other));
        } else if more > 0 && setting == "ssl_ca_file" {
            let means = "clients log in with certificates that the primary does not believe";
            found.push(certificate(
                what,
                &primary,
                format!("has {more} more"),
                means,
            ));
        }
    }
}

/// Extensions of the databases, which the standby's own catalogs tell, and what of them its host does not have.
fn extensions(
    cluster: &Cluster,
    follows: &Side,
    able: &Able,
    there: Option<&Able>,
    found: &mut Vec<Lack>,
) {
    let mut missing: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let as_well = |one: &Missing| there.is_some_and(|there| there.missing.contains(one));
    for one in able.missing.iter().filter(|one| !as_well(one)) {
        let of = missing.entry((&one.extension, &one.library)).or_default();
        of.push(&one.database);
    }
    for ((extension, library), databases) in missing {
        let what = match extension {
            "" => format!("library {library}"),
            extension => format!("extension {extension}"),
        };
        let standby = match library {
            "" => "not installed".to_owned(),
            library => format!("{library} is not there"),
        };
        let platform = crate::plan::builder::platform_of(cluster, follows.facts, follows.name);
        let package = platform
            .and_then(|platform| package(platform.installer, cluster.major, extension))
            .unwrap_or_else(|| "the package that has it".into());
        found.push(Lack {
            about: About::Library,
            what: format!("{what} of {}", databases.join(", ")),
            primary: there.map_or("", |_| "installed").into(),
            standby,
            means: format!("its functions fail: install {package} on {}", follows.name),
            needs_word: false,
        });
    }
    let unseen = match &able.unseen {
        None => "extensions and certificates".to_owned(),
        Some(unseen) if unseen.is_empty() => return,
        Some(unseen) => {
            let names: BTreeSet<&str> = unseen.iter().map(String::as_str).take(5).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let more = unseen.len() - names.len();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("extensions of {}{more}", names.join(", "))
        }
    };
    found.push(Lack {
        about: About::Unseen,
        what: unseen,
        primary: String::new(),
        standby: "could not be looked at".into(),
        means: "what it lacks of them is unknown".into(),
        needs_word: false,
    });
}
