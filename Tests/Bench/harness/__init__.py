"""What the measurements share: programs in C, servers as processes, the load generator, the command line, the table."""
