"""What the comparison knows of the other servers: how each runs, what it is given, and the table."""
