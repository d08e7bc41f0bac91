"""What access and processes ask of the workflow module; screens import the file, not the package."""
