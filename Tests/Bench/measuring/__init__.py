"""What the measurements share: servers to be measured, the load generator, the command line, the table."""
