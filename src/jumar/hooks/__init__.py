"""Programs that are told what happens in a study."""
