"""The tests mirror streamseg/: one twin file a module, plus contracts/, e2e/ and fakes/."""
