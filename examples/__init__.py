"""Programs that use streamseg as anybody can: from outside, through its commands and its socket."""
