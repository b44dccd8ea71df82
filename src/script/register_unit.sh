# Makes a server known to its unit before its data arrives.
register() {
    make_places
    unfence
}
