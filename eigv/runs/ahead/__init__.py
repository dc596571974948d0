"""Work that a job of the workflow does ahead of other jobs, in a process that has read what they would have to."""
