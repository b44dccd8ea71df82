//! A libzstd without threads.

use std::process::Command;

use crate::backups::good;
use crate::lab::Lab;

/// Refuses what a libzstd refuses that was built without threads: ZSTD_c_nbWorkers (400), with "Unsupported parameter" (40).
const WITHOUT_THREADS: &str = r"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
size_t ZSTD_CCtx_setParameter(void *context, int parameter, int value) {
    size_t (*real)(void *, int, int) = (size_t (*)(void *, int, int))dlsym(RTLD_NEXT, __func__);
    return parameter == 400 && value != 0 ? (size_t)-40 : real(context, parameter, value);
}
";

#[test]
fn a_server_whose_libzstd_has_no_threads_compresses_without_a_worker() {
    let lab = Lab::servers("threads", &["--mount", "server1"]);
    let source = lab.file("threads.c", WITHOUT_THREADS);
    let library = source.with_extension("so");
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    assert!(cc.unwrap().success());
    lab.send("server1", &library, "/usr/local/lib/threads.so");
    let inventory = lab.inventory(
        "postgresql: { version: 15 }\nprimary: server1\nstandbys: []\nbackup: { mount: /mnt/backups, from: primary }\n",
    );
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 100000)",
    );
    // The worker is asked for, and where it cannot be had the backup is the same.
    let workers = "grep -c 'worker count to 1: Unsupported parameter' /mnt/backups/shop/base/*/log";
    good(lab.pgrepl(&["backup", "run", path]));
    assert_eq!(lab.on("server1", &format!("{workers} || :")), "0");
    lab.on(
        "server1",
        "echo /usr/local/lib/threads.so >/etc/ld.so.preload; systemctl restart postgresql@15-main; rm /etc/ld.so.preload; \
         rm -rf /mnt/backups/shop/base/*",
    );
    good(lab.pgrepl(&["backup", "run", path]));
    assert_eq!(lab.on("server1", workers), "1");
    let files = lab.on("server1", "cd /mnt/backups/shop/base/*; ls");
    assert_eq!(
        files,
        "SHA256SUMS\nbackup_manifest\nbase.tar.zst\ninfo\nlog\npg_wal.tar"
    );
    good(lab.pgrepl(&["-i", path, "backup", "verify"]));
}
