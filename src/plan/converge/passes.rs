//! The passes with which every goal ends.

use crate::facts::leader::Leader;
use crate::plan::PlanError;
use crate::plan::address::{address_units, lead_address};
use crate::plan::backup::schedule::timers;
use crate::plan::builder::Builder;
use crate::plan::clients::lead_clients;
use crate::plan::converge::port::ports;
use crate::plan::converge::primary::{lead_pass, raise_standbys};
use crate::plan::converge::slots::{drop_left_logical, drop_stale};
use crate::plan::converge::standbys::standbys;
use crate::plan::converge::{cut_off, firewall, password};
use crate::plan::health::health_ports;

/// The passes over all servers, each planned on the world that the ones before it leave: every goal ends with them.
pub(in crate::plan) fn passes(b: &mut Builder, lead: &Leader) -> Result<(), PlanError> {
    if b.words.is_empty() {
        cut_off::tell(b, None);
    }
    // No client meets a server that is about to become a standby.
    lead_address(b);
    lead_clients(b);
    ports(b);
    firewall::open(b);
    let rotates = password::is_another(b);
    let raised = raise_standbys(b)?;
    b.next_phase();
    lead_pass(b, lead, &raised, false)?;
    // Where it has not led before.
    lead_address(b);
    b.next_phase();
    standbys(b)?;
    b.next_phase();
    if rotates {
        password::prove_another(b);
    }
    lead_pass(b, lead, &raised, true)?;
    b.next_phase();
    drop_stale(b);
    drop_left_logical(b);
    timers(b);
    health_ports(b);
    address_units(b);
    firewall::close(b);
    b.next_phase();
    Ok(())
}
