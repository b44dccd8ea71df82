//! The SQL statements of the probe, in the words of each version.

use crate::postgres::{Major, sql};

/// What other sessions have of a parameter that the session which asks was given a value of its own for: by its options, its
/// role or its database; and of what a connection over the socket has none of (`tcp_keepalives_idle` …) and shows as 0. The
/// files tell it, in their own units, or else it is the built-in value.
const FOR_OTHERS: &str = "select coalesce(said.setting, s.boot_val) as setting,
            case when said.sourcefile is null then 'default' else 'configuration file' end as source, said.sourcefile
            from (select 1) once left join files said on said.error is null and lower(said.name) = lower(s.name)
            where s.source in ('client', 'session', 'user', 'database', 'database user', 'global')
                or s.name ~ '^tcp_' and s.source = 'configuration file'
            order by said.seqno desc nulls last limit 1";

/// Returns the statement that tells a value as the one fact `key`, in the words of `script/prelude.sh`.
fn told(key: &str, value: &str) -> String {
    format!(
        "select '@fact {key} ' || replace(replace(({value})::text, chr(92), repeat(chr(92), 2)), chr(10), chr(92) || 'n')"
    )
}

/// Returns the statement that makes a server describe itself as one JSON document, the fact `sql`.
pub fn question(major: Major, replication_user: &str) -> String {
    let caps = major.caps();
    let names = caps.names;
    let suffix = names.lsn_suffix;
    let diff = |from: &str, to: &str| format!("({from} - {to})::bigint");
    let here = format!(
        "case when pg_is_in_recovery() then {}() else {}() end",
        names.receive_lsn, names.current_lsn
    );
    let column = |has: bool, column: &str| {
        if has {
            column.to_owned()
        } else {
            "null".to_owned()
        }
    };
    let lag = column(
        caps.has_lag_times,
        "(extract(epoch from replay_lag) * 1000)::bigint",
    );
    let wal_status = column(caps.limits_slots, "wal_status");
    let invalidation = column(caps.tells_invalidation, "invalidation_reason");
    let temporary = if caps.has_temporary_slots {
        "temporary"
    } else {
        "false"
    };
    let sender_host = column(caps.receiver_knows_sender, "sender_host");
    let sender_port = column(caps.receiver_knows_sender, "sender_port");
    let provider = match caps.provider_locale {
        "" => String::new(),
        locale => format!(
            ", 'provider', datlocprovider, 'provider_locale', {locale},
            'by_icu', exists (select from pg_database where datlocprovider = 'i')"
        ),
    };
    let icu = column(
        caps.has_icu_collations,
        "(select pg_collation_actual_version(oid) from pg_collation where collname = 'und-x-icu' and collnamespace = 'pg_catalog'::regnamespace)",
    );
    let hba = if caps.has_hba_file_rules {
        let file = column(caps.hba_includes, "file_name");
        format!("(select coalesce(json_agg(json_build_object('file', {file}, 'line', line_number, 'error', error)), '[]')
          from pg_hba_file_rules where error is not null and error not like '%SSL is disabled%')")
    } else {
        "'[]'::json".into()
    };
    let value = format!(
        "with files as (select * from pg_file_settings)
        select json_build_object(
        'version', current_setting('server_version_num')::int,
        'in_recovery', pg_is_in_recovery(),
        'system_id', (select system_identifier::text from pg_control_system()),
        'timeline', case when pg_is_in_recovery()
            then greatest((select timeline_id from pg_control_checkpoint()), (select received_tli from pg_stat_wal_receiver),
                (select min_recovery_end_timeline from pg_control_recovery()))
            else ('x' || left({walfile}({current}()), 8))::bit(32)::int end,
        'current', case when pg_is_in_recovery() then null else {current}()::text end,
        'received', case when pg_is_in_recovery() then {receive}()::text end,
        'replayed', case when pg_is_in_recovery() then {replay}()::text end,
        'paused', case when pg_is_in_recovery() then {paused}() else false end,
        'replay_age_ms', case when pg_is_in_recovery() then (extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000)::bigint end,
        'loaded_at', extract(epoch from pg_conf_load_time()),
        'started_at', extract(epoch from pg_postmaster_start_time()),
        'control', (select json_build_object('timeline', timeline_id, 'checkpoint', checkpoint_{suffix}::text, 'redo', redo_{suffix}::text,
            'minimum_recovery_end', min_recovery_end_{suffix}::text, 'minimum_recovery_timeline', min_recovery_end_timeline,
            'checksums', data_page_checksum_version > 0, 'wal_segment_size', bytes_per_wal_segment)
            from pg_control_checkpoint(), pg_control_recovery(), pg_control_init()),
        'settings', (select json_object_agg(s.name, json_build_object('setting', coalesce(f.setting, s.setting), 'unit', unit, 'vartype', vartype,
            'context', context, 'source', coalesce(f.source, s.source), 'sourcefile', coalesce(f.sourcefile, s.sourcefile), 'boot_val', boot_val))
            from pg_settings s left join lateral ({FOR_OTHERS}) f on true where s.name !~ '[.]'),
        'pending_restart', (select coalesce(json_agg(name order by name), '[]') from pg_settings where pending_restart),
        'conf_errors', (select coalesce(json_agg(json_build_object('file', sourcefile, 'line', sourceline, 'error', error)), '[]')
            from files where error is not null and error <> 'setting could not be applied'
            and error not like '%cannot be changed without restarting the server'),
        'hba_errors', {hba},
        'role', (select json_build_object('login', rolcanlogin, 'replication', rolreplication, 'superuser', rolsuper,
            'verifier', coalesce(rolpassword, '')) from pg_authid where rolname = {user}),
        'locales', (select json_agg(name) from (select datcollate::text as name from pg_database union select datctype::text from pg_database) each),
        'made', (select json_build_object('locale', datcollate, 'encoding', pg_encoding_to_char(encoding){provider})
            from pg_database where datname = 'template0'),
        'icu', {icu},
        'slots', (select coalesce(json_object_agg(slot_name, json_build_object('active', active, 'restart_lsn', restart_lsn::text,
            'wal_status', {wal_status}, 'invalidation', {invalidation}, 'retained', greatest({retained}, 0), 'temporary', {temporary})), '{{}}')
            from pg_replication_slots where slot_type = 'physical'),
        'logical', (select coalesce(json_object_agg(slot_name, json_build_object('database', database, 'plugin', plugin, 'active', active,
            'failover', {failover}, 'synced', {synced}, 'invalidation', {invalidation}, 'retained', greatest({retained}, 0))), '{{}}')
            from pg_replication_slots where slot_type = 'logical' and not {temporary}),
        'senders', (select coalesce(json_agg(json_build_object('name', application_name, 'user', usename, 'address', client_addr,
            'state', coalesce(state, ''), 'sync_state', coalesce(sync_state, ''), 'pending', {pending}, 'write', {write}, 'flush', {flush},
            'replay', {replay_lag}, 'total', {total}, 'replay_lag_ms', {lag}, 'replayed', replay_{suffix}::text) order by application_name), '[]')
            from pg_stat_replication),
        'receiver', (select json_build_object('status', status, 'timeline', received_tli, 'slot', nullif(slot_name, ''), 'sender_host', {sender_host},
            'sender_port', {sender_port}, 'latest_end', latest_end_lsn::text,
            'last_message_age_ms', (extract(epoch from clock_timestamp() - last_msg_receipt_time) * 1000)::bigint) from pg_stat_wal_receiver),
        'archiver', (select json_build_object('last_archived', last_archived_wal, 'last_archived_age_s', extract(epoch from now() - last_archived_time)::bigint,
            'last_failed', last_failed_wal, 'last_failed_age_s', extract(epoch from now() - last_failed_time)::bigint, 'failed_count', failed_count) from pg_stat_archiver),
        'prepared', (select count(*) from pg_prepared_xacts),
        'clients', {clients},
        'oldest_transaction_ms', (select (extract(epoch from max(clock_timestamp() - xact_start)) * 1000)::bigint from pg_stat_activity
            where xact_start is not null and pid <> pg_backend_pid() and datname is not null))",
        clients = super::clients::question(major),
        failover = if caps.syncs_slots { "failover" } else { "false" },
        synced = if caps.syncs_slots { "synced" } else { "false" },
        walfile = names.walfile_name,
        current = names.current_lsn,
        receive = names.receive_lsn,
        replay = names.replay_lsn,
        paused = names.is_paused,
        user = sql::literal(replication_user),
        retained = diff(&here, "restart_lsn"),
        pending = diff(&here, &format!("sent_{suffix}")),
        write = diff(&format!("sent_{suffix}"), &format!("write_{suffix}")),
        flush = diff(&format!("write_{suffix}"), &format!("flush_{suffix}")),
        replay_lag = diff(&format!("flush_{suffix}"), &format!("replay_{suffix}")),
        total = diff(&here, &format!("replay_{suffix}")),
    );
    told("sql", &value)
}

/// Returns the statement that tells how much space is taken, the fact `sizes`: it may take long, and nothing that is decided
/// waits for it.
pub fn sizes(major: Major) -> String {
    let waldir = major.caps().names.wal_directory;
    let value = format!(
        "select json_build_object('database_bytes', spaces.total, 'tablespace_bytes', spaces.outside,
        'wal_bytes', (select sum((pg_stat_file('{waldir}/' || file, true)).size)::bigint from pg_ls_dir('{waldir}') file))
        from (select sum(bytes)::bigint as total, coalesce(json_object_agg(oid::text, bytes) filter (where spcname !~ '^pg_'), '{{}}') as outside
            from (select oid, spcname, coalesce(pg_tablespace_size(oid), 0) as bytes from pg_tablespace) each) spaces"
    );
    told("sizes", &value)
}
