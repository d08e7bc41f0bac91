"""The console's screens, one file a subject."""
