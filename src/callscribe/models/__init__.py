"""Recognition models: what there is, how it gets onto this machine, and whether a folder is one."""
