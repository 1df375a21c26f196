"""Results as other programs take them: tables, and the trackers that people already use."""
