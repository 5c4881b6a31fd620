"""One file per tab: `build_X(service)` puts its widgets where it is called, then its wires."""
