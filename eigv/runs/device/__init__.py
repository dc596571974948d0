"""What a run makes of the device that it is at work on."""
