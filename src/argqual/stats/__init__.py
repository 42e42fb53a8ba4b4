"""Statistics on numpy and scipy; nothing here knows what an argument is."""
