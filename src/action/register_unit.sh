# Makes a server known to its unit before its data arrives.
main() {
    make_places
    unfence
    ok
}
