"""What higher modules, processes and access ask of the resources module."""
