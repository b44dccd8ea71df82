# Makes a server known to the service manager, and nothing else.
main() {
    register
    ok
}
