"""The files that pass between the packages. One module owns one kind of file: its writer stands beside its reader."""
