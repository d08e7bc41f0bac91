"""The hub (一级BOSS枢纽): where other provinces serve our users. Messages and codes: docs/formats/hub.md."""
