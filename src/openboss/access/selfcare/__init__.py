"""Self-care: what customers do by themselves on the web. Its pages wear the console's clothes (style and tags)."""
