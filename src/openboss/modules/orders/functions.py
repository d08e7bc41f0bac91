"""What higher modules, processes and access ask of the orders module."""
