# Writes a checkpoint now (a restartpoint on a standby), so that what follows has little left to write.
main() {
    sql 'checkpoint' || fail "cannot write a checkpoint"
    ok
}
